"""Choose fused CUDA kernels (backend/gpu/kernels.py) for the operations of a training step.

One kernel computes a Dense layer's bias, the ReLU or Sigmoid after it and the Dropout after that. Another computes
their gradients. Loading a batch of images, softmax cross-entropy and the optimizers' rules have kernels, too. Array
operations compute everything else, as on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tinynet.backend.arrays import Array, Device, array_module
from tinynet.backend.gpu.kernels import Activation, Kernels, Mask, is_c_contiguous
from tinynet.backend.matmul import matmul
from tinynet.backend.random import Purpose
from tinynet.data.batches import Batch
from tinynet.layers.activations import ReLU, Sigmoid
from tinynet.layers.base import Backward, Context, Layer
from tinynet.layers.containers import Part, forward_through, is_trained
from tinynet.layers.dense import Dense
from tinynet.layers.dropout import Dropout
from tinynet.losses import Loss, SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from tinynet.training.operations import Operations, plain_operations

ACTIVATIONS: dict[type, Activation] = {ReLU: Activation.RELU, Sigmoid: Activation.SIGMOID}

Measure = Callable[[Array, Array, float], tuple[Array, "Array | None", Array]]
Move = Callable[[Array, Array, Any, Array], None]


def operations_for(model: Sequential, loss: Loss, optimizer: Optimizer, device: Device) -> Operations:
    """The plain operations, replaced by kernels where the device has them for the model, the loss or the optimizer."""
    plain, kernels = plain_operations(model, loss, optimizer), device.kernels()
    if kernels is None:
        return plain
    return Operations(
        load=partial(_load, kernels),
        forward=partial(forward_through, fused_parts(model, kernels)),
        measure=_measure_for(loss, kernels) or plain.measure,
        move=_move_for(optimizer, kernels) or plain.move,
    )


def fused_parts(model: Sequential, kernels: Kernels) -> list[Part]:
    """The layers of a model, with each Dense fused with the activation and the Dropout that follow it."""
    parts: list[Part] = []
    number = position = 0
    while number < len(model.layers):
        layer = model.layers[number]
        part, count = _fuse(model.layers[number:], kernels)
        later = model.layers[number + 1 :].count(layer)
        parts.append(Part(part, number, position, is_trained(layer), later))
        position += sum(layer.positions for layer in model.layers[number : number + count])
        number += count
    return parts


def _fuse(layers: Sequence[Layer], kernels: Kernels) -> tuple[Any, int]:
    """The first of `layers`, fused with those after it if it is a Dense; and the number of layers it replaces."""
    first, activation, dropout = (*layers[:3], None, None)[:3]
    if type(first) is not Dense:
        return first, 1
    if type(activation) not in ACTIVATIONS:
        return FusedDense(first, None, None, kernels), 1
    if type(dropout) is not Dropout:
        return FusedDense(first, activation, None, kernels), 2
    return FusedDense(first, activation, dropout, kernels), 3


class FusedDense:
    """y = mask * activation(x W + b): Dense, optionally followed by ReLU or Sigmoid, and that by Dropout.

    Forward is the product, then one kernel. Backward is one kernel, then the products.
    """

    def __init__(self, dense: Dense, activation: Layer | None, dropout: Dropout | None, kernels: Kernels) -> None:
        self.dense, self.dropout, self.kernels, self.written_arrays = dense, dropout, kernels, dense.written_arrays
        self.activation = Activation.NONE if activation is None else ACTIVATIONS[type(activation)]
        self.ones: dict[int, Array] = {}  # vectors of ones by length, made once

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        dense, kernels, activation = self.dense, self.kernels, self.activation
        dense.expect(x, (None, dense.inputs), dense.remedy)
        xp, weight, mask = array_module(x), dense.weight, self._mask(context)
        if len(x) not in self.ones:
            self.ones[len(x)] = xp.ones(len(x), x.dtype)
        ones = self.ones[len(x)]
        y = matmul(x, weight)  # (N, outputs)
        out = kernels.bias_activation(y, dense.bias, activation, mask)

        def backward(dy: Array, grads: Any) -> Array:
            dy = dy if is_c_contiguous(dy) else xp.array(dy, order="C")
            if activation or mask is not None:
                kernels.bias_activation_backward(dy, y, activation, mask)
            matmul(x.T, dy, out=grads["weight"])  # (inputs, outputs)
            matmul(ones, dy, out=grads["bias"])  # (outputs,)
            return matmul(dy, weight.T) if context.input_gradient else None  # (N, inputs)

        return out, backward

    def _mask(self, context: Context) -> Mask | None:
        """The mask that Dropout draws. Its position in the model is that of Dense plus 2."""
        if self.dropout is None or not context.training or not self.dropout.threshold:
            return None
        stream = context.at(2, True).stream(Purpose.DROPOUT)
        return Mask(self.dropout.threshold, self.dropout.scale, stream.key, stream.step)


def _load(kernels: Kernels, batch: Batch) -> tuple[Array, Array]:
    """Batch.load by a kernel, if the images are contiguous uint8 pixels and no transform changes them."""
    data = batch.dataset
    if data.images.dtype != "uint8" or batch.change is not None or not is_c_contiguous(data.images):
        return batch.load()
    x = kernels.gather_pixels(data.images, batch.chosen, batch.dtype, data.mean, data.deviation)
    return x, array_module(x).take(data.labels, batch.chosen, axis=0)


def _measure_for(loss: Loss, kernels: Kernels) -> Measure | None:
    """SoftmaxCrossEntropy.measure by a kernel; None for other losses, and with label smoothing or class weights."""
    if type(loss) is not SoftmaxCrossEntropy or loss.label_smoothing or loss.class_weights:
        return None

    def measure(outputs: Array, targets: Array, fraction: float = 1.0) -> tuple[Array, Array | None, Array]:
        logits = outputs if is_c_contiguous(outputs) else array_module(outputs).array(outputs, order="C")
        measured, gradient = kernels.softmax_cross_entropy(logits, targets, float(fraction) / len(logits))
        sums = measured.sum(axis=1)
        return sums[0], sums[1], gradient

    return measure


def _move_for(optimizer: Optimizer, kernels: Kernels) -> Move | None:
    """Optimizer.move by a kernel; None for optimizers that have no kernel."""
    if type(optimizer) is SGD:
        return partial(_sgd, kernels, optimizer)
    if type(optimizer) is RMSprop:
        return partial(_rmsprop, kernels, optimizer)
    if type(optimizer) is Adam or type(optimizer) is AdamW:
        return partial(_adam, kernels, optimizer)
    return None


def _sgd(kernels: Kernels, rule: SGD, theta: Array, gradient: Array, state: Any, scalars: Array) -> None:
    kernels.sgd(
        theta,
        gradient,
        state.get("velocity"),
        scalars,
        momentum=rule.momentum,
        nesterov=rule.nesterov,
        weight_decay=rule.weight_decay,
    )


def _rmsprop(kernels: Kernels, rule: RMSprop, theta: Array, gradient: Array, state: Any, scalars: Array) -> None:
    kernels.rmsprop(
        theta,
        gradient,
        state["square"],
        state.get("velocity"),
        scalars,
        decay=rule.decay,
        momentum=rule.momentum,
        epsilon=rule.epsilon,
    )


def _adam(kernels: Kernels, rule: Adam, theta: Array, gradient: Array, state: Any, scalars: Array) -> None:
    kernels.adam(
        theta,
        gradient,
        state["mean"],
        state["square"],
        state.get("mask"),
        scalars,
        beta1=rule.beta1,
        beta2=rule.beta2,
        epsilon=rule.epsilon,
        weight_decay=rule.weight_decay,
        decoupled=isinstance(rule, AdamW),
    )
