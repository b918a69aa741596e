"""Convolution."""

from __future__ import annotations

import math
from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.backend.matmul import matmul
from tinynet.errors import whole_number
from tinynet.initializers import Initializer
from tinynet.layers.base import Backward, Context, Layer
from tinynet.layers.windows import Padding, Pair, Windows, chunks, pictures_remedy

FEW_CHANNELS = 8  # with fewer, windows are copied offset by offset: NumPy copies short runs of floats slowly


class Conv2D(Layer):
    """Each output pixel is a weighted sum of a window of the input: y[n, p, q] = window(n, p, q) . W + b.

        x (N, H, W, inputs)             W (KH, KW, inputs, outputs), b (outputs,)            y (N, P, Q, outputs)

    All windows, each laid out as a row of K = KH KW inputs numbers ("im2col"), make a matrix, and the layer a Dense:

        columns (N P Q, K)  @  W (K, outputs)  =  y (N P Q, outputs)         picture   windows 2x2, each a row
                                                                              a b c     a b d e
        dW = columns^T dy      db = 1^T dy                                    d e f     b c e f
        dx = the sum of dy W_ij^T over all offsets (i, j) in a window,        g h i     d e g h
             each shifted by (i, j)                                                     e f h i

    All windows are KH KW times as large as x, so those of a few pictures are laid out at a time, to stay in the cache,
    and backward lays them out again. `kernel_size` and `stride` are numbers or pairs; `padding` is "valid" (none),
    "same" (y as large as x, at stride 1), a number or a pair: see Windows. Initially W is `he_normal` and b zero.
    Raises ShapeError for another shape or dtype of x, or pictures smaller than the kernel; ValueError for sizes that
    are not whole numbers from 1.
    Source: Y. LeCun and others, "Backpropagation applied to handwritten zip code recognition", 1989; for im2col
    K. Chellapilla, S. Puri, P. Simard, "High performance convolutional neural networks for document processing", 2006.
    """

    weight: Array
    bias: Array
    windows: Windows
    splittable = True
    hyperparameters = ("inputs", "outputs", "kernel_size", "stride", "padding")

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel_size: int | Pair = 3,
        stride: int | Pair = 1,
        padding: Padding = "valid",
        weight: Initializer = "he_normal",
        bias: Initializer = "zeros",
    ) -> None:
        remedy = "write Conv2D(inputs, outputs), such as Conv2D(3, 16) for RGB pictures"
        self.inputs = whole_number("Conv2D: inputs", inputs, remedy=remedy)
        self.outputs = whole_number("Conv2D: outputs", outputs, remedy=remedy)
        self.windows = Windows(f"Conv2D({self.inputs}, {self.outputs})", kernel_size, stride, padding)
        self.kernel_size, self.stride, self.padding = self.windows.as_given
        self.add_parameter("weight", (*self.windows.kernel, self.inputs, self.outputs), weight)
        self.add_parameter("bias", (self.outputs,), bias)

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        self.expect(x, (None, None, None, self.inputs), self.remedy)
        xp, windows, size = array_module(x), self.windows, x.shape[1:3]
        matrix = self.weight.reshape(-1, self.outputs)  # (K, outputs)
        kernel = self.weight.reshape(-1, self.inputs, self.outputs)  # (KH KW, inputs, outputs)
        output_size = windows.output_size(size)
        per_picture = math.prod(output_size) * len(matrix) * x.dtype.itemsize
        bias = xp.tile(self.bias, math.prod(output_size) * bool(len(x)))  # of a picture: NumPy is slow with short rows
        y = xp.empty((len(x), *output_size, self.outputs), x.dtype)
        for some in chunks(x, per_picture):
            columns = _columns(windows.view(windows.pad(x[some]), output_size))  # (n P Q, K)
            matmul(columns, matrix, out=y[some].reshape(-1, self.outputs))
            flat = y[some].reshape(-1, len(bias))
            flat += bias

        def backward(dy: Array, grads: Any) -> Array:
            weight_gradient = grads["weight"].reshape(matrix.shape)
            weight_gradient[...] = 0
            matmul(xp.ones(dy.size // self.outputs, dy.dtype), dy.reshape(-1, self.outputs), out=grads["bias"])
            dx = xp.empty_like(x) if context.input_gradient else None
            for some in chunks(x, per_picture):
                padded, dy_rows = windows.pad(x[some]), dy[some].reshape(-1, self.outputs)  # (n P Q, outputs)
                weight_gradient += matmul(_columns(windows.view(padded, output_size)).T, dy_rows)
                if dx is not None:
                    dpadded = xp.zeros_like(padded)
                    for number, tap in enumerate(windows.taps(dpadded, output_size)):
                        tap += matmul(dy_rows, kernel[number].T).reshape(tap.shape)
                    dx[some] = windows.unpad(dpadded, size)
            return dx

        return y, backward

    def remedy(self, shape: tuple[int, ...]) -> str:
        """What to do about x of another shape than (N, H, W, inputs)."""
        if len(shape) == 4 and shape[1] == self.inputs:
            return "put ChannelsLast() before it, which takes pictures (N, C, H, W)"
        if len(shape) == 4:
            return f"write Conv2D({shape[-1]}, {self.outputs}): the channels of x come first"
        return pictures_remedy(shape, self.inputs)

    def multiplications(self, x: Array) -> int:
        return math.prod(self.windows.output_size(x.shape[1:3])) * self.weight.size


def _columns(windows: Array) -> Array:
    """(n, P, Q, KH, KW, C) as a matrix (n P Q, KH KW C), copied."""
    rows, columns = math.prod(windows.shape[:3]), math.prod(windows.shape[3:])
    if windows.shape[-1] < FEW_CHANNELS:
        return windows.transpose(3, 4, 5, 0, 1, 2).reshape(columns, rows).T
    return windows.reshape(rows, columns)
