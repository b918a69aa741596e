"""Make a layer ready for the checks, and run it for the first time."""

from __future__ import annotations

import numpy as np

from tinynet.backend.random import Purpose, Stream
from tinynet.gradcheck.explain import explain_unwritten
from tinynet.gradcheck.passes import Subject, copy_as, failing
from tinynet.gradcheck.report import Row
from tinynet.layers.base import Context, Layer

CHANGED = "the layer changed its input, which is the output of the previous layer; copy it first"


def ready(layer: Layer, x: np.ndarray, context: Context) -> tuple[Layer, np.ndarray, bool]:
    """A float64 copy of the layer, x as the layer takes it, and whether it reads whole numbers, as an embedding does.

    Biases are 0 at first, which hides bugs: parameters of equal values are moved a little, if the layer still works.
    """
    plain = copy_as(layer, np.float64)
    discrete = np.array_equal(x, np.rint(x)) and _reads_whole_numbers(plain, x, context)
    if not discrete:
        x = x.astype(np.float64)
    clone = _stirred(plain, context.seed)
    try:
        if np.isfinite(clone.forward(x.copy(), context)[0]).all():
            return clone, x, discrete
    except Exception:  # it refuses these parameters, or x: then forward says so again
        pass
    return plain, x, discrete


def _reads_whole_numbers(layer: Layer, x: np.ndarray, context: Context) -> bool:
    """Whether backward gives no gradient of x, and forward refuses or rounds what lies between whole numbers."""
    try:
        y, backward = layer.forward(x.copy(), context)
        y = np.array(y)
        dx = backward(np.ones(y.shape), layer.views(np.zeros(layer.size), np.zeros(layer.statistics_size)))
        if dx is not None and np.any(dx):
            return False
    except Exception:  # it takes floats only
        return False
    try:
        return np.array_equal(layer.forward(x + 1e-3, context)[0], y)
    except Exception:  # it takes whole numbers only
        return True


def _stirred(layer: Layer, seed: int) -> Layer:
    """A copy in which parameters whose entries are all equal differ a little."""
    clone = copy_as(layer, np.float64)
    for number, values in enumerate(clone.parameters.values()):
        if values.size and not np.ptp(values):
            scale = 0.1 * (abs(float(values.flat[0])) or 1.0)
            values += Stream(seed, Purpose.CHECK, step=number).normal(values.shape, 0, scale)
    return clone


def first_pass(subject: Subject) -> Row | None:
    """Run the layer once. Returns what is wrong with it so fundamentally that nothing else can be checked."""
    layer, x, parameters = subject.layer, subject.x, subject.layer._vector.copy()
    x_before, statistics = x.copy(), layer._statistics_vector.copy()
    y = layer.forward(x, subject.context)[0]
    if not np.array_equal(x, x_before):
        return failing("x", CHANGED)
    y_before = np.array(y)
    if not np.isfinite(y_before).all():
        return failing("y", "y holds NaN or infinity: look for 0 / 0 or an overflow, or give another x")
    if y_before.dtype != np.float64 and not (subject.discrete and y_before.dtype.kind in "iub"):
        return failing("y", f"y is {y_before.dtype} for x of float64: take dtypes from x.dtype")
    subject.first = arrays = subject.run()
    if not np.array_equal(x, x_before):
        return failing("x", CHANGED)
    if subject.y_changed or not np.array_equal(y, y_before):
        return failing("y", "backward or a later forward pass changed y, which the caller still holds; copy it first")
    for vector, before, what in (
        (layer._vector, parameters, "parameters: the optimizer changes them"),
        (layer._statistics_vector, statistics, "statistics: write their changes into grads in backward"),
    ):
        if not np.array_equal(vector, before):
            return failing(what.partition(":")[0], f"a pass changes the {what}")
    tolerance = 1e-12 * (1 + np.abs(y_before).max(initial=0.0))
    for again in (arrays["y"], layer.forward(x, subject.context)[0]):
        if np.shape(again) != y_before.shape or not np.abs(again - y_before).max(initial=0.0) <= tolerance:
            hint = "a second forward pass gives another y: keep nothing on self, and draw with context.stream(purpose)"
            return failing("y", hint)
    return _dx_problem(subject) or _grads_problem(subject)


def _dx_problem(subject: Subject) -> Row | None:
    """What is wrong with dx as an array."""
    dx, x = subject.first.get("x"), subject.x
    if dx is None and subject.discrete:
        return None
    if dx is None or np.shape(dx) != x.shape:
        received = "None" if dx is None else f"shape {np.shape(dx)}"
        return failing("x", f"backward must return the gradient of x, of shape {x.shape}; it returned {received}")
    if dx.dtype != np.float64 and not subject.discrete:
        return failing("x", f"dx is {dx.dtype} for x of float64: take dtypes from x.dtype")
    if not dx.flags.writeable or 0 in [stride for stride, size in zip(dx.strides, dx.shape) if size > 1]:
        hint = "dx is a broadcast or read-only view, and the previous layer may overwrite it: return a copy"
        return failing("x", hint)
    if dx.size and (np.may_share_memory(dx, x) or np.may_share_memory(dx, subject.layer._vector)):
        hint = "dx shares memory with x or the parameters, and the previous layer may overwrite it: return a copy"
        return failing("x", hint)
    return None


def _grads_problem(subject: Subject) -> Row | None:
    """What backward does not write, or writes as NaN. Statistics that it leaves alone do not change."""
    for name in subject.layout:
        if not np.isfinite(subject.first[name]).all():
            hint = explain_unwritten(name, subject.run(fill=0.0)[name], subject.run(fill=1.0)[name])
            return failing(name, hint)
    for name in subject.statistics_layout:
        found = subject.first.get(name, np.zeros(1))
        if np.isnan(found).all() and (subject.run(fill=1.0)[name] == 1).all():
            subject.left_alone.add(name)
            subject.first[name] = np.zeros_like(found)
    return None
