"""Correct layers that are difficult to check."""

import numpy as np

import tinynet as tn
from tests.gradcheck.planted.kit import layer
from tinynet.backend.random import Purpose


def log(self, x, context):
    if not (x > 0).all():
        raise ValueError("log: expected x above 0")
    return np.log(x), lambda dy, grads: dy / x


def probabilities(self, x, context):
    """The entropy of each row, which must sum to 1."""
    if not np.allclose(x.sum(axis=1), 1, atol=1e-3) or not (x > 0).all():
        raise ValueError("expected rows that sum to 1")
    return -(x * np.log(x)).sum(axis=1, keepdims=True), lambda dy, grads: -dy * (np.log(x) + 1)


def embedding(gives):
    def forward(self, x, context):
        if x.min() < 0 or x.max() > 5:
            raise IndexError("embedding: expected whole numbers from 0 to 5")

        def backward(dy, grads):
            grads["table"][...] = 0
            np.add.at(grads["table"], x, dy)
            return None if gives is None else np.zeros(x.shape, dy.dtype)

        return self.table[x], backward

    return layer(forward, [("table", (6, 3), "glorot_uniform")], splittable=True)


def one_hot(self, x, context):
    return np.eye(6, dtype=self.table.dtype)[x] @ self.table, lambda dy, grads: _one_hot(x, dy, grads)


def _one_hot(x, dy, grads):
    grads["table"][...] = np.eye(6)[x].T @ dy


def floors(self, x, context):
    """A table of steps: whole numbers in, and no gradient of them."""
    weight = self.weight[np.floor(x).astype(int) % 4]
    return weight * 1, lambda dy, grads: _rows_of(x, dy, grads)


def _rows_of(x, dy, grads):
    grads["weight"][...] = 0
    np.add.at(grads["weight"], np.floor(x).astype(int) % 4, dy)


def whole_numbers(gives_none):
    """An embedding of whole numbers in floats, which it checks or rounds."""

    def forward(self, x, context):
        if gives_none and (x != np.rint(x)).any():
            raise IndexError("expected whole numbers")
        rows = x.astype(int)

        def backward(dy, grads):
            grads["table"][...] = 0
            np.add.at(grads["table"], rows, dy)
            return None if gives_none else np.zeros_like(x)

        return self.table[rows], backward

    return layer(forward, [("table", (6, 3), "glorot_uniform")])


def frozen(self, x, context):
    """A statistic that never changes."""
    return x * self.scale, lambda dy, grads: dy * self.scale


def total(self, x, context):
    return np.asarray((x * x).sum()), lambda dy, grads: 2 * dy * x


def rotation(self, x, context):
    """y = x Q, with a Q that must stay orthogonal."""
    if not np.allclose(self.q @ self.q.T, np.eye(3), atol=1e-2):
        raise ValueError("rotation: expected an orthogonal matrix")
    return x @ self.q, lambda dy, grads: _product(self, x, dy, grads)


def _product(self, x, dy, grads):
    grads["q"][...] = x.T @ dy
    return dy @ self.q.T


def positive(self, x, context):
    """x / scale, with a scale that must be above 0 and is 1 at first."""
    if not (self.scale > 0.9999).all():
        raise ValueError("expected a scale of at least 1")
    y = x * self.scale

    def backward(dy, grads):
        grads["scale"][...] = (dy * x).sum(axis=0)
        return dy * self.scale

    return y, backward


def even_rows(self, x, context):
    if len(x) % 2:
        raise ValueError("expected an even number of rows")
    pairs = x.reshape(-1, 2, x.shape[1])

    def backward(dy, grads):
        return np.repeat(dy, 2, axis=0) * x[:, :]

    return (pairs**2).sum(axis=1) / 2, backward


def of_six(self, x, context):
    if len(x) != 6:
        raise ValueError("expected 6 rows")
    return x[::-1] * 1, lambda dy, grads: dy[::-1].copy()


def sorted_rows(self, x, context):
    order = np.argsort(x, axis=1)

    def backward(dy, grads):
        dx = np.empty_like(dy)
        np.put_along_axis(dx, order, dy, axis=1)
        return dx

    return np.take_along_axis(x, order, axis=1), backward


def cumulative(self, x, context):
    return np.cumsum(x, axis=1), lambda dy, grads: np.cumsum(dy[:, ::-1], axis=1)[:, ::-1].copy()


def unit_length(self, x, context):
    length = np.sqrt((x * x).sum(axis=1, keepdims=True))
    y = x / length
    return y, lambda dy, grads: (dy - y * (dy * y).sum(axis=1, keepdims=True)) / length


def recurrent(self, x, context):
    """h_t = tanh(x_t + h_(t-1) U) over the axis 1."""
    states = [np.zeros_like(x[:, 0])]
    for t in range(x.shape[1]):
        states.append(np.tanh(x[:, t] + states[-1] @ self.weight))

    def backward(dy, grads):
        dx, dh = np.empty_like(x), dy
        grads["weight"][...] = 0
        grads["bias"][...] = 0
        for t in reversed(range(x.shape[1])):
            dx[:, t] = dh * (1 - states[t + 1] ** 2)
            grads["weight"] += states[t].T @ dx[:, t]
            dh = dx[:, t] @ self.weight.T
        return dx

    return states[-1], backward


def noisy(self, x, context):
    """Multiplies by random numbers in training and in inference, as a Monte Carlo layer does."""
    factor = 1 + (context.stream(Purpose.DROPOUT).lanes(x.shape, context.first_row) / 65536).astype(x.dtype)
    return x * factor, lambda dy, grads: dy * factor


def centred(self, x, context):
    return x - x.mean(axis=0), lambda dy, grads: dy - dy.mean(axis=0)


def attention(self, x, context):
    scores, through = tn.Softmax().forward(x @ x.swapaxes(1, 2), context)

    def backward(dy, grads):
        dscores = through(dy @ x.swapaxes(1, 2), grads)
        return scores.swapaxes(1, 2) @ dy + dscores @ x + dscores.swapaxes(1, 2) @ x

    return scores @ x, backward


def inverse(self, x, context):
    y = np.linalg.inv(x)
    return y, lambda dy, grads: -y.swapaxes(1, 2) @ dy @ y.swapaxes(1, 2)


def counting(self, x, context):
    """A running mean of the batch that inference uses, with the cumulative pace 1 / 2."""
    mean = x.mean(axis=0) if context.training else self.running

    def backward(dy, grads):
        if context.training and "running" in grads:
            grads["running"][...] = (mean - self.running) / 2
        return dy - dy.mean(axis=0) if context.training else dy

    return x - mean, backward
