"""What the estimators share: a network made at the first sample, which then learns online."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from recurra._arrays import FloatArray, flag, parse_dtype
from recurra._cells import LSTM
from recurra._layer import Layer
from recurra._layers import Linear
from recurra._losses import Loss, LossName
from recurra._network import Network
from recurra._online import Online
from recurra._optimizers import Adam, Optimizer
from recurra._rules import BPTT, OnlineRule
from recurra.river._features import Features, Sample

Factory: TypeAlias = Callable[[int, int], Sequence[Layer]]


def default_layers(features: int, outputs: int) -> list[Layer]:
    """One LSTM of 16 units and a linear readout."""
    return [LSTM(features, 16), Linear(16, outputs)]


class OnlineLearning:
    """The part of an estimator that is a network: `learner` is None before the first sample."""

    def __init__(
        self,
        network: Factory | None,
        rule: OnlineRule | BPTT | None,
        optimizer: Optimizer | None,
        update_every: int,
        clip_norm: float | None,
        strict: bool,
        dtype: str,
        seed: int,
    ) -> None:
        self.network = network
        self.rule = rule
        self.optimizer = optimizer
        self.update_every = update_every
        self.clip_norm = clip_norm
        self.strict = strict
        self.dtype = dtype
        self.seed = seed
        self.learner: Online | None = None
        self._features: Features | None = None

    def reset(self) -> None:
        """Begin a new sequence: what comes next does not follow what came before. What was learned stays."""
        if self.learner is not None:
            self.learner.reset()

    def _make_learner(self, network: Network, loss: LossName | Loss) -> Online:
        return Online(
            network,
            self.rule,
            loss,
            self.optimizer if self.optimizer is not None else Adam(1e-2),
            update_every=self.update_every,
            clip_norm=self.clip_norm,
        )

    def _begin(self, x: Sample, outputs: int, loss: LossName | Loss) -> tuple[Features, Online]:
        """What reads samples and what learns, made at the first one."""
        if self._features is not None and self.learner is not None:
            return self._features, self.learner
        features = Features(x, flag(f"{type(self).__name__}: strict", self.strict), parse_dtype(self.dtype))
        factory = self.network if self.network is not None else default_layers
        network = Network(factory(len(features.names), outputs), self.dtype, self.seed)
        if network.output_size != outputs:
            raise ValueError(
                f"{type(self).__name__}: network gave layers with {network.output_size} outputs, "
                f"expected {outputs}"
            )
        return features, self._make_learner(network, loss)

    def _keep(self, features: Features, learner: Online) -> None:
        self._features, self.learner = features, learner

    def _output(self, x: Sample, function: str) -> FloatArray | None:
        """The outputs of a step with this sample, which is not made. None before the first one."""
        if self._features is None or self.learner is None:
            return None
        return self.learner.predict(self._features.read(function, x))

    # A learner is copied and pickled as the file that it would write.
    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        learner: Online | None = state.pop("learner")
        if learner is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "learner"
                learner.save(path)
                state["_saved"] = learner.network, path.read_bytes()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        saved = state.pop("_saved", None)
        self.__dict__.update(state)
        self.learner = None
        if saved is not None:
            network, content = saved
            self.learner = self._make_learner(network, self._loss())
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "learner"
                path.write_bytes(content)
                self.learner.load(path)

    def _loss(self) -> LossName | Loss:
        raise NotImplementedError
