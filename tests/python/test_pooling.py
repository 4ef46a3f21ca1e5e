"""Pooling over time: PyTorch on padded batches, and running values on a stream."""

from collections.abc import Callable

import numpy as np
import pytest
import recurra as rc
from problems import DTYPES, Array, assert_close

torch = pytest.importorskip("torch")

from torch_twin import Tensor  # noqa: E402

TIME, LENGTHS = 7, np.array([3, 7, 1, 0, 7, 5])
PADDED: dict[str, tuple[Callable[[], rc.Layer], Callable[..., Tensor]]] = {
    "Max": (rc.Max, lambda x, valid: torch.where(valid, x, -torch.inf).max(dim=1).values),
    "Mean": (rc.Mean, lambda x, valid: torch.where(valid, x, 0).sum(dim=1) / valid.sum(dim=1)),
}
RUNNING: dict[str, tuple[Callable[[], rc.Layer], Callable[[Array], Array]]] = {
    "Max": (rc.Max, np.maximum.accumulate),
    "Mean": (rc.Mean, lambda x: np.cumsum(x, axis=0) / np.arange(1, len(x) + 1)[:, np.newaxis]),
    "Last": (rc.Last, lambda x: x),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PADDED)
def test_values_and_gradients_are_torchs(name: str, dtype: str) -> None:
    layer, pool = PADDED[name]
    network = rc.Network([rc.Linear(3, 4), rc.Tanh(), layer(), rc.Linear(4, 2)], dtype=dtype, seed=1)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(len(LENGTHS), TIME, 3)).astype(dtype)
    target = rng.normal(size=(len(LENGTHS), 2)).astype(dtype)

    parameters = {key: torch.tensor(value, requires_grad=True) for key, value in network.parameters.items()}
    valid = torch.arange(TIME)[None, :, None] < torch.tensor(LENGTHS)[:, None, None]
    hidden = torch.tanh(torch.tensor(x) @ parameters["0.weight"].T + parameters["0.bias"])
    some = LENGTHS > 0
    pooled = pool(hidden[some], valid[some])
    y = pooled @ parameters["3.weight"].T + parameters["3.bias"]
    loss = torch.nn.functional.mse_loss(y, torch.tensor(target[some]))
    loss.backward()

    close = (2e-5, 2e-6) if dtype == "float32" else (1e-12, 1e-14)
    got = network(x, lengths=LENGTHS)
    assert_close(got[some], y.detach().numpy(), close)
    assert_close(got[~some], np.broadcast_to(network.parameters["3.bias"], got[~some].shape), close)
    value, gradient = network.loss_and_gradient(x, target, lengths=LENGTHS)
    assert value == pytest.approx(loss.item(), rel=close[0])
    assert_close(gradient, np.concatenate([p.grad.numpy().ravel() for p in parameters.values()]), close)


@pytest.mark.parametrize("name", RUNNING)
def test_a_stream_gives_the_running_value(name: str) -> None:
    layer, running = RUNNING[name]
    network = rc.Network([rc.Linear(3, 3), layer()], dtype="float64")
    network.parameters["0.weight"][:] = np.eye(3)
    network.parameters["0.bias"][:] = 0
    x = np.random.default_rng(0).normal(size=(20, 3)) - 2  # the maximum of numbers below 0 is not 0
    stream = network.stream()
    assert_close(np.stack([stream.step(x_t) for x_t in x]), running(x))
    assert_close(network(x), running(x)[-1])
    # Stopped and gone on with, as a batch.
    _, state = network(x[:8], return_state=True)
    assert all(np.isfinite(values).all() for values in network.initial_state().values())
    if name != "Last":
        assert_close(network(x[8:], state=state), running(x)[-1])


def test_the_first_of_equal_maxima_takes_the_gradient() -> None:
    network = rc.Network([rc.Linear(2, 1), rc.Max()], dtype="float64")
    network.flat[:] = (1, 0, 0)
    x = np.array([[1.0, 10], [2, 20], [2, 30], [0, 40]])  # the first feature alone decides
    _, gradient = network.loss_and_gradient(x, np.zeros(1))
    assert gradient.tolist() == [8.0, 80.0, 4.0]  # 2 y times x and 1, of the second step
