"""Layers whose gradient is wrong."""

import numpy as np

import tinynet as tn
from tests.gradcheck.planted.kit import DENSE, SQUARE, Plant, dense, elementwise, layer, random, right_dense, spoiled
from tinynet.gradcheck import check_layer


def bad_dense(change, parameters=DENSE, **attributes):
    """A Dense with `change(self, x, dy, grads)` after its backward; what that returns, if anything, is dx."""

    def backward(self, x, dy, grads, context):
        dx = right_dense(self, x, dy, grads, context)
        changed = change(self, x, dy, grads)
        return dx if changed is None else changed

    return dense(backward, parameters, **attributes)


def zeroed_softmax(self, x, context):
    y, _ = tn.Softmax().forward(x, context)
    return y, lambda dy, grads: dy * 0


def diagonal_softmax(self, x, context):
    y, _ = tn.Softmax().forward(x, context)
    return y, lambda dy, grads: dy * y * (1 - y)


def one_percent(self, x, dy, grads):
    grads["bias"] *= 1.01


def one_weight(self, x, dy, grads):
    grads["weight"][1, 2] *= 1.001


def weight_zero(self, x, dy, grads):
    grads["weight"][...] = 0


def negative(self, x, dy, grads):
    return -(dy @ self.weight.T)


def wrong_axis(self, x, dy, grads):
    grads["bias"][...] = dy.sum(axis=1)


def twice_n(self, x, dy, grads):
    grads["weight"] /= len(x)


def untransposed(self, x, dy, grads):
    return dy @ self.weight


def first_row_only(self, x, dy, grads):
    grads["bias"][...] = dy[0]


def accumulating(self, x, dy, grads, context):
    grads["weight"] += x.T @ dy
    grads["bias"] += dy.sum(axis=0)
    return dy @ self.weight.T


def replaced(self, x, dy, grads, context):
    grads["weight"][...] = x.T @ dy
    grads["bias"] = dy.sum(axis=0)
    return dy @ self.weight.T


def last_unwritten(self, x, dy, grads, context):
    grads["weight"][...] = x.T @ dy
    grads["bias"][:-1] = dy.sum(axis=0)[:-1]
    return dy @ self.weight.T


def maskless_dropout(self, x, context):
    return tn.Dropout(0.5).forward(x, context)[0], lambda dy, grads: dy


def doubly_masked_dropout(self, x, context):
    y, backward = tn.Dropout(0.5).forward(x, context)
    return y, lambda dy, grads: backward(backward(dy, grads), grads)


def mean_forgotten(self, x, context):
    """A layer norm whose gradient takes the mean as a constant."""
    z = x - x.mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt((z * z).mean(axis=1, keepdims=True) + 1e-5)
    z = z * scale
    return z, lambda dy, grads: scale * (dy - z * (dy * z).mean(axis=1, keepdims=True))


def variance_constant(self, x, context):
    """A layer norm whose gradient takes the variance as a constant."""
    z = x - x.mean(axis=1, keepdims=True)
    scale = 1 / np.sqrt((z * z).mean(axis=1, keepdims=True) + 1e-5)
    return z * scale, lambda dy, grads: scale * (dy - dy.mean(axis=1, keepdims=True))


def epsilon_forgotten(self, x, context):
    """x / sqrt(mean x^2 + epsilon), without epsilon in backward."""
    square = (x * x).mean(axis=1, keepdims=True)
    y = x / np.sqrt(square + 1e-2)

    def backward(dy, grads):
        return (dy - x * (dy * x).mean(axis=1, keepdims=True) / square) / np.sqrt(square)

    return y, backward


def batch_mean_constant(self, x, context):
    return x - x.mean(axis=0), lambda dy, grads: dy


def corner_wrong(dx, grads, x, dy, context):
    dx[:, 0, 0] *= 1.5
    return dx


def padding_wrong(dx, grads, x, dy, context):
    dx[:, -1] = 0
    return dx


def remainder_wrong(dx, grads, x, dy, context):
    dx[:, -1] += dy[:, -1].mean()
    return dx


def channels_swapped(dx, grads, x, dy, context):
    return dx[..., ::-1].copy()


def one_in_a_million(dx, grads, x, dy, context):
    grads["weight"][123, 45] *= 1.001
    return dx


def one_in_many(dx, grads, x, dy, context):
    grads["weight"][77, 13] *= 1.00001
    return dx


def wrong_power(self, x, context):
    return x**3, lambda dy, grads: 3 * dy * x * np.abs(x)


def clamp_ignored(self, x, context):
    return np.clip(x, -0.7, 0.7), lambda dy, grads: dy


def attention(self, x, context):
    """softmax(x x^T) x over the last two axes, with the path through the keys forgotten."""
    scores, backward = tn.Softmax().forward(x @ x.swapaxes(1, 2), context)

    def attention_backward(dy, grads):
        dscores = backward(dy @ x.swapaxes(1, 2), grads)
        return scores.swapaxes(1, 2) @ dy + dscores @ x

    return scores @ x, attention_backward


def tanh_approximate(x):
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))


def gelu_without_inner(x):
    t = np.tanh(0.7978845608 * (x + 0.044715 * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * 0.7978845608


def check(made, *shape, **options):
    return lambda: check_layer(made, shape, **options)


def large(spoil):
    return spoiled(tn.Dense(1000, 1000), spoil)


GRADIENTS = [
    Plant("softmax with a gradient of zero", check(layer(zeroed_softmax), 4, 5), "x", "0 everywhere"),
    Plant("softmax with the Jacobian's diagonal only", check(layer(diagonal_softmax), 4, 5), "x", "no common factor"),
    Plant("bias gradient 1 % too large", check(bad_dense(one_percent), 5, 4), "bias", "1.01 times"),
    Plant("one weight's gradient off by 0.1 %", check(bad_dense(one_weight), 5, 4), "weight", "1 of 12 entries"),
    Plant("weight gradient forgotten", check(bad_dense(weight_zero), 5, 4), "weight", "0 everywhere"),
    Plant("dx with the wrong sign", check(bad_dense(negative), 5, 4), "x", "-1 times"),
    Plant("bias gradient summed over the wrong axis", check(bad_dense(wrong_axis, SQUARE), 4, 4), "bias"),
    Plant("weight gradient divided by N twice", check(bad_dense(twice_n), 5, 4), "weight", "0.2 times"),
    Plant("dx with W in place of its transpose", check(bad_dense(untransposed, SQUARE), 5, 4), "x"),
    Plant("bias gradient of the first row only", check(bad_dense(first_row_only), 5, 4), "bias"),
    Plant("backward adds to grads", check(dense(accumulating), 5, 4), "weight", "your backward adds to grads"),
    Plant("a new array in grads", check(dense(replaced), 5, 4), "bias", "a new array in the dict would be lost"),
    Plant("the last bias not written", check(dense(last_unwritten), 5, 4), "bias", "1 of 3 entries"),
    Plant("dropout without its mask in backward", check(layer(maskless_dropout), 5, 4), "x"),
    Plant("dropout with its mask twice in backward", check(layer(doubly_masked_dropout), 5, 4), "x", "2 times"),
    Plant("layer norm without the path through the mean", check(layer(mean_forgotten), 4, 5), "x"),
    Plant("layer norm without the path through the variance", check(layer(variance_constant), 4, 5), "x"),
    Plant("epsilon missing in backward", check(layer(epsilon_forgotten), 4, 5), "x"),
    Plant("batch mean taken as a constant", check(layer(batch_mean_constant), 4, 5), "x"),
    Plant("wrong in one corner of a picture", check(spoiled(tn.AveragePool2D(2, 1), corner_wrong), 2, 4, 5, 2), "x"),
    Plant(
        "a convolution that drops the padded border",
        check(spoiled(tn.Conv2D(2, 3, padding="same"), padding_wrong), 2, 5, 4, 2),
        "x",
    ),
    Plant(
        "a gradient for rows that the stride leaves over",
        check(spoiled(tn.MaxPool2D(2), remainder_wrong), 2, 5, 4, 2),
        "x",
    ),
    Plant("channels swapped in dx", check(spoiled(tn.Conv2D(3, 2, 2), channels_swapped), 2, 4, 4, 3), "x"),
    Plant("one entry of a million off by 0.1 %", check(large(one_in_a_million), 4, 1000), "weight", "1 of "),
    Plant(
        "one entry of 10,000 off by 0.001 %", check(spoiled(tn.Dense(100, 100), one_in_many), 4, 100), "weight", "1 of "
    ),
    Plant(
        "the same, thorough=True",
        check(spoiled(tn.Dense(100, 100), one_in_many), 4, 100, thorough=True),
        "weight",
        "1 of ",
    ),
    Plant("3 x^2 written 3 x |x|", check(layer(wrong_power), 5, 4), "x"),
    Plant("a clamp without effect in backward", check(layer(clamp_ignored), 5, 4), "x"),
    Plant("attention without the path through the keys", check(layer(attention), 2, 3, 4), "x"),
    Plant("GELU without the inner derivative", check(elementwise(tanh_approximate, gelu_without_inner), 5, 4), "x"),
    Plant(
        "leaky ReLU with the slope's sign",
        check(elementwise(lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1, -0.1)), 5, 4),
        "x",
    ),
    Plant(
        "sigmoid with y (1 + y)",
        check(elementwise(lambda x: 1 / (1 + np.exp(-x)), lambda x: (2 + np.exp(-x)) / (1 + np.exp(-x)) ** 2), 5, 4),
        "x",
    ),
    Plant(
        "wrong for x above 1 only",
        check(elementwise(lambda x: x * x, lambda x: np.where(x > 1, 2.01, 2) * x), 9, 9),
        "x",
        "of 81 entries",
    ),
    Plant(
        "wrong where x is 1e-3 of the others",
        lambda: check_layer(
            elementwise(lambda x: x * x, lambda x: np.where(np.abs(x) < 0.01, 2.1, 2) * x),
            x=np.append(random(20), 1e-3)[:, None],
        ),
        "x",
    ),
    Plant(
        "0 / 0 in backward",
        lambda: check_layer(
            elementwise(np.abs, lambda x: x / np.where(x > 1, 0.0, np.abs(x))), x=np.array([[0.5, 2.0]])
        ),
        "x",
        "NaN",
    ),
    Plant(
        "a gradient for what forward ignores",
        check(elementwise(lambda x: 0 * x + 1, lambda x: x), 5, 4),
        "x",
        "does not depend",
    ),
    Plant(
        "dx of another shape",
        check(layer(lambda self, x, context: (x * 2, lambda dy, grads: 2 * dy[:-1])), 5, 4),
        "x",
        "of shape (5, 4)",
    ),
    Plant(
        "dx is None", check(layer(lambda self, x, context: (x * 2, lambda dy, grads: None)), 5, 4), "x", "returned None"
    ),
]
