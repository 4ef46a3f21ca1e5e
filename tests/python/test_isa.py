"""Instruction sets: one is chosen at run time, RECURRA_ISA forces one, and all compute the same."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import recurra as rc
from problems import NETWORKS, assert_close

NAMES = ("baseline", "avx2", "avx512")


def run(script: str, isa: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"RECURRA_ISA": isa}
    paths = [str(Path(__file__).parent), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_one_in_use_is_available() -> None:
    available = rc.available_isas()
    assert available[0] == "baseline"
    assert available == [name for name in NAMES if name in available]
    assert rc.isa() in available
    if not os.environ.get("RECURRA_ISA"):
        assert rc.isa() == available[-1]
    else:
        assert rc.isa() == os.environ["RECURRA_ISA"]


@pytest.mark.parametrize("isa", rc.available_isas())
def test_each_available_one_can_be_forced(isa: str) -> None:
    result = run("import recurra; print(recurra.isa(), *recurra.available_isas())", isa)
    assert result.stdout.split() == [isa, *rc.available_isas()], result.stderr


def test_an_empty_name_is_none() -> None:
    assert run("import recurra; print(recurra.isa())", "").stdout.strip() == rc.available_isas()[-1]


@pytest.mark.parametrize("name", ["sse9", "AVX2", " avx2", "avx2,baseline"])
def test_an_unknown_name_is_an_error(name: str) -> None:
    script = """
import recurra as rc
for call in (rc.isa, lambda: rc.Network([rc.LSTM(1, 1)]), rc.isa):
    try:
        call()
    except RuntimeError as error:
        print(error)
"""
    result = run(script, name)
    message = f"isa: RECURRA_ISA is '{name}', expected one of {', '.join(rc.available_isas())}"
    assert result.stdout.splitlines() == [message] * 3, result.stderr


OUTPUTS = """
import sys
import numpy as np
from problems import *
results = {}
for name in NETWORKS:
    for dtype in DTYPES:
        problem = pose(build(name, dtype), batch=7, time=11)
        y, state = problem.network(problem.x, lengths=problem.lengths, state=problem.state, return_state=True)
        stream = problem.network.stream()
        steps = [stream.step(x_t) for x_t in problem.x[2]]
        value, gradient = problem.value_and_gradient(training=True, seed=3)
        for key, array in {"y": y, "steps": steps, "value": value, "gradient": gradient, **state}.items():
            results[f"{name} {dtype} {key}"] = array
np.savez(sys.argv[1], **results)
"""


@pytest.mark.skipif(len(rc.available_isas()) == 1, reason="only the baseline is available")
def test_all_compute_the_same(tmp_path: Path) -> None:
    files = {}
    for isa in rc.available_isas():
        files[isa] = tmp_path / f"{isa}.npz"
        result = run(OUTPUTS, isa, str(files[isa]))
        assert result.returncode == 0, result.stderr
    baseline = np.load(files["baseline"])
    assert len(baseline.files) > 8 * len(NETWORKS)
    for isa in rc.available_isas()[1:]:
        other = np.load(files[isa])
        assert set(other.files) == set(baseline.files)
        for key in baseline.files:
            close = (1e-4, 1e-5) if "float32" in key else (1e-11, 1e-12)
            assert_close(other[key], baseline[key], close, f"{isa}: {key}")
