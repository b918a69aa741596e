"""Dropout."""

from __future__ import annotations

from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.backend.random import Purpose
from tinynet.errors import fraction
from tinynet.layers.base import Backward, Context, Layer


class Dropout(Layer):
    """y = x m / (1 - rate), where each m is 0 with probability `rate`, else 1;   dx = dy m / (1 - rate).

    "Inverted" dropout: the mean of y is x, so inference needs no correction and is the identity. x, y of any shape.
    The mask compares a 16-bit random number with a threshold, so the rate is rounded to 1/65536. The scale is that of
    the rounded rate, so the mean stays exact. Raises ValueError for a rate outside [0, 1).
    Source: N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014.
    """

    threshold: int
    scale: float
    splittable = True
    hyperparameters = ("rate",)

    def __init__(self, rate: float) -> None:
        fraction("Dropout", "a rate", rate, remedy="try Dropout(0.2)")
        self.rate = rate
        self.threshold = min(round(rate * 65536), 65535)
        self.scale = 65536 / (65536 - self.threshold)

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        if not context.training or self.threshold == 0:
            return x, lambda dy, grads: dy
        xp = array_module(x)
        lanes = context.stream(Purpose.DROPOUT).lanes(x.shape, context.first_row, like=x)  # uint16
        mask = (lanes >= self.threshold) * x.dtype.type(self.scale)  # 0 or 1 / (1 - rate)

        def backward(dy: Array, grads: Any) -> Array:
            return xp.multiply(dy, mask, out=dy)

        return x * mask, backward
