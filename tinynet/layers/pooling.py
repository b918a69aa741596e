"""Pooling: each window of a picture becomes one pixel."""

from __future__ import annotations

import math
from operator import ge
from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.errors import ShapeError, mismatch
from tinynet.layers.base import Backward, Context, Layer
from tinynet.layers.windows import Padding, Pair, Windows, pictures_remedy


class MaxPool2D(Layer):
    """y = the largest x of each window;   dx = dy at that pixel (the first of several), 0 elsewhere.

    x (N, H, W, C), y (N, P, Q, C). `pool_size` and `stride` (pool_size unless given) are numbers or pairs. `padding` is
    as in Conv2D; padded pixels are never the maximum. Rows and columns that fill no window are ignored. Raises
    ShapeError for x of another shape, or smaller than a window.
    """

    windows: Windows
    splittable = True
    hyperparameters = ("pool_size", "stride", "padding")

    def __init__(self, pool_size: int | Pair = 2, stride: int | Pair | None = None, padding: Padding = "valid") -> None:
        self.windows = Windows("MaxPool2D", pool_size, pool_size if stride is None else stride, padding, "pool_size")
        self.pool_size, given_stride, self.padding = self.windows.as_given
        if not isinstance(self.windows.padding, str) and any(map(ge, self.windows.padding, self.windows.kernel)):
            expected = f"padding below pool_size, {self.pool_size}, so that each window holds a pixel"
            raise ValueError(mismatch("MaxPool2D", expected, self.padding, "write padding='same'"))
        self.stride = None if stride is None else given_stride

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        _expect_pictures(self, x)
        xp, windows, size = array_module(x), self.windows, x.shape[1:3]
        output_size, padded = windows.output_size(size), windows.pad(x, -math.inf)
        first, *others = windows.taps(padded, output_size)  # (N, P, Q, C) each
        y = first.copy()
        for tap in others:
            xp.maximum(y, tap, out=y)

        def backward(dy: Array, grads: Any) -> Array:
            dpadded = xp.zeros_like(padded)
            *gradients, last = windows.taps(dpadded, output_size)
            for tap, gradient in zip(windows.taps(padded, output_size), gradients):
                part = dy * (tap == y)
                gradient[...] = gradient + part if windows.overlap else part
                dy -= part  # so that of several equal maxima the first gets all
            last[...] = last + dy if windows.overlap else dy
            return windows.unpad(dpadded, size)

        return y, backward


class AveragePool2D(Layer):
    """y = the mean of x over each window;   dx = the sum of dy / (KH KW) over the windows a pixel is in.

    x (N, H, W, C), y (N, P, Q, C). `pool_size` and `stride` (pool_size unless given) are numbers or pairs. Rows and
    columns that fill no window are ignored. Raises ShapeError for x of another shape, or smaller than a window.
    """

    windows: Windows
    splittable = True
    hyperparameters = ("pool_size", "stride")

    def __init__(self, pool_size: int | Pair = 2, stride: int | Pair | None = None) -> None:
        self.windows = Windows("AveragePool2D", pool_size, pool_size if stride is None else stride, None, "pool_size")
        self.pool_size, given_stride, _ = self.windows.as_given
        self.stride = None if stride is None else given_stride

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        _expect_pictures(self, x)
        xp, windows, output_size = array_module(x), self.windows, self.windows.output_size(x.shape[1:3])
        factor = 1 / math.prod(windows.kernel)
        first, *others = windows.taps(x, output_size)  # (N, P, Q, C) each
        y = first.copy()
        for tap in others:
            y += tap
        y *= factor

        def backward(dy: Array, grads: Any) -> Array:
            dx = xp.zeros_like(x)
            dy *= factor
            for gradient in windows.taps(dx, output_size):
                gradient += dy
            return dx

        return y, backward


class GlobalAveragePool2D(Layer):
    """y = the mean of each channel over the picture;   dx = dy / (H W) at every pixel. x (N, H, W, C), y (N, C).

    Source: M. Lin, Q. Chen, S. Yan, "Network in network", ICLR 2014, section 3.2.
    """

    splittable = True

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        _expect_pictures(self, x)
        xp = array_module(x)

        def backward(dy: Array, grads: Any) -> Array:
            dx = xp.empty_like(x)
            dx[...] = (dy / (x.shape[1] * x.shape[2]))[:, None, None, :]
            return dx

        return x.mean(axis=1).mean(axis=1), backward  # over both at once, a long float32 sum is rounded more


def _expect_pictures(layer: Layer, x: Array) -> None:
    if x.ndim != 4:
        remedy = pictures_remedy(tuple(x.shape))
        raise ShapeError(mismatch(layer, "pictures of shape (N, H, W, C)", tuple(x.shape), remedy))
