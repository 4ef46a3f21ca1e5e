"""The C++ programs: built when CMake can, and run for what Python cannot measure."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import recurra as rc

from benchmarks.native_program import NativeProgram

SOURCE = Path(__file__).resolve().parent.parent
OPTIONS = ("BENCHMARKS=ON", "PYTHON=OFF", "TESTS=OFF", "EXAMPLES=OFF")


def _succeeds(command: list[str], otherwise: str) -> bool:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        print(f"cmake is not installed: {otherwise}", file=sys.stderr)
        return False
    except subprocess.CalledProcessError as error:
        print(f"{' '.join(command)} fails: {otherwise}\n{error.stdout}{error.stderr}", file=sys.stderr)
        return False
    return True


@dataclass(frozen=True)
class Native:
    """Where the programs are. What is not there is left out of the tables."""

    folder: Path

    @staticmethod
    def build(folder: Path, eigen: bool) -> Native:
        """Build them in `folder`, those with Eigen if asked; a failure is told and not fatal."""
        configure = [
            "cmake",
            "-S",
            str(SOURCE),
            "-B",
            str(folder),
            *(f"-DRECURRA_BUILD_{o}" for o in OPTIONS),
        ]
        if _succeeds(configure, "no timings from C++"):
            make = ["cmake", "--build", str(folder), "--parallel", "--target"]
            _succeeds([*make, "recurra_benchmark"], "no timings from C++")
            if eigen:
                targets = [f"recurra_products_{isa}" for isa in rc.available_isas()]
                _succeeds([*make, *targets], "no products beside Eigen's")
        return Native(folder / "benchmarks")

    def _run(self, program: str, *arguments: str) -> list[dict[str, Any]]:
        path = self.folder / program
        if not path.exists():
            return []
        output = subprocess.run([path, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
        return [json.loads(line) for line in output.splitlines()]

    def peak(self, isa: str, threads: int) -> NativeProgram | None:
        """Start a program that multiplies and adds on registers alone."""
        path = self.folder / "recurra_benchmark"
        return NativeProgram([path, "peak", str(threads), isa]) if path.exists() else None

    def bandwidths(self, threads: int, seconds: float) -> list[dict[str, Any]]:
        """Measure GB/s of reading, by the bytes that all threads read together, each for so long."""
        return self._run("recurra_benchmark", "bandwidth", str(threads), str(seconds))

    def stream(self, net: rc.Network) -> NativeProgram | None:
        """Start a program that makes this network's steps."""
        path = self.folder / "recurra_benchmark"
        if not path.exists():
            return None
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "model.safetensors"
            net.save(model)
            return NativeProgram([path, "stream", model])

    def products(self, isa: str, seconds: float) -> list[dict[str, Any]]:
        """Time the products beside Eigen's."""
        return self._run(f"recurra_products_{isa}", str(seconds))
