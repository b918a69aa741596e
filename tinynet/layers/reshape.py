"""Layers that move numbers about and compute nothing."""

from __future__ import annotations

from typing import Any

from tinynet.arrays import Array
from tinynet.layers.base import Backward, Layer, Run


class Flatten(Layer):
    """y = x with every axis but the first in one: (N, H, W) -> (N, H * W);   dx = dy in the old shape."""

    row_wise = True

    def forward(self, x: Array, run: Run) -> tuple[Array, Backward]:
        shape = x.shape

        def backward(dy: Array, grads: Any) -> Array:
            return dy.reshape(shape)

        return x.reshape(len(x), -1), backward
