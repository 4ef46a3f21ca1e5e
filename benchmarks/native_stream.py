"""Steps in C++, ours and the reference's, that take turns with the peers in Python."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import recurra as rc


@dataclass(frozen=True)
class NativeRun:
    """One kind of step of the program."""

    program: NativeStream
    name: str

    def nanoseconds(self, calls: int) -> float:
        """Make so many steps; return what one took."""
        return float(self.program.ask("turn", self.name, calls))

    def latency(self, count: int) -> dict[str, float]:
        """Return p50, p99 and p999 of steps timed one by one."""
        quantiles: dict[str, float] = json.loads(self.program.ask("latency", self.name, count))
        return quantiles


class NativeStream:
    """The program for one network. What it can time is in `runs`, outputs after the probe in `outputs`."""

    def __init__(self, program: Path, net: rc.Network) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.safetensors"
            net.save(path)
            self._process = subprocess.Popen(
                [program, "stream", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            self.outputs: dict[str, list[float]] = {}
            self.runs: dict[str, NativeRun] = {}
            while not (line := json.loads(self._line())).get("ready"):
                self._add(line)

    def _add(self, line: dict[str, Any]) -> None:
        name = line["name"]
        self.runs[name] = NativeRun(self, name)
        if "y" in line:
            self.outputs[name] = line["y"]

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

    def __enter__(self) -> NativeStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # closes its input, at whose end it ends
