"""docs/cells.md has a row for every cell, with the equations and the source of its transcription."""

from pathlib import Path

import pytest
from cell_cases import CELLS
from cell_table import HEADER, line, text

PAGE = Path(__file__).parents[2] / "docs" / "cells.md"


@pytest.mark.parametrize("name", CELLS)
def test_the_page_has_the_cell(name: str) -> None:
    rows = PAGE.read_text().splitlines()
    assert line(HEADER) in rows
    assert any(row.startswith(line(text(name))[:-1]) for row in rows), line(text(name))
