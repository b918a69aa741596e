"""Layers made of layers: a chain, and a chain with a shortcut around it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tinynet.backend.arrays import Array
from tinynet.backend.habits import NamedArrays, written_here
from tinynet.errors import ShapeError, mismatch
from tinynet.initializers import Shape
from tinynet.layers.base import Backward, Context, Layer, arrays_in
from tinynet.layers.configuration import BuildLayer, layers_from_json, layers_to_json
from tinynet.layers.layout import writable


class Container(Layer):
    """Several named layers as one: their parameters in one vector, their statistics in another.

    The same layer may stand at two positions; its parameters exist once. Raises TypeError for something
    that is not a layer, ValueError for a layer that belongs to another model already.
    """

    layers: tuple[Layer, ...]
    names: tuple[str, ...]
    _start: int  # where the parameters begin in `_vector`; set by bind
    _statistics_start: int  # the same for the statistics; set by bind_statistics

    def __init__(self, layers: Sequence[Layer], names: Sequence[str]) -> None:
        for layer in layers:
            _check_free("Residual" if type(self) is Chain else type(self).__name__, layer)
        self.layers, self.names = tuple(layers), tuple(names)
        self._positions = [
            *itertools.accumulate((layer.positions for layer in layers), initial=0)
        ]  # the last is that of the end
        for layer in self.distinct:
            layer._taken = True

    @property
    def distinct(self) -> list[Layer]:
        """The layers without repetitions."""
        return list(dict.fromkeys(self.layers))

    @property
    def theta(self) -> Array:
        """Every parameter, as one vector (a parameter begins at each multiple of 16, with zeros between)."""
        return self._vector[self._start : self._start + self.size]

    @theta.setter
    def theta(self, values: Array) -> None:
        if values.shape != self.theta.shape:
            remedy = "take it from a model of the same layers"
            raise ShapeError(mismatch("model.theta", f"shape {self.theta.shape}", values.shape, remedy))
        self.theta[...] = values

    @property
    def statistics_vector(self) -> Array:
        """Every statistic, as one vector laid out in the same way; empty if no layer has statistics."""
        return self._statistics_vector[self._statistics_start : self._statistics_start + self.statistics_size]

    @property
    def size(self) -> int:
        return sum(layer.size for layer in self.distinct)

    @property
    def statistics_size(self) -> int:
        return sum(layer.statistics_size for layer in self.distinct)

    @property
    def parameters(self) -> dict[str, Array]:
        """The parameters by position and name: {"0.weight": ..., "0.bias": ..., "2.weight": ...}."""
        return NamedArrays(self._named({layer: layer.parameters for layer in self.distinct}))

    @property
    def statistics(self) -> dict[str, Array]:
        """The statistics by position and name: {"1.running_mean": ..., ...}."""
        return NamedArrays(self._named({layer: layer.statistics for layer in self.distinct}))

    @property
    def declared_shapes(self) -> dict[str, Shape]:
        return self._named({layer: layer.declared_shapes for layer in self.distinct})

    def _named(self, of_layers: Mapping[Layer, Mapping[str, Any]]) -> dict[str, Any]:
        first = {layer: number for number, layer in reversed(list(enumerate(self.layers)))}
        return {
            f"{self.names[number]}.{name}": values
            for number in sorted(first.values())
            for name, values in of_layers[self.layers[number]].items()
        }

    @property
    def parameter_count(self) -> int:
        return sum(layer.parameter_count for layer in self.distinct)

    @property
    def splittable(self) -> bool:  # type: ignore[override]
        """Whether threads may share a batch in every layer."""
        return all(layer.splittable for layer in self.distinct)

    @property
    def positions(self) -> int:
        return self._positions[-1]

    def views(self, vector: Array, changes: Array = None) -> list[Any]:
        """`vector`, laid out like `theta`, as one dict of named arrays for each layer."""
        return [layer.views(vector, changes) for layer in self.layers]

    def bind(self, vector: Array, offset: int) -> None:
        self._vector, self._start = vector, offset
        for layer in self.distinct:
            layer.bind(vector, offset)
            offset += layer.size

    def bind_statistics(self, vector: Array, offset: int) -> None:
        self._statistics_vector, self._statistics_start = vector, offset
        for layer in self.distinct:
            layer.bind_statistics(vector, offset)
            offset += layer.statistics_size

    def draw(self, vector: Array, offset: int, seed: int, position: int) -> None:
        first: dict[Layer, int] = {}
        for layer, start in zip(self.layers, self._positions):
            if first.setdefault(layer, start) == start:
                layer.draw(vector, offset, seed, position + start)
                offset += layer.size

    def draw_statistics(self, vector: Array, offset: int) -> None:
        for layer in self.distinct:
            layer.draw_statistics(vector, offset)
            offset += layer.statistics_size

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copied or unpickled model: its layers share its vectors again, where each came with its own."""
        vars(self).update(state)
        if not self._taken:
            self.bind(writable(self._vector), self._start)
            self.bind_statistics(writable(self._statistics_vector), self._statistics_start)


class Part(NamedTuple):
    """One step of a chain: a layer, or a fused kernel that replaces several."""

    layer: Any  # with a method forward(x, context)
    number: int  # of its dict in `grads`
    position: int  # relative to the chain's own
    has_parameters: bool
    repeated: bool  # whether it occurs later in the chain, too: then its gradients add up


def forward_through(parts: Sequence[Part], x: Array, context: Context) -> tuple[Array, Backward]:
    """y = last(... second(first(x))), and the function that takes the gradient back through all parts."""
    backwards = []
    input_gradient = context.input_gradient  # from the first layer with parameters on, every layer must return its dx
    for part in parts:
        x, backward = part.layer.forward(x, context.at(part.position, input_gradient))
        backwards.append(backward)
        input_gradient = input_gradient or part.has_parameters

    def backward_all(dy: Array, grads: Any) -> Array:
        if not backwards:
            raise RuntimeError("Sequential: backward was called twice for one forward; call forward again first")
        while backwards:
            part, backward = parts[len(backwards) - 1], backwards.pop()  # frees what this layer kept, after its use
            own = grads[part.number]
            later = [gradient.copy() for gradient in arrays_in(own)] if part.repeated else []
            dy = backward(dy, own)
            for gradient, seen in zip(arrays_in(own), later) if later else ():
                gradient += seen
            if dy is None:  # no layer before this one has parameters
                backwards.clear()
        return dy

    return x, backward_all


class Chain(Container):
    """Layers in a row: y = last(... second(first(x))). A part of a model; the model itself is a Sequential."""

    def __init__(self, *layers: Layer) -> None:
        if not layers:
            name = "Residual" if type(self) is Chain else type(self).__name__
            raise ValueError(f"{name}: expected at least one layer, got none; try {name}(Dense(784, 10))")
        super().__init__(layers, [str(number) for number in range(len(layers))])
        self._parts = [
            Part(layer, number, position, layer.parameter_count > 0, layer in layers[number + 1 :])
            for number, (layer, position) in enumerate(zip(layers, self._positions))
        ]

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        return forward_through(self._parts, x, context)

    def __call__(self, x: Array) -> Array:
        """The raw outputs (logits of a classifier) in inference. Nothing is kept for backward."""
        for layer in self.layers:
            x = layer(x)
        return x

    def multiplications(self, x: Array) -> int:
        total = 0
        for layer in self.layers:
            total += layer.multiplications(x)
            x = layer(x)
        return total

    def get_config(self) -> dict[str, Any]:
        return {"layer": type(self).__name__, "layers": layers_to_json(self.layers)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], build: BuildLayer | None = None) -> Chain:
        return cls(*layers_from_json(config.get("layers"), build))

    def __getitem__(self, number: int) -> Layer:
        return self.layers[number]

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.layers))})"


class Residual(Container):
    """y = block(x) + shortcut(x), where shortcut(x) is x unless given;   dx is the sum of both gradients.

    The block is one or more layers in a row. Its output must have the shape of x, or of the output of the shortcut, a
    layer such as Conv2D(16, 32, 1, stride=2). The shortcuts let a gradient flow back through many blocks without
    being shrunk by weights. Raises ShapeError if the two shapes differ.
    Source: K. He et al., "Deep residual learning for image recognition", CVPR 2016, equations 1 and 2.
    """

    block: Chain
    shortcut: Layer | None

    def __init__(self, *layers: Layer, shortcut: Layer | None = None) -> None:
        self.block, self.shortcut = Chain(*layers), shortcut
        parts = {"block": self.block} if shortcut is None else {"block": self.block, "shortcut": shortcut}
        super().__init__(list(parts.values()), list(parts))
        self.allocate()

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        y, block_backward = self.block.forward(x, context.at(0, context.input_gradient))
        if self.shortcut is None:
            around, around_backward = x, None
        else:
            around, around_backward = self.shortcut.forward(x, context.at(self.block.positions, context.input_gradient))
        if y.shape != around.shape:
            expected = f"a block whose output has the shape {tuple(around.shape)}, like that of the shortcut"
            remedy = _shortcut_remedy(tuple(x.shape), tuple(y.shape))
            raise ShapeError(mismatch(f"Residual of {self.block[0]} ...", expected, tuple(y.shape), remedy))

        def backward(dy: Array, grads: Any) -> Array:
            dy_around = dy.copy()  # the block owns dy
            dx = block_backward(dy, grads[0])
            if around_backward is not None:
                dy_around = around_backward(dy_around, grads[1])
            if dx is None:
                return None
            dx += dy_around
            return dx

        return y + around, backward

    def multiplications(self, x: Array) -> int:
        return sum(layer.multiplications(x) for layer in self.layers)

    def get_config(self) -> dict[str, Any]:
        around = None if self.shortcut is None else self.shortcut.get_config()
        return {"layer": type(self).__name__, "block": layers_to_json(self.block.layers), "shortcut": around}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], build: BuildLayer | None = None) -> Residual:
        block = layers_from_json(config.get("block"), build and (lambda part, name: build(part, f"block.{name}")))
        around = config.get("shortcut")
        return cls(*block, shortcut=build(around, "shortcut") if build and around else None)

    def __repr__(self) -> str:
        inner = ", ".join(map(repr, self.block.layers))
        return f"Residual({inner})" if self.shortcut is None else f"Residual({inner}, shortcut={self.shortcut})"


def _shortcut_remedy(before: tuple[int, ...], after: tuple[int, ...]) -> str:
    """The shortcut that turns the shape `before` the block into the one `after` it."""
    if len(before) == len(after) == 2:
        return f"write shortcut=Dense({before[1]}, {after[1]})"
    if len(before) == len(after) == 4:
        stride = tuple(-(-size // left) for size, left in zip(before[1:3], after[1:3]))
        if tuple(-(-size // step) for size, step in zip(before[1:3], stride)) == after[1:3]:
            return f"write shortcut=Conv2D({before[3]}, {after[3]}, 1, {stride})"
    return "let the block keep the shape of x"


def _check_free(who: str, layer: Any) -> None:
    """Raise unless `layer` is a layer that belongs to no model yet."""
    if isinstance(layer, type) and issubclass(layer, Layer):
        remedy = written_here(layer) or f"call it: {layer.__name__}()"
        raise TypeError(mismatch(who, "layers", f"the class {layer.__name__}", remedy))
    if isinstance(layer, (list, tuple)):
        raise TypeError(mismatch(who, "layers", type(layer).__name__, f"pass them one by one: {who}(*layers)"))
    if not isinstance(layer, Layer):
        received = repr(layer) if isinstance(layer, (str, type(None))) else type(layer).__name__
        remedy = "leave it out" if layer is None else written_here(layer) or "make it a class derived from Layer"
        raise TypeError(mismatch(who, "layers", received, remedy))
    if layer._taken:
        received = f"{layer}, which belongs to another model"
        raise ValueError(mismatch(who, "layers of its own", received, "build a new one"))
