"""Layers that rearrange numbers and compute nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.errors import ShapeError, mismatch, whole_number
from tinynet.layers.base import Backward, Context, Layer
from tinynet.layers.configuration import BuildLayer, hyperparameters_from_json


class Flatten(Layer):
    """y = x with all axes but the first merged into one: (N, H, W) -> (N, H * W);   dx = dy in the old shape."""

    splittable = True

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        shape = x.shape

        def backward(dy: Array, grads: Any) -> Array:
            return dy.reshape(shape)

        return x.reshape(len(x), -1), backward


class Reshape(Layer):
    """y = x with each example in another shape: Reshape(28, 28, 1) turns (N, 784) or (N, 28, 28) into pictures.

    dx = dy in the old shape. Raises ShapeError if the numbers of elements differ.
    """

    splittable = True
    hyperparameters = ("shape",)

    def __init__(self, *shape: int) -> None:
        remedy = "write Reshape(28, 28, 1), without the axis of the batch"
        self.shape = tuple(whole_number("Reshape: each size", size, remedy=remedy) for size in shape)
        self.input_shape = (math.prod(self.shape),)

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        shape = x.shape
        if math.prod(shape[1:]) != math.prod(self.shape):
            expected = f"examples of {math.prod(self.shape):,} numbers"
            remedy = "check the shape of the data, or the numbers of this layer"
            raise ShapeError(mismatch(self, expected, tuple(shape), remedy))

        def backward(dy: Array, grads: Any) -> Array:
            return dy.reshape(shape)

        return x.reshape(len(x), *self.shape), backward

    @classmethod
    def from_config(cls, config: Mapping[str, Any], build: BuildLayer | None = None) -> Reshape:
        return cls(*hyperparameters_from_json(cls.__name__, config, cls.hyperparameters)["shape"])

    def __repr__(self) -> str:
        return f"Reshape({', '.join(map(str, self.shape))})"


class ChannelsLast(Layer):
    """Pictures (N, C, H, W), as in PyTorch, to (N, H, W, C), as all layers here expect;   dx = dy transposed back."""

    splittable = True

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        if x.ndim != 4:
            remedy = "put Reshape(channels, height, width) before it" if x.ndim == 2 else "leave it out"
            raise ShapeError(mismatch(self, "pictures of shape (N, C, H, W)", tuple(x.shape), remedy))
        xp = array_module(x)

        def backward(dy: Array, grads: Any) -> Array:
            return xp.ascontiguousarray(dy.transpose(0, 3, 1, 2))

        return xp.ascontiguousarray(x.transpose(0, 2, 3, 1)), backward
