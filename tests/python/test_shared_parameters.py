"""Tied and frozen parameters: PyTorch's modules that share a Parameter, files, copies and refusals."""

import copy
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recurra as rc
from problems import Array, randomize

torch = pytest.importorskip("torch")

WORDS, UNITS = 7, 5
CLIP = 0.1
RULES: dict[str, rc.OnlineRule | rc.BPTT] = {
    "RTRL": rc.RTRL(),
    "RTRL(block=3)": rc.RTRL(block=3),
    "RTRL(scope=layer)": rc.RTRL(scope="layer"),
    "SnAp": rc.SnAp(1),
    "EProp": rc.EProp(),
    "KFRTRL": rc.KFRTRL(),
    "UORO": rc.UORO(),
    "RFLO": rc.RFLO(),
    "BPTT(window=3)": rc.BPTT(window=3),
}


def language_model(dtype: str = "float64") -> rc.Network:
    """An embedding that is the readout, and two layers with one recurrent matrix."""
    network = rc.Network(
        [rc.Embedding(WORDS, UNITS), rc.Elman(UNITS, UNITS), rc.Elman(UNITS, UNITS), rc.Linear(UNITS, WORDS)],
        dtype=dtype,
    )
    randomize(network, 3)
    network.tie("3.weight", "0.weight")
    network.tie("1.weight_hh", "2.weight_hh")
    return network


class Twin(torch.nn.Module):  # type: ignore[misc, name-defined, unused-ignore]
    """The same in PyTorch, with one Parameter for what is tied."""

    def __init__(self, network: rc.Network) -> None:
        super().__init__()
        p = {name: torch.tensor(value) for name, value in network.parameters.items()}
        self.embedding = torch.nn.Embedding.from_pretrained(p["0.weight"], freeze=False)
        self.layers = torch.nn.ModuleList()
        for i in (1, 2):
            layer = torch.nn.RNN(UNITS, UNITS, batch_first=True, dtype=torch.float64)
            layer.weight_ih_l0.data, layer.bias_ih_l0.data = p[f"{i}.weight_ih"], p[f"{i}.bias"]
            layer.weight_hh_l0.data = p[f"{i}.weight_hh"]
            layer.bias_hh_l0 = torch.nn.Parameter(
                torch.zeros(UNITS, dtype=torch.float64), requires_grad=False
            )
            self.layers.append(layer)
        self.layers[1].weight_hh_l0 = self.layers[0].weight_hh_l0
        self.readout = torch.nn.Linear(UNITS, WORDS, dtype=torch.float64)
        self.readout.weight = self.embedding.weight
        self.readout.bias.data = p["3.bias"]

    def forward(self, x: Any) -> Any:  # noqa: ANN401
        x = self.embedding(x)
        for layer in self.layers:
            x, _ = layer(x)
        return self.readout(x)

    def loss(self, x: Array, y: Array) -> Any:  # noqa: ANN401
        logits = self(torch.tensor(x)).reshape(-1, WORDS)
        return torch.nn.functional.cross_entropy(logits, torch.tensor(y).reshape(-1))

    def named(self) -> dict[str, Any]:
        """Each Parameter under all of Recurra's names for it, the first one first."""
        first, second = self.layers
        return {
            "3.weight": self.embedding.weight,
            "1.weight_hh": first.weight_hh_l0,
            "1.weight_ih": first.weight_ih_l0,
            "1.bias": first.bias_ih_l0,
            "2.weight_ih": second.weight_ih_l0,
            "2.bias": second.bias_ih_l0,
            "3.bias": self.readout.bias,
        }


def words(batch: int = 4, time: int = 6) -> tuple[Array, Array]:
    rng = np.random.default_rng(5)
    return rng.integers(0, WORDS, (batch, time)), rng.integers(0, WORDS, (batch, time))


def parts(network: rc.Network, flat: Array) -> dict[str, Array]:
    """A vector laid out as the parameters, by name."""
    result, offset = {}, 0
    for name, value in network.parameters.items():
        result[name] = flat[offset : offset + value.size].reshape(value.shape)
        offset += value.size
    return result


def test_gradient_is_that_of_a_shared_parameter() -> None:
    network = language_model()
    twin, (x, y) = Twin(network), words()
    loss, gradient = network.loss_and_gradient(x, y, "cross_entropy")
    expected = twin.loss(x, y)
    expected.backward()
    assert abs(loss - expected.item()) < 1e-12
    got = parts(network, gradient)
    for name, parameter in twin.named().items():
        np.testing.assert_allclose(got[name], parameter.grad.numpy(), rtol=0, atol=1e-10, err_msg=name)
    assert not got["0.weight"].any()
    assert not got["2.weight_hh"].any()
    exact = network.loss_and_gradient(x, y, "cross_entropy", rule=rc.RTRL())[1]
    np.testing.assert_allclose(exact, gradient, rtol=0, atol=1e-12)


OPTIMIZERS: dict[str, tuple[rc.Optimizer, Callable[[Any], Any]]] = {
    "Adam": (rc.Adam(0.02, l2=0.01), lambda p: torch.optim.Adam(p, 0.02, weight_decay=0.01)),
    "AdamW": (rc.AdamW(0.02, weight_decay=0.3), lambda p: torch.optim.AdamW(p, 0.02, weight_decay=0.3)),
    "SGD": (
        rc.SGD(0.2, momentum=0.9, l2=0.01),
        lambda p: torch.optim.SGD(p, 0.2, momentum=0.9, weight_decay=0.01),
    ),
}


@pytest.mark.parametrize("frozen", [(), ("3", "2.bias")], ids=["all learn", "some rest"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_twenty_updates_of_fit_are_those_of_a_shared_parameter(name: str, frozen: tuple[str, ...]) -> None:
    network = language_model()
    network.freeze(*frozen)
    before = network.flat.copy()
    twin, (x, y) = Twin(network), words()
    ours, theirs = OPTIMIZERS[name]
    for key, parameter in twin.named().items():
        parameter.requires_grad_(key not in network.frozen)
    learning = [p for p in twin.parameters() if p.requires_grad]
    optimizer = theirs(learning)
    clipped = 0
    for _ in range(20):
        optimizer.zero_grad()
        twin.loss(x, y).backward()
        norm = torch.sqrt(sum((p.grad**2).sum() for p in learning))  # PyTorch's own clipping adds 1e-6 to it
        if norm > CLIP:
            clipped += 1
            for p in learning:
                p.grad *= CLIP / norm
        optimizer.step()
    rc.fit(
        network,
        x,
        y,
        loss="cross_entropy",
        optimizer=ours,
        epochs=20,
        batch_size=4,
        clip_norm=CLIP,
        shuffle=False,
        progress=False,
    )
    assert clipped > 5
    for key, parameter in twin.named().items():
        np.testing.assert_allclose(
            network.parameters[key], parameter.detach().numpy(), rtol=0, atol=1e-10, err_msg=key
        )
    np.testing.assert_array_equal(network.parameters["0.weight"], network.parameters["3.weight"])
    np.testing.assert_array_equal(network.parameters["2.weight_hh"], network.parameters["1.weight_hh"])
    start = parts(network, before)
    for key in network.parameters:
        assert np.array_equal(network.parameters[key], start[key]) == (key in network.frozen), key


@pytest.mark.parametrize("rule", RULES)
def test_every_online_rule_learns_with_ties(rule: str) -> None:
    network = rc.Network(
        [rc.LeakyElman(3, 3, 0.5), rc.LeakyElman(3, 3, 0.5), rc.Linear(3, 3)], dtype="float64"
    )
    network.tie("1.weight_hh", "0.weight_hh", "2.weight")
    network.freeze("0.bias")
    before = network.parameters["0.bias"].copy(), network.parameters["2.weight"].copy()
    learner = rc.Online(network, RULES[rule], optimizer=rc.AdamW(1e-2), frozen=["2.bias"], clip_norm=1.0)
    rng = np.random.default_rng(0)
    for _ in range(20):
        learner.step(rng.normal(size=3), rng.normal(size=3))
        np.testing.assert_array_equal(network.parameters["2.weight"], network.parameters["1.weight_hh"])
        np.testing.assert_array_equal(network.parameters["0.weight_hh"], network.parameters["1.weight_hh"])
    assert learner.report().updates == 20
    np.testing.assert_array_equal(network.parameters["0.bias"], before[0])
    assert not np.array_equal(network.parameters["2.weight"], before[1])
    gradient = parts(network, learner.gradient())
    assert gradient["1.weight_hh"].any()
    assert not any(gradient[name].any() for name in ("0.weight_hh", "2.weight", "0.bias", "2.bias"))
    network.unfreeze("0.bias")
    with pytest.raises(ValueError, match=r"^step: other parameters of the network are tied or frozen now"):
        learner.step(np.zeros(3), np.zeros(3))


def test_an_optimizer_in_a_loop_of_ones_own() -> None:
    network = language_model("float32")
    network.freeze("1.bias")
    before = network.parameters["1.bias"].copy()
    updater = rc.AdamW(1e-2, weight_decay=0.5).bind(network)
    view, readout, embedding = network.flat, network.parameters["3.weight"], network.parameters["0.weight"]
    for _ in range(3):
        updater.update(np.ones(view.size, "f4"))
        np.testing.assert_array_equal(embedding, readout)  # before anyone asks the network
    got = parts(network, view)
    np.testing.assert_array_equal(got["0.weight"], got["3.weight"])
    np.testing.assert_array_equal(got["1.bias"], before)
    mean = parts(network, np.asarray(updater.state()["mean"]))
    assert mean["3.weight"].all()
    assert not mean["0.weight"].any()
    assert not mean["1.bias"].any()


def test_the_first_is_the_parameter_and_others_follow_it() -> None:
    network = language_model()
    readout = network.parameters["3.weight"].copy()
    np.testing.assert_array_equal(network.parameters["0.weight"], readout)
    view = network.parameters["0.weight"]
    view[...] = 5  # a copy alone: lost
    x, y = words()
    with_copy = network(x)
    np.testing.assert_array_equal(view, readout)
    np.testing.assert_array_equal(network(x), with_copy)
    view[...] = 5
    np.testing.assert_array_equal(network.flat, language_model().flat)
    network.parameters["3.weight"][...] = 0.25
    assert (network.parameters["0.weight"] == 0.25).all()
    network.initialize(seed=9)
    assert network.tied == (("1.weight_hh", "2.weight_hh"), ("3.weight", "0.weight"))
    np.testing.assert_array_equal(network.parameters["0.weight"], network.parameters["3.weight"])
    stream = network.stream()
    y = network(x[0])
    np.testing.assert_allclose([stream.step(int(word)) for word in x[0]], y, rtol=0, atol=1e-12)


def test_copies_pickles_and_files_keep_it(tmp_path: Path) -> None:
    network = language_model()
    network.freeze("1.bias", "3")
    assert network.frozen == ("0.weight", "1.bias", "3.weight", "3.bias")
    assert "tied=(('1.weight_hh', '2.weight_hh'), ('3.weight', '0.weight'))" in repr(network)
    assert "frozen=('0.weight', '1.bias', '3.weight', '3.bias')" in repr(network)
    network.save(tmp_path / "net.safetensors")
    for other in (
        copy.copy(network),
        copy.deepcopy(network),
        pickle.loads(pickle.dumps(network)),
        rc.load(tmp_path / "net.safetensors"),
    ):
        assert (other.tied, other.frozen) == (network.tied, network.frozen)
        np.testing.assert_array_equal(other.flat, network.flat)
    network.unfreeze("0", "1", "3.bias")
    assert not network.frozen
    assert other.frozen
    plain = rc.Network([rc.Linear(2, 2)])
    plain.save(tmp_path / "plain.safetensors")
    content = (tmp_path / "plain.safetensors").read_bytes()
    assert b"tied" not in content
    assert b"frozen" not in content
    assert "tied" not in repr(plain)


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("tied", "3.weight", "metadata 'tied': got 1 parameters to tie"),
        ("tied", "", "has the empty metadata 'tied'"),
        ("frozen", "", "has the empty metadata 'frozen'"),
        ("tied", "3.weight = 9.weight", "metadata 'tied': the network has no parameter '9.weight'"),
        ("tied", "3.weight = 3.weight", "metadata 'tied': '3.weight' is named twice"),
        ("tied", "3.weight = 3.bias", "metadata 'tied': '3.bias' has shape (7), expected (7, 5)"),
        ("tied", "3.weight = 0.weight, 1.weight_hh = 2.weight_hh", "metadata 'tied' is"),
        ("tied", "1.weight_hh = 2.weight_hh,3.weight = 0.weight", "metadata 'tied'"),
        ("tied", "1.weight_hh = 2.weight_ih", "tensor '2.weight_ih' differs from '1.weight_hh'"),
        ("frozen", "7.bias", "metadata 'frozen': the network has no parameter '7.bias'"),
        ("frozen", "3", "metadata 'frozen' is '3', expected '0.weight, 3.weight, 3.bias'"),
        ("frozen", "3.weight", "metadata 'frozen' is '3.weight', expected '0.weight, 3.weight'"),
        ("frozen", "1.bias, 1.bias", "metadata 'frozen' is"),
    ],
)
def test_damaged_metadata_is_refused(tmp_path: Path, key: str, text: str, message: str) -> None:
    network = language_model()
    path = tmp_path / "net.safetensors"
    network.save(path)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    assert header["__metadata__"]["tied"] == "1.weight_hh = 2.weight_hh, 3.weight = 0.weight"
    header["__metadata__"][key] = text
    changed = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(changed)) + changed + content[8 + length :])
    with pytest.raises(RuntimeError) as caught:
        rc.load(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_checkpoints_know_it(tmp_path: Path) -> None:
    x, y = words(8)
    options: dict[str, Any] = {"batch_size": 2, "progress": False, "seed": 4}

    def begun() -> rc.Network:
        network = language_model()
        network.freeze("2.bias")
        return network

    whole, stopped = begun(), begun()
    rc.fit(whole, x, y, loss="cross_entropy", epochs=4, **options)
    options["checkpoint"] = tmp_path / "run.safetensors"
    rc.fit(stopped, x, y, loss="cross_entropy", epochs=2, **options)
    for change in ("tie", "unfreeze"):
        other = begun()
        if change == "tie":
            other.tie("1.weight_ih", "2.weight_ih")
        else:
            other.unfreeze("2.bias")
        with pytest.raises(ValueError, match=r"^fit: the network is .*, expected .*frozen 2\.bias to resume"):
            rc.fit(other, x, y, loss="cross_entropy", epochs=4, resume=True, **options)
    resumed = begun()
    view = resumed.flat
    rc.fit(resumed, x, y, loss="cross_entropy", epochs=4, resume=True, **options)
    np.testing.assert_array_equal(view, whole.flat)
    assert rc.load(tmp_path / "run.safetensors").tied == whole.tied


def test_refusals_change_nothing() -> None:
    network = language_model()
    state = network.tied, network.frozen, network.flat.copy()
    refusals: list[tuple[Callable[[], None], type[Exception], str]] = [
        (lambda: network.tie(), ValueError, r"^tie: got 0 parameters to tie, expected at least 2$"),
        (lambda: network.tie("1.bias"), ValueError, r"^tie: got 1 parameters to tie, expected at least 2$"),
        (lambda: network.tie("1.bias", "1.bias"), ValueError, r"^tie: '1\.bias' is named twice"),
        (
            lambda: network.tie("1.bias", "5.bias"),
            ValueError,
            r"^tie: the network has no parameter '5\.bias'$",
        ),
        (
            lambda: network.tie("1.bias", "3.bias"),
            ValueError,
            r"^tie: '3\.bias' has shape \(7\), expected \(5\)",
        ),
        (lambda: network.tie("1.bias", 3), TypeError, r"^tie: got 3, expected the names"),  # type: ignore[arg-type]
        (lambda: network.freeze("9"), ValueError, r"^freeze: the network has no parameter '9'$"),
        (lambda: network.freeze(["1"]), TypeError, r"^freeze: got \['1'\], expected"),  # type: ignore[arg-type]
        (lambda: network.unfreeze("1.b"), ValueError, r"^unfreeze: the network has no parameter '1\.b'$"),
    ]
    for call, kind, message in refusals:
        with pytest.raises(kind, match=message):
            call()
        assert (network.tied, network.frozen) == state[:2]
        np.testing.assert_array_equal(network.flat, state[2])
