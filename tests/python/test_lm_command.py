"""``python -m recurra lm``: models that learn, write and score, and what is wrong with files and options."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import recurra as rc
from problems import Array
from recurra import _history
from recurra.__main__ import main
from recurra._lm import _train_online

LINES = ("a cat sees a dog", "the dog sees a cat", "the cat sleeps", "a dog sleeps")
SMALL = ["--hidden", "12", "--batch-size", "4", "--window", "8", "--learning-rate", "0.02"]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    rc.set_num_threads(1)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """In a folder with a text of 200 lines; the exit status, and what is written."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / "text").write_text("".join(f"{LINES[rng.integers(4)]}\n" for _ in range(200)))

    def command(*arguments: str) -> tuple[int, str, str]:
        status = main(["lm", *arguments])
        written = capsys.readouterr()
        return status, written.out, written.err

    return command


def train(run: Run, *arguments: str) -> str:
    status, out, err = run("train", "text", *SMALL, *arguments)
    assert status == 0, err
    assert out == ""
    return err


def perplexities(lines: str, name: str) -> list[float]:
    return [float(number) for number in re.findall(rf"  {name} (\S+)", lines)]


# The adaptive one has a single unit for 30 words, here all as frequent.
@pytest.mark.parametrize(("softmax", "most"), [("sampled", 4), ("adaptive", 12)])
def test_it_learns_many_words(softmax: str, most: float, run: Run) -> None:
    words = [f"w{i}" for i in range(40)]
    Path("text").write_text("\n".join(" ".join(words[i:] + words[:i]) for i in range(40)))
    shown = train(run, "--softmax", softmax, "--hidden", "16", "--epochs", "12", "--validation", "0.2")
    held_out = perplexities(shown, "validation perplexity")
    assert held_out[-1] < most  # of 40 words
    last = rc.load("lm.safetensors").layers[-1]
    assert isinstance(last, rc.AdaptiveSoftmax if softmax == "adaptive" else rc.Linear)


@pytest.mark.parametrize("level", ["word", "char"])
def test_it_learns_writes_and_scores(level: str, run: Run) -> None:
    shown = train(run, "--level", level, "--epochs", "10", "--validation", "0.2")
    learned, held_out = (perplexities(shown, name) for name in ("perplexity", "validation perplexity"))
    assert len(learned) == len(held_out) == 10
    assert re.search(
        r"\d+ tokens to learn from, \d+ to validate, \d+ in the vocabulary; \d+ parameters", shown
    )
    assert "saved lm.safetensors and lm.vocabulary.txt" in shown
    tokenizer, net = rc.text.load_tokenizer("lm.vocabulary.txt"), rc.load("lm.safetensors")
    assert tokenizer.level == level
    text = Path("text").read_text()
    floor = 4 ** (200 / len(tokenizer.encode(text)))  # one of four lines
    assert floor < held_out[-1] < 1.15 * floor
    assert held_out[-1] < held_out[0]
    status, out, err = run("score", "lm.safetensors", "text")
    expected = rc.text.perplexity(net, tokenizer.encode(text, start=True))
    assert (status, err) == (0, "")
    assert float(out.split()[-1]) == pytest.approx(expected, abs=1e-4)
    assert f"tokens {len(tokenizer.encode(text))} (0 unknown)" in out
    assert f"{np.log2(expected):.4f} bits per token" in out
    assert float(run("score", "lm.safetensors", "text", "--quiet")[1]) == pytest.approx(expected, rel=1e-5)
    prompt = "the cat"
    status, out, _ = run(
        "sample", "lm.safetensors", "--prompt", prompt, "--length", "60", "--temperature", "0.5"
    )
    assert status == 0
    assert out.startswith(prompt)
    ids = net.generate(tokenizer.encode(prompt, start=True), 60, temperature=0.5)
    assert out == tokenizer.decode([*tokenizer.encode(prompt), *ids]) + "\n"
    assert sum(line in LINES for line in out.splitlines()[:-1]) >= (5 if level == "word" else 1)


def test_validation_is_of_the_rest_of_the_text(run: Run) -> None:
    shown = train(run, "--epochs", "1", "--validation", "0.3")
    text = Path("text").read_text()
    lines = text.splitlines(keepends=True)
    tokenizer, net = rc.text.load_tokenizer("lm.vocabulary.txt"), rc.load("lm.safetensors")
    for cut in range(
        len(lines)
    ):  # the first line that ends behind 70% of the characters is the last to learn from
        if len("".join(lines[:cut])) > 0.7 * len(text):
            break
    rest = tokenizer.encode("".join(lines[cut:]), start=True)
    found = rc.text.perplexity(net, rest, window=8, batch_size=4)
    assert perplexities(shown, "validation perplexity")[0] == pytest.approx(found, abs=0.006)


def test_samples_are_several_and_reproducible(run: Run) -> None:
    train(run, "--epochs", "1", "--quiet")
    arguments = (
        "sample",
        "lm.safetensors",
        "--count",
        "3",
        "--length",
        "5",
        "--top-k",
        "4",
        "--top-p",
        "0.9",
    )
    first, again = run(*arguments)[1], run(*arguments)[1]
    assert first == again
    assert first != run(*arguments, "--seed", "1")[1]


def test_quiet_is_quiet(run: Run) -> None:
    assert train(run, "--epochs", "1", "--quiet") == ""
    assert train(run, "--epochs", "1", "--quiet", "--online") == ""


@pytest.mark.parametrize(
    "cell", ["lstm", "gru", "elman", "elstm", "sru", "mingru", "minlstm", "indrnn", "slstm"]
)
def test_cells_layers_dropout_and_ties(cell: str, run: Run) -> None:
    train(
        run,
        "--cell",
        cell,
        "--layers",
        "2",
        "--dropout",
        "0.1",
        "--tied",
        "--epochs",
        "1",
        "--dtype",
        "float64",
    )
    net = rc.load("lm.safetensors")
    assert [layer.type for layer in net.layers].count("Dropout") == 3
    assert net.layers[2].type.lower() == net.layers[4].type.lower() == cell
    assert net.tied == (("0.weight", "6.weight"),)
    assert net.dtype == np.float64


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop", "adagrad"])
@pytest.mark.parametrize("schedule", ["constant", "cosine", "plateau"])
def test_optimizers_and_schedules(optimizer: str, schedule: str, run: Run) -> None:
    shown = train(run, "--optimizer", optimizer, "--schedule", schedule, "--epochs", "2", "--clip", "0")
    assert len(perplexities(shown, "perplexity")) == 2


def test_vocabulary_options(run: Run) -> None:
    train(run, "--epochs", "0", "--max-size", "5", "--lowercase", "--validation", "0")
    tokenizer = rc.text.load_tokenizer("lm.vocabulary.txt")
    assert len(tokenizer) == 5
    assert tokenizer.lowercase
    tokenizer.save("other.txt")
    train(run, "--epochs", "0", "--vocabulary", "other.txt", "--model", "two.safetensors")
    assert rc.text.load_tokenizer("two.vocabulary.txt") == tokenizer
    Path("lm.vocabulary.txt").unlink()
    status, out, _ = run("score", "lm.safetensors", "text", "--vocabulary", "other.txt")
    assert status == 0
    assert int(re.search(r"\((\d+) unknown\)", out)[1]) > 0  # type: ignore[index]


def test_a_run_goes_on_where_it_stopped(run: Run) -> None:
    train(run, "--epochs", "3", "--dropout", "0.2")
    undisturbed = rc.load("lm.safetensors").flat.copy()
    options = ("--dropout", "0.2", "--checkpoint", "run.safetensors")
    train(run, "--epochs", "1", *options)
    shown = train(run, "--epochs", "3", *options, "--resume")
    assert np.array_equal(rc.load("lm.safetensors").flat, undisturbed)
    assert [line.split()[1] for line in shown.splitlines() if line.startswith("epoch")] == ["2/3", "3/3"]
    assert run("score", "run.safetensors", "text")[0] == 0
    Path("text").write_text(Path("text").read_text().replace("dog", "cow"))
    status, _, err = run("train", "text", *SMALL, "--epochs", "4", *options, "--resume")
    assert status == 1
    assert "run.vocabulary.txt differs from the vocabulary of text" in err


def test_early_stopping(run: Run) -> None:
    shown = train(run, "--epochs", "200", "--patience", "1", "--optimizer", "sgd", "--learning-rate", "1e-30")
    assert "stopped early; the model is that of epoch 1" in shown
    assert len(perplexities(shown, "perplexity")) < 5


def test_online(run: Run) -> None:
    options = (
        "--online",
        "--epochs",
        "2",
        "--window",
        "5",
        "--learning-rate",
        "0.1",
        "--tied",
        "--cell",
        "elman",
    )
    shown = train(run, *options)
    held_out = perplexities(shown, "validation perplexity")
    assert len(held_out) == 2
    assert held_out[-1] < 6
    assert re.search(r"\d+ tokens/s", shown)
    net, tokenizer = rc.load("lm.safetensors"), rc.text.load_tokenizer("lm.vocabulary.txt")
    status, out, _ = run("score", "lm.safetensors", "text", "--dynamic", "--learning-rate", "0.05", "--quiet")
    learner = rc.Online(net, rc.BPTT(5), "cross_entropy", rc.SGD(0.05), clip_norm=1.0)
    expected = rc.text.learn_online(learner, tokenizer.encode(Path("text").read_text(), start=True))
    assert status == 0
    assert float(out) == pytest.approx(np.exp(expected), rel=1e-5)


def test_online_halves_its_rate_and_keeps_the_best_epoch(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mikolov's rule, on validation perplexities that are told to it."""
    told = iter([9.0, 5.0, 5.0, 4.0, 4.5, 1.0])
    seen: list[Array] = []
    rates: list[float] = []

    def validate(network: rc.Network, ids: object) -> float:
        seen.append(network.flat.copy())
        return next(told)

    def optimizer(rate: float) -> rc.SGD:
        rates.append(rate)
        return rc.SGD(rate)

    monkeypatch.setattr(_train_online, "perplexity", validate)
    monkeypatch.setattr(_train_online, "SGD", optimizer)
    shown = train(run, "--online", "--epochs", "30", "--learning-rate", "0.4", "--window", "2")
    assert perplexities(shown, "validation perplexity") == [9, 5, 5, 4, 4.5]
    assert rates == [0.4, 0.4, 0.4, 0.2, 0.1]
    assert np.array_equal(rc.load("lm.safetensors").flat, seen[3])


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    """A bar in perplexities."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setitem(__import__("sys").modules, "tqdm", None)
    shown = train(run, "--epochs", "1")
    assert re.search(r"\r\S*epoch 1/1 \[=+ *\] \d+/\d+  perplexity \d", shown)
    online = train(run, "--epochs", "1", "--online")
    assert re.search(r"epoch 1/1 \[=+ *\] \d+/\d+  perplexity \d", online)
    assert _history.Progress(1, False).value(1.0) == "loss 1"


@pytest.mark.parametrize("online", [False, True])
def test_interrupted(online: bool, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after the first epoch: what was learned is saved."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_history.Progress, "epoch", interrupt)
    status, _, err = run("train", "text", *SMALL, "--epochs", "5", *["--online"] * online)
    assert status == 130
    assert "interrupted: the network keeps its last update" in err
    initial = rc.Network(rc.load("lm.safetensors").layers, seed=0)
    assert (rc.load("lm.safetensors").flat != initial.flat).any()


PARSER_ERRORS: tuple[list[str], ...] = (
    ["train"],
    ["train", "text", "--cell", "x"],
    ["train", "text", "--softmax", "half"],
    ["sample"],
    [],
)


@pytest.mark.parametrize("arguments", PARSER_ERRORS, ids=" ".join)
def test_wrong_usage(arguments: list[str], run: Run) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("train none", "none"),
        ("train folder", "folder"),
        ("train empty", "empty is empty, expected a text"),
        ("train binary", "binary: byte 1 is not UTF-8"),
        ("train text --model none/lm", "none/lm: there is no folder none"),
        ("train text --model folder", "folder is a folder, expected the name of a file"),
        ("train text --validation 1.5", "--validation is 1.5, expected 0 <= fraction < 1"),
        ("train text --validation-file none", "none"),
        ("train text --vocabulary text", "begins with"),
        ("train text --vocabulary words --level char", "words has level word, expected char"),
        ("train text --resume", "--resume is given without --checkpoint"),
        ("train text --checkpoint-every 3", "--checkpoint-every is given without --checkpoint"),
        ("train text --checkpoint folder", "folder"),
        ("train text --checkpoint text --resume", "text"),
        ("train text --online --checkpoint x", "--checkpoint is given with --online"),
        ("train text --online --dropout 0.5", "--dropout is given with --online"),
        ("train text --online --optimizer adam", "--optimizer is adam, expected sgd"),
        ("train text --online --schedule cosine", "--schedule is given with --online"),
        ("train text --online --patience 3", "--patience is given with --online"),
        ("train text --checkpoint lm.safetensors", "the same file as --model"),
        ("train text --model text", "--model is text, the text to learn from"),
        ("train text --layers -1", "--layers is -1, expected at least 0"),
        ("train text --validation -0.5", "--validation is -0.5, expected 0 <= fraction < 1"),
        ("train text --vocabulary words --lowercase", "--lowercase is given with --vocabulary"),
        ("train text --online --cell elman --learning-rate 1000 --clip 0", "finite"),
        ("train text --online --softmax sampled", "--softmax sampled is given with --online"),
        ("train text --tied --softmax adaptive", "--tied is given with --softmax adaptive"),
        ("train text --softmax adaptive", "tokens and 128 units, expected at least 20"),
        ("train text --tied --embedding 3", "--tied: the embedding has size 3, expected 128"),
        ("train text --hidden 0", "size is 0, expected at least 1"),
        ("train text --dropout 1", "probability"),
        ("train text --dropout -0.1", "probability"),
        ("train text --window 0", "window is 0, expected at least 1"),
        ("train text --epochs -1", "epochs is -1, expected at least 0"),
        ("train text --max-size 2", "max_size is 2, expected at least 3"),
        ("train text --learning-rate -1", "learning_rate"),
        ("train text --clip -1", "clip_norm is -1.0, expected a finite number > 0"),
        ("sample text", "text"),
        ("sample none", "none"),
        ("sample alone.safetensors", "alone.vocabulary.txt"),
        ("sample small.safetensors", "the network reads 3 class ids, expected 4, the tokens of"),
        ("sample wide.safetensors", "the network has 9 outputs, expected 4, the tokens of"),
        ("sample values.safetensors", "the network reads no class ids, expected 4"),
        ("sample good.safetensors --top-k 9", "top_k is 9, expected 1 .. 4"),
        ("sample good.safetensors --temperature -1", "temperature is -1.0"),
        ("sample good.safetensors --length 0", "steps is 0"),
        ("sample good.safetensors --count 0", "--count is 0, expected at least 1"),
        ("score good.safetensors none", "none"),
        ("score good.safetensors empty", "empty is empty"),
        ("score good.safetensors text --learning-rate 1", "--learning-rate is given without --dynamic"),
        ("score text text", "text"),
    ],
)
def test_what_is_wrong(arguments: str, message: str, run: Run) -> None:
    Path("folder").mkdir()
    Path("empty").write_text("")
    Path("binary").write_bytes(b"a\xff")
    tokenizer = rc.text.WordTokenizer.build("a b")
    tokenizer.save("words")
    networks: dict[str, list[rc.Layer]] = {
        "good": [rc.Embedding(4, 2), rc.Linear(2, 4)],
        "small": [rc.Embedding(3, 2), rc.Linear(2, 3)],
        "wide": [rc.Embedding(4, 2), rc.Linear(2, 9)],
        "values": [rc.Linear(4, 4)],
        "alone": [rc.Embedding(4, 2), rc.Linear(2, 4)],
    }
    for name, layers in networks.items():
        rc.Network(layers).save(f"{name}.safetensors")
        if name != "alone":
            tokenizer.save(f"{name}.vocabulary.txt")
    before = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    status, out, err = run(*arguments.split())
    assert status == 1
    assert out == ""
    lines = err.splitlines()
    assert lines[-1].startswith(f"recurra lm {arguments.split()[0]}: ")
    assert message in lines[-1]
    assert {path: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before
