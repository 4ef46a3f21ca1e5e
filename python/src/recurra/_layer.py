"""What all layers have in common: a description without numbers, from which a `Network` is built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from recurra import _core
from recurra._arrays import count, number

Option = bool | int | float | str


def size(layer: str, name: str, value: int) -> int:
    """A size as an integer of at least 1."""
    return count(f"{layer}: {name}", value, 1, 2**62)


def probability(layer: str, name: str, value: float) -> float:
    """A probability below 1."""
    found = number(f"{layer}: {name}", value)
    if not 0 <= found < 1:
        raise ValueError(f"{layer}: {name} is {value!r}, expected 0 <= {name} < 1")
    return found


def choice(name: str, value: object, *choices: str) -> str:
    """One of these texts."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} is {value!r}, expected {' or '.join(map(repr, choices))}")
    return value


def listed(owner: str, layers: Sequence[Layer]) -> list[Layer]:
    """A list of layers, each object once: parameters belong to one place."""
    if not isinstance(layers, Iterable):
        raise TypeError(f"{owner}: layers is {layers!r}, expected a list of layers")
    layers = list(layers)
    for i, layer in enumerate(layers):
        for j in range(i):
            if layers[j] is layer and isinstance(layer, Layer):
                raise ValueError(
                    f"{owner}: layers[{i}] is the same object as layers[{j}], expected a layer of its own"
                )
    return layers


class Layer:
    """A layer's type and options. Use a subclass, and each layer object in one place of one network."""

    _spec: _core.LayerSpec

    def __init__(self, type: str, *layers: Layer, **options: Option) -> None:
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise TypeError(f"{type}: layer {i} inside is a {layer.__class__.__name__}, expected a layer")
        self._spec = _core.LayerSpec(type, options, [layer._spec for layer in layers])

    @property
    def type(self) -> str:
        """The type's name, as files have it."""
        return self._spec.type

    @property
    def options(self) -> dict[str, Option]:
        """The options, by name."""
        return self._spec.options

    @property
    def layers(self) -> list[Layer]:
        """The layers inside."""
        return [Layer._from_spec(spec) for spec in self._spec.layers]

    @classmethod
    def _from_spec(cls, spec: _core.LayerSpec) -> Layer:
        kind = {known.__name__: known for known in _subclasses(Layer)}.get(spec.type, Layer)
        layer = kind.__new__(kind)
        layer._spec = spec
        return layer

    def __repr__(self) -> str:
        return repr(self._spec)

    def __reduce__(self) -> tuple[object, ...]:
        return _restore, (self.type, self.options, self.layers)


def _subclasses(of: type[Layer]) -> Iterator[type[Layer]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _subclasses(kind)


def _restore(type: str, options: dict[str, Option], layers: Sequence[Layer] = ()) -> Layer:
    return Layer._from_spec(_core.LayerSpec(type, options, [layer._spec for layer in layers]))
