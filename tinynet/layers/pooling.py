"""Pooling: each window of a picture becomes one pixel."""

from __future__ import annotations

import math
from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.errors import ShapeError, mismatch
from tinynet.layers.base import Backward, Context, Layer
from tinynet.layers.windows import Padding, Pair, Windows


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
        self.pool_size, self.stride, self.padding = pool_size, stride, padding
        self.windows = Windows("MaxPool2D", pool_size, pool_size if stride is None else stride, padding)

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
        self.pool_size, self.stride = pool_size, stride
        self.windows = Windows("AveragePool2D", pool_size, pool_size if stride is None else stride, "valid")

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

        return x.mean(axis=(1, 2)), backward


def _expect_pictures(layer: Layer, x: Array) -> None:
    if x.ndim != 4:
        remedy = "put Reshape(height, width, channels) before it"
        raise ShapeError(mismatch(layer, "pictures of shape (N, H, W, C)", tuple(x.shape), remedy))
