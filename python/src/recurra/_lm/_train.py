"""``lm train``: learn a text, by truncated BPTT over parallel tracks or token by token."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from recurra._early_stopping import EarlyStopping
from recurra._fit import fit
from recurra._lm._corpus import Corpus, read_corpus
from recurra._lm._files import check_writable, save_model, vocabulary_path
from recurra._lm._network import make_network
from recurra._lm._progress import PerplexityProgress
from recurra._lm._train_online import train_online
from recurra._losses import Loss
from recurra._network import Network
from recurra._optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from recurra._rate_schedules import ConstantRate, CosineDecay, RateSchedule, ReduceOnPlateau
from recurra._threads import set_num_threads
from recurra.text import Tokenizer, load_tokenizer, tracks

INTERRUPTED = 130
WINDOW, ONLINE_WINDOW = 35, 5
OPTIMIZERS: dict[str, type[Optimizer]] = {
    kind.__name__.lower(): kind for kind in (SGD, Adam, AdamW, RMSprop, Adagrad)
}
SCHEDULES = ("constant", "cosine", "plateau")


def run(options: argparse.Namespace) -> int:
    """Train and save; the exit status."""
    _check(options)
    if options.window is None:
        options.window = ONLINE_WINDOW if options.online else WINDOW
    check_writable(options.model)
    if options.threads is not None:
        set_num_threads(options.threads)
    corpus = read_corpus(options)
    if options.checkpoint is not None:
        _keep_vocabulary(options, corpus.tokenizer)
    network, loss = make_network(options, len(corpus.tokenizer))
    if not options.quiet:
        held_out = 0 if corpus.validation is None else len(corpus.validation) - 1
        print(
            f"{len(corpus.training) - 1} tokens to learn from, {held_out} to validate, "
            f"{len(corpus.tokenizer)} in the vocabulary; {network.flat.size} parameters",
            file=sys.stderr,
        )
    learn = train_online if options.online else train_tracks
    interrupted = learn(network, loss, corpus, options)
    save_model(network, corpus.tokenizer, options.model)
    if not options.quiet:
        print(f"saved {options.model} and {vocabulary_path(options.model)}", file=sys.stderr)
    return INTERRUPTED if interrupted else 0


def _keep_vocabulary(options: argparse.Namespace, tokenizer: Tokenizer) -> None:
    """Beside the checkpoint, which is nothing without it; a run that goes on must have the same."""
    beside = vocabulary_path(options.checkpoint)
    if options.resume and Path(options.checkpoint).exists():
        if beside.exists() and load_tokenizer(beside) != tokenizer:
            raise ValueError(
                f"--resume: {beside} differs from the vocabulary of {options.text}, expected the same"
            )
    elif not Path(options.checkpoint).is_dir():
        tokenizer.save(beside)


def train_tracks(network: Network, loss: Loss, corpus: Corpus, options: argparse.Namespace) -> bool:
    """Truncated BPTT with the state carried on; whether it was interrupted."""
    rows = options.batch_size
    validation = None if corpus.validation is None else tracks(corpus.validation, options.window, rows)
    kind = OPTIMIZERS[options.optimizer or "adam"]
    rate = {} if options.learning_rate is None else {"learning_rate": options.learning_rate}
    x, y, lengths = tracks(corpus.training, options.window, rows)
    history = fit(
        network,
        x,
        y,
        lengths=lengths,
        loss=loss,
        optimizer=kind(**rate),
        schedule=_schedule(options),
        epochs=options.epochs,
        batch_size=rows,
        clip_norm=options.clip or None,
        validation=None if validation is None else tuple(validation),
        shuffle=False,
        stateful=True,
        progress=_progress(options, corpus),
        seed=options.seed,
        early_stopping=None if options.patience is None else EarlyStopping(options.patience),
        checkpoint=options.checkpoint,
        checkpoint_every=options.checkpoint_every,
        resume=options.resume,
    )
    if history.stopped_early and not options.quiet:
        best = 0 if history.best_epoch is None else history.best_epoch + 1
        print(f"stopped early; the model is that of epoch {best}", file=sys.stderr)
    return history.interrupted


def _progress(options: argparse.Namespace, corpus: Corpus) -> PerplexityProgress:
    shown = not options.quiet and options.epochs > 0
    return PerplexityProgress(options.epochs, shown, len(corpus.training) - 1)


def _schedule(options: argparse.Namespace) -> RateSchedule:
    if options.schedule == "cosine":
        return CosineDecay(max(options.epochs, 1))
    if options.schedule == "plateau":
        return ReduceOnPlateau(factor=0.5, patience=0)
    return ConstantRate()


def _check(options: argparse.Namespace) -> None:
    """What does not go together, before anything is read."""
    if options.resume and options.checkpoint is None:
        raise ValueError("--resume is given without --checkpoint, expected the file to go on from")
    if options.checkpoint_every is not None and options.checkpoint is None:
        raise ValueError("--checkpoint-every is given without --checkpoint, expected a file to write")
    if options.checkpoint is not None and Path(options.checkpoint).resolve() == Path(options.model).resolve():
        raise ValueError(
            f"--checkpoint is {options.checkpoint}, the same file as --model, expected another one"
        )
    if Path(options.text).resolve() == Path(options.model).resolve():
        raise ValueError(f"--model is {options.model}, the text to learn from, expected another file")
    if options.layers < 0:
        raise ValueError(f"--layers is {options.layers}, expected at least 0")
    if not options.online:
        return
    if options.optimizer not in (None, "sgd"):
        raise ValueError(f"--optimizer is {options.optimizer}, expected sgd with --online")
    for name, given in (
        ("--checkpoint", options.checkpoint is not None),
        ("--dropout", options.dropout != 0),
        ("--schedule", options.schedule != "constant"),
        ("--patience", options.patience is not None),
        ("--softmax sampled", options.softmax == "sampled"),
    ):
        if given:
            raise ValueError(f"{name} is given with --online, expected it without")
