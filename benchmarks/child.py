"""Peers in processes of their own: for libraries that count their threads once, and for other builds of ours.

``python -m benchmarks.child`` serves requests through its standard input and output, pickled one by one.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from benchmarks.timing import Run, nanoseconds

SOURCE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class ChildRun:
    """What a child has made and can time."""

    child: Child
    handle: int

    def nanoseconds(self, calls: int) -> float:
        """Make so many calls there; return what one took."""
        return float(self.child.ask("time", self.handle, calls))


class Child:
    """A process that makes and times what it is asked for, kept to these processors."""

    def __init__(
        self,
        processors: Iterable[int] | None = None,
        environment: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.child"],
            cwd=SOURCE,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if processors is not None:  # before it imports what counts them
            self.ask("keep_to", list(processors))

    def make(self, function: str, *arguments: object) -> tuple[Any, ChildRun]:
        """Call ``module:function`` there, which returns something to hand back and what is to be timed."""
        result, handle = self.ask("make", function, *arguments)
        return result, ChildRun(self, handle)

    def forget(self) -> None:
        """Drop everything made."""
        self.ask("forget")

    def ask(self, *request: object) -> Any:  # noqa: ANN401
        """Send one request and wait for its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump(request, self._process.stdin)
            self._process.stdin.flush()
            failed, answer = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError):
            raise RuntimeError(f"a child ended with status {self._process.wait()}") from None
        if failed:
            raise RuntimeError(f"in a child:\n{answer}")
        return answer

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # closes its input, at whose end it ends


class Server:
    """The other side: the requests by name."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def keep_to(self, processors: list[int]) -> None:
        """Also the threads that begin later."""
        os.sched_setaffinity(0, processors)

    def make(self, function: str, *arguments: object) -> tuple[Any, int]:
        """Return what the function hands back, and the handle of what it runs."""
        module, name = function.split(":")
        result, run = getattr(import_module(module), name)(*arguments)
        self._runs.append(run)
        return result, len(self._runs) - 1

    def time(self, handle: int, calls: int) -> float:
        """In nanoseconds, of one call."""
        return nanoseconds(self._runs[handle], calls)

    def forget(self) -> None:
        """Drop everything made."""
        self._runs.clear()


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the requests end; what fails is told, and the next request is waited for."""
    server = Server()
    while True:
        try:
            name, *arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            answer = (False, getattr(server, name)(*arguments))
        except Exception:
            answer = (True, traceback.format_exc())
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == "__main__":
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    serve(sys.stdin.buffer, channel)
