"""A build of ours, wherever it is, as a process to time."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.child import Child


@dataclass(frozen=True)
class Build:
    """The interpreter to start, and the folder in which it finds recurra; None: where it is installed."""

    python: Path
    folder: Path | None

    @staticmethod
    def find(argument: str, text: str) -> Build:
        """Tell what a path is: an interpreter, an environment, or a folder that has recurra, built."""
        path = Path(text).absolute()  # as it is: an environment's interpreter is a link
        if path.is_file():
            return Build(path, None)
        if (path / "bin" / "python").exists():
            return Build(path / "bin" / "python", None)
        for folder in (path / "python" / "src", path):
            if list((folder / "recurra").glob("_core*")):
                return Build(Path(sys.executable), folder)
        raise ValueError(
            f"{argument}: got {text}, expected a Python interpreter, an environment, a source tree with a"
            " built module in python/src/recurra, or a folder with an installed recurra"
        )

    def start(self, processors: set[int], environment: Mapping[str, str]) -> Child:
        """Start a process that uses this build, and no other that an editable installation puts before it."""
        path = {"PYTHONPATH": str(self.folder) if self.folder else ""}
        child = Child(processors, {**environment, **path}, str(self.python))
        file, _ = child.make("benchmarks.compare_cases:module")
        if self.folder and not Path(file).is_relative_to(self.folder):
            raise RuntimeError(f"{self.folder}: its processes import {file} instead")
        return child
