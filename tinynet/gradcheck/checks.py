"""Check the gradients of layers and models, and what training relies on beside them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.backend.arrays import ignoring
from tinynet.backend.habits import instance
from tinynet.backend.plain import plain_array
from tinynet.backend.random import Purpose, Stream, check_seed
from tinynet.errors import ShapeError, mismatch
from tinynet.gradcheck.arguments import away_from_zero, checked_input, checked_rtol, checked_shape, flag
from tinynet.gradcheck.compare import Depth, compare
from tinynet.gradcheck.conduct import check_conduct
from tinynet.gradcheck.first_pass import first_pass, ready
from tinynet.gradcheck.passes import Subject
from tinynet.gradcheck.report import Report
from tinynet.layers.base import Context, Layer
from tinynet.losses import Loss, SoftmaxCrossEntropy


@ignoring("all")
def check_layer(
    layer: Layer,
    x_shape: tuple[int, ...] | None = None,
    x: np.ndarray | None = None,
    training: bool = True,
    seed: int = 0,
    rtol: float = 1e-6,
    thorough: bool = False,
) -> Report:
    """Check the gradients of a layer's input and parameters on a float64 copy of the layer.

    x_shape   the shape of a batch, (N, ...); not needed if x is given
    x         the input; by default random, with a magnitude of at least 0.1. Only x, its rows and points close to it
              are given to the layer. If it reads whole numbers, as an embedding does, only the parameters are checked
    training  check the training pass (dropout with a fixed mask) or the inference pass; the other one is checked, too,
              but in random directions only
    seed      determines all random numbers
    rtol      the largest relative error that passes
    thorough  look at every entry of large arrays, too: about n / 8 forward passes for an array of n entries

    Also checked is what training relies on: that the layer changes neither its input nor its parameters; that nothing
    is kept on the layer; that backward overwrites `grads`, is linear in dy, and is right with input_gradient=False;
    views of any memory layout; float32; parts of the rows, if the layer is `splittable`; random numbers; statistics.
    docs/gradcheck.md says how, and what cannot be found.
    """
    seed, rtol = check_seed(seed), checked_rtol("check_layer", rtol)
    training, thorough = flag("check_layer", "training", training), flag("check_layer", "thorough", thorough)
    instance("check_layer: layer", layer, Layer, "write tn.gradcheck.check_layer(tn.Dense(4, 3), (5, 4))")
    x = _input(x_shape, x, seed)
    context, report = Context(training=training, seed=seed), Report(repr(layer))
    clone, x, discrete = ready(layer, x, context)
    y = np.array(clone.forward(x.copy(), context)[0])
    subject = Subject(clone, x, Stream(seed, Purpose.CHECK, layer=3).normal(y.shape), context, discrete)

    def outputs() -> Any:
        return clone.forward(x, context)[0]

    _fill(report, subject, outputs, subject.dy, seed, rtol, Depth(thorough=thorough))
    return report


@ignoring("all")
def check_model(
    model: Layer,
    x: np.ndarray,
    targets: np.ndarray,
    loss: Loss | None = None,
    seed: int = 0,
    rtol: float = 1e-6,
    thorough: bool = False,
) -> Report:
    """Check the gradient of `loss(model(x), targets)` in every parameter and in x, on a float64 copy of the model.

    x (N, ...); targets in the form that the loss takes. Row names are those of `model.parameters`. Beside the
    gradients, everything is checked that `check_layer` checks. `thorough` is explained there.
    """
    loss = instance(
        "check_model: loss", SoftmaxCrossEntropy() if loss is None else loss, Loss, "write tn.SoftmaxCrossEntropy()"
    )
    instance("check_model: model", model, Layer, "write tn.gradcheck.check_model(tn.Sequential(layer), x, targets)")
    seed, rtol = check_seed(seed), checked_rtol("check_model", rtol)
    thorough = flag("check_model", "thorough", thorough)
    x, targets = checked_input("check_model", x), plain_array(targets, "gradcheck", "targets")
    context, report = Context(training=True, seed=seed), Report(f"{model!r} under {loss!r}")
    clone, x, discrete = ready(model, x, context)
    y = np.array(clone.forward(x.copy(), context)[0])
    loss.check_targets(targets, y.shape)
    if len(targets) != len(y):
        raise ShapeError(mismatch("check_model", f"{len(y)} targets", len(targets), "give one for each example of x"))
    subject = Subject(clone, x, np.array(loss.forward(y.copy(), targets)[1]()), context, discrete)

    def outputs() -> Any:
        return np.asarray(loss.forward(clone.forward(x, context)[0], targets)[0])

    _fill(report, subject, outputs, np.ones(()), seed, rtol, Depth(thorough=thorough))
    return report


def _fill(report: Report, subject: Subject, outputs: Any, dy: np.ndarray, seed: int, rtol: float, depth: Depth) -> None:
    """Add the rows of all arrays to the report, and of the rules that are broken."""
    if (problem := first_pass(subject)) is not None:
        report.rows.append(problem)
        return
    if subject.discrete:
        report.skipped.append("x, since forward reads whole numbers, which have no gradient")
    for name, values in subject.differentiable.items():
        report.rows.append(compare(name, values, subject.first[name], outputs, dy, seed, rtol, depth))
    subject.wrong = {row.array for row in report.rows if not row.passed}
    check_conduct(subject, report, seed, rtol)


def _input(x_shape: Any, x: Any, seed: int) -> np.ndarray:
    """The caller's x, or random numbers of that shape."""
    if x is None and x_shape is None:
        remedy = "write tn.gradcheck.check_layer(tn.Dense(4, 3), (5, 4))"
        raise TypeError(mismatch("check_layer", "x_shape or x", "neither", remedy))
    shape = None if x_shape is None else checked_shape("check_layer", "x_shape", x_shape)
    if x is None:
        return away_from_zero(shape or (), seed)
    x = checked_input("check_layer", x)
    if shape is not None and x.shape != shape:
        raise ShapeError(mismatch("check_layer", f"x of shape x_shape = {shape}", x.shape, "leave x_shape out"))
    return x
