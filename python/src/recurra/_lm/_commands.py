"""The options of ``lm train``, ``lm sample`` and ``lm score``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from recurra._lm import _sample, _score, _train
from recurra._lm._network import CELLS
from recurra._lm._softmax import SOFTMAXES
from recurra.text._tokenizers import LEVELS

MODEL = "lm.safetensors"


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Give `parser` the three commands."""
    commands = parser.add_subparsers(dest="lm_command", required=True)
    train = commands.add_parser("train", help="learn a text", formatter_class=_Defaults)
    _add_text(train)
    _add_network(train)
    _add_training(train)
    train.set_defaults(run=_guarded("train", _train.run))
    sample = commands.add_parser("sample", help="let a model write", formatter_class=_Defaults)
    _add_sampling(sample)
    sample.set_defaults(run=_guarded("sample", _sample.run))
    score = commands.add_parser("score", help="the perplexity of a text", formatter_class=_Defaults)
    _add_scoring(score)
    score.set_defaults(run=_guarded("score", _score.run))


class _Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Tells a default only where there is one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False or action.default == "":
            return action.help
        return super()._get_help_string(action)


def _guarded(name: str, run: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """What is wrong with files and settings as one line on standard error; the exit status is then 1."""

    def guarded(options: argparse.Namespace) -> int:
        try:
            return run(options)
        except (OSError, ValueError, RuntimeError, OverflowError, MemoryError) as error:
            print(f"recurra lm {name}: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return _train.INTERRUPTED

    return guarded


def _add_text(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", help="the file to learn from, UTF-8")
    parser.add_argument(
        "--model", default=MODEL, metavar="FILE", help="what to write; the vocabulary beside it"
    )
    parser.add_argument("--level", choices=sorted(LEVELS), default="word", help="what a token is")
    parser.add_argument("--vocabulary", metavar="FILE", help="a vocabulary file instead of the text's tokens")
    parser.add_argument("--min-count", type=int, default=1, help="how often a token of the vocabulary occurs")
    parser.add_argument("--max-size", type=int, help="the most tokens of the vocabulary")
    parser.add_argument("--lowercase", action="store_true", help="put the text into lower case")
    parser.add_argument(
        "--validation", type=float, default=0.1, metavar="FRACTION", help="of the text, its end"
    )
    parser.add_argument("--validation-file", metavar="FILE", help="a text instead of a fraction")


def _add_network(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cell", choices=sorted(CELLS), default="lstm", help="of the recurrent layers")
    parser.add_argument("--hidden", type=int, default=128, metavar="UNITS", help="of each layer")
    parser.add_argument("--layers", type=int, default=1, help="recurrent ones")
    parser.add_argument("--embedding", type=int, metavar="SIZE", help="of a token (default: as --hidden)")
    parser.add_argument("--tied", action="store_true", help="the embedding is also the last layer's matrix")
    parser.add_argument("--dropout", type=float, default=0.0, metavar="P", help="between layers")
    parser.add_argument("--softmax", choices=SOFTMAXES, default="full", help="what gives probabilities")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32", help="of all numbers")


def _add_training(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--online", action="store_true", help="an update after every token, by SGD")
    parser.add_argument(
        "--optimizer", choices=sorted(_train.OPTIMIZERS), help="default adam, with --online sgd"
    )
    parser.add_argument(
        "--learning-rate", type=float, metavar="RATE", help="default the optimizer's, with --online 0.1"
    )
    parser.add_argument(
        "--schedule", choices=_train.SCHEDULES, default="constant", help="of the rate, by epoch"
    )
    parser.add_argument("--clip", type=float, default=1.0, metavar="NORM", help="of the gradient; 0: none")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the text")
    parser.add_argument("--batch-size", type=int, default=20, metavar="TRACKS", help="read side by side")
    parser.add_argument(
        "--window",
        type=int,
        metavar="STEPS",
        help="between updates, default 35; with --online errors go back so far, default 5",
    )
    parser.add_argument(
        "--patience", type=int, metavar="EPOCHS", help="stop after so many without improvement"
    )
    parser.add_argument("--checkpoint", metavar="FILE", help="keep the whole run there")
    parser.add_argument("--checkpoint-every", type=int, metavar="UPDATES", help="also within epochs")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --checkpoint")
    parser.add_argument("--threads", type=int, help="default: all processors")
    parser.add_argument("--seed", type=int, default=0, help="of weights and dropout")
    parser.add_argument("--quiet", action="store_true", help="write nothing to standard error")


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a file that lm train wrote, or its checkpoint")
    parser.add_argument("--vocabulary", metavar="FILE", help="default: beside the model")


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("--prompt", default="", help="what it goes on from; else it begins a line")
    parser.add_argument("--length", type=int, default=100, metavar="TOKENS", help="to draw")
    parser.add_argument("--count", type=int, default=1, help="of samples")
    parser.add_argument("--temperature", type=float, default=1.0, help="0: always the likeliest token")
    parser.add_argument("--top-k", type=int, help="draw among so many likeliest tokens")
    parser.add_argument("--top-p", type=float, help="draw among the likeliest that make up this probability")
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn")


def _add_scoring(parser: argparse.ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("text", metavar="TEXT", help="the file to score, UTF-8")
    parser.add_argument("--dynamic", action="store_true", help="learn from each token once it is scored")
    parser.add_argument("--learning-rate", type=float, metavar="RATE", help="of --dynamic, default 0.1")
    parser.add_argument(
        "--window", type=int, default=5, metavar="STEPS", help="--dynamic: errors go back so far"
    )
    parser.add_argument("--clip", type=float, default=1.0, metavar="NORM", help="of --dynamic; 0: none")
    parser.add_argument("--quiet", action="store_true", help="print the perplexity alone")
