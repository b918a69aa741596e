"""The base of all layers: a layer returns its output and the function that takes the gradient back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from tinynet.backend.arrays import Array, aligned_zeros, array_module, check_memory, device_of, ignoring, out_of_memory
from tinynet.backend.habits import NamedArrays, explain_constructor, explained
from tinynet.backend.plain import converted, plain_array
from tinynet.backend.random import Purpose, Stream
from tinynet.backend.representation import constructor_call
from tinynet.errors import DeviceError, ShapeError, mismatch, shape_remedy, shown, whole_number
from tinynet.initializers import DrawValues, Initializer, Shape, checked_values, find_initializer
from tinynet.layers.configuration import BuildLayer, changed, hyperparameters_from_json, refuse_unread, to_json
from tinynet.layers.context import INFERENCE, TRAINING, Context
from tinynet.layers.layout import arrays_in, cut, offsets, padded, writable

__all__ = ["INFERENCE", "TRAINING", "Backward", "Context", "Layer", "arrays_in"]

Backward = Callable[[Array, Any], Array]  # backward(dy, grads) -> dx
AddLater = Callable[[Array, int], None]  # (what later passes wrote, their number)


class Undrawn:
    """A parameter or statistic before its first use: reading it allocates and draws all arrays of the layer.

    They are then stored in the layer and hide this descriptor, as with functools.cached_property: later reads are free.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, cls: type | None = None) -> Any:
        if layer is None:
            return self
        if "_vector" not in vars(layer):
            layer.allocate()
        if self.name not in vars(layer):  # another layer of this class declared it
            raise AttributeError(f"{type(layer).__name__!r} object has no attribute {self.name!r}")
        return vars(layer)[self.name]


class Layer:
    """Base of all layers. A layer of your own needs one method:

        forward(x, context) -> (y, backward)        backward(dy, grads) -> dx

    `backward` writes the gradient of each parameter into `grads[name]` (it finds old numbers there and overwrites
    them) and returns the gradient of the input, or None where `context.input_gradient` is False. It owns `dy` and may
    overwrite it; it never changes `x`. Nothing is cached on `self`, so forward may run twice before the first backward.

    Declare parameters in `__init__` with `add_parameter` and read them as attributes. They are views into one vector:
    the model's, or the layer's own while it belongs to no model. Statistics (`add_statistic`) are views into a second
    vector, which no optimizer changes: `backward` writes their changes into `grads[name]`, if there is such an entry,
    and the training step adds them (a running average overrides `add_later`, too). Declaring allocates nothing: the
    vectors are made and the initial values drawn when the layer is put into a model, or first used without one.
    """

    hyperparameters: tuple[str, ...] = ()  # arguments of __init__ that are saved, kept as attributes of the same names
    input_shape: Shape | None = None  # of one example; None if the layer takes more than one shape
    splittable = False  # whether threads may share a batch: a row of y needs its row of x only, or sums by all_reduce
    _shapes: Mapping[str, Shape] = {}
    _initializers: Mapping[str, DrawValues] = {}
    _statistic_shapes: Mapping[str, Shape] = {}
    _statistic_starts: Mapping[str, float] = {}
    _vector: Array = Undrawn("_vector")  # holds the parameters
    _offsets: Any = Undrawn("_offsets")  # by name: where each begins in the vector
    _statistics_vector: Array = Undrawn("_statistics_vector")
    _statistic_offsets: Any = Undrawn("_statistic_offsets")
    _taken = False  # whether it belongs to a model

    @explained
    def __init__(self) -> None:
        pass  # a layer without arguments says so

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        explain_constructor(cls)

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        """The output, and the function that turns its gradient into those of the input and the parameters."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x, context)")

    def __call__(self, x: Array) -> Array:
        """The output in inference."""
        try:
            return self.forward(x, INFERENCE)[0]
        except FloatingPointError:  # the caller has made NumPy raise; underflow is rounding, and no error
            with ignoring("under"):
                return self.forward(x, INFERENCE)[0]

    def __repr__(self) -> str:
        return constructor_call(self, self.hyperparameters)

    # As JSON: the class by name, and its hyperparameters ------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The layer as JSON can express it: {"layer": "Dense", "inputs": 784, "outputs": 10}.

        Raises TypeError for a hyperparameter that JSON cannot express.
        """
        values = {name: to_json(self, name, getattr(self, name)) for name in self.hyperparameters}
        return {"layer": type(self).__name__, **values}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], build: BuildLayer | None = None) -> Layer:
        """The layer that `get_config` described. A container makes its parts with `build(config)`.

        Raises TypeError or ValueError for a config that does not fit the class.
        """
        return cls(**hyperparameters_from_json(cls.__name__, config, cls.hyperparameters))

    # Parameters: named views into one vector; statistics: into another ----------------------------------------------

    def add_parameter(self, name: str, shape: Shape, initializer: Initializer) -> None:
        """Declare the parameter `self.<name>`; `initializer` is a name, a function (shape, stream), or an array."""
        shape = self._declare(name, shape)
        draw = find_initializer(initializer, shape)  # a misspelt name fails here, not at the first use
        self._shapes = {**self._shapes, name: shape}
        self._initializers = {**self._initializers, name: draw}

    def add_statistic(self, name: str, shape: Shape, start: float) -> None:
        """Declare `self.<name>`, numbers that training keeps beside the parameters; all are `start` at first."""
        shape = self._declare(name, shape)
        self._statistic_shapes = {**self._statistic_shapes, name: shape}
        self._statistic_starts = {**self._statistic_starts, name: start}

    def _declare(self, name: str, shape: Shape) -> Shape:
        who = type(self).__name__
        if name in _RESERVED:
            expected = "a parameter or statistic with a name that Layer does not use itself"
            raise ValueError(mismatch(who, expected, repr(name), "choose another"))
        if not isinstance(vars(type(self)).get(name), Undrawn):
            setattr(type(self), name, Undrawn(name))
        for drawn in ("_vector", *self._shapes, *self._statistic_shapes):  # read in __init__: make them again
            vars(self).pop(drawn, None)
        remedy = "check the sizes that the layer was given"
        return tuple(whole_number(f"{who}: each size of {name}", size, remedy=remedy) for size in shape)

    @property
    def declared_shapes(self) -> dict[str, Shape]:
        """The shapes of all parameters and statistics by name. Reading them allocates nothing."""
        return {**self._shapes, **self._statistic_shapes}

    @property
    def size(self) -> int:
        """The number of elements that the parameters take in the vector, padding included."""
        return sum(padded(math.prod(shape)) for shape in self._shapes.values())

    @property
    def statistics_size(self) -> int:
        """The same for the statistics."""
        return sum(padded(math.prod(shape)) for shape in self._statistic_shapes.values())

    @property
    def parameters(self) -> dict[str, Array]:
        """The parameters by name: views, so writing into them writes into the vector."""
        return NamedArrays((name, getattr(self, name)) for name in self._shapes)

    @property
    def statistics(self) -> dict[str, Array]:
        """The statistics by name: views, too."""
        return NamedArrays((name, getattr(self, name)) for name in self._statistic_shapes)

    @property
    def parameter_count(self) -> int:
        """The number of elements of all parameters, without padding."""
        return sum(math.prod(shape) for shape in self._shapes.values())

    def views(self, vector: Array, changes: Array = None) -> Any:
        """`vector`, laid out like the one that holds the parameters, as named arrays: {"weight": ..., "bias": ...}.

        With `changes`, laid out like the vector of the statistics, the dict holds these as well.
        """
        named = cut(vector, self._shapes, self._offsets)
        if changes is not None:
            named.update(cut(changes, self._statistic_shapes, self._statistic_offsets))
        return named

    def written_arrays(self, grads: Any) -> Iterator[tuple[Array, AddLater]]:
        """Each array that `backward` writes into `grads`, and its function to add what later passes wrote."""
        for name, values in grads.items():
            yield values, partial(self.add_later, name, values)

    def add_later(self, name: str, values: Array, later: Array, passes: int) -> None:
        """Add to `values`, which backward wrote into grads[name], what `passes` later passes in the same step wrote.

        That happens where a layer stands at several positions of a model. Gradients and sums add up. A layer with a
        running average overrides this: the change of the earlier pass is multiplied by (1 - momentum)^passes first.
        """
        values += later

    def bind(self, vector: Array, offset: int) -> None:
        """Make the parameters views into `vector`, from element `offset` on; they take the values found there."""
        self._offsets = offsets(self._shapes, offset)
        vars(self).update(cut(vector, self._shapes, self._offsets))
        self._vector = vector  # last: it tells other threads that all views exist

    def bind_statistics(self, vector: Array, offset: int) -> None:
        """The same for the statistics."""
        self._statistics_vector, self._statistic_offsets = vector, offsets(self._statistic_shapes, offset)
        vars(self).update(cut(vector, self._statistic_shapes, self._statistic_offsets))

    def __setattr__(self, name: str, value: Any) -> None:
        """`layer.weight = values` writes into the vector, since the optimizer would not update a new array.

        Raises AttributeError for what nobody would read, such as `trainable` (see configuration.py).
        """
        if name not in self._shapes and name not in self._statistic_shapes:
            refuse_unread(self, name)
            if name in self.hyperparameters and name in vars(self):
                value = changed(self, name, value)
            object.__setattr__(self, name, value)
            return
        view, received = getattr(self, name), tuple(getattr(value, "shape", ()))
        if received != view.shape:
            remedy = shape_remedy("values", received, view.shape)
            if not hasattr(value, "shape"):
                remedy = f"convert it: numpy.array(values, '{view.dtype}')"
            if isinstance(value, (int, float)):
                remedy = f"write into the array: layer.{name}[...] = {value}"
            raise ShapeError(mismatch(f"{self}.{name}", f"an array of shape {view.shape}", shown(value), remedy))
        who = f"{self}.{name}"
        view[...] = converted(plain_array(value, who, "values"), view.dtype, who, "values")

    def __getstate__(self) -> dict[str, Any]:
        if "_vector" not in vars(self):
            self.allocate()
        views = {*self._shapes, *self._statistic_shapes}
        return {name: value for name, value in vars(self).items() if name not in views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copied or unpickled layer: its parameters become views into the copied vector."""
        vars(self).update(state)
        vector, statistics = self._vector, self._statistics_vector
        if not self._taken:  # else the model does this for all its layers
            vector, statistics = writable(vector), writable(statistics)
        self.bind(vector, min(self._offsets.values(), default=0))
        self.bind_statistics(statistics, min(self._statistic_offsets.values(), default=0))

    # Initial values -------------------------------------------------------------------------------------------------

    def allocate(self, seed: int = 0, dtype: Any = "float32") -> None:
        """Make the vector of the parameters and that of the statistics, with their initial values.

        Raises MemoryError if they do not fit into memory.
        """
        needed = (self.size + self.statistics_size) * aligned_zeros(0, dtype).itemsize
        largest = max(self.declared_shapes.items(), key=lambda item: math.prod(item[1]), default=("", ()))
        who = f"{type(self).__name__} with {largest[0]} of shape {largest[1]}"
        check_memory(who, needed)
        try:
            vector, statistics = aligned_zeros(self.size, dtype), aligned_zeros(self.statistics_size, dtype)
            self.draw(vector, 0, seed, position=0)
        except MemoryError:
            raise out_of_memory(who, needed) from None
        self.draw_statistics(statistics, 0)
        self.bind_statistics(statistics, 0)
        self.bind(vector, 0)

    def draw(self, vector: Array, offset: int, seed: int, position: int) -> None:
        """Write initial parameters into `vector`: a pure function of `seed`, the layer's position, and the shapes."""
        views = cut(vector, self._shapes, offsets(self._shapes, offset))
        for number, (name, values) in enumerate(views.items()):
            stream = Stream(seed, Purpose.WEIGHTS, layer=position, step=number)
            drawn, who = self._initializers[name](values.shape, stream), f"initializer of {self}.{name}"
            values[...] = array_module(values).asarray(checked_values(drawn, values.shape, values.dtype, who))

    def draw_statistics(self, vector: Array, offset: int) -> None:
        """The same for the statistics, which begin at constants."""
        for name, values in cut(vector, self._statistic_shapes, offsets(self._statistic_shapes, offset)).items():
            values[...] = self._statistic_starts[name]

    # Containers override these two ----------------------------------------------------------------------------------

    @property
    def positions(self) -> int:
        """How many positions the layer has in its model: 1, or those of its parts."""
        return 1

    def multiplications(self, x: Array) -> int:
        """The number of multiplications in the forward pass of one example of `x`."""
        return self.parameter_count

    # A check for forward --------------------------------------------------------------------------------------------

    def expect(self, x: Array, shape: tuple[int | None, ...], remedy: str | Callable[[tuple[int, ...]], str]) -> None:
        """Raise unless `x` has `shape` (None fits any size), and the dtype and device of the parameters.

        `remedy` says what to do about another shape, or is a function of that shape which says so.
        """
        vector = self._vector
        fits = shape[0] is None and x.shape[1:] == shape[1:]
        if fits and type(x) is type(vector) and x.dtype == vector.dtype:
            return  # the usual case first: the checks below take five times as long
        if len(x.shape) != len(shape) or any(want not in (None, got) for want, got in zip(shape, x.shape)):
            remedy = remedy if isinstance(remedy, str) else remedy(tuple(x.shape))
            remedy = "give it a batch of one: x[None]" if x.shape == shape[1:] else remedy
            wanted = ", ".join(name if size is None else str(size) for name, size in zip("NHWC", shape))
            raise ShapeError(mismatch(self, f"x of shape ({wanted})", tuple(x.shape), remedy))
        if not vector.size:  # no parameters to agree with
            return
        if array_module(x) is not array_module(vector):
            here, there = array_module(vector).__name__, array_module(x).__name__
            remedy = f"move the model: model.to({device_of(x).name!r})"
            raise DeviceError(mismatch(self, f"x as an array of {here}, like the weights", there, remedy))
        if x.dtype != vector.dtype:
            wanted = f"x of dtype {vector.dtype}, like the weights"
            largest = {"uint16": 65535}.get(str(x.dtype), 255)
            pixels = f" / {largest} for pixels" if x.dtype.kind in "iu" else ""
            remedy = f"convert it: x.astype('{vector.dtype}'){pixels}"
            raise ShapeError(mismatch(self, wanted, x.dtype, remedy))


_RESERVED = frozenset(dir(Layer))
