"""``python -m studies``, from the repository root, in an environment with recurra[studies]."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

import recurra as rc

from studies import (
    adding,
    digits,
    drift,
    forecast,
    gradients,
    labels,
    listops,
    lm,
    logic,
    lstm1997,
    memory,
    ntm_copy,
    numbers,
    oscillator,
    paths,
    plant,
    stack,
)

STUDIES = {
    "adding": adding,
    "digits": digits,
    "drift": drift,
    "forecast": forecast,
    "gradients": gradients,
    "labels": labels,
    "listops": listops,
    "lm": lm,
    "logic": logic,
    "lstm1997": lstm1997,
    "memory": memory,
    "ntm_copy": ntm_copy,
    "numbers": numbers,
    "oscillator": oscillator,
    "paths": paths,
    "plant": plant,
    "stack": stack,
}
DRAWN = ("adding", "digits", "drift", "gradients", "memory", "paths")


def main(arguments: list[str] | None = None) -> None:
    """Run a study."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(
        prog="python -m studies", description="Known problems, network beside network and baseline."
    )
    commands = parser.add_subparsers(dest="study", required=True)
    for name, module in STUDIES.items():
        command = commands.add_parser(name, help=str(module.__doc__).split("\n")[0])
        command.add_argument("--quick", action="store_true", help="a small version that takes seconds")
        if name in DRAWN:
            command.add_argument(
                "--plot",
                type=Path,
                metavar="FILE",
                help="draw it: losses, gradients by lag, the error over a stream, or shares by distance",
            )
        if name == "digits":
            command.add_argument("--pixels", action="store_true", help="pixel by pixel instead of row by row")
        if name == "lstm1997":
            command.add_argument("--only", choices=lstm1997.EXPERIMENTS, help="one of its experiments")
        if name == "numbers":
            command.add_argument(
                "--back", action="store_true", help="from digits to letters instead of letters to digits"
            )
    options = parser.parse_args(arguments)
    options.command = shlex.join(arguments)
    rc.set_num_threads(1)
    STUDIES[options.study].run(options)


if __name__ == "__main__":
    main()
