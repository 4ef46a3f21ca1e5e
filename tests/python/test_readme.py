"""The README's Python is what it says it is: it runs."""

import re
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parents[2] / "README.md"


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)


def test_the_readme_has_python() -> None:
    assert python_blocks()


@pytest.mark.parametrize("block", python_blocks(), ids=lambda block: block.splitlines()[0])
def test_readme(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(block, str(README), "exec"), names)
    history, y = names["history"], names["y"]
    assert history.loss[-1] < 0.1 * history.loss[0]  # type: ignore[attr-defined]
    assert isinstance(y, np.ndarray)
    assert np.isfinite(y).all()
    assert (tmp_path / "model.safetensors").exists()
