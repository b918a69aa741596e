"""What a layer is: a function that returns its output together with the function that takes the gradient back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tinynet.backend.arrays import ALIGNMENT, Array, aligned_zeros, array_module
from tinynet.backend.random import Purpose, Stream
from tinynet.backend.representation import call_of
from tinynet.errors import DeviceError, ShapeError, mismatch
from tinynet.initializers import Initializer, find_initializer

Backward = Callable[[Array, Any], Array]  # backward(dy, grads) -> dx

_ALIGNED = ALIGNMENT // 4  # parameters begin at multiples of 16 elements: 64 bytes in float32


def _itself(x: Array) -> Array:
    return x


class Context(NamedTuple):
    """What one forward pass is told. Layers read it and never change it.

    training        True in training: dropout is on, batch norm uses the statistics of the batch
    seed, step      with the layer's position they determine its random numbers; `step` counts updates from 0
    layer           the position of the layer in its model
    first_row       the position of the first row of x in the whole batch, where threads share a batch
    input_gradient  whether backward must return dx: the first layer's takes over a quarter of an MLP's
                    multiplications, and nothing uses it
    all_reduce      the function that sums an array over all parts of the batch, where threads share it; every part
                    must call it, in the same order
    """

    training: bool = False
    seed: int = 0
    step: int = 0
    layer: int = 0
    first_row: int = 0
    input_gradient: bool = True
    all_reduce: Callable[[Array], Array] = _itself

    def at(self, position: int, input_gradient: bool) -> Context:
        """The context of the layer `position` places after this one."""
        layer = self.layer + position
        return Context(self.training, self.seed, self.step, layer, self.first_row, input_gradient, self.all_reduce)

    def stream(self, purpose: Purpose) -> Stream:
        """The random numbers of this layer in this step."""
        return Stream(self.seed, purpose, self.layer, self.step)


INFERENCE = Context()
TRAINING = Context(training=True)


class Layer:
    """Base of all layers. A layer of your own needs one method:

        forward(x, context) -> (y, backward)        backward(dy, grads) -> dx

    `backward` writes the gradient of each parameter into `grads[name]` (it finds old numbers there and overwrites
    them) and returns the gradient of the input, or None where `context.input_gradient` is False. It owns `dy` and may
    overwrite it; it never touches `x`. Nothing is cached on `self`, so a layer may run twice before it goes back once.

    Parameters are declared in `__init__` with `add_parameter` and read as attributes. They are views into one vector:
    the layer's own at first, the model's as soon as a model takes the layer in. Statistics (`add_statistic`) are
    another vector of the same kind, which no optimizer touches: `backward` writes into `grads[name]` by how much they
    are to change, where there is such an entry, and `fit` adds it.
    """

    settings: tuple[str, ...] = ()  # the arguments of __init__, kept as attributes of these names: what a file needs
    input_shape: tuple[int, ...] | None = None  # of one example, where the layer knows it
    splittable = (
        False  # whether threads may share a batch: y's rows depend on x's same rows and `context.all_reduce` only
    )
    _shapes: Mapping[str, tuple[int, ...]] = {}
    _initializers: Mapping[str, Initializer] = {}
    _offsets: Mapping[str, int] = {}
    _vector: Array = None
    _statistic_shapes: Mapping[str, tuple[int, ...]] = {}
    _statistic_starts: Mapping[str, float] = {}
    _statistic_offsets: Mapping[str, int] = {}
    _statistics_vector: Array = None
    _taken = False  # by a model

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        """The output, and the function that turns its gradient into those of the input and the parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, context)")

    def __call__(self, x: Array) -> Array:
        """The output in inference."""
        return self.forward(x, INFERENCE)[0]

    def __repr__(self) -> str:
        return call_of(self, self.settings)

    # Parameters: named views into one vector; statistics: into another ---------------------------------------------

    def add_parameter(self, name: str, shape: tuple[int, ...], initializer: Initializer) -> None:
        """Declare the parameter `self.<name>`; `initializer` is a name, a function (shape, stream), or an array."""
        find_initializer(initializer)  # a misspelt name fails here, where it stands, not when a model is built
        self._shapes = {**self._shapes, name: tuple(shape)}
        self._initializers = {**self._initializers, name: initializer}
        self.bind(aligned_zeros(self.size, "float32"), 0)
        self.draw(seed=0, position=0)

    def add_statistic(self, name: str, shape: tuple[int, ...], start: float) -> None:
        """Declare `self.<name>`, numbers that training keeps beside the parameters; all are `start` at first."""
        self._statistic_shapes = {**self._statistic_shapes, name: tuple(shape)}
        self._statistic_starts = {**self._statistic_starts, name: start}
        self.bind_statistics(aligned_zeros(self.statistics_size, "float32"), 0)
        self.draw(seed=0, position=0)

    @property
    def size(self) -> int:
        """Elements of the vector that the parameters take, padding included."""
        return sum(_padded(math.prod(shape)) for shape in self._shapes.values())

    @property
    def statistics_size(self) -> int:
        """The same of the statistics."""
        return sum(_padded(math.prod(shape)) for shape in self._statistic_shapes.values())

    @property
    def parameters(self) -> dict[str, Array]:
        """The parameters by name: views, so writing into them writes into the vector."""
        return {name: getattr(self, name) for name in self._shapes}

    @property
    def statistics(self) -> dict[str, Array]:
        """The statistics by name: views, too."""
        return {name: getattr(self, name) for name in self._statistic_shapes}

    @property
    def parameter_count(self) -> int:
        """How many numbers are trained here."""
        return sum(math.prod(shape) for shape in self._shapes.values())

    def views(self, vector: Array, changes: Array = None) -> Any:
        """`vector`, laid out like the one that holds the parameters, as named arrays: {"weight": ..., "bias": ...}.

        With `changes`, laid out like that of the statistics, these are among them.
        """
        named = _cut(vector, self._shapes, self._offsets)
        if changes is not None:
            named.update(_cut(changes, self._statistic_shapes, self._statistic_offsets))
        return named

    def bind(self, vector: Array, start: int) -> None:
        """Keep the parameters in `vector` from element `start` on; their values are those found there."""
        self._vector, self._offsets = vector, _offsets(self._shapes, start)
        vars(self).update(_cut(vector, self._shapes, self._offsets))

    def bind_statistics(self, vector: Array, start: int) -> None:
        """The same for the statistics."""
        self._statistics_vector, self._statistic_offsets = vector, _offsets(self._statistic_shapes, start)
        vars(self).update(_cut(vector, self._statistic_shapes, self._statistic_offsets))

    def draw(self, seed: int, position: int) -> None:
        """Write the initial values: a pure function of `seed`, the layer's position in its model, and the shapes."""
        for number, (name, values) in enumerate(self.parameters.items()):
            stream = Stream(seed, Purpose.WEIGHTS, layer=position, step=number)
            drawn = find_initializer(self._initializers[name])(self._shapes[name], stream)
            values[...] = array_module(values).asarray(drawn.astype(values.dtype))
        for name, values in self.statistics.items():
            values[...] = self._statistic_starts[name]

    def __setattr__(self, name: str, value: Any) -> None:
        """`layer.weight = values` writes into the vector: a new array here would be one that nobody trains."""
        if name not in self._shapes and name not in self._statistic_shapes:
            object.__setattr__(self, name, value)
            return
        view = getattr(self, name)
        if tuple(value.shape) != view.shape:
            who, received = f"{self}.{name}", tuple(value.shape)
            raise ShapeError(mismatch(who, f"shape {view.shape}", received, "transpose or cut it"))
        view[...] = value

    def __getstate__(self) -> dict[str, Any]:
        views = {*self._shapes, *self._statistic_shapes}
        return {name: value for name, value in vars(self).items() if name not in views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copied or unpickled layer: its parameters are views into the copied vector, not arrays beside it."""
        vars(self).update(state)
        vars(self).update(_cut(self._vector, self._shapes, self._offsets))
        vars(self).update(_cut(self._statistics_vector, self._statistic_shapes, self._statistic_offsets))

    # Containers override these; a plain layer stands for itself ------------------------------------------------------

    @property
    def positions(self) -> int:
        """How many positions of its model the layer takes: 1, or those of its parts."""
        return 1

    def multiplications(self, x: Array) -> int:
        """How many multiplications of numbers the forward pass of each example of `x` takes."""
        return self.parameter_count

    def expect(self, x: Array, shape: tuple[int | None, ...], remedy: str) -> None:
        """Raise unless `x` has `shape` (None fits any size), and the dtype and device of the parameters."""
        vector = self._vector
        fits = shape[0] is None and x.shape[1:] == shape[1:]
        if fits and (vector is None or (type(x) is type(vector) and x.dtype == vector.dtype)):
            return  # nearly always: the rest costs five times as much
        if len(x.shape) != len(shape) or any(want not in (None, got) for want, got in zip(shape, x.shape)):
            wanted = ", ".join("N" if size is None else str(size) for size in shape)
            raise ShapeError(mismatch(self, f"x of shape ({wanted})", tuple(x.shape), remedy))
        if vector is None:
            return
        if array_module(x) is not array_module(vector):
            here, there = array_module(vector).__name__, array_module(x).__name__
            raise DeviceError(
                mismatch(self, f"x as an array of {here}, like the weights", there, "move the model: model.to(device)")
            )
        if x.dtype != vector.dtype:
            wanted = f"x of dtype {vector.dtype}, like the weights"
            raise ShapeError(mismatch(self, wanted, x.dtype, f"convert it: x.astype('{vector.dtype}')"))


def arrays_in(views: Any) -> Iterator[Array]:
    """The arrays in what `layer.views` returned, however deep models are nested."""
    for part in views.values() if isinstance(views, dict) else views:
        if isinstance(part, (dict, list)):
            yield from arrays_in(part)
        else:
            yield part


def _offsets(shapes: Mapping[str, tuple[int, ...]], start: int) -> dict[str, int]:
    """Where each array begins in a vector that holds them from element `start` on."""
    offsets = {}
    for name, shape in shapes.items():
        offsets[name] = start
        start += _padded(math.prod(shape))
    return offsets


def _cut(vector: Array, shapes: Mapping[str, tuple[int, ...]], offsets: Mapping[str, int]) -> dict[str, Array]:
    """The named arrays in a vector, as views."""
    return {
        name: vector[offsets[name] : offsets[name] + math.prod(shape)].reshape(shape) for name, shape in shapes.items()
    }


def _padded(count: int) -> int:
    return -(-count // _ALIGNED) * _ALIGNED
