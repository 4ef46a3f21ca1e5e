"""What the network of a Turing machine reads and writes, as arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from recurra._arrays import FloatArray, as_array, count
from recurra._turing_network import HALTED, OVERFLOW, STATES, Rules

Found = tuple[int, list[int], int, list[int]]  # state, left, head, right; the tops of the stacks come first


def encode_tape(rules: Rules, tape: Sequence[int], steps: int, room: int | None) -> FloatArray:
    """What `TuringMachine.encode` gives, of a tape that is given from its end to its beginning."""
    if len(tape) > rules.code.depth:
        raise OverflowError(
            f"encode: tape has {len(tape)} symbols, expected at most {rules.code.depth}, "
            "which float64 holds exactly as one number"
        )
    room = len(tape) if room is None else count("encode: room", room, 0)
    if len(tape) > room:
        raise ValueError(f"encode: tape has {len(tape)} symbols, expected at most room = {room}")
    x = np.zeros((room + 3 + 2 * steps, rules.num_symbols + 1))
    for k, symbol in enumerate(tape, room - len(tape)):
        x[k, symbol] = 1
    x[room, rules.num_symbols] = 1
    return x


def decode_configurations(rules: Rules, y: npt.ArrayLike) -> list[Found]:
    """What `TuringMachine.decode` gives, in numbers."""
    rows = as_array("decode: y", y)
    if rows.dtype != np.float64:
        raise TypeError(f"decode: y has dtype {rows.dtype}, expected float64")
    if rows.ndim != 2 or rows.shape[1] != rules.num_outputs:
        raise ValueError(
            f"decode: y has shape {rows.shape}, expected (time, outputs) = (time, {rules.num_outputs})"
        )
    spilt = np.flatnonzero(rows[:, OVERFLOW])
    if spilt.size:
        raise OverflowError(
            f"decode: at step {spilt[0]} a stack became deeper than {rules.code.depth} symbols, "
            "which float64 holds exactly as one number"
        )
    states = rows[:, STATES : STATES + rules.num_states]
    started = np.flatnonzero(states.any(axis=1))
    first = started[0] if started.size else len(rows)
    return [_decode_row(rules, rows, t) for t in range(first, len(rows), 2)]


def _decode_row(rules: Rules, rows: FloatArray, t: int) -> Found:
    states, symbols, (left, right) = np.split(
        rows[t, STATES:], [rules.num_states, rules.num_states + rules.num_symbols]
    )
    for name, ones in (("state", states), ("symbol", symbols)):
        if np.count_nonzero(ones) != 1 or ones.max() != 1:
            raise ValueError(
                f"decode: y[{t}] has {ones.tolist()} for the {name}, expected a single one among zeros"
            )
    state, head = int(states.argmax()), int(symbols.argmax())
    if rows[t, HALTED] != float((state, head) not in rules.actions):
        raise ValueError(f"decode: y[{t}] has {rows[t, HALTED]} for halted, which its state and symbol deny")
    return state, rules.code.stack(float(left)), head, rules.code.stack(float(right))
