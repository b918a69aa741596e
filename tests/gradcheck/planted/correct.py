"""Correct layers, models, losses and optimizers that a check may stumble over."""

import numpy as np

import tinynet as tn
from tests.gradcheck.planted.kit import SQUARE, Correct, dense, elementwise, layer, random, right_dense
from tinynet.backend.random import Purpose
from tinynet.gradcheck import check_layer


def given(made, x, **options):
    return lambda: check_layer(made, x=x, **options)


def shaped(made, *shape, **options):
    return lambda: check_layer(made, shape, **options)


SQUARED = elementwise(lambda x: x * x, lambda x: 2 * x)
EXP = elementwise(np.exp, np.exp)


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


ORTHOGONAL = np.linalg.qr(random(3, 3))[0]
NEAR_TIES = np.arange(2 * 4 * 4 * 2).reshape(2, 4, 4, 2) * 1e-5 + 0.5
MIXED = 10.0 ** np.linspace(-8, 0, 20).reshape(5, 4)
NORM = tn.BatchNorm(4)

DIFFICULT = [
    Correct("x^2 at 1e-3", given(SQUARED, random(11, 3, scale=1e-3))),
    Correct("x^2 at 1e-3 and 0", given(SQUARED, np.append(random(19, scale=1e-3), 0).reshape(5, 4))),
    Correct("x^2 at 0", given(SQUARED, np.zeros((3, 2)))),
    Correct("x^2 at 1e8", given(SQUARED, random(5, 4, scale=1e8))),
    Correct("x^2 from 1e-8 to 1", given(SQUARED, MIXED)),
    Correct("x + 1e4", shaped(elementwise(lambda x: x + x.dtype.type(1e4), np.ones_like), 5, 4)),
    Correct("x + 1e8", shaped(elementwise(lambda x: x + x.dtype.type(1e8), np.ones_like), 5, 4)),
    Correct("batch norm at an offset of 1e4", given(NORM, random(7, 4, offset=1e4))),
    Correct("batch norm at an offset of 1e6", given(NORM, random(7, 4, offset=1e6))),
    Correct("layer norm at an offset of 1e4", given(tn.LayerNorm(5), random(4, 5, offset=1e4))),
    Correct("batch norm of 1e-4", given(NORM, random(7, 4, scale=1e-4))),
    Correct("batch norm of 2 rows", given(NORM, random(2, 4))),
    Correct("batch norm of momentum 1", shaped(tn.BatchNorm(4, momentum=1.0), 6, 4)),
    Correct("batch norm of momentum 0.001", shaped(tn.BatchNorm(4, momentum=0.001), 6, 4)),
    Correct("batch norm in inference, of one row", shaped(tn.BatchNorm(4), 1, 4, training=False)),
    Correct("log, which refuses x below 0", given(layer(log, splittable=True), np.abs(random(5, 4)) + 0.1)),
    Correct("log at 1e-8", given(layer(log), np.abs(random(5, 4)) * 1e-8 + 1e-9)),
    Correct("log from 1e-8 to 1", given(layer(log), MIXED)),
    Correct("1 / x from 1e-8 to 1", given(elementwise(lambda x: 1 / x, lambda x: -1 / x**2), MIXED)),
    Correct("sqrt at 1e-8", given(elementwise(np.sqrt, lambda x: 0.5 / np.sqrt(x)), MIXED * 1e-4)),
    Correct(
        "probabilities, which must sum to 1",
        given(layer(probabilities), np.full((4, 5), 0.2) + 0.01 * np.eye(4, 5) - 0.002),
    ),
    Correct("embedding with dx None", given(embedding(None), np.array([0, 1, 5, 1]))),
    Correct("embedding with dx 0, of (N, 2)", given(embedding(0), np.array([[0, 1], [5, 1], [2, 2]]))),
    Correct("one-hot product", given(layer(one_hot, [("table", (6, 3), "glorot_uniform")]), np.array([0, 3, 5]))),
    Correct(
        "steps at whole numbers",
        given(layer(floors, [("weight", (4, 3), "glorot_uniform")]), np.array([0, 1, 2, 3, 7])),
    ),
    Correct("ReLU of integers", given(tn.ReLU(), np.array([[-3, 2], [5, -1]]))),
    Correct("Dense of integers", given(tn.Dense(4, 3), np.arange(20).reshape(5, 4))),
    Correct("exp at 50", given(EXP, random(5, 4, offset=50))),
    Correct("exp from -50 to 50", given(EXP, np.linspace(-50, 50, 20).reshape(5, 4))),
    Correct("exp at 300", given(EXP, random(5, 4, offset=300))),
    Correct("Dense of 1e-8", given(tn.Dense(4, 3), random(5, 4, scale=1e-8))),
    Correct("Dense of 1e8", given(tn.Dense(4, 3), random(5, 4, scale=1e8))),
    Correct("tanh of 1e-8", given(tn.Tanh(), random(5, 4, scale=1e-8))),
    Correct("ReLU of 1e8", given(tn.ReLU(), random(5, 4, scale=1e8))),
    Correct("sigmoid at +-700", given(tn.Sigmoid(), np.array([[-700.0, 0.1, 1], [0.1, 0.2, 700]]))),
    Correct("softmax at 1e4", given(tn.Softmax(), random(4, 5, offset=1e4))),
    Correct("|x| away from 0", shaped(elementwise(np.abs, np.sign), 5, 4)),
    Correct("|x| at 1e-4 beside 1", given(elementwise(np.abs, np.sign), np.array([[1e-4, 1], [-2, -1e-4]]))),
    Correct("ReLU with one entry at 0", given(tn.ReLU(), np.append(random(29), 0).reshape(5, 6))),
    Correct("maximum pooling with near ties", given(tn.MaxPool2D(2), NEAR_TIES)),
    Correct("sorted rows", shaped(layer(sorted_rows, splittable=True), 5, 4)),
    Correct("cumulative sums", shaped(layer(cumulative, splittable=True), 5, 4)),
    Correct("rows of unit length", shaped(layer(unit_length, splittable=True), 5, 4)),
    Correct("a sum as the output", shaped(layer(total), 5, 4)),
    Correct("a batch of one", shaped(tn.Dense(4, 3), 1, 4)),
    Correct("a batch of one, not splittable", shaped(layer(unit_length), 1, 4)),
    Correct(
        "a layer that gives x itself",
        shaped(layer(lambda self, x, context: (x, lambda dy, grads: dy), splittable=True), 5, 4),
    ),
    Correct("a Dense by hand", shaped(dense(right_dense), 5, 4)),
    Correct(
        "a rotation, whose matrix must stay orthogonal", shaped(layer(rotation, [("q", (3, 3), ORTHOGONAL)]), 5, 3)
    ),
    Correct("a scale of at least 1", shaped(layer(positive, [("scale", (4,), "ones")], splittable=True), 5, 4)),
    Correct("a layer for even batches", given(layer(even_rows), random(6, 4))),
    Correct("a layer for batches of six", given(layer(of_six), random(6, 4))),
    Correct("a recurrent layer", shaped(layer(recurrent, SQUARE, splittable=True), 3, 5, 4)),
    Correct("noise in training and inference", shaped(layer(noisy, splittable=True), 5, 4)),
    Correct("centred over the batch, not splittable", shaped(layer(centred), 5, 4)),
    Correct("attention", shaped(layer(attention, splittable=True), 2, 3, 4)),
    Correct("matrix inverse", given(layer(inverse, splittable=True), random(3, 4, 4) + 3 * np.eye(4))),
    Correct("a running mean of half the pace", shaped(layer(counting, statistics=[("running", (4,), 0.0)]), 5, 4)),
    Correct("dropout of few numbers", shaped(tn.Dropout(0.3), 1, 1)),
    Correct("one axis", shaped(elementwise(np.sin, np.cos), 7)),
    Correct("a large Dense", shaped(tn.Dense(60, 50), 20, 60)),
    Correct("a large Dense, thorough=True", shaped(tn.Dense(60, 50), 20, 60, thorough=True)),
    Correct("x in Fortran's order", given(tn.Dense(4, 3), np.asfortranarray(random(5, 4)))),
    Correct("x of float32", given(tn.Dense(4, 3), random(5, 4).astype("float32"))),
]
