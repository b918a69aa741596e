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
from tinynet.gradcheck.explain import explain_unwritten
from tinynet.gradcheck.passes import Subject, copy_as, failing
from tinynet.gradcheck.report import Report, Row
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
              are given to the layer. Of integers, for which backward returns None, only the parameters are checked
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
    clone, x, y = _ready(layer, x, context)
    subject = Subject(clone, x, Stream(seed, Purpose.CHECK, layer=3).normal(y.shape), context)
    if (problem := _first_pass(subject)) is not None:
        report.rows.append(problem)
        return report

    def outputs() -> Any:
        return clone.forward(x, context)[0]

    for name, values in _checked_arrays(subject).items():
        row = compare(name, values, subject.first[name], outputs, subject.dy, seed, rtol, Depth(thorough=thorough))
        report.rows.append(row)
    subject.wrong = {row.array for row in report.rows if not row.passed}
    check_conduct(subject, report, seed, rtol)
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
    instance(
        "check_model: model", model, Layer, "write tn.gradcheck.check_model(tn.Sequential(layer), x, targets)"
    )
    seed, rtol = check_seed(seed), checked_rtol("check_model", rtol)
    thorough = flag("check_model", "thorough", thorough)
    x, targets = checked_input("check_model", x), plain_array(targets, "gradcheck", "targets")
    context, report = Context(training=True, seed=seed), Report(f"{model!r} under {loss!r}")
    clone, x, y = _ready(model, x, context)
    loss.check_targets(targets, y.shape)
    if len(targets) != len(y):
        raise ShapeError(mismatch("check_model", f"{len(y)} targets", len(targets), "give one for each example of x"))
    subject = Subject(clone, x, np.array(loss.forward(y.copy(), targets)[1]()), context)
    if (problem := _first_pass(subject)) is not None:
        report.rows.append(problem)
        return report

    def outputs() -> Any:
        return np.asarray(loss.forward(clone.forward(x, context)[0], targets)[0])

    one = np.ones(())
    for name, values in _checked_arrays(subject).items():
        row = compare(name, values, subject.first[name], outputs, one, seed, rtol, Depth(thorough=thorough))
        report.rows.append(row)
    subject.wrong = {row.array for row in report.rows if not row.passed}
    check_conduct(subject, report, seed, rtol)
    return report


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


def _ready(layer: Layer, x: np.ndarray, context: Context) -> tuple[Layer, np.ndarray, Any]:
    """A float64 copy of the layer, x as the layer takes it, and y.

    Biases are 0 at first, which hides bugs: arrays of equal values are moved a little, if the layer still works then.
    Integers are given as they are to a layer that has no gradient for them, such as an embedding; else as floats.
    """
    plain = copy_as(layer, np.float64)
    if x.dtype.kind != "f":
        try:
            y, backward = plain.forward(x.copy(), context)
            dx = backward(np.ones_like(y), plain.views(np.zeros(plain.size), np.zeros(plain.statistics_size)))
            integers = np.asarray(y).dtype.kind == "f" and (dx is None or not np.any(dx))
        except Exception:  # it takes floats only
            integers = False
        if not integers:
            x = x.astype(np.float64)
    clone = _stirred(plain, context.seed)
    try:
        y = clone.forward(x.copy(), context)[0]
        if np.isfinite(y).all():
            return clone, x, y
    except Exception:  # it refuses these parameters, or x: the next line says so
        pass
    return plain, x, plain.forward(x.copy(), context)[0]


def _stirred(layer: Layer, seed: int) -> Layer:
    """A copy in which parameters whose entries are all equal differ a little."""
    clone = copy_as(layer, np.float64)
    for number, values in enumerate(clone.parameters.values()):
        if values.size and not np.ptp(values):
            scale = 0.1 * (abs(float(values.flat[0])) or 1.0)
            values += Stream(seed, Purpose.CHECK, step=number).normal(values.shape, 0, scale)
    return clone


def _checked_arrays(subject: Subject) -> dict[str, np.ndarray]:
    """The arrays whose gradient is checked: the parameters, and x unless it holds integers."""
    arrays = {} if subject.x.dtype.kind != "f" else {"x": subject.x}
    return {**arrays, **subject.layer.parameters}


def _first_pass(subject: Subject) -> Row | None:
    """Run the layer once. Returns what is wrong with it so fundamentally that nothing else can be checked."""
    layer, x, parameters = subject.layer, subject.x, subject.layer._vector.copy()
    x_before, statistics = x.copy(), layer._statistics_vector.copy()
    y = layer.forward(x, subject.context)[0]
    y_before = np.array(y)
    if not np.array_equal(x, x_before):
        return failing("x", _CHANGED)
    if y_before.dtype.kind != "f" or not np.isfinite(y_before).all():
        return failing(
            "y", f"y must hold finite floats; it has the dtype {y_before.dtype} or NaN or infinity: give another x"
        )
    subject.first = arrays = subject.run()
    if not np.array_equal(x, x_before):
        return failing("x", _CHANGED)
    if subject.y_changed or not np.array_equal(y, y_before):
        return failing("y", "backward or a later forward pass changed y, which the caller still holds; copy it first")
    for vector, before, what in (
        (layer._vector, parameters, "parameters: the optimizer changes them"),
        (layer._statistics_vector, statistics, "statistics: write their changes into grads in backward"),
    ):
        if not np.array_equal(vector, before):
            return failing(what.partition(":")[0], f"a pass changes the {what}")
    tolerance = 1e-12 * (1 + np.abs(y_before).max(initial=0.0))
    if arrays["y"].shape != y_before.shape or not np.abs(arrays["y"] - y_before).max(initial=0.0) <= tolerance:
        hint = "a second forward pass gives another y: keep nothing on self, and draw with context.stream(purpose)"
        return failing("y", hint)
    return _gradient_problem(subject)


_CHANGED = "the layer changed its input, which is the output of the previous layer; copy it first"


def _gradient_problem(subject: Subject) -> Row | None:
    """What is wrong with dx or grads as arrays."""
    dx, x, layer = subject.first.get("x"), subject.x, subject.layer
    if x.dtype.kind == "f" and (dx is None or np.shape(dx) != x.shape):
        received = "None" if dx is None else f"shape {np.shape(dx)}"
        return failing("x", f"backward must return the gradient of x, of shape {x.shape}; it returned {received}")
    if dx is not None and (not dx.flags.writeable or 0 in [s for s, n in zip(dx.strides, dx.shape) if n > 1]):
        return failing(
            "x", "dx is a broadcast or read-only view, and the previous layer may overwrite it: return a copy"
        )
    if dx is not None and dx.size and (np.may_share_memory(dx, x) or np.may_share_memory(dx, layer._vector)):
        return failing(
            "x", "dx shares memory with x or the parameters, and the previous layer may overwrite it: copy it"
        )
    names = [name for name in subject.layout if not np.isfinite(subject.first[name]).all()]
    for name in names:
        hint = explain_unwritten(name, subject.run(fill=0.0)[name], subject.run(fill=1.0)[name])
        return failing(name, hint)
    return None
