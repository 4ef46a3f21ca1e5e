"""Prints the tables of docs/cells.md: every cell, its source, and how far it is from its transcription.

    python tests/python/cell_table.py

The differences are the largest in float64, over outputs and last states and over all gradients, of the ragged
batch in cell_cases.py. The second table is that of library_table.py.
"""

import numpy as np
from cell_cases import CELLS, REQUIRED, Case, layer, transcription
from cell_references import canonical, find, parse
from library_table import LIBRARY_HEADER, LIBRARY_ROWS, library_call, library_differences
from onnx_twin import OPERATORS
from problems import Array
from torch_twin import TWIN_CELLS

HEADER = ("cell", "equations", "source", "compared with", "outputs", "gradients")


def call(name: str) -> str:
    """The public name, as it is written in Python."""
    type_name, variant = parse(name)
    required = ", ".join(REQUIRED.get(type_name, {}))
    sizes = "input_size, num_blocks" if type_name == "LSTM1997" else "input_size, hidden_size"
    options = [f"{key}={value!r}".replace("'", '"') for key, value in variant.items()]
    return f"`{type_name}({', '.join([sizes, *filter(None, [required]), *options])})`"


def compared(name: str) -> str:
    """The independent references."""
    known = canonical(name)
    found = [
        label
        for label, names in (("PyTorch", TWIN_CELLS), ("ONNX Runtime", tuple(OPERATORS)))
        if any(canonical(other) == known for other in names)
    ]
    return ", ".join([*found, "NumPy and autograd"])


def largest(ours: dict[str, Array], theirs: dict[str, Array]) -> float:
    """The largest difference."""
    return max(float(np.abs(ours[name] - values).max()) for name, values in theirs.items())


def text(name: str) -> tuple[str, ...]:
    """The columns that are no measurements."""
    known = find(name)[0]
    return call(name), known.equations, known.source, compared(name)


def measured(name: str) -> tuple[str, ...]:
    """The largest differences of outputs and last states, and of gradients."""
    case = Case(layer(name), transcription(name))
    ours, theirs = case.ours(), case.theirs()
    outputs = largest({"y": ours.y, **ours.last}, {"y": theirs.y, **theirs.last})
    return f"{outputs:.0e}", f"{largest(ours.gradients, theirs.gradients):.0e}"


def line(columns: tuple[str, ...]) -> str:
    """A row of the table."""
    return f"| {' | '.join(columns)} |"


if __name__ == "__main__":
    print(line(HEADER), line(("---",) * len(HEADER)), sep="\n")
    for cell in CELLS:
        print(line(text(cell) + measured(cell)))
    print("", line(LIBRARY_HEADER), line(("---",) * len(LIBRARY_HEADER)), sep="\n")
    for row in LIBRARY_ROWS:
        found = ("-" if value is None else f"{value:.0e}" for value in library_differences(*row))
        print(line((library_call(*row), *found)))
