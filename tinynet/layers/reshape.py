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

        return x.reshape(len(x), math.prod(shape[1:])), backward  # -1 cannot be known of an empty batch


class Reshape(Layer):
    """y = x with each example in another shape: Reshape(28, 28, 1) turns (N, 784) or (N, 28, 28) into pictures.

    The numbers of an example stay in their order: no axis is moved. dx = dy in the old shape. Raises ShapeError if the
    numbers of elements differ, or if the new shape has the axes of x in another order.
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
        self.check_order(shape[1:])

        def backward(dy: Array, grads: Any) -> Array:
            return dy.reshape(shape)

        return x.reshape(len(x), *self.shape), backward

    def check_order(self, shape: tuple[int, ...]) -> None:
        """Raise ShapeError if `shape`, of one example, has the axes of this layer in another order.

        Pictures (3, 32, 32) in the shape (32, 32, 3) would hold the right numbers in the wrong places.
        """
        before, after = ([size for size in axes if size != 1] for axes in (shape, self.shape))
        if before == after or sorted(before) != sorted(after):
            return
        if len(shape) == 3 and (*shape[1:], shape[0]) == self.shape:
            layers = f"Reshape{tuple(shape)}, ChannelsLast()"
            remedy = f"give images.transpose(0, 2, 3, 1), or put {layers} in its place"
        else:
            remedy = "it moves no axes: transpose the data first, for example with images.swapaxes(1, 2)"
        raise ShapeError(mismatch(self, f"examples of shape {self.shape}, or flat ones", tuple(shape), remedy))

    @classmethod
    def from_config(cls, config: Mapping[str, Any], build: BuildLayer | None = None) -> Reshape:
        return cls(*hyperparameters_from_json(cls.__name__, config, cls.hyperparameters)["shape"])

    def __repr__(self) -> str:
        return f"Reshape({', '.join(map(str, self.shape))})"


class ChannelsLast(Layer):
    """Pictures (N, C, H, W), as in PyTorch, to (N, H, W, C), as all layers here expect;   dx = dy transposed back.

    Raises ShapeError for other numbers of axes, and for square pictures (N, H, H, C) of 1 to 4 channels.
    """

    splittable = True

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        if x.ndim != 4:
            remedy = "put Reshape(channels, height, width) before it" if x.ndim == 2 else "leave it out"
            raise ShapeError(mismatch(self, "pictures of shape (N, C, H, W)", tuple(x.shape), remedy))
        if x.shape[3] <= 4 < x.shape[1] == x.shape[2]:
            remedy = "leave it out; if these are (N, C, H, W) after all, give images.transpose(0, 2, 3, 1) without it"
            received = f"{tuple(x.shape)}, which looks like (N, H, W, C)"
            raise ShapeError(mismatch(self, "pictures of shape (N, C, H, W)", received, remedy))
        xp = array_module(x)

        def backward(dy: Array, grads: Any) -> Array:
            return xp.ascontiguousarray(dy.transpose(0, 3, 1, 2))

        return xp.ascontiguousarray(x.transpose(0, 2, 3, 1)), backward
