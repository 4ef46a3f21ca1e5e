"""``python -m benchmarks``, from the repository root, in an environment with recurra[bench].

``python -m benchmarks compare A B`` times two builds of ours (`compare.py`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks import compare, isa

SOURCE = Path(__file__).resolve().parent.parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Recurra beside its peers, on this machine."
    )
    parser.add_argument("--only", metavar="TABLE", help="one table, or several with commas between")
    parser.add_argument("--quick", action="store_true", help="fewer sizes and repetitions")
    parser.add_argument("--isa", choices=isa.CHOICES, help="with this instruction set, peers too if they can")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write every row, one JSON object per line"
    )
    parser.add_argument("--plots", type=Path, metavar="DIR", help="also draw pictures, with matplotlib")
    parser.add_argument(
        "--build",
        type=Path,
        default=SOURCE / "build" / "benchmarks",
        metavar="DIR",
        help="for the C++ programs",
    )
    return parser.parse_args()


def main() -> int:
    if sys.argv[1:2] == ["compare"]:
        return compare.main(sys.argv[2:])
    chosen = arguments()
    if chosen.isa:
        wanted = isa.environment(chosen.isa)
        if any(os.environ.get(name) != value for name, value in wanted.items()):
            command = [sys.executable, "-m", "benchmarks", *sys.argv[1:]]
            return subprocess.run(command, env={**os.environ, **wanted}).returncode
    from benchmarks import plots, suite  # not before the instruction set is known: they load every library

    names = chosen.only.split(",") if chosen.only else list(suite.TABLES)
    if unknown := set(names) - set(suite.TABLES):
        raise SystemExit(f"--only: got {min(unknown)!r}, expected some of {', '.join(suite.TABLES)}")
    with ExitStack() as stack:
        lines = stack.enter_context(chosen.json.open("w", encoding="utf-8")) if chosen.json else None
        rows = suite.run(names, chosen.build, chosen.quick, lines)
    if chosen.plots:
        for path in plots.draw(rows, chosen.plots):
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
