"""Activations: functions of one number, applied to each, and Softmax, a function of each row."""

from __future__ import annotations

import math
from typing import Any

from tinynet.arrays import Array, array_module
from tinynet.layers.base import Backward, Layer, Run


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x));   dx = dy y (1 - y), at most a quarter of dy.

    x, y of any shape. -x is cut where exp would overflow, so y is 0 (or as near as the dtype can say) at -1000.
    """

    row_wise = True

    def forward(self, x: Array, run: Run) -> tuple[Array, Backward]:
        xp = array_module(x)
        largest = math.log(xp.finfo(x.dtype).max) - 1  # 87.7 in float32
        y = 1 / (1 + xp.exp(xp.minimum(-x, largest)))

        def backward(dy: Array, grads: Any) -> Array:
            dy *= y
            dy *= 1 - y
            return dy

        return y, backward


class ReLU(Layer):
    """y = max(x, 0);   dx = dy where x > 0, else 0 (at the kink, too).

    x, y of any shape. Source: V. Nair, G. Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """

    row_wise = True

    def forward(self, x: Array, run: Run) -> tuple[Array, Backward]:
        xp = array_module(x)
        y = xp.maximum(x, xp.zeros(x.shape[-1:], x.dtype))  # a row of zeros: NumPy is half as fast with a single one

        def backward(dy: Array, grads: Any) -> Array:
            dy *= y > 0
            return dy

        return y, backward


class Softmax(Layer):
    """y_i = exp(x_i) / sum_j exp(x_j) in each row;   dx_i = y_i (dy_i - sum_j dy_j y_j).

    x, y (N, classes); the largest x of a row is subtracted first, which changes nothing but the overflow. Not for
    training a classifier: SoftmaxCrossEntropy takes the logits themselves, and is exact where exp and log would not be.
    """

    row_wise = True

    def forward(self, x: Array, run: Run) -> tuple[Array, Backward]:
        xp = array_module(x)
        exponentials = xp.exp(x - x.max(axis=-1, keepdims=True))
        y = exponentials / exponentials.sum(axis=-1, keepdims=True)

        def backward(dy: Array, grads: Any) -> Array:
            dy -= (dy * y).sum(axis=-1, keepdims=True)
            dy *= y
            return dy

        return y, backward
