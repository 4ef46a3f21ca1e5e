"""docs/cells.md has a row for every cell, and its figures are those of cells that are right."""

from pathlib import Path

import pytest
from cell_cases import CELLS
from cell_table import HEADER, line, text
from library_table import LIBRARY_HEADER, LIBRARY_ROWS, library_call, library_differences

PAGE = Path(__file__).parents[2] / "docs" / "cells.md"


@pytest.mark.parametrize("name", CELLS)
def test_the_page_has_the_cell(name: str) -> None:
    rows = PAGE.read_text().splitlines()
    assert line(HEADER) in rows
    assert any(row.startswith(line(text(name))[:-1]) for row in rows), line(text(name))


@pytest.mark.parametrize(("name", "prefixes"), LIBRARY_ROWS)
def test_the_page_has_the_cell_beside_the_libraries(name: str, prefixes: tuple[str, ...]) -> None:
    rows = PAGE.read_text().splitlines()
    assert line(LIBRARY_HEADER) in rows
    start, columns = f"| {library_call(name, prefixes)} |", len(LIBRARY_HEADER)
    (row,) = (row for row in rows if row.startswith(start) and row.count("|") == columns + 1)
    printed = [cell.strip() for cell in row.split("|")[2:-1]]
    for found, shown, bound in zip(
        library_differences(name, prefixes), printed, (1e-14, 1e-15, 2e-6), strict=True
    ):
        if found is None:
            assert shown == "-"
        else:
            assert max(found, float(shown)) < bound
