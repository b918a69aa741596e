"""Run a copy of a layer forward and backward, and compare the results of two passes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinynet.backend.arrays import to_numpy
from tinynet.backend.random import Purpose, Stream
from tinynet.gradcheck.compare import position
from tinynet.gradcheck.report import Row
from tinynet.layers.base import Context, Layer

Arrays = dict[str, np.ndarray]
Layout = dict[str, tuple[slice, tuple[int, ...]]]  # by name: where an array lies in its vector, and its shape
SAME = 1e-10  # two passes over the same numbers agree to this fraction of the largest, and to what rounding explains
FLOAT32 = 1e-4  # the same for a pass in float32 beside one in float64


def copy_as(layer: Layer, dtype: Any) -> Layer:
    """A copy of the layer with its parameters and statistics in this dtype, in vectors of its own."""
    clone = copy.deepcopy(layer)
    clone.bind(np.zeros(clone.size, dtype), 0)
    clone.bind_statistics(np.zeros(clone.statistics_size, dtype), 0)
    for new, old in ((clone.parameters, layer.parameters), (clone.statistics, layer.statistics)):
        for name, values in new.items():
            values[...] = to_numpy(old[name])
    return clone


class Subject:
    """A layer in float64 with one input and one upstream gradient, and the arrays of its first pass.

    y and x (the gradient of x, absent where backward returns None), the gradient of each parameter, and the change of
    each statistic in training, all by name.
    """

    def __init__(self, layer: Layer, x: np.ndarray, dy: np.ndarray, context: Context, discrete: bool = False) -> None:
        self.layer, self.x, self.dy, self.context = layer, x, dy, context
        self.discrete = discrete  # whether x holds whole numbers that the layer reads as such
        self.layout, self.statistics_layout = _layouts(layer)
        self.first: Arrays = {}
        self.wrong: set[str] = set()  # arrays whose gradient is known to be wrong: no other check compares them again
        self.left_alone: set[str] = set()  # statistics that backward does not write, so that they do not change
        self.y_changed = False  # whether a backward pass has changed its y
        self._rounding: dict[bool, Arrays] = {}

    @property
    def rows(self) -> int:
        """The number of examples."""
        return len(self.x)

    @property
    def differentiable(self) -> Arrays:
        """The arrays whose gradient is checked: x, unless it is discrete, and the parameters."""
        return {**({} if self.discrete else {"x": self.x}), **self.layer.parameters}

    def run(
        self,
        x: np.ndarray | None = None,
        dy: np.ndarray | None = None,
        context: Context | None = None,
        *,
        layer: Layer | None = None,
        fill: float = np.nan,
        changes: bool = True,
        between: Callable[[], Any] | None = None,
    ) -> Arrays:
        """One forward and one backward pass; `between` is called after the forward pass.

        `fill` is what backward finds in grads; without `changes` there are no entries for the changes of statistics.
        """
        layer, context = layer or self.layer, context or self.context
        y, backward = layer.forward(self.x if x is None else x, context)
        arrays = {"y": np.array(y)}
        if between is not None:
            between()
        vector = np.full(layer.size, fill, layer._vector.dtype)
        moves = np.full(layer.statistics_size, fill, vector.dtype) if changes and context.training else None
        dx = backward(self.dy.copy() if dy is None else dy, layer.views(vector, moves))
        self.y_changed |= not np.array_equal(y, arrays["y"], equal_nan=True)
        if dx is not None:
            arrays["x"] = dx
        arrays.update({name: vector[at].reshape(shape) for name, (at, shape) in self.layout.items()})
        if moves is not None:
            for name, (at, shape) in self.statistics_layout.items():
                arrays[name] = np.zeros(shape) if name in self.left_alone else moves[at].reshape(shape)
        return arrays

    def error_of_float32(self, number: int = 0) -> tuple[Arrays, Arrays]:
        """A pass in float32, and one in float64 over the same numbers, moved by a last bit for a `number` above 0."""
        small = copy_as(self.layer, np.float32)
        x, dy = self.x if self.discrete else self.x.astype(np.float32), self.dy.astype(np.float32)
        if number:
            x, dy = _nudged(small, x, dy, number, self.discrete)
        exact = self.run(x.astype(self.x.dtype), dy.astype(np.float64), layer=copy_as(small, np.float64))
        return self.run(x, dy, layer=small), exact

    def rounding(self, float32: bool) -> Arrays:
        """How much each array of a pass varies by rounding alone: when all numbers move by a last bit."""
        if float32 not in self._rounding:
            self._rounding[float32] = found = dict.fromkeys(self.first, np.zeros(()))
            errors = []
            try:
                for number in range(4):
                    if float32:
                        errors.append(_minus(*self.error_of_float32(number)))
                    else:
                        layer = copy_as(self.layer, np.float64)
                        x, dy = _nudged(layer, self.x, self.dy, number, self.discrete)
                        errors.append(_minus(self.run(x, dy, layer=layer), self.first))
            except Exception:  # out of the layer's domain: then the agreement must be exact
                return found
            for name in found:
                if all(name in error for error in errors):
                    spread = np.ptp(np.stack([error[name] for error in errors]), axis=0)
                    found[name] = np.nan_to_num(spread.max(initial=0.0), posinf=0.0)
        return self._rounding[float32]

    def tolerance(self, name: str, wanted: np.ndarray, float32: bool, exactly: bool) -> float:
        """How far an array may differ from `wanted`: by a fraction of its numbers, or by what rounding explains."""
        fraction = FLOAT32 if float32 else SAME
        rounding = 0.0 if exactly or name not in self.first else float(self.rounding(float32)[name])
        return fraction * float(np.abs(wanted).max(initial=0.0)) + (10 if float32 else 100) * rounding + 1e-300

    def difference(
        self,
        title: str,
        arrays: Mapping[str, np.ndarray],
        hint: str,
        expected: Mapping[str, np.ndarray] | None = None,
        float32: bool = False,
    ) -> Row | None:
        """A failing row if an array is not as `expected`, by default as in the first pass; the hint may hold {name}."""
        for name, wanted in (self.first if expected is None else expected).items():
            if name not in arrays or name in self.wrong:
                continue
            found = arrays[name]
            if found.shape != wanted.shape:
                problem = f"{hint} (shape {found.shape} in place of {wanted.shape})".replace("{name}", named(name))
                return Row(title, np.inf, "", np.nan, np.nan, False, problem)
            excess = np.nan_to_num(np.abs(found - wanted), nan=np.inf).reshape(-1)
            largest = float(excess.max(initial=0.0))
            if all(largest > self.tolerance(name, wanted, float32, exactly) for exactly in (True, False)):
                worst = int(excess.argmax())
                values = float(found.reshape(-1)[worst]), float(wanted.reshape(-1)[worst])
                error = float(excess[worst]) / (float(np.abs(wanted).max()) + 1e-300)
                where = f"{named(name)} {position(worst, wanted.shape)}"
                return Row(title, error, where, *values, False, hint.replace("{name}", named(name)))
        return None


def failing(title: str, hint: str) -> Row:
    """A row that fails, without numbers."""
    return Row(title, np.inf, "", np.nan, np.nan, False, hint)


def named(name: str) -> str:
    """How an array of a pass is called in a report: y, dx, or the name of a parameter or statistic."""
    return "dx" if name == "x" else name


def _layouts(layer: Layer) -> tuple[Layout, Layout]:
    """Where each parameter lies in the vector of the parameters, and each statistic in its own."""
    mirror = copy.deepcopy(layer)
    mirror.bind(np.arange(layer.size), 0)
    mirror.bind_statistics(np.arange(layer.statistics_size), 0)
    both = []
    for views in (mirror.parameters, mirror.statistics):
        starts = {name: int(view.reshape(-1)[0]) if view.size else 0 for name, view in views.items()}
        both.append({name: (slice(starts[name], starts[name] + view.size), view.shape) for name, view in views.items()})
    return both[0], both[1]


def _nudged(layer: Layer, x: np.ndarray, dy: np.ndarray, number: int, discrete: bool) -> tuple[np.ndarray, np.ndarray]:
    """x and dy with each value moved by a last bit, up or down; so are the parameters of the layer, in place."""
    arrays = [dy.copy(), *layer.parameters.values()] + ([] if discrete else [x := x.copy()])
    for each, values in enumerate(arrays):
        sign = np.sign(Stream(number, Purpose.CHECK, layer=9, step=each).uniform(values.shape, -1, 1))
        values *= (1 + 2 * np.finfo(values.dtype).eps * sign).astype(values.dtype)
    return x, arrays[0]


def _minus(first: Arrays, second: Arrays) -> Arrays:
    return {
        name: first[name] - values
        for name, values in second.items()
        if name in first and np.shape(first[name]) == np.shape(values)
    }
