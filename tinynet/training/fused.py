"""The operations of a step as kernels: what one or two launches can do instead of a dozen.

After a Dense, its bias, a ReLU or Sigmoid that follows and a Dropout after that are one kernel on the way there and one
on the way back. Everything else stays the layer that it is, and so does what it returns: a function
that takes the gradient back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.backend.gpu.kernels import Kernels, rows_first, step_arguments
from tinynet.backend.matmul import matmul
from tinynet.backend.random import Purpose
from tinynet.data.batches import Batch
from tinynet.layers.activations import ReLU, Sigmoid
from tinynet.layers.base import Backward, Context, Layer
from tinynet.layers.containers import Part, forward_through
from tinynet.layers.dense import Dense
from tinynet.layers.dropout import Dropout
from tinynet.losses import Loss, SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from tinynet.training.step import Operations

ACTIVATIONS: dict[type, int] = {type(None): 0, ReLU: 1, Sigmoid: 2}  # the numbers in activations.cu


def fused(model: Sequential, loss: Loss, optimizer: Optimizer, kernels: Kernels, plain: Operations) -> Operations:
    """`plain`, with a kernel for each part that there is one for."""
    distinct = len(model.distinct) == len(model.layers)
    return Operations(
        load=_loader(kernels),
        forward=partial(forward_through, fused_parts(model, kernels)) if distinct else plain.forward,
        measure=_measurer(loss, kernels) or plain.measure,
        move=_mover(optimizer, kernels) or plain.move,
    )


def fused_parts(model: Sequential, kernels: Kernels) -> list[Part]:
    """The parts of a model, in which Dense, activation and Dropout in a row are one."""
    parts: list[Part] = []
    number = position = 0
    while number < len(model.layers):
        layer, count = _part(model.layers[number:], kernels)
        parts.append(Part(layer, number, position, layer.parameter_count > 0, stands_again=False))
        position += sum(layer.positions for layer in model.layers[number : number + count])
        number += count
    return parts


class FusedDense:
    """Dense, perhaps ReLU or Sigmoid and Dropout: a product and a kernel there; back, a kernel, then the products."""

    def __init__(self, dense: Dense, activation: Layer | None, dropout: Dropout | None, kernels: Kernels) -> None:
        self.dense, self.activation, self.dropout, self.kernels = dense, activation, dropout, kernels
        self.parameter_count = dense.parameter_count
        self.ones: dict[int, Array] = {}  # rows of ones, by length: made once, not in every step

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        """y = mask * activation(x W + b), and the way back to x."""
        dense, kernels, dropout = self.dense, self.kernels, self.dropout if context.training else None
        dense.expect(x, (None, dense.inputs), "put Flatten() before it" if x.ndim > 2 else "check the layer before")
        xp, weight = array_module(x), dense.weight
        y = matmul(x, weight)  # (N, outputs)
        kind, threshold, scale = ACTIVATIONS[type(self.activation)], 0, 1.0
        if len(x) not in self.ones:
            self.ones[len(x)] = xp.ones(len(x), x.dtype)
        ones = self.ones[len(x)]
        stream = context.at(2, True).stream(Purpose.DROPOUT)  # Dropout stands two places after Dense
        if dropout is not None:
            threshold, scale = dropout.threshold, dropout.scale
        mask = (threshold, scale, *stream.key, *step_arguments(stream.step))
        dropped = xp.empty_like(y) if threshold else None
        largest = math.log(xp.finfo(y.dtype).max) - 1  # of an argument of exp: see Sigmoid
        first = (y, dropped, dense.bias, y.size, dense.outputs, kind, largest)
        kernels.launch("bias_activation", -(-y.size // 4), y.dtype, *first, *mask)

        def backward(dy: Array, grads: Any) -> Array:
            dy = dy if rows_first(dy) else xp.array(dy, order="C")
            if kind or threshold:
                kernels.launch("bias_activation_backward", -(-y.size // 4), y.dtype, dy, y, y.size, kind, *mask)
            matmul(x.T, dy, out=grads["weight"])  # (inputs, outputs)
            matmul(ones, dy, out=grads["bias"])  # (outputs,)
            return matmul(dy, weight.T) if context.input_gradient else None  # (N, inputs)

        return y if dropped is None else dropped, backward


def _part(layers: Sequence[Layer], kernels: Kernels) -> tuple[Any, int]:
    """What does the work of the first layers, and how many they are."""
    first, activation, dropout = (*layers[:3], None, None)[:3]
    if type(first) is not Dense:
        return first, 1
    if activation is None or type(activation) not in ACTIVATIONS:
        return FusedDense(first, None, None, kernels), 1
    if type(dropout) is not Dropout:
        return FusedDense(first, activation, None, kernels), 2
    return FusedDense(first, activation, dropout, kernels), 3


def _loader(kernels: Kernels) -> Callable[[Batch], tuple[Array, Array]]:
    def load(batch: Batch) -> tuple[Array, Array]:
        data = batch.dataset
        if data.images.dtype != "uint8" or batch.change is not None or not rows_first(data.images):
            return batch.load()
        x = kernels.gather(data.images, batch.chosen, batch.dtype, data.mean, data.deviation)
        return x, array_module(x).take(data.labels, batch.chosen, axis=0)

    return load


def _measurer(
    loss: Loss, kernels: Kernels
) -> Callable[[Array, Array, float], tuple[Array, Array | None, Array]] | None:
    if type(loss) is not SoftmaxCrossEntropy or loss.label_smoothing or loss.class_weights:
        return None

    def measure(outputs: Array, targets: Array, share: float = 1.0) -> tuple[Array, Array | None, Array]:
        xp, (rows, classes) = array_module(outputs), outputs.shape
        logits = outputs if rows_first(outputs) else xp.array(outputs, order="C")
        gradient, measured = xp.empty_like(logits), xp.empty((2, rows), logits.dtype)
        labels = (targets, targets.dtype.itemsize, rows, classes)
        kernels.launch(
            "softmax_cross_entropy", rows, logits.dtype, gradient, measured, logits, *labels, float(share) / rows
        )
        value, hits = (both := measured.sum(axis=1))[0], both[1]
        return value, hits, gradient

    return measure


def _mover(optimizer: Optimizer, kernels: Kernels) -> Callable[..., None] | None:
    """The rule as one kernel over theta; None for a rule that has none."""
    rules: dict[type, Callable[..., tuple[Any, ...]]] = {SGD: _sgd, RMSprop: _rmsprop, Adam: _adam, AdamW: _adam}
    arguments = rules.get(type(optimizer))
    if arguments is None:
        return None
    name = {SGD: "sgd", RMSprop: "rmsprop"}.get(type(optimizer), "adam")

    def move(theta: Array, gradient: Array, state: Any, scalars: Array) -> None:
        given = arguments(optimizer, theta, gradient, state)
        kernels.launch(name, theta.size, theta.dtype, *given, scalars)

    return move


def _sgd(rule: SGD, theta: Array, gradient: Array, state: Any) -> tuple[Any, ...]:
    velocity = state.get("velocity")
    return theta, gradient, velocity, theta.size, rule.momentum, int(rule.nesterov), rule.weight_decay


def _rmsprop(rule: RMSprop, theta: Array, gradient: Array, state: Any) -> tuple[Any, ...]:
    arrays = (theta, gradient, state["square"], state.get("velocity"), theta.size)
    return (*arrays, rule.decay, 1 - rule.decay, rule.momentum, rule.epsilon)


def _adam(rule: Adam, theta: Array, gradient: Array, state: Any) -> tuple[Any, ...]:
    arrays = (theta, gradient, state["mean"], state["square"], state.get("mask"), theta.size)
    betas = (rule.beta1, 1 - rule.beta1, rule.beta2, 1 - rule.beta2)
    return (*arrays, *betas, rule.epsilon, rule.weight_decay, int(isinstance(rule, AdamW)))
