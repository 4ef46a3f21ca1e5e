"""The parameters of a network, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from recurra._arrays import FloatArray


class Parameters(Mapping[str, FloatArray]):
    """Parameters by name, such as ``"0.weight_ih"``: writable views into `Network.flat`."""

    def __init__(self, views: dict[str, FloatArray]) -> None:
        self._views = views

    def __getitem__(self, name: str) -> FloatArray:
        try:
            return self._views[name]
        except KeyError:
            raise KeyError(
                f"no parameter is named {name!r}, expected one of {', '.join(self._views)}"
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Parameters):
            return NotImplemented
        return list(self) == list(other) and all(np.array_equal(self[name], other[name]) for name in self)

    __hash__ = None  # type: ignore[assignment]  # its values can change

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{name!r}: {view.shape}" for name, view in self._views.items()) + "}"
