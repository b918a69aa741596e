"""Initial values of parameters: functions (shape, stream) -> float64 array, with names.

For a matrix of shape (inputs, outputs), fan_in = inputs and fan_out = outputs; for a kernel of shape (height, width,
inputs, outputs) both are multiplied by height * width. Each formula aims to keep the size of activations, or of
gradients, the same from layer to layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array, to_numpy
from tinynet.backend.plain import converted, plain_array
from tinynet.backend.random import Stream
from tinynet.errors import DataError, ShapeError, mismatch, shape_remedy, unknown_name

Shape = tuple[int, ...]
DrawValues = Callable[[Shape, Stream], np.ndarray]
Initializer = str | DrawValues | Array


def zeros(shape: Shape, stream: Stream) -> np.ndarray:
    """All 0."""
    return np.zeros(shape)


def ones(shape: Shape, stream: Stream) -> np.ndarray:
    """All 1."""
    return np.ones(shape)


def glorot_uniform(shape: Shape, stream: Stream) -> np.ndarray:
    """Uniform within +-sqrt(6 / (fan_in + fan_out)): for sigmoid, tanh and linear layers.

    Source: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010, eq. 16.
    """
    limit = math.sqrt(6 / sum(fans(shape)))
    return stream.uniform(shape, -limit, limit)


def glorot_normal(shape: Shape, stream: Stream) -> np.ndarray:
    """Normal with variance 2 / (fan_in + fan_out). Source: Glorot and Bengio 2010, eq. 12."""
    return stream.normal(shape, 0, math.sqrt(2 / sum(fans(shape))))


def he_uniform(shape: Shape, stream: Stream) -> np.ndarray:
    """Uniform within +-sqrt(6 / fan_in): for ReLU. Source: He et al. 2015, eq. 10."""
    limit = math.sqrt(6 / fans(shape)[0])
    return stream.uniform(shape, -limit, limit)


def he_normal(shape: Shape, stream: Stream) -> np.ndarray:
    """Normal with variance 2 / fan_in: for ReLU.

    Source: K. He et al., "Delving deep into rectifiers", ICCV 2015, eq. 10.
    """
    return stream.normal(shape, 0, math.sqrt(2 / fans(shape)[0]))


def lecun_uniform(shape: Shape, stream: Stream) -> np.ndarray:
    """Uniform within +-sqrt(3 / fan_in). Source: Y. LeCun et al., "Efficient backprop", 1998, eq. 16."""
    limit = math.sqrt(3 / fans(shape)[0])
    return stream.uniform(shape, -limit, limit)


def lecun_normal(shape: Shape, stream: Stream) -> np.ndarray:
    """Normal with variance 1 / fan_in. Source: LeCun et al. 1998, eq. 16."""
    return stream.normal(shape, 0, math.sqrt(1 / fans(shape)[0]))


INITIALIZERS: dict[str, DrawValues] = {
    function.__name__: function
    for function in (
        zeros,
        ones,
        glorot_uniform,
        glorot_normal,
        he_uniform,
        he_normal,
        lecun_uniform,
        lecun_normal,
    )  # fmt: skip
}


def find_initializer(initializer: Initializer, shape: Shape) -> DrawValues:
    """The function that draws a parameter of `shape`, from its name, the function itself, or an array of values.

    Raises ValueError for an unknown name, ShapeError for an array of another shape, DataError for NaN in it.
    """
    if isinstance(initializer, str):
        if initializer not in INITIALIZERS:
            raise ValueError(unknown_name("initializer", initializer, INITIALIZERS))
        return INITIALIZERS[initializer]
    if callable(initializer) and not hasattr(initializer, "forward"):  # a layer is none
        return initializer
    single = isinstance(initializer, (int, float, complex)) or getattr(initializer, "shape", None) == ()
    given = np.empty(()) if single else to_numpy(plain_array(initializer, "initializer", "values"))
    if given.shape != shape:
        remedy = shape_remedy("values", given.shape, shape)
        raise ShapeError(mismatch("initializer", f"an array of shape {shape}", given.shape, remedy))
    values = converted(given, np.float64, "initializer", "values")  # a copy: the caller may change the array later
    if not np.isfinite(values).all():
        raise DataError(mismatch("initializer", "finite numbers", "NaN or infinity", "use numpy.nan_to_num(values)"))
    return partial(_given_values, values)  # unlike a lambda, it can be pickled


def checked_values(drawn: Any, shape: Shape, dtype: Any, who: str) -> np.ndarray:
    """What an initializer returned, as `dtype`. ShapeError or DataError unless finite numbers of `shape`."""
    values = drawn if np.ndim(drawn) == 0 else to_numpy(plain_array(drawn, who, "values"))
    received = getattr(values, "shape", type(values).__name__)
    if received != shape:  # it would be repeated in silence
        remedy = "return an array of the shape that the function is given"
        raise ShapeError(mismatch(who, f"an array of shape {shape}", received, remedy))
    values = converted(values, dtype, who, "values")
    if not np.isfinite(values).all():
        raise DataError(mismatch(who, "finite numbers", "NaN or infinity", "use numpy.nan_to_num(values)"))
    return values


def _given_values(values: np.ndarray, shape: Shape, stream: Stream) -> np.ndarray:
    return values


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) of a parameter: the number of inputs to each output, and of outputs from each input."""
    if len(shape) < 2:
        return max(1, math.prod(shape)), max(1, math.prod(shape))
    window = math.prod(shape[:-2])  # the pixels of a kernel; 1 for a matrix
    return window * shape[-2], window * shape[-1]
