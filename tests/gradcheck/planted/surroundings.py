"""Layers that are wrong in float32, in parts of a batch, or in their random numbers."""

import numpy as np

import tinynet as tn
from tests.gradcheck.planted.kit import layer, right_dense
from tinynet.backend.random import Purpose

# float32 ------------------------------------------------------------------------------------------------------------


def upcast(self, x, context):
    return x * np.float64(2), lambda dy, grads: dy * dy.dtype.type(2)


def upcast_dx(self, x, context):
    return x * x, lambda dy, grads: 2 * dy * x.astype(np.float64)


def epsilon_lost(self, x, context):
    """1 / (1 + x - 1 + 1e-12): in float32 the epsilon is lost beside 1."""
    one = x.dtype.type(1)
    shifted = (one + x.dtype.type(1e-12) * np.abs(x) / np.abs(x)) - one
    return x / shifted * x.dtype.type(1e-12), lambda dy, grads: dy / shifted * dy.dtype.type(1e-12)


def half_inside(self, x, context):
    square = x.astype(np.float16).astype(x.dtype) ** 2 if x.dtype == np.float32 else x**2
    return square, lambda dy, grads: 2 * dy * x


def other_branch(self, x, context):
    factor = x.dtype.type(1.01 if x.dtype == np.float32 else 1)
    return x * x, lambda dy, grads: 2 * dy * x * factor


# Rows that threads share --------------------------------------------------------------------------------------------


def centred(self, x, context):
    return x - x.mean(axis=0), lambda dy, grads: dy - dy.mean(axis=0)


def half_reduced(self, x, context):
    """Sums over the whole batch in forward, and over its own rows in backward."""
    count = context.all_reduce(len(x))
    return x - context.all_reduce(x.sum(axis=0)) / count, lambda dy, grads: dy - dy.sum(axis=0) / count


def reduced_by_some(self, x, context):
    total = context.all_reduce(x.sum(axis=0)) if len(x) > 1 else x.sum(axis=0)
    return x + 0 * total, lambda dy, grads: dy


def first_row_ignored(self, x, context):
    mask = 2.0 * (context.stream(Purpose.DROPOUT).lanes(x.shape) > 2**15)
    return x * mask, lambda dy, grads: dy * mask


def wrong_for_one_row(self, x, context):
    factor = 1.0 if len(x) > 1 else 1.5
    return x * x, lambda dy, grads: 2 * factor * dy * x


def mean_of_grads(self, x, dy, grads, context):
    dx = right_dense(self, x, dy, grads, context)
    grads["bias"] *= 5 / len(x)
    return dx


# Random numbers -----------------------------------------------------------------------------------------------------


def global_random(self, x, context):
    mask = 2.0 * (np.random.random(x.shape) > 0.5)  # noqa: NPY002  the bug
    return x * mask, lambda dy, grads: dy * mask


def mask_dropout(step, position):
    def forward(self, x, context):
        if not context.training:
            return x, lambda dy, grads: dy
        own = context._replace(step=context.step if step else 0, layer=context.layer if position else 0)
        return tn.Dropout(0.5).forward(x, own)

    return layer(forward)


def inverted_flag(self, x, context):
    return tn.Dropout(0.5).forward(x, context._replace(training=not context.training))


def exponentials(self, x, context):
    """log sum exp without the largest x subtracted, which overflows in float32 from 89 on."""
    e = np.exp(x)
    total = e.sum(axis=1, keepdims=True)
    return np.log(total), lambda dy, grads: dy * e / total


def dx_of_float32(self, x, context):
    return x * x, lambda dy, grads: (2 * dy * x).astype(np.float32)
