"""``python -m recurra demo``, ``python -m recurra lm``."""

from __future__ import annotations

import argparse
import sys

from recurra import __version__, _demo
from recurra._lm import _commands


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit status is 0 if it succeeded."""
    parser = argparse.ArgumentParser(prog="python -m recurra", description="Recurrent networks.")
    parser.add_argument("--version", action="version", version=f"recurra {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="forecast a real series, stream the trained network, save it")
    demo.add_argument("--seed", type=int, default=0, help="of weights and order (default 0)")
    demo.add_argument(
        "--epochs", type=int, default=150, help="passes over the training windows (default 150)"
    )
    demo.add_argument("--output", default="recurra_demo.safetensors", help="the model file to write")
    demo.add_argument("--quiet", action="store_true", help="do not show the training progress")
    demo.set_defaults(run=_run_demo)
    _commands.add_commands(commands.add_parser("lm", help="language models: train, sample, score"))
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


def _run_demo(options: argparse.Namespace) -> int:
    return 0 if _demo.run(options.seed, options.epochs, options.output, not options.quiet) else 1


if __name__ == "__main__":
    sys.exit(main())
