"""Pages of the documentation, run."""

import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"


def run_page(name: str) -> dict[str, Any]:
    """What its examples leave behind, one after the other."""
    left: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(), flags=re.DOTALL):
        exec(block, left)
    return left
