"""What `import recurra` does and offers."""

import json
import os
import re
import subprocess
import sys

import recurra as rc

SCRIPT = """
import json, sys
import numpy
before = set(sys.modules)
import recurra
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(new - set(sys.stdlib_module_names))))
"""


def test_it_brings_in_nothing_but_numpy() -> None:
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert json.loads(result.stdout) == ["numpy", "recurra"]
    assert result.stderr == ""


def test_it_is_silent_and_needs_no_instruction_set() -> None:
    command = [sys.executable, "-W", "error", "-c", "import recurra"]
    environment = os.environ | {"RECURRA_ISA": "none"}
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert result.stdout == result.stderr == ""


def test_public_names() -> None:
    # The extras are there once another test has imported them.
    public = {name for name in vars(rc) if not name.startswith("_")} - {"river", "sklearn"}
    assert set(rc.__all__) == public | {"__version__"}
    for name in rc.__all__:
        assert getattr(rc, name) is not None
        if isinstance(getattr(rc, name), type):
            assert getattr(rc, name).__doc__
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", rc.__version__)
