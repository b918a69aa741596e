"""Checks of layers, losses and models: arrays in, a report out."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from tinynet.backend.random import Purpose, Stream
from tinynet.errors import DataError, ShapeError
from tinynet.gradcheck.differences import compare
from tinynet.gradcheck.report import Report, Row
from tinynet.layers.base import Context, Layer, arrays_in
from tinynet.losses import Loss, SoftmaxCrossEntropy
from tinynet.model import Sequential


def check_layer(
    layer: Layer,
    x_shape: tuple[int, ...],
    x: np.ndarray | None = None,
    training: bool = True,
    seed: int = 0,
    rtol: float = 1e-6,
) -> Report:
    """Check the gradients of a layer's input and of each parameter, on a float64 copy; `layer` stays as it is.

    x_shape     of a whole batch, (N, ...)
    x           the input itself; unless given, random and at least 0.1 away from 0
    training    check the training pass (dropout under a fixed mask), or the inference pass
    seed, rtol  of the random numbers; the largest relative error that passes

    It also fails a layer that changes its input, that accumulates into `grads` instead of overwriting, or that
    remembers the last forward on itself, so that a second one spoils the first one's backward.
    """
    clone = _float64_copy(layer)
    for number, values in enumerate(clone.parameters.values()):  # biases begin at 0, where bugs can hide
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


def check_model(
    model: Sequential,
    x: np.ndarray,
    targets: np.ndarray,
    loss: Loss | None = None,
    seed: int = 0,
    rtol: float = 1e-6,
) -> Report:
    """Check the gradient of `loss(model(x), targets)` in every parameter and in x, on a float64 copy of the model.

    x (N, ...) floating; targets as the loss wants them. Names are those of `model.parameters`.
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


def check_loss(
    loss: Loss,
    outputs_shape: tuple[int, ...] = (6, 5),
    targets: np.ndarray | None = None,
    outputs: np.ndarray | None = None,
    seed: int = 0,
    rtol: float = 1e-6,
) -> Report:
    """Check a loss's gradient in its outputs, and that backward(dloss) scales it.

    Unless given, outputs are random, and targets random labels, or random numbers where the loss refuses labels.
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
    """What is wrong with the input or its gradient before any number is compared; "" if nothing."""
    if not np.array_equal(x, x_before):
        return "the layer changed its input, which is the output of the one before it; copy it first"
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
    """What backward is to fill, and the same by name. All NaN at first: what it does not overwrite will show."""
    mirror = copy.deepcopy(layer)
    mirror.bind(np.full(layer.size, np.nan), 0)
    return mirror.views(mirror._vector), mirror.parameters
