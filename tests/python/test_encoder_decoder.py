"""Encoder and decoder against a transcription in PyTorch, row by row; decoding; what is refused."""

import pickle
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, Array, assert_close, close_to, randomize

torch = pytest.importorskip("torch")
Tensor = Any

LENGTHS, TARGET_LENGTHS = np.array([4, 6, 1, 5]), np.array([3, 1, 5, 0])
BATCH, TIME, TARGET_TIME = 4, 6, 5
WORDS, CLASSES, START, END = 7, 5, 5, 0


def symbols(*middle: rc.Layer, width: int) -> list[rc.Layer]:
    return [rc.Embedding(CLASSES + 1, 3), *middle, rc.Linear(width, CLASSES)]


NETWORKS: dict[str, Callable[[], rc.EncoderDecoder]] = {
    "plain": lambda: rc.EncoderDecoder(
        [rc.Embedding(WORDS, 3), rc.GRU(3, 4)], symbols(rc.GRU(3, 4), width=4), start=START, end=END
    ),
    "dot": lambda: rc.EncoderDecoder(
        [rc.Embedding(WORDS, 3), rc.LSTM(3, 4)],
        symbols(rc.LSTM(3, 4), rc.Attention(), width=8),
        start=START,
        end=END,
    ),
    "additive": lambda: rc.EncoderDecoder(
        [rc.Embedding(WORDS, 3), rc.GRU(3, 4)],
        symbols(rc.GRU(3, 4), rc.Attention("additive", 3), width=8),
        start=START,
        end=END,
    ),
    "both directions, stacked": lambda: rc.EncoderDecoder(
        [rc.Embedding(WORDS, 3), rc.Bidirectional(rc.LSTM(3, 2)), rc.LSTM(4, 3)],
        symbols(rc.LSTM(3, 4), rc.LSTM(4, 3), rc.Attention("additive", 5), width=6),
        start=START,
        end=END,
    ),
    "bridge": lambda: rc.EncoderDecoder(
        [rc.Embedding(WORDS, 3), rc.Bidirectional(rc.GRU(3, 2))],
        symbols(rc.LSTM(3, 4), rc.Attention(), rc.Linear(8, 3), rc.Tanh(), width=3),
        start=START,
        end=END,
        bridge="linear",
    ),
    "values": lambda: rc.EncoderDecoder([rc.GRU(2, 4)], [rc.GRU(3, 4), rc.Linear(4, 3)]),
    "values, dot": lambda: rc.EncoderDecoder(
        [rc.Elman(2, 4)], [rc.Elman(3, 4), rc.Attention(), rc.Linear(8, 3)]
    ),
}


def build(name: str, dtype: str = "float64", seed: int = 1) -> rc.Network:
    network = rc.Network([NETWORKS[name]()], dtype=dtype, seed=seed)
    randomize(network, seed)
    return network


def data(network: rc.Network, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    if network._core.num_symbols:
        return rng.integers(0, WORDS, (BATCH, TIME)), rng.integers(0, CLASSES, (BATCH, TARGET_TIME))
    return (
        rng.normal(size=(BATCH, TIME, 2)).astype(network.dtype),
        rng.normal(size=(BATCH, TARGET_TIME, 3)).astype(network.dtype),
    )


class Transcription:
    """One row at a time, every step written out."""

    def __init__(self, network: rc.Network) -> None:
        self.spec = network.layers[0]
        self.values = {n: torch.tensor(v.copy(), requires_grad=True) for n, v in network.parameters.items()}

    def gradient(self) -> Array:
        grads = [torch.zeros_like(v) if v.grad is None else v.grad for v in self.values.values()]
        return np.concatenate([g.numpy().ravel() for g in grads])

    def cell(self, layer: rc.Layer, p: str, x: Tensor, state: list[Tensor]) -> list[Tensor]:
        wi, wh, b = (self.values[f"{p}.{name}"] for name in ("weight_ih", "weight_hh", "bias"))
        rows = wi.shape[0]
        if layer.type == "GRU":
            hidden = torch.cat([torch.zeros(rows - rows // 3, dtype=b.dtype), b[rows:]])
            return [torch.gru_cell(x[None], state[0][None], wi, wh, b[:rows], hidden)[0]]
        if layer.type == "LSTM":
            h, c = torch.lstm_cell(x[None], [s[None] for s in state], wi, wh, b, torch.zeros_like(b))
            return [h[0], c[0]]
        return [torch.tanh(wi @ x + wh @ state[0] + b)]

    def zeros(self, layer: rc.Layer) -> list[Tensor]:
        units, dtype = layer.options["hidden_size"], next(iter(self.values.values())).dtype
        return [torch.zeros(units, dtype=dtype) for _ in range(2 if layer.type == "LSTM" else 1)]

    def run(self, layer: rc.Layer, p: str, rows: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """A cell over a sequence: outputs and its last states."""
        state, outputs = self.zeros(layer), []
        for x in rows:
            state = self.cell(layer, p, x, state)
            outputs.append(state[0])
        return outputs, state

    def encode(self, x: Tensor) -> tuple[list[Tensor], list[list[Tensor]]]:
        rows, states = list(x), []
        for i, layer in enumerate(self.spec.layers[0].layers):
            p = f"0.encoder.{i}"
            if layer.type == "Embedding":
                rows = [self.values[f"{p}.weight"][int(r)] for r in rows]
            elif layer.type == "Bidirectional":
                ahead, ahead_state = self.run(layer.layers[0], f"{p}.forward", rows)
                back, back_state = self.run(layer.layers[1], f"{p}.reverse", rows[::-1])
                rows = [torch.cat(pair) for pair in zip(ahead, back[::-1], strict=True)]
                states.append([torch.cat(pair) for pair in zip(ahead_state, back_state, strict=True)])
            else:
                rows, state = self.run(layer, p, rows)
                states.append(state)
        return rows, states

    def attend(self, layer: rc.Layer, p: str, x: Tensor, memory: list[Tensor]) -> Tensor:
        if layer.options["score"] == "dot":
            scores = [x @ m for m in memory]
        else:
            q, k, b, v = (
                self.values[f"{p}.{n}"] for n in ("weight_query", "weight_key", "bias", "weight_score")
            )
            scores = [(v @ torch.tanh(q @ x + k @ m + b))[0] for m in memory]
        alpha = torch.softmax(torch.stack(scores), 0)
        return sum((a * m for a, m in zip(alpha, memory, strict=True)), torch.zeros_like(memory[0]))

    def begin(self, states: list[list[Tensor]]) -> list[list[Tensor]]:
        layers = [layer for layer in self.spec.layers[1].layers if "hidden_size" in layer.options]
        if "bridge" not in self.spec.options:
            return states
        flat = torch.cat([s for state in states for s in state])
        flat = self.values["0.bridge.weight"] @ flat + self.values["0.bridge.bias"]
        widths = [len(z) for layer in layers for z in self.zeros(layer)]
        parts = iter(torch.split(flat, widths))
        return [[next(parts) for _ in self.zeros(layer)] for layer in layers]

    def __call__(self, x: Tensor, seen: list[Any] | None, steps: int) -> Tensor:
        """Outputs of `steps` steps that see `seen`, or what they wrote themselves."""
        memory, states = self.encode(x)
        states = self.begin(states)
        of_symbols = "start" in self.spec.options
        last = self.spec.options["start"] if of_symbols else torch.zeros(3, dtype=memory[0].dtype)
        outputs = []
        for t in range(steps):
            y: Any = last
            cell = 0
            for i, layer in enumerate(self.spec.layers[1].layers):
                p = f"0.decoder.{i}"
                if layer.type == "Embedding":
                    y = self.values[f"{p}.weight"][int(y)]
                elif layer.type == "Attention":
                    y = torch.cat([y, self.attend(layer, p, y, memory)])
                elif layer.type == "Linear":
                    y = self.values[f"{p}.weight"] @ y + self.values[f"{p}.bias"]
                elif layer.type == "Tanh":
                    y = torch.tanh(y)
                else:
                    states[cell] = self.cell(layer, p, y, states[cell])
                    y, cell = states[cell][0], cell + 1
            outputs.append(y)
            last = seen[t] if seen is not None else int(y.argmax()) if of_symbols else y
        return torch.stack(outputs) if outputs else torch.zeros((0, 1))


@pytest.mark.parametrize("name", NETWORKS)
def test_teacher_forcing_is_the_transcription(name: str) -> None:
    """Outputs, loss and every gradient, ragged on both sides."""
    network = build(name)
    x, target = data(network)
    of_symbols = bool(network._core.num_symbols)
    loss_name: Any = "cross_entropy" if of_symbols else "mse"
    lengths: dict[str, Any] = {"lengths": LENGTHS, "target_lengths": TARGET_LENGTHS}
    y = network(x, teacher=target, **lengths)
    loss, gradient = network.loss_and_gradient(x, target, loss_name, **lengths)

    twin = Transcription(network)
    losses, count = [], int(TARGET_LENGTHS.sum())
    for row in range(BATCH):
        steps = int(TARGET_LENGTHS[row])
        rows = torch.tensor(x[row, : LENGTHS[row]])
        seen = list(torch.tensor(target[row]))
        expected = twin(rows, seen, steps)
        assert_close(y[row, :steps], expected.detach().numpy().reshape(steps, -1) if steps else y[row, :0])
        assert not y[row, steps:].any()
        wanted = torch.tensor(target[row, :steps])
        if steps and of_symbols:
            losses.append(torch.nn.functional.cross_entropy(expected, wanted, reduction="sum"))
        elif steps:
            losses.append(((expected - wanted) ** 2).mean(1).sum())
    total = sum(losses) / count
    total.backward()
    assert_close(loss, total.item())
    assert_close(gradient, twin.gradient(), (1e-10, 1e-12))
    assert_close(rc.evaluate(network, x, target, loss=loss_name, **lengths), loss)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_closed_loop_is_the_transcription(name: str) -> None:
    network = build(name)
    x, _ = data(network)
    y = network(x, lengths=LENGTHS, target_lengths=TARGET_LENGTHS)
    twin = Transcription(network)
    for row in range(BATCH):
        steps = int(TARGET_LENGTHS[row])
        expected = twin(torch.tensor(x[row, : LENGTHS[row]]), None, steps).detach().numpy()
        assert_close(y[row, :steps], expected.reshape(steps, y.shape[2]) if steps else y[row, :0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_is_its_rows_whatever_lies_behind_them(name: str, dtype: str) -> None:
    network = build(name, dtype)
    x, target = data(network)
    y = network(x, lengths=LENGTHS, teacher=target, target_lengths=TARGET_LENGTHS)
    for row in range(BATCH):
        steps = int(TARGET_LENGTHS[row])
        if steps:
            alone = network(x[row, : LENGTHS[row]], teacher=target[row, :steps])
            assert_close(y[row, :steps], alone, close_to(dtype))
    changed, other = x.copy(), target.copy()
    for row in range(BATCH):
        changed[row, LENGTHS[row] :] = 0
        other[row, TARGET_LENGTHS[row] :] = 0
    assert np.array_equal(network(changed, lengths=LENGTHS, teacher=other, target_lengths=TARGET_LENGTHS), y)


@pytest.mark.parametrize("name", [n for n in NETWORKS if not n.startswith("values")])
def test_greedy_decoding_is_the_likeliest_symbol_of_the_closed_loop(name: str) -> None:
    network = build(name)
    x, _ = data(network)
    y = network(x, lengths=LENGTHS, target_lengths=np.full(BATCH, 8))
    decoded = network.decode(x, lengths=LENGTHS, max_length=8)
    surprise = np.log(np.exp(y).sum(-1)) - y.max(-1)
    for row, hypotheses in enumerate(decoded):
        found = list(y[row].argmax(-1))
        ended = END in found
        steps = found.index(END) + 1 if ended else 8
        assert len(hypotheses) == 1
        assert list(hypotheses[0].symbols) == found[: steps - ended]
        assert hypotheses[0].ended == ended
        assert_close(hypotheses[0].log_probability, -surprise[row, :steps].sum())
        assert_close(hypotheses[0].score, hypotheses[0].log_probability / steps)


@pytest.mark.parametrize("power", [0.0, 1.0])
def test_a_wide_beam_finds_the_best_of_all(power: float) -> None:
    """Against all sequences of at most three symbols, weighed by the teacher-forced network."""
    network = build("dot")
    x, _ = data(network)
    row, most = x[0], 3
    everything: dict[tuple[int, ...], float] = {}
    for length in range(1, most + 1):
        for text in product(range(CLASSES), repeat=length):
            if END in text[:-1] or (text[-1] != END and length < most):
                continue
            y = network(row, teacher=np.array(text))
            logp = y - np.log(np.exp(y).sum(-1, keepdims=True))
            everything[text] = float(logp[np.arange(length), text].sum())
    assert_close(sum(np.exp(v) for v in everything.values()), 1.0)
    ended = {t: v / len(t) ** power for t, v in everything.items() if t[-1] == END}
    ranked = sorted(ended, key=lambda t: -ended[t])
    found = network.decode(row, max_length=most, beam=200, length_power=power)[0]
    assert [(*d.symbols, END) for d in found[: len(ranked)]] == ranked
    for decoded, text in zip(found, ranked, strict=False):
        assert_close(decoded.log_probability, everything[text])
        assert_close(decoded.score, ended[text])
    assert not any(d.ended for d in found[len(ranked) :])
    widest = network.decode(row, max_length=most, beam=2, length_power=power)[0]
    assert len(widest) == 2
    assert widest[0].score >= widest[1].score


@pytest.mark.parametrize("beam", [1, 3])
def test_decoding_many_is_decoding_each(beam: int) -> None:
    network = build("both directions, stacked", "float32")
    rng = np.random.default_rng(0)
    x, lengths = rng.integers(0, WORDS, (300, TIME)), rng.integers(0, TIME + 1, 300)
    decoded = network.decode(x, lengths=lengths, max_length=6, beam=beam)
    for row in range(0, 300, 23):
        alone = network.decode(x[row : row + 1], lengths=lengths[row : row + 1], max_length=6, beam=beam)[0]
        for one, other in zip(decoded[row], alone, strict=True):
            assert np.array_equal(one.symbols, other.symbols)
            assert_close(one.score, other.score, (1e-4, 1e-5))


def test_lists_are_decoded_as_padded_arrays() -> None:
    network = build("dot")
    x, _ = data(network)
    listed = network.decode([row[:length] for row, length in zip(x, LENGTHS, strict=True)], max_length=5)
    padded = network.decode(x, lengths=LENGTHS, max_length=5)
    for one, other in zip(listed, padded, strict=True):
        assert np.array_equal(one[0].symbols, other[0].symbols)
    with pytest.raises(ValueError, match="which have their own"):
        network.decode([x[0]], lengths=[1])


def test_decoding_tells_apart_what_float32_does_after_a_softmax() -> None:
    network = build("plain", "float32")
    network.flat[:] = 0
    network.parameters["0.decoder.2.bias"][:] = [0, 1e-9, 1e-10, 0, 0]
    x, _ = data(network)
    assert (network(x, target_lengths=[2] * BATCH).argmax(-1) == 1).all()
    assert [list(found[0].symbols) for found in network.decode(x, max_length=2)] == [[1, 1]] * BATCH


def test_a_beam_wider_than_all_texts_takes_no_more_memory() -> None:
    network = build("plain")
    x, _ = data(network)
    found = network.decode(x[:1], max_length=2, beam=2**31 - 1)[0]
    assert (
        len(found) == 1 + (CLASSES - 1) * CLASSES
    )  # the end alone, or one symbol and another one or the end


def test_a_run_that_was_fed_other_targets_is_another_run(tmp_path: Path) -> None:
    """Masked targets do not count, but they are what the decoder sees."""
    x, y = data(build("plain"))
    mask = np.ones(y.shape, bool)
    mask[:, 0] = False
    other = y.copy()
    other[:, 0] = (y[:, 0] + 1) % CLASSES
    options: dict[str, Any] = {"mask": mask, "checkpoint": tmp_path / "run", "progress": False}
    rc.fit(build("plain"), x, y, loss="cross_entropy", epochs=1, **options)
    with pytest.raises(ValueError, match="hash of the training data"):
        rc.fit(build("plain"), x, other, loss="cross_entropy", epochs=2, resume=True, **options)
    rc.fit(build("plain"), x, y, loss="cross_entropy", epochs=2, resume=True, **options)


def reversing(count: int, seed: int) -> tuple[list[Array], list[Array]]:
    """Words to be written backwards, with an end symbol."""
    rng = np.random.default_rng(seed)
    x = [rng.integers(1, CLASSES, rng.integers(1, 5)) for _ in range(count)]
    return x, [np.append(word[::-1], END) for word in x]


@pytest.mark.parametrize("name", ["plain", "dot", "additive"])
def test_fit_learns_to_write_backwards(name: str) -> None:
    network = rc.Network([NETWORKS[name]()], seed=0)
    x, y = reversing(200, 0)
    held_x, held_y = reversing(30, 1)
    history = rc.fit(
        network, x, y, loss="cross_entropy", optimizer=rc.Adam(0.02), epochs=15, progress=False,
        validation=(held_x, held_y), clip_norm=1.0,
    )  # fmt: skip
    assert history.validation_loss[-1] < 0.6 * history.validation_loss[0]
    sampled = rc.Network([NETWORKS[name]()], seed=0)
    mixed = rc.fit(
        sampled, x, y, loss="cross_entropy", optimizer=rc.Adam(0.02), epochs=15, progress=False,
        sampling=rc.ScheduledSampling(0.0, 0.5, 10), clip_norm=1.0,
    )  # fmt: skip
    assert mixed.loss[0] == pytest.approx(history.loss[0])
    assert mixed.loss[-1] != pytest.approx(history.loss[-1])
    assert mixed.loss[-1] < 0.7 * mixed.loss[0]
    taught = rc.Network([NETWORKS[name]()], seed=0)
    rc.fit(taught, x, y, loss="cross_entropy", epochs=1, progress=False, teacher=True)  # what it does anyway


def test_an_exact_copy_survives_files_pickles_and_checkpoints(tmp_path: Path) -> None:
    network = build("both directions, stacked")
    x, target = data(network)
    network.save(tmp_path / "net.safetensors")
    for copy in (rc.load(tmp_path / "net.safetensors"), pickle.loads(pickle.dumps(network))):
        assert np.array_equal(copy(x, teacher=target), network(x, teacher=target))
        assert repr(copy) == repr(network)
    assert isinstance(network.layers[0], rc.EncoderDecoder)
    words, written = reversing(40, 0)

    def trained(epochs: int, *, resume: bool = False) -> Array:
        net = build("dot")
        file = tmp_path / "run.safetensors"
        rc.fit(
            net, words, written, loss="cross_entropy", epochs=epochs, progress=False, checkpoint=file,
            resume=resume,
        )  # fmt: skip
        return net.flat.copy()

    whole = trained(4)
    trained(2)
    assert np.array_equal(trained(4, resume=True), whole)


def test_masks_and_ignored_symbols() -> None:
    network = build("dot")
    x, target = data(network)
    mask = np.random.default_rng(0).random(target.shape) < 0.6
    loss = network.loss_and_gradient(x, target, "cross_entropy", mask=mask)[0]
    y = network(x, teacher=target)
    surprise = np.log(np.exp(y).sum(-1)) - np.take_along_axis(y, target[..., None], -1)[..., 0]
    assert_close(loss, surprise[mask].mean())
    ignored = rc.CrossEntropy(ignore_index=2)
    assert_close(network.loss_and_gradient(x, target, ignored)[0], surprise[target != 2].mean())


@pytest.mark.parametrize("name", ["plain", "values"])
def test_targets_of_another_kind_than_what_is_fed_back_need_a_teacher(name: str) -> None:
    network = build(name)
    x, teacher = data(network)
    y = network(x, teacher=teacher)
    rng = np.random.default_rng(1)
    loss: rc.Loss = rc.MSE()
    target: Array = rng.normal(size=y.shape)
    if name == "plain":
        expected = np.mean((y - target) ** 2)
    else:
        loss, target = rc.CrossEntropy(), rng.integers(0, 3, y.shape[:2])
        expected = np.mean(np.log(np.exp(y).sum(-1)) - np.take_along_axis(y, target[..., None], -1)[..., 0])
    assert_close(network.loss_and_gradient(x, target, loss, teacher=teacher)[0], expected)
    kind = "class ids" if name == "plain" else "values"
    flat = network.flat.copy()
    for use in (
        lambda: network.loss_and_gradient(x, np.zeros_like(target), loss),
        lambda: rc.evaluate(network, x, np.zeros_like(target), loss=loss),
        lambda: rc.fit(network, x, np.zeros_like(target), loss=loss, progress=False),
    ):
        with pytest.raises(ValueError, match=f"teacher is None, expected {kind} for the decoder"):
            use()
    assert np.array_equal(network.flat, flat)


def test_the_encoder_alone_streams() -> None:
    network = build("plain")
    x, _ = data(network)
    alone = network.encoder()
    assert list(alone.parameters) == ["0.weight", "1.weight_ih", "1.weight_hh", "1.bias"]
    expected, last = alone(x[0], return_state=True)
    stream = alone.stream()
    assert_close([stream.step(int(word)) for word in x[0]], expected)
    memory, states = Transcription(network).encode(torch.tensor(x[0]))
    assert_close(expected, [m.detach().numpy() for m in memory])
    assert_close(last["1.h"][0], states[0][0].detach().numpy())
    with pytest.raises(ValueError, match="does not decode"):
        alone.encoder()


def words(network: rc.Network) -> Array:
    return data(network)[0]


def learn(network: rc.Network, target: Array, **options: Any) -> object:  # noqa: ANN401
    return network.loss_and_gradient(words(network), target, "cross_entropy", **options)


def train(network: rc.Network, target: Array, **options: Any) -> object:  # noqa: ANN401
    return rc.fit(network, words(network), target, loss="cross_entropy", **options)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda n: n.stream(), "reads a sequence to its end .* its encoder alone"),
        (lambda n: learn(n, data(n)[1], rule=rc.BPTT(window=2)), "looks ahead"),
        (lambda n: n(words(n)), "target_lengths is None"),
        (lambda n: n(words(n), target_lengths=[1, 2]), r"target_lengths has shape \(2,\)"),
        (lambda n: n(words(n), target_lengths=[1, 2, 3, -1]), r"target_lengths\[3\] is -1"),
        (lambda n: learn(n, data(n)[1], target_lengths=[9] * 4), r"target_lengths\[0\] is 9"),
        (lambda n: n(words(n), teacher=np.full((4, 5), 6)), r"class id 6 at .* expected 0 .. 5"),
        (lambda n: n(words(n), teacher=np.full((4, 5), -1)), "teacher has the class id -1"),
        (lambda n: n(words(n), teacher=np.zeros((3, 5), int)), r"teacher has shape \(3, 5\)"),
        (lambda n: learn(n, np.full((4, 5), 5)), "target has the class id 5"),
        (lambda n: train(n, data(n)[1], rule=rc.BPTT(window=2)), "looks ahead"),
        (lambda n: train(n, np.full((4, 5), 7)), "class id 7"),
        (lambda n: rc.Diagnosis(n, words(n)[0]), "looks ahead"),
        (lambda n: n.forecast(np.zeros((3, 5)), 2), "looks ahead"),
        (lambda n: n.decode(words(n), max_length=0), "max_length is 0"),
        (lambda n: n.decode(words(n), beam=0), "beam is 0"),
        (lambda n: n.decode(words(n), length_power=np.inf), "length_power is not finite"),
        (lambda n: n.decode(words(n) + 9), "class id"),
        (lambda n: build("values").decode(np.zeros((3, 2))), "does not write symbols"),
        (lambda n: rc.Network([rc.GRU(2, 3)])(np.zeros((3, 2), "f4"), target_lengths=[3]), "does not decode"),
    ],
)  # fmt: skip
def test_uses_that_are_refused(use: Callable[[rc.Network], object], message: str) -> None:
    network = build("dot")
    flat = network.flat.copy()
    with pytest.raises(ValueError, match=message):
        use(network)
    assert np.array_equal(network.flat, flat)


def pair(*decoder: rc.Layer, encoder: rc.Layer | None = None, **options: Any) -> rc.Network:  # noqa: ANN401
    read = [rc.Embedding(WORDS, 3), rc.GRU(3, 4)] if encoder is None else [encoder]
    return rc.Network([rc.EncoderDecoder(read, list(decoder), **options)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pair(*symbols(rc.GRU(3, 5), width=5), start=5), "with 1.h of 4 .* with 1.h of 5"),
        (lambda: pair(*symbols(rc.LSTM(3, 4), width=4), start=5), "bridge = 'linear'"),
        (lambda: pair(*symbols(rc.GRU(3, 4), width=4)), "lacks the option 'start'"),
        (lambda: pair(*symbols(rc.GRU(3, 4), width=4), start=6), "start = 6, expected 0 .. 5"),
        (lambda: pair(*symbols(rc.GRU(3, 4), width=4), start=5, end=5), "end = 5, expected 0 .. 4"),
        (lambda: pair(*symbols(rc.GRU(3, 4), width=4), start=5, bridge="tanh"), "bridge is 'tanh'"),
        (lambda: pair(*symbols(rc.GRU(3, 4), width=4), start=5, bridge=True), "bridge is True"),
        (lambda: pair(rc.Embedding(4, 3), rc.GRU(3, 4), rc.Linear(4, 5), start=3), "4 embeddings for 5"),
        (lambda: pair(*symbols(rc.GRU(3, 4, learned_initial_state=True), width=4), start=5), "learns its"),
        (lambda: pair(*symbols(rc.Bidirectional(rc.GRU(3, 2)), width=4), start=5), "that looks ahead"),
        (lambda: pair(*symbols(rc.GRU(3, 4), rc.Last(), width=4), start=5), "pools over time"),
        (lambda: pair(*symbols(rc.Feedback(rc.GRU(7, 4)), width=4), start=5), "with a Feedback inside"),
        (lambda: pair(rc.GRU(3, 4)), "from 3 to 4 features"),
        (lambda: pair(rc.GRU(4, 4), start=1), "without an Embedding"),
        (lambda: pair(*symbols(rc.GRU(3, 4), rc.Linear(4, 3), rc.Attention(), width=7), start=5), "by the"),
        (lambda: rc.Network([rc.GRU(2, 3), rc.Attention()]), "nothing to attend to"),
        (lambda: rc.EncoderDecoder(*[[rc.GRU(4, 4)]] * 2), "the same object"),
        (lambda: rc.Network([rc.GRU(2, 3), rc.Embedding(3, 3)]), "first layer of a network, an encoder or"),
        (lambda: rc.Network([NETWORKS["plain"](), rc.Linear(5, 2)]), "not the only layer"),
        (lambda: rc.Network([rc.Residual([NETWORKS["plain"]()])]), "not the only layer"),
        (lambda: rc.Attention("additive"), "size is None, expected a number of units for score='additive'"),
        (lambda: rc.Attention("dot", 3), "size is 3, expected None for score='dot'"),
        (lambda: rc.Attention("cosine"), "score is 'cosine', expected 'dot' or 'additive'"),  # type: ignore[arg-type]
        (lambda: rc.Attention(["dot"]), "score is .'dot'., expected 'dot' or 'additive'"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_networks_that_cannot_be_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
