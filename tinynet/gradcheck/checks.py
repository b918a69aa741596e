"""Check the gradients of layers, losses and models."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from tinynet.backend.arrays import ignoring
from tinynet.backend.random import Purpose, Stream
from tinynet.errors import DataError, ShapeError
from tinynet.gradcheck.differences import compare
from tinynet.gradcheck.report import Report, Row
from tinynet.layers.base import Context, Layer, arrays_in
from tinynet.losses import Loss, SoftmaxCrossEntropy
from tinynet.model import Sequential


@ignoring("under")
def check_layer(
    layer: Layer,
    x_shape: tuple[int, ...],
    x: np.ndarray | None = None,
    training: bool = True,
    seed: int = 0,
    rtol: float = 1e-6,
) -> Report:
    """Check the gradients of a layer's input and parameters on a float64 copy of the layer.

    x_shape   the shape of a batch, (N, ...)
    x         the input; by default random, with a magnitude of at least 0.1
    training  check the training pass (dropout with a fixed mask) or the inference pass
    seed      determines all random numbers
    rtol      the largest relative error that passes

    The check also fails if the layer changes its input, adds to `grads` instead of overwriting it, or stores state
    during forward, so that a second forward disturbs the backward of the first.
    """
    clone = _float64_copy(layer)
    for number, values in enumerate(clone.parameters.values()):  # biases are 0 at first, which hides bugs
        values += Stream(seed, Purpose.CHECK, step=number).normal(values.shape, 0, 0.1)
    x = _away_from_zero(x_shape, seed) if x is None else np.array(x, np.float64)
    context, x_before = Context(training=training, seed=seed), x.copy()
    y, backward = clone.forward(x, context)
    dy = Stream(seed, Purpose.CHECK, layer=3).normal(y.shape)
    clone.forward(_away_from_zero(x.shape, seed + 1), context)  # must not disturb the backward of the first
    grads, gradient_of = _gradient_to_fill(clone)
    gradient_of["x"] = backward(dy.copy(), grads)
    problem = _input_problem(x, x_before, gradient_of["x"])
    if problem:
        return Report(repr(layer), [Row("x", np.inf, "", np.nan, np.nan, False, problem)])

    def objective() -> float:
        return float((dy * clone.forward(x, context)[0]).sum())

    return Report(
        repr(layer),
        [
            compare(name, values, gradient_of[name], objective, seed, rtol)
            for name, values in {"x": x, **clone.parameters}.items()
        ],
    )


@ignoring("under")
def check_model(
    model: Sequential,
    x: np.ndarray,
    targets: np.ndarray,
    loss: Loss | None = None,
    seed: int = 0,
    rtol: float = 1e-6,
) -> Report:
    """Check the gradient of `loss(model(x), targets)` in every parameter and in x, on a float64 copy of the model.

    x (N, ...) floating; targets in the form that the loss takes. Row names are those of `model.parameters`.
    """
    loss = loss or SoftmaxCrossEntropy()
    clone, x = _float64_copy(model), np.array(x, np.float64)
    report = Report(f"{model!r} under {loss!r}")
    context = Context(training=True, seed=seed)

    def objective() -> float:
        return float(loss.forward(clone.forward(x, context)[0], targets)[0])

    outputs, backward = clone.forward(x, context)
    loss.check_targets(targets, outputs.shape)
    grads, gradient_of = _gradient_to_fill(clone)
    gradient_of["x"] = backward(loss.forward(outputs, targets)[1](), grads)
    for name, values in {"x": x, **clone.parameters}.items():
        report.rows.append(compare(name, values, gradient_of[name], objective, seed, rtol))
    return report


@ignoring("under")
def check_loss(
    loss: Loss,
    outputs_shape: tuple[int, ...] = (6, 5),
    targets: np.ndarray | None = None,
    outputs: np.ndarray | None = None,
    seed: int = 0,
    rtol: float = 1e-6,
) -> Report:
    """Check the gradient of a loss with respect to the outputs, also for backward(dloss) with dloss = 0.3.

    By default, outputs are random, and targets are random labels, or random numbers if the loss refuses labels.
    """
    stream = Stream(seed, Purpose.CHECK, layer=1)
    outputs = stream.normal(outputs_shape) if outputs is None else np.array(outputs, np.float64)
    if targets is None:
        targets = stream.words(len(outputs)).astype(np.int64) % outputs.shape[-1]
        try:
            loss.check_targets(targets, outputs.shape)
        except (DataError, ShapeError):
            targets = Stream(seed, Purpose.CHECK, layer=2).normal(outputs.shape)
    report = Report(repr(loss))
    for name, scale in [("outputs", 1.0), ("outputs, dloss = 0.3", 0.3)]:
        analytic = loss.forward(outputs, targets)[1](scale)
        objective = lambda scale=scale: scale * float(loss.forward(outputs, targets)[0])  # noqa: E731
        report.rows.append(compare(name, outputs, analytic, objective, seed, rtol))
    return report


def _input_problem(x: np.ndarray, x_before: np.ndarray, dx: np.ndarray | None) -> str:
    """What is wrong with x or with the shape of its gradient; "" if nothing is."""
    if not np.array_equal(x, x_before):
        return "the layer changed its input, which is the output of the previous layer; copy it first"
    if dx is None or dx.shape != x.shape:
        received = "None" if dx is None else f"shape {dx.shape}"
        return f"backward must return the gradient of x, of shape {x.shape}; it returned {received}"
    return ""


def _away_from_zero(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Random numbers of both signs with a magnitude from 0.1 to 1.1."""
    sign, size = Stream(seed, Purpose.CHECK, layer=6).uniform((2, int(np.prod(shape))))
    return (np.where(sign < 0.5, -1, 1) * (0.1 + size)).reshape(shape)


def _float64_copy(layer: Layer) -> Layer:
    clone = copy.deepcopy(layer)
    if clone.size:
        old = [values.copy() for values in arrays_in(clone.views(clone._vector))]
        clone.bind(np.zeros(clone.size), 0)
        for new, values in zip(arrays_in(clone.views(clone._vector)), old):
            new[...] = values
    return clone


def _gradient_to_fill(layer: Layer) -> tuple[Any, dict[str, np.ndarray]]:
    """(grads, the same arrays by name), filled with NaN, so that entries that backward does not overwrite show."""
    mirror = copy.deepcopy(layer)
    mirror.bind(np.full(layer.size, np.nan), 0)
    return mirror.views(mirror._vector), mirror.parameters
