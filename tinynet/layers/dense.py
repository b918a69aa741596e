"""The fully connected layer."""

from __future__ import annotations

import math
from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.backend.matmul import matmul
from tinynet.errors import whole_number
from tinynet.initializers import Initializer
from tinynet.layers.base import Backward, Context, Layer


class Dense(Layer):
    """y = x W + b: every output is a weighted sum of every input.

        dW = x^T dy        db = 1^T dy, the sum over the batch        dx = dy W^T

    x (N, inputs), W (inputs, outputs), b (outputs,), y (N, outputs). Initially W is `glorot_uniform` and b zero.
    Raises ShapeError for another shape or dtype of x, DeviceError if x is on another device than the weights.
    Source: D. Rumelhart, G. Hinton, R. Williams, "Learning representations by back-propagating errors", Nature 1986.
    """

    weight: Array
    bias: Array
    splittable = True
    hyperparameters = ("inputs", "outputs")

    def __init__(
        self, inputs: int, outputs: int, weight: Initializer = "glorot_uniform", bias: Initializer = "zeros"
    ) -> None:
        remedy = "write Dense(inputs, outputs), such as Dense(784, 10)"
        self.inputs = whole_number("Dense: inputs", inputs, remedy=remedy)
        self.outputs = whole_number("Dense: outputs", outputs, remedy=remedy)
        self.input_shape = (self.inputs,)
        self.add_parameter("weight", (self.inputs, self.outputs), weight)
        self.add_parameter("bias", (self.outputs,), bias)

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        xp = array_module(x)
        weight = self.weight
        self.expect(x, (None, self.inputs), self.remedy)
        y = matmul(x, weight)  # (N, outputs)
        y += self.bias

        def backward(dy: Array, grads: Any) -> Array:
            matmul(x.T, dy, out=grads["weight"])  # (inputs, outputs)
            matmul(xp.ones(len(dy), dy.dtype), dy, out=grads["bias"])  # (outputs,)
            return matmul(dy, weight.T) if context.input_gradient else None  # (N, inputs)

        return y, backward

    def remedy(self, shape: tuple[int, ...]) -> str:
        """What to do about x of another shape than (N, inputs)."""
        if len(shape) > 2 and math.prod(shape[1:]) == self.inputs:
            return "put Flatten() before it"
        if len(shape) == 2 and math.prod(shape) == self.inputs:  # one picture
            return "give it a batch of one: x.reshape(1, -1)"
        if len(shape) == 2 and shape[0] == self.inputs:
            return "give it one example in each row: x.T"
        first = "put Flatten() before it, and " if len(shape) > 2 else ""
        return f"{first}write Dense({math.prod(shape[1:])}, {self.outputs}), or check what comes before it"
