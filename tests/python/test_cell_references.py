"""Every cell, with every stage and in every wrapper, equals its transcription; gradients equal autograd's."""

from typing import Any

import numpy as np
import pytest
import recurra as rc
from cell_cases import (
    ALL_CELLS,
    CELLS,
    INPUT,
    STAGES,
    UNITS,
    Case,
    admits,
    both,
    layer,
    linear,
    residual,
    skip,
    transcription,
)
from cell_references import canonical, parse, states_of
from problems import assert_close
from recurra import _core

CLOSE = (1e-9, 1e-11)


def check(case: Case) -> None:
    ours, theirs = case.ours(), case.theirs()
    assert_close(ours.y, theirs.y, CLOSE, "y")
    assert set(ours.last) == set(theirs.last)
    for name, values in theirs.last.items():
        assert_close(ours.last[name], values, CLOSE, f"last {name}")
    for name, values in theirs.gradients.items():
        assert_close(ours.gradients[name], values, CLOSE, f"gradient of {name}")
    assert any(np.abs(values).max() > 1e-6 for values in theirs.gradients.values())


@pytest.mark.parametrize("name", _core.cell_names())
def test_every_registered_cell_has_a_reference(name: str) -> None:
    assert canonical(name) in {canonical(known) for known in ALL_CELLS}, f"{name} is not in cell_cases.py"


@pytest.mark.parametrize("name", ALL_CELLS)
def test_cells(name: str) -> None:
    case = Case(layer(name), transcription(name))
    assert list(case.network.initial_state()) == [f"0.{s}" for s in states_of(name)]
    check(case)


@pytest.mark.parametrize("name", CELLS)
def test_cells_from_the_initial_state(name: str) -> None:
    state = rc.Network([layer(name)], dtype="float64").initial_state(4)
    assert not any(values.any() for values in state.values())
    case = Case(layer(name), transcription(name))
    for values in (case.state or {}).values():
        values[:] = 0
    check(case)
    theirs = case.theirs()
    case.state = None
    assert_close(case.ours().y, theirs.y, CLOSE)


ADMITTED = [(name, stage) for name in CELLS for stage in STAGES if admits(name, STAGES[stage])]
REFUSED = [
    (name, stage)
    for name in CELLS
    for stage in ("heads of 3", "projection", "recurrent_dropout")
    if not admits(name, STAGES[stage])
]


@pytest.mark.parametrize(("name", "stage"), ADMITTED)
def test_stages(name: str, stage: str) -> None:
    options = STAGES[stage]
    learned = "learned_initial_state" in options
    case = Case(layer(name, **options), transcription(name, **options), start=not learned)
    if "heads" in options:
        assert case.network.parameters["0.weight_hh"].shape[1] == UNITS // options["heads"]
    if "projection" in options:
        assert case.network.output_size == options["projection"]
    check(case)


@pytest.mark.parametrize("name", CELLS)
def test_a_given_state_goes_before_the_learned_one(name: str) -> None:
    case = Case(layer(name, learned_initial_state=True), transcription(name))
    plain = Case(layer(name), transcription(name))
    for key, values in plain.network.parameters.items():
        values[:] = case.network.parameters[key]
    assert_close(case.ours().y, plain.theirs().y, CLOSE)
    learned_states = ["h"] if name == "SLSTM" else states_of(name)  # its others have a meaning only together
    learned = {f"0.initial_{s}" for s in learned_states}
    assert set(case.network.parameters) - set(plain.network.parameters) == learned
    initial = case.network.initial_state(2)
    for s in learned_states:
        assert np.array_equal(initial[f"0.{s}"][1], case.network.parameters[f"0.initial_{s}"])


@pytest.mark.parametrize(("name", "stage"), REFUSED)
def test_stages_without_a_meaning_are_refused(name: str, stage: str) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(STAGES[stage]))):
        rc.Network([layer(name, **STAGES[stage])])


# With all peepholes at c-, h is written together with c: nothing stands between them.
MEMORIES = [
    *(name for name in CELLS if parse(name)[0] == "LSTM" and name != "LSTM(peephole=previous)"),
    "ELSTM",
]


@pytest.mark.parametrize("name", MEMORIES)
def test_layer_norm_normalises_the_memory_for_its_reading(name: str) -> None:
    parameters = rc.Network([layer(name, layer_norm=True)]).parameters
    assert parameters["0.gain_c"].shape == parameters["0.shift_c"].shape == (UNITS,)


@pytest.mark.parametrize("name", CELLS)
def test_layer_norm_has_a_gain_per_row(name: str) -> None:
    parameters = rc.Network([layer(name, layer_norm=True)]).parameters
    matrices = [key for key in parameters if key.startswith("0.weight_")]
    assert matrices
    for key in matrices:
        assert parameters[key.replace("weight", "gain")].shape == parameters[key].shape[:1]


@pytest.mark.parametrize("name", CELLS)
def test_bidirectional(name: str) -> None:
    check(Case(getattr(rc, "Bidirectional")(layer(name)), both(transcription(name))))  # noqa: B009


@pytest.mark.parametrize("name", CELLS)
def test_skip(name: str) -> None:
    check(Case(getattr(rc, "Skip")([layer(name)]), skip(transcription(name))))  # noqa: B009


@pytest.mark.parametrize("name", CELLS)
def test_residual(name: str) -> None:
    width = rc.Network([layer(name)]).output_size
    made = getattr(rc, "Residual")([layer(name), rc.Linear(width, INPUT)])  # noqa: B009
    check(Case(made, residual(transcription(name), linear)))


def test_wrappers_in_wrappers() -> None:
    wrap: Any = rc
    options = {"layer_norm": True, "zoneout": 0.3}
    made = wrap.Residual(
        [
            wrap.Bidirectional(layer("LSTM(peephole=current)", **options)),
            wrap.Skip([rc.Linear(2 * UNITS, INPUT), layer("GRU(reset=before)", **options)]),
            rc.Linear(2 * UNITS + UNITS, INPUT),
        ]
    )
    inside = skip(linear, transcription("GRU(reset=before)", **options))
    check(Case(made, residual(both(transcription("LSTM(peephole=current)", **options)), inside, linear)))
    both_of_a_skip = wrap.Bidirectional(wrap.Skip([layer("MinGRU")]))
    check(Case(both_of_a_skip, both(skip(transcription("MinGRU")))))


def test_the_published_parameter_count_of_the_original_lstm() -> None:
    """S. Hochreiter, J. Schmidhuber (1997), task 4: two blocks of size two, one output, 93 weights."""
    made = getattr(rc, "LSTM1997")(2, 2, block_size=2)  # noqa: B009
    assert rc.Network([made, rc.Linear(8, 1)]).flat.size == 93
