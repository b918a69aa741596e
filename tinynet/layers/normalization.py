"""Normalization: shift and scale features to mean 0 and deviation 1, then by trained parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.backend.matmul import column_sums
from tinynet.errors import above_zero, checked_number, mismatch, whole_number
from tinynet.layers.base import Backward, Context, Layer

_FEATURES_REMEDY = "give the size of the last axis of x"


class BatchNorm(Layer):
    """Normalize each feature over the batch: y = weight z + bias with z = (x - mean) / sqrt(variance + epsilon).

    x, y (N, features), or (N, H, W, features), whose means are over the pixels, too. With M numbers in each mean,

        dweight = sum dy z      dbias = sum dy
        dx = weight / sqrt(variance + epsilon) (dy - dbias / M - z dweight / M)

    Inference uses running averages from training: r <- (1 - momentum) r + momentum (value of the batch). They start at
    mean 0 and variance 1; the variance in them has the divisor M - 1. PyTorch's definitions. Threads that share a batch
    add up their sums. The mean of x - mean, which rounding left over, is subtracted as well: at large means it matters.
    Raises ShapeError for x with another number of features, ValueError if M is 1.
    Source: S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015, algorithms 1 and 2.
    """

    weight: Array
    bias: Array
    running_mean: Array
    running_var: Array
    splittable = True
    hyperparameters = ("features", "momentum", "epsilon")

    def __init__(self, features: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        self.features = features = whole_number("BatchNorm: features", features, remedy=_FEATURES_REMEDY)
        expected = "momentum above 0 and up to 1"
        self.momentum = checked_number(
            "BatchNorm", expected, momentum, lambda given: 0 < given <= 1, remedy="leave it out"
        )
        self.epsilon = above_zero("BatchNorm", "epsilon", epsilon, remedy="leave it out")
        self.add_parameter("weight", (features,), "ones")
        self.add_parameter("bias", (features,), "zeros")
        self.add_statistic("running_mean", (features,), 0.0)
        self.add_statistic("running_var", (features,), 1.0)

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        _expect_features(self, x, self.features)
        xp, shape = array_module(x), x.shape
        x = x.reshape(len(x), math.prod(shape[1:]))  # (N, pixels * features)
        wide = _repeater(x, self.features)

        def over_batch(a: Array) -> Array:  # the sum for each feature: (features,)
            return column_sums(a.reshape(-1, self.features))

        if context.training:
            count = float(context.all_reduce(x.size // self.features))  # NumPy 1: float32 / int is float64 above 65535
            if count < 2:
                remedy = "choose another batch_size: the last batch of an epoch holds what is left"
                raise ValueError(mismatch(self, "more than one number to normalize", "1", remedy))
            mean = context.all_reduce(over_batch(x)) / count
            z = x - wide(mean)
            missed = context.all_reduce(over_batch(z)) / count  # what rounding left: 0 but for the last bits of `mean`
            z -= wide(missed)
            mean = mean + missed
            variance = context.all_reduce(over_batch(z * z)) / count
        else:
            mean, variance = self.running_mean, self.running_var
            z = x - wide(mean)
        scale = 1 / xp.sqrt(variance + self.epsilon)
        z *= wide(scale)

        def backward(dy: Array, grads: Any) -> Array:
            dy = dy.reshape(z.shape)
            dbias, dweight = over_batch(dy), over_batch(dy * z)
            grads["bias"][...], grads["weight"][...] = dbias, dweight
            if context.training:
                if "running_mean" in grads:
                    grads["running_mean"][...] = self.momentum * (mean - self.running_mean)
                    unbiased = variance * (count / (count - 1))
                    grads["running_var"][...] = self.momentum * (unbiased - self.running_var)
                dy -= wide(context.all_reduce(dbias) / count)
                dy -= z * wide(context.all_reduce(dweight) / count)
            dy *= wide(self.weight * scale)
            return dy.reshape(shape)

        y = z * wide(self.weight)
        y += wide(self.bias)
        return y.reshape(shape), backward


class LayerNorm(Layer):
    """Normalize each row over its features: y = weight z + bias with z = (x - mean) / sqrt(variance + epsilon).

    x, y (..., features). Mean and variance are over the last axis, so rows do not depend on each other, and training
    and inference are the same. With g = dy weight,

        dweight = sum dy z      dbias = sum dy      dx = (g - mean(g) - z mean(g z)) / sqrt(variance + epsilon)

    the sums over rows, the means over features. Raises ShapeError for x with another number of
    features, ValueError for an epsilon that is not above 0.
    Source: J. Ba, J. Kiros, G. Hinton, "Layer normalization", 2016, arXiv 1607.06450.
    """

    weight: Array
    bias: Array
    splittable = True
    hyperparameters = ("features", "epsilon")

    def __init__(self, features: int, epsilon: float = 1e-5) -> None:
        self.features = features = whole_number("LayerNorm: features", features, remedy=_FEATURES_REMEDY)
        self.epsilon = above_zero("LayerNorm", "epsilon", epsilon, remedy="leave it out")
        self.add_parameter("weight", (features,), "ones")
        self.add_parameter("bias", (features,), "zeros")

    def forward(self, x: Array, context: Context) -> tuple[Array, Backward]:
        xp, shape = array_module(x), x.shape
        _expect_features(self, x, self.features)
        x = x.reshape(-1, self.features)  # (M, features)
        z = x - x.mean(axis=1, keepdims=True)
        scale = 1 / xp.sqrt((z * z).mean(axis=1, keepdims=True) + self.epsilon)  # (M, 1)
        z *= scale
        weight = self.weight

        def backward(dy: Array, grads: Any) -> Array:
            dy = dy.reshape(-1, self.features)
            grads["bias"][...], grads["weight"][...] = column_sums(dy), column_sums(dy * z)
            dy *= weight
            means = dy.mean(axis=1, keepdims=True), (dy * z).mean(axis=1, keepdims=True)
            dy -= means[0]
            dy -= z * means[1]
            dy *= scale
            return dy.reshape(shape)

        y = z * weight
        y += self.bias
        return y.reshape(shape), backward


def _repeater(x: Array, features: int) -> Callable[[Array], Array]:
    """A function that repeats (features,) for each pixel of a row of `x`. NumPy broadcasts short rows slowly."""
    return partial(array_module(x).tile, reps=x.shape[1] // features)


def _expect_features(layer: Layer, x: Array, features: int) -> None:
    """Raise unless the last axis of `x` has `features` numbers, in the dtype and on the device of the parameters."""
    layer.expect(x, (*(None,) * (max(x.ndim, 2) - 1), features), partial(_features_remedy, layer, features))


def _features_remedy(layer: Layer, features: int, shape: tuple[int, ...]) -> str:
    """What to do about x of this shape, whose last axis has not `features` numbers."""
    if len(shape) == 4 and shape[1] == features:
        return "put ChannelsLast() before it, which takes pictures (N, C, H, W)"
    return f"write {type(layer).__name__}({shape[-1]}): the size of the last axis of x"
