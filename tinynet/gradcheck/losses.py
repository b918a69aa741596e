"""Check the gradient of a loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinynet.backend.arrays import ignoring
from tinynet.backend.habits import instance
from tinynet.backend.plain import plain_array
from tinynet.backend.random import Purpose, Stream, check_seed
from tinynet.errors import DataError, ShapeError, mismatch
from tinynet.gradcheck.arguments import checked_input, checked_rtol, checked_shape, flag
from tinynet.gradcheck.compare import Depth, compare
from tinynet.gradcheck.passes import FLOAT32, SAME, failing
from tinynet.gradcheck.report import Report
from tinynet.losses import Loss


@ignoring("all")
def check_loss(
    loss: Loss,
    outputs_shape: tuple[int, ...] = (6, 5),
    targets: np.ndarray | None = None,
    outputs: np.ndarray | None = None,
    seed: int = 0,
    rtol: float = 1e-6,
    thorough: bool = False,
) -> Report:
    """Check the gradient of a loss with respect to the outputs, also for backward(dloss) with dloss = 0.3.

    By default, outputs are random, and targets are random labels, or random numbers if the loss refuses labels. Also
    checked: repeated passes, other dloss, arrays of any memory layout, float32, and, if the loss is `splittable`, that
    it is a mean over rows. `thorough` is explained at `check_layer`.
    """
    seed, rtol = check_seed(seed), checked_rtol("check_loss", rtol)
    thorough = flag("check_loss", "thorough", thorough)
    instance("check_loss: loss", loss, Loss, "write tn.SoftmaxCrossEntropy()")
    stream = Stream(seed, Purpose.CHECK, layer=1)
    if outputs is None:
        outputs = stream.normal(checked_shape("check_loss", "outputs_shape", outputs_shape))
    outputs = checked_input("check_loss", outputs, "outputs").astype(np.float64, order="C")
    targets = _targets(loss, targets, outputs, stream, seed)
    _expect_forward(loss, outputs, targets)
    report, given = Report(repr(loss)), (outputs.copy(), targets.copy())
    try:
        for name, scale in [("outputs", 1.0), ("outputs, dloss = 0.3", 0.3)]:
            analytic = np.asarray(loss.forward(outputs, targets)[1](scale))
            if analytic.shape != outputs.shape:
                hint = f"backward must return a gradient of shape {outputs.shape}; it returned shape {analytic.shape}"
                report.rows.append(failing(name, hint))
                return report
            value = lambda: np.asarray(loss.forward(outputs, targets)[0])  # noqa: E731
            depth = Depth(thorough=thorough)
            report.rows.append(compare(name, outputs, analytic, value, np.array(scale), seed, rtol, depth))
    finally:
        unchanged = np.array_equal(outputs, given[0]) and np.array_equal(targets, given[1])
    if not unchanged:
        report.rows = [failing("outputs", "the loss changed its outputs or targets, which the caller holds; copy them")]
        return report
    _check_conduct(loss, outputs, targets, report)
    return report


def _targets(loss: Loss, targets: Any, outputs: np.ndarray, stream: Stream, seed: int) -> np.ndarray:
    """The caller's targets, or random ones that the loss accepts."""
    if targets is not None:
        given: np.ndarray = plain_array(targets, "gradcheck", "targets")
        loss.check_targets(given, outputs.shape)
        if len(given) != len(outputs):
            remedy = "give one for each row of outputs"
            raise ShapeError(mismatch("check_loss", f"{len(outputs)} targets", len(given), remedy))
        return given
    labels = stream.words(len(outputs)).astype(np.int64) % outputs.shape[-1]
    try:
        loss.check_targets(labels, outputs.shape)
    except (DataError, ShapeError):
        return Stream(seed, Purpose.CHECK, layer=2).normal(outputs.shape)
    return labels


def _expect_forward(loss: Loss, outputs: np.ndarray, targets: np.ndarray) -> None:
    """Raise ShapeError if the loss cannot be computed at all."""
    try:
        loss.forward(outputs.copy(), targets.copy())
    except (DataError, ShapeError):
        raise
    except Exception as error:  # any loss may raise anything
        received = f"outputs of shape {outputs.shape} ({type(error).__name__}: {error})"
        remedy = "give outputs_shape and targets as in training, such as outputs_shape=(6, 5)"
        raise ShapeError(mismatch("check_loss", f"outputs and targets that {loss} takes", received, remedy)) from error


def _check_conduct(loss: Loss, outputs: np.ndarray, targets: np.ndarray, report: Report) -> None:
    """Add a row for each rule of training that is broken, and the names of the others to `also`."""
    checks = {"repeated passes": _repeated, "other dloss": _scaled, "memory layouts": _layouts, "float32": _float32}
    if loss.splittable and len(outputs) > 1:
        checks["rows in parts"] = _parts
    if not all(row.passed for row in report.rows):  # then these fail, too
        checks = {title: check for title, check in checks.items() if check not in (_scaled, _parts)}
    for title, check in checks.items():
        try:
            hint = check(loss, outputs, targets)
        except Exception as error:  # any loss may raise anything
            hint = f"raises {type(error).__name__}: {error}"
        if hint:
            report.rows.append(failing(title, hint))
        else:
            report.also.append(title)


def _pass(loss: Loss, outputs: np.ndarray, targets: np.ndarray, dloss: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    value, backward = loss.forward(outputs, targets)
    return np.array(value), backward(dloss)


def _differ(first: Any, second: Any, tolerance: float = SAME) -> bool:
    """Whether the values or the gradients of two passes differ."""
    return any(
        np.shape(a) != np.shape(b) or not np.abs(a - b).max(initial=0.0) <= tolerance * np.abs(b).max(initial=0.0)
        for a, b in zip(first, second)
    )


def _repeated(loss: Loss, outputs: np.ndarray, targets: np.ndarray) -> str:
    first = _pass(loss, outputs, targets)
    value, backward = loss.forward(outputs, targets)
    loss.forward(np.roll(outputs, 1, axis=0), np.roll(targets, 1, axis=0))
    if _differ((value, backward()), first):
        return "another forward pass before backward changes the result: keep nothing on self"
    gradient = first[1]
    if np.may_share_memory(gradient, outputs) or not gradient.flags.writeable:
        return (
            "the gradient shares memory with the outputs or is read-only, and the last layer may overwrite it: copy it"
        )
    return ""


def _scaled(loss: Loss, outputs: np.ndarray, targets: np.ndarray) -> str:
    value, gradient = _pass(loss, outputs, targets)
    for dloss in (0.0, 1e-4, -2.0, 65536.0):
        if _differ(_pass(loss, outputs, targets, dloss), (value, dloss * gradient)):
            return f"backward(dloss) is not dloss times backward() for dloss = {dloss:g}"
    return ""


def _layouts(loss: Loss, outputs: np.ndarray, targets: np.ndarray) -> str:
    first = _pass(loss, outputs, targets)
    locked = np.asfortranarray(outputs.copy())
    locked.flags.writeable = False
    for view in (locked, np.repeat(outputs, 2, axis=-1)[..., ::2], outputs[::-1].copy()[::-1]):
        if _differ(_pass(loss, view, targets[::-1].copy()[::-1]), first):
            return "the result is different for outputs that are not contiguous: do not rely on the order in memory"
    return ""


def _float32(loss: Loss, outputs: np.ndarray, targets: np.ndarray) -> str:
    small = outputs.astype(np.float32)
    own = targets.astype(np.float32) if targets.dtype.kind == "f" else targets
    exact = _pass(loss, small.astype(np.float64), own.astype(targets.dtype))
    value, gradient = _pass(loss, small, own)
    if gradient.dtype != np.float32:
        return f"the gradient is {gradient.dtype} for outputs of float32: take dtypes from outputs.dtype"
    if _differ((value, gradient), exact, FLOAT32):
        return "it is wrong in float32, and right in float64: look for a term that is lost or overflows, or for a dtype"
    return ""


def _parts(loss: Loss, outputs: np.ndarray, targets: np.ndarray) -> str:
    """sum(weight loss) / sum(weight) over two parts of the rows is the loss of all, and so is the gradient."""
    whole, total, values, gradients = _pass(loss, outputs, targets), float(loss.weight(targets)), [], []
    for rows in (slice(0, 1), slice(1, None)):
        part = float(loss.weight(targets[rows])) / total if total else len(outputs[rows]) / len(outputs)
        value, gradient = _pass(loss, outputs[rows], targets[rows], part)
        values.append(part * value)
        gradients.append(gradient)
    if _differ((sum(values), np.concatenate(gradients)), whole):
        return (
            "two parts of the rows do not give the loss of all, although splittable = True: return a mean over rows,"
            " and their weights in weight(targets)"
        )
    return ""
