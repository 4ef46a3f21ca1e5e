"""What the benchmarks rest on: turns, processes, ceilings between sizes, and which build is which."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import recurra as rc

from benchmarks.bandwidth import Bandwidth
from benchmarks.builds import Build
from benchmarks.child import Child
from benchmarks.compare_cases import Case, cases, make
from benchmarks.isa import NO_YNNPACK, environment
from benchmarks.processors import chosen
from benchmarks.summary import best_of, extreme, geometric_mean
from benchmarks.timing import by_turns, calls_in, nanoseconds


class Fixed:
    """A peer elsewhere whose calls take so long, and which counts them."""

    def __init__(self, each: float) -> None:
        self.each = each
        self.blocks: list[int] = []

    def nanoseconds(self, calls: int) -> float:
        self.blocks.append(calls)
        return self.each


def test_a_remote_peer_times_itself() -> None:
    peer = Fixed(125.0)
    assert nanoseconds(peer, 10) == 125.0
    timing = by_turns({"peer": peer}, 0.0, block=1e4)["peer"]
    assert (timing.median, timing.low, timing.high, timing.spread) == (125.0, 125.0, 125.0, 0.0)
    assert peer.blocks[-7:] == [80] * 7


def test_blocks_have_at_least_so_many_calls() -> None:
    assert calls_in(Fixed(1e6), 1e4, least=20) == 20
    assert calls_in(Fixed(1e6), 1e4) == 1


def test_an_untimed_call_comes_before_each_block() -> None:
    peer = Fixed(1000.0)
    by_turns({"peer": peer}, 0.0, block=5e3, pause=0.0)
    assert peer.blocks[-14:] == [1, 5] * 7


def test_bandwidth_between_sizes() -> None:
    bandwidth = Bandwidth([1024, 4096], [100.0, 25.0])
    assert bandwidth.at(1024) == pytest.approx(100)
    assert bandwidth.at(2048) == pytest.approx(50)
    assert bandwidth.at(16) == pytest.approx(100)
    assert bandwidth.at(1e9) == pytest.approx(25)


def test_marks_name_the_worst_case(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"cell": "LSTM", "hidden": 32, "recurra": 2.0, "torch": 4.0, "jax": 3.0},
        {"cell": "GRU", "hidden": 64, "recurra": 2.0, "torch": 12.0, "jax": None},
    ]
    over = best_of("torch", "jax")
    assert extreme("worst", rows, over) == {"worst": 1.5, "worst at": "LSTM hidden 32"}
    assert extreme("best", rows, over, largest=True)["best at"] == "GRU hidden 64"
    assert geometric_mean("mean", rows, over) == {"mean": pytest.approx(3.0)}
    assert extreme("none", rows, lambda row: None) == {}
    assert "worst: 1.50 (LSTM hidden 32)" in capsys.readouterr().out


def test_flags_that_are_there_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--one")
    wanted = environment("avx2")
    assert wanted["RECURRA_ISA"] == "avx2"
    assert wanted["XLA_FLAGS"] == f"--one --xla_cpu_max_isa=AVX2 {NO_YNNPACK}"
    monkeypatch.setenv("XLA_FLAGS", wanted["XLA_FLAGS"])
    assert environment("avx2") == wanted


def test_what_a_path_is(tmp_path: Path) -> None:
    for name, folder in (("tree", "python/src"), ("site", "")):
        (tmp_path / name / folder / "recurra").mkdir(parents=True)
        (tmp_path / name / folder / "recurra" / "_core.so").touch()
        assert Build.find("A", str(tmp_path / name)) == Build(Path(sys.executable), tmp_path / name / folder)
    assert Build.find("A", sys.executable) == Build(Path(sys.executable), None)
    python = tmp_path / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert Build.find("A", str(tmp_path / "environment")) == Build(python, None)
    with pytest.raises(ValueError, match=r"B: got .*, expected a Python interpreter"):
        Build.find("B", str(tmp_path))


def test_a_child_computes_and_times_what_we_would() -> None:
    case = Case("streaming", "GRU", 3, 5, 1)
    path = str(Path(rc.__file__).parent.parent)
    with Child(chosen(1), {"PYTHONPATH": path}) as child:
        found, run = child.make("benchmarks.compare_cases:make", case, 1)
        assert found == pytest.approx(make(case, 1)[0], rel=1e-5)
        assert 10 < run.nanoseconds(100) < 1e9
        with pytest.raises(RuntimeError, match="no_such_case"):
            child.make("benchmarks.compare_cases:no_such_case")
        assert run.nanoseconds(1) > 0  # it goes on
        child.forget()
        with pytest.raises(RuntimeError, match="IndexError"):
            run.nanoseconds(1)


def test_cases_can_be_told_apart_by_their_numbers() -> None:
    found = [make(case, 1)[0] for case in cases(quick=True) if case.kind == "streaming"]
    assert len(np.unique(np.round(found, 4))) == len(found)
