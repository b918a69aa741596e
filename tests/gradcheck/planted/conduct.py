"""Layers whose gradient is right in a first look, and that training would still spoil."""

import numpy as np

from tests.gradcheck.planted.kit import DENSE, Plant, dense, elementwise, layer, random, right_dense
from tests.gradcheck.planted.surroundings import (
    centred,
    dx_of_float32,
    epsilon_lost,
    exponentials,
    first_row_ignored,
    global_random,
    half_inside,
    half_reduced,
    inverted_flag,
    mask_dropout,
    mean_of_grads,
    other_branch,
    reduced_by_some,
    upcast,
    upcast_dx,
    wrong_for_one_row,
)
from tinynet.backend.random import Purpose
from tinynet.gradcheck import check_layer


def check(made, *shape, **options):
    return lambda: check_layer(made, shape, **options)


# Memory of arrays, and what is kept ---------------------------------------------------------------------------------


def input_overwritten(self, x, context):
    np.maximum(x, 0, out=x)
    return x, lambda dy, grads: dy * (x > 0)


def input_overwritten_later(self, x, context):
    def backward(dy, grads):
        x[...] = 2 * x
        return dy * x

    return x * x, backward


def output_overwritten(self, x, context):
    y = 1 / (1 + np.exp(-x))

    def backward(dy, grads):
        np.multiply(y, 1 - y, out=y)
        return dy * y

    return y, backward


def remembers_x(self, x, context):
    self.x = x
    return np.maximum(x, 0), lambda dy, grads: dy * (self.x > 0)


def remembers_mask(self, x, context):
    self.mask = 2.0 * (context.stream(Purpose.DROPOUT).lanes(x.shape, context.first_row) > 2**15)
    return x * self.mask, lambda dy, grads: dy * self.mask


def remembers_rows(self, x, context):
    self.rows = len(x)
    return x / len(x), lambda dy, grads: dy / self.rows


def counts_calls(self, x, context):
    self.calls = getattr(self, "calls", 0) + 1
    calls = self.calls
    return x * (1 + 0.01 * calls), lambda dy, grads: dy * (1 + 0.01 * calls)


def running_mean_on_self(self, x, context):
    if context.training:
        mean = x.mean(axis=0)
        self.mean = 0.9 * getattr(self, "mean", 0.0) + 0.1 * mean
        return x - mean, lambda dy, grads: dy - dy.mean(axis=0)
    return x - getattr(self, "mean", 0.0), lambda dy, grads: dy


def reuses_y(self, x, context):
    buffers = vars(self).setdefault("buffers", {})
    y = buffers.setdefault((x.shape, x.dtype), np.empty_like(x))
    np.multiply(x, x, out=y)
    return y, lambda dy, grads: 2 * dy * x


def drifts_in_backward(self, x, context):
    scale = x.dtype.type(vars(self).setdefault("scale", 1.0))

    def backward(dy, grads):
        self.scale *= 0.99
        return dy * scale

    return x * scale, backward


def normalizes_weight(self, x, context):
    self.weight[...] /= np.sqrt((self.weight**2).sum()) + 1e-3
    return dense(right_dense).forward.__func__(self, x, context)


def adds_when_written(self, x, dy, grads, context):
    """Right for NaN in grads, and adds to anything else."""
    grads["weight"][...] = np.nan_to_num(grads["weight"]) + x.T @ dy
    grads["bias"][...] = dy.sum(axis=0)
    return dy @ self.weight.T


def gives_view(self, x, context):
    return x.mean(axis=1), lambda dy, grads: np.broadcast_to(dy[:, None] / x.shape[1], x.shape)


def by_order_of_memory(self, x, context):
    y = np.cumsum(x.ravel("K")).reshape(x.shape)
    return y, lambda dy, grads: np.cumsum(dy.ravel()[::-1])[::-1].reshape(x.shape)


def dy_by_order_of_memory(self, x, context):
    return x * np.arange(x.size).reshape(x.shape), lambda dy, grads: (dy.ravel("K") * np.arange(dy.size)).reshape(
        x.shape
    )


def by_strides(self, x, context):
    """Takes for granted that a row follows the row before it."""
    step = x.itemsize
    flat = np.lib.stride_tricks.as_strided(x, (x.size,), (step,)) if x.strides[0] > 0 else x.reshape(-1)
    copied = flat.copy().reshape(x.shape)
    return copied**2, lambda dy, grads: 2 * dy * copied


def restores_x(self, x, context):
    def backward(dy, grads):
        x.__imul__(2)
        dx = dy * x
        x.__itruediv__(2)
        return dx

    return x * x, backward


# What fit asks for --------------------------------------------------------------------------------------------------


def bias_with_dx(self, x, dy, grads, context):
    grads["weight"][...] = x.T @ dy
    if not context.input_gradient:
        grads["bias"][...] = 0
        return None
    grads["bias"][...] = dy.sum(axis=0)
    return dy @ self.weight.T


def returns_too_early(self, x, dy, grads, context):
    if not context.input_gradient:
        return None
    return right_dense(self, x, dy, grads, context)


def fails_without_dx(self, x, dy, grads, context):
    dx = right_dense(self, x, dy, grads, context) if context.input_gradient else None
    return dx * 1.0


def clipped(self, x, context):
    return 2 * x, lambda dy, grads: 2 * np.clip(dy, -5, 5)


def normalized(self, x, context):
    return 2 * x, lambda dy, grads: 2 * dy * (1 if np.abs(dy).max() > 1e-3 else 1e-3 / np.abs(dy).max())


def small_ignored(self, x, context):
    return 2 * x, lambda dy, grads: 2 * np.where(np.abs(dy) > 1e-5, dy, 0)


def wrong_in_inference(self, x, context):
    factor = 1 if context.training else 1.1
    return x * x, lambda dy, grads: 2 * factor * dy * x


def wrong_in_training(self, x, context):
    rate = 0.5 if context.training else 1.0
    return x * rate, lambda dy, grads: dy * 1.0


def wrong_for_one(self, x, context):
    factor = 1.0 if len(x) > 1 else 2.0
    return x - x.mean(axis=0) + x**2, lambda dy, grads: factor * (dy - dy.mean(axis=0) + 2 * dy * x)


CONDUCT = [
    Plant("x overwritten in forward", check(layer(input_overwritten), 5, 4), "x", "changed its input"),
    Plant("x overwritten in backward", check(layer(input_overwritten_later), 5, 4), "x", "changed its input"),
    Plant("y overwritten in backward", check(layer(output_overwritten), 5, 4), "y", "changed y"),
    Plant("x kept on the layer", check(layer(remembers_x), 5, 4), "repeated passes", "keep nothing on self"),
    Plant("mask kept on the layer", check(layer(remembers_mask), 5, 4), "repeated passes", "keep nothing on self"),
    Plant("number of rows kept on the layer", check(layer(remembers_rows), 5, 4), "repeated passes"),
    Plant("y depends on the number of calls", check(layer(counts_calls), 5, 4), "y", "second forward pass"),
    Plant("a running mean on the layer", check(layer(running_mean_on_self), 5, 4), "repeated passes", "add_statistic"),
    Plant("one array for each y", check(layer(reuses_y), 5, 4), "repeated passes", "the same array"),
    Plant("a scale that changes in backward", check(layer(drifts_in_backward), 5, 4), "y", "second forward pass"),
    Plant("forward changes a weight", check(layer(normalizes_weight, DENSE), 5, 4), "parameters", "optimizer"),
    Plant(
        "adds to numbers in grads, not to NaN",
        check(dense(adds_when_written), 5, 4),
        "old numbers in grads",
        "adds to grads",
    ),
    Plant("dx is a broadcast view", check(layer(gives_view), 5, 4), "x", "read-only view"),
    Plant("x taken in the order of memory", check(layer(by_order_of_memory), 5, 4), "memory layouts", "not contiguous"),
    Plant(
        "dy taken in the order of memory", check(layer(dy_by_order_of_memory), 5, 4), "memory layouts", "not contiguous"
    ),
    Plant("strides of x taken for granted", check(layer(by_strides), 5, 4), "memory layouts"),
    Plant("x changed and restored", check(layer(restores_x), 5, 4), "memory layouts", "read-only"),
    Plant("bias gradient 0 without dx", check(dense(bias_with_dx), 5, 4), "input_gradient=False", "is not asked for"),
    Plant("returns before grads are written", check(dense(returns_too_early), 5, 4), "input_gradient=False"),
    Plant("fails without dx", check(dense(fails_without_dx), 5, 4), "input_gradient=False", "TypeError"),
    Plant("dx clipped", check(layer(clipped), 5, 4), "scaled dy", "clipped"),
    Plant("small dy enlarged", check(layer(normalized), 5, 4), "scaled dy"),
    Plant("small dy ignored", check(layer(small_ignored), 5, 4), "scaled dy"),
    Plant(
        "wrong in inference only", check(layer(wrong_in_inference), 5, 4), "the inference pass", "only in the inference"
    ),
    Plant(
        "wrong in training only",
        check(layer(wrong_in_training), 5, 4, training=False),
        "the training pass",
        "wrong in the",
    ),
    Plant("wrong for a batch of one", check(layer(wrong_for_one), 5, 4), "one row", "batch of one"),
    Plant("y is float64 in float32", check(layer(upcast), 5, 4), "float32", "y is float64"),
    Plant("dx is float64 in float32", check(layer(upcast_dx), 5, 4), "float32", "dx is float64"),
    Plant("epsilon lost in float32", check(layer(epsilon_lost), 5, 4), "float32"),
    Plant("float16 inside, in float32 only", check(layer(half_inside), 5, 4), "float32", "wrong in float32"),
    Plant("a factor in float32 only", check(layer(other_branch), 5, 4), "float32", "dx is wrong in float32"),
    Plant(
        "splittable, and centred over the batch",
        check(layer(centred, splittable=True), 5, 4),
        "rows in parts",
        "not independent",
    ),
    Plant(
        "all_reduce in forward only",
        check(layer(half_reduced, splittable=True), 5, 4),
        "rows in parts",
        "not independent",
    ),
    Plant(
        "all_reduce in some parts only",
        check(layer(reduced_by_some, splittable=True), 5, 4),
        "rows in parts",
        "different number",
    ),
    Plant(
        "first_row ignored",
        check(layer(first_row_ignored, splittable=True), 5, 4),
        "rows in parts",
        "first_row is ignored",
    ),
    Plant("wrong for a part of one row", check(layer(wrong_for_one_row, splittable=True), 5, 4), "rows in parts"),
    Plant("bias gradient times 5 / N", check(dense(mean_of_grads), 5, 4), "rows in parts", "bias"),
    Plant("numbers of np.random", check(layer(global_random), 5, 4), "y", "context.stream"),
    Plant("the same mask in each step", check(mask_dropout(False, True), 5, 4), "random numbers", "step is ignored"),
    Plant(
        "the same mask at each position", check(mask_dropout(True, False), 5, 4), "random numbers", "layer is ignored"
    ),
    Plant("dropout in inference", check(layer(inverted_flag), 5, 4), "random numbers", "in inference and not"),
    Plant("overflow in float32", lambda: check_layer(layer(exponentials), x=random(4, 5, offset=100)), "float32"),
    Plant("dx is float32 in float64", check(layer(dx_of_float32), 5, 4), "x", "dx is float32"),
    Plant(
        "an exception in float32",
        check(elementwise(lambda x: x.view("int64").view("float64"), lambda x: 1.0), 5, 3),
        "float32",
        "raises",
    ),
]
