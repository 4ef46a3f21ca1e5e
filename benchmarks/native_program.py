"""A program in C++ whose runs take turns with the peers in Python."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class NativeRun:
    """One of the things the program can time."""

    program: NativeProgram
    name: str

    def nanoseconds(self, calls: int) -> float:
        """Make so many calls; return what one took."""
        return float(self.program.ask("turn", self.name, calls))

    def latency(self, count: int) -> dict[str, float]:
        """Return p50, p99 and p999 of calls timed one by one."""
        quantiles: dict[str, float] = json.loads(self.program.ask("latency", self.name, count))
        return quantiles


class NativeProgram:
    """A running program. What it can time is in `runs`, what it said of each in `facts`."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.runs: dict[str, NativeRun] = {}
        self.facts: dict[str, dict[str, Any]] = {}
        while not (line := json.loads(self._line())).get("ready"):
            name = line["name"]
            self.runs[name] = NativeRun(self, name)
            self.facts[name] = line

    def _line(self) -> str:
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"the C++ program ended with status {self._process.wait()}")
        return line

    def ask(self, verb: str, name: str, count: int) -> str:
        """Send one request and wait for its answer."""
        assert self._process.stdin is not None
        print(verb, name, count, file=self._process.stdin, flush=True)
        return self._line()

    def __enter__(self) -> NativeProgram:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # closes its input, at whose end it ends
