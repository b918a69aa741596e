"""Correct layers, models, losses and optimizers that a check may stumble over."""

import numpy as np

import tinynet as tn
from tests.gradcheck.planted.difficult import (
    attention,
    centred,
    counting,
    cumulative,
    embedding,
    even_rows,
    floors,
    frozen,
    inverse,
    log,
    noisy,
    of_six,
    one_hot,
    positive,
    probabilities,
    recurrent,
    rotation,
    sorted_rows,
    total,
    unit_length,
    whole_numbers,
)
from tests.gradcheck.planted.kit import SQUARE, Correct, dense, elementwise, layer, random, right_dense
from tinynet.gradcheck import check_layer


def given(made, x, **options):
    return lambda: check_layer(made, x=x, **options)


def shaped(made, *shape, **options):
    return lambda: check_layer(made, shape, **options)


SQUARED = elementwise(lambda x: x * x, lambda x: 2 * x)
EXP = elementwise(np.exp, np.exp)


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
    Correct("embedding of whole floats", given(whole_numbers(True), np.array([0.0, 1, 5, 2]))),
    Correct("embedding that rounds", given(whole_numbers(False), np.array([0.0, 1, 5, 2]))),
    Correct(
        "floor of integers", given(elementwise(np.floor, lambda x: np.zeros(x.shape)), np.arange(12).reshape(3, 4))
    ),
    Correct("floor of random numbers", shaped(elementwise(np.floor, np.zeros_like), 5, 4)),
    Correct(
        "arc sine near 1",
        given(elementwise(np.arcsin, lambda x: 1 / np.sqrt(1 - x * x)), np.array([[0.9999, 0.5, -0.99]])),
    ),
    Correct(
        "sin(1e4 x)",
        shaped(
            elementwise(lambda x: np.sin(10000 * x), lambda x: 10000 * np.cos(10000 * x), splittable=False),
            5,
            4,
            training=False,
        ),
    ),
    Correct("a statistic that never changes", shaped(layer(frozen, statistics=[("scale", (4,), 2.0)]), 5, 4)),
    Correct(
        "a constant feature in batch norm", given(tn.BatchNorm(3), np.append(random(8, 2), np.ones((8, 1)), axis=1))
    ),
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
    Correct("maximum pooling with ties but for 1e-7", given(tn.MaxPool2D(2), NEAR_TIES * 0.01 + 0.5)),
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
