"""Check what training relies on beside the gradient: the rules that docs/gradcheck.md lists."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinynet.gradcheck.compare import Depth, compare
from tinynet.gradcheck.passes import Subject, failing
from tinynet.gradcheck.report import Report, Row
from tinynet.gradcheck.rows import TITLE as PARTS
from tinynet.gradcheck.rows import check_parts
from tinynet.gradcheck.statistics import TITLE as STATISTICS
from tinynet.gradcheck.statistics import check_statistics

SEEDS = 40  # two steps may draw the same few numbers by chance; so many do not
Check = Callable[[Subject], "Row | None"]


def check_conduct(subject: Subject, report: Report, seed: int, rtol: float) -> None:
    """Add a row to the report for each rule that is broken, and the names of the others to `also`."""
    checks: dict[str, Check] = {
        "repeated passes": _undisturbed,
        "old numbers in grads": _overwriting,
        "input_gradient=False": _without_dx,
        "memory layouts": _layouts,
        "scaled dy": _scaled,
        "float32": _float32,
    }
    if subject.rows > 1 and subject.layer.splittable:
        checks[PARTS] = check_parts
    elif subject.rows > 1:
        checks["one row"] = lambda subject: _one_row(subject, seed, rtol)
    checks["random numbers"] = _random
    checks[_other(subject)] = lambda subject: _other_pass(subject, seed, rtol)
    if subject.statistics_layout and subject.context.training:
        checks[STATISTICS] = check_statistics
    for title, check in checks.items():
        try:
            row = check(subject)
        except Skip as reason:
            report.skipped.append(f"{title}, since {reason}")
            continue
        except Exception as error:  # any layer may raise anything
            row = failing(title, f"raises {type(error).__name__}: {error}")
        if row is None:
            report.also.append(title)
        else:
            report.rows.append(row)
            if check is _undisturbed:  # what is kept on self would mislead the other checks
                return


class Skip(Exception):
    """A check that cannot be made, and why."""


def _undisturbed(subject: Subject) -> Row | None:
    """Other forward passes before backward: other rows, another number of rows, inference, another step."""
    context, x = subject.context, subject.x

    def others() -> None:
        subject.layer.forward(np.roll(x, 1, axis=0), context._replace(step=1, seed=context.seed + 1))
        for rows in (x[:1].copy(), np.concatenate([x, x])):
            for training in (True, False):
                try:
                    subject.layer.forward(rows, context._replace(training=training))
                except Exception:  # it takes other numbers of rows, or not one row, as batch norm
                    continue

    hint = (
        "{name} changes if other forward passes come before backward: keep nothing on self, but in variables of forward"
    )
    layer, inference = subject.layer, context._replace(training=False)
    try:
        inferred = np.array(layer.forward(x, inference)[0])
    except Exception:  # the check of the inference pass says so
        inferred = None
    try:
        arrays = subject.run(between=others)
    except Exception as error:  # what was kept has the shape of another batch
        said = f"backward raises {type(error).__name__} if other forward passes come before it ({error})"
        return failing("repeated passes", said + ": keep nothing on self, but in variables of forward")
    if inferred is not None and not np.array_equal(layer.forward(x, inference)[0], inferred):
        hint = "a training pass changes what inference gives: keep running values by add_statistic, not on self"
        return failing("repeated passes", hint)
    first, second = (np.asarray(layer.forward(rows, context)[0]) for rows in (x, x.copy()))
    if np.may_share_memory(first, second) and not np.may_share_memory(first, layer._vector):
        hint = "two forward passes give the same array: threads and layers at two positions need one for each pass"
        return failing("repeated passes", hint)
    return subject.difference("repeated passes", arrays, hint)


def _overwriting(subject: Subject) -> Row | None:
    hint = (
        "{name} depends on what backward finds in grads: your backward adds to grads; overwrite: grads[name][...] = ..."
    )
    return subject.difference("old numbers in grads", subject.run(fill=1.0), hint)


def _without_dx(subject: Subject) -> Row | None:
    arrays = subject.run(context=subject.context._replace(input_gradient=False))
    arrays.pop("x", None)  # nobody reads it
    hint = (
        "{name} is wrong only when the input's gradient is not asked for (context.input_gradient is False), as for the"
        " first layer in training: write all of grads before you return None"
    )
    return subject.difference("input_gradient=False", arrays, hint)


def _layouts(subject: Subject) -> Row | None:
    """x and dy as transposed, sliced, reversed and read-only views, as a layer beside this one may give them."""
    x, dy = subject.x, subject.dy
    locked = np.asfortranarray(x)
    if np.shares_memory(locked, x):
        locked = x.copy()
    locked.flags.writeable = False
    hint = "{name} is wrong for x or dy that are not contiguous: do not rely on the order of an array in memory"
    for view_x, view_dy in (
        (locked, _reversed(dy)),
        (_sliced(x), np.asfortranarray(dy.copy())),
        (_reversed(x), _sliced(dy)),
    ):
        if (row := subject.difference("memory layouts", subject.run(view_x, view_dy), hint)) is not None:
            return row
    return None


def _sliced(array: np.ndarray) -> np.ndarray:
    """The same numbers as every second one of a larger array, along the last axis."""
    if not array.ndim:
        return array.copy()
    wide = np.repeat(array, 2, axis=-1)
    return wide[..., ::2]


def _reversed(array: np.ndarray) -> np.ndarray:
    """The same numbers as a view with negative strides."""
    back = tuple(slice(None, None, -1) for _ in range(array.ndim))
    return array[back].copy()[back] if array.ndim else array.copy()


def _scaled(subject: Subject) -> Row | None:
    """Backward is linear in dy: small dy, as a mean over a large batch gives, and large dy, as loss scaling gives."""
    for factor in (2.0**-20, 2.0**16, 0.0):
        arrays = subject.run(dy=subject.dy * factor)
        expected = dict(subject.first)
        for name in ["x", *subject.layout]:
            if name in arrays:
                if factor:
                    arrays[name] = arrays[name] / factor
                else:
                    expected[name] = np.zeros_like(expected[name])
        hint = f"{{name}} is not {factor:g} times as large if dy is: a term lacks dy, or has it twice, or is clipped"
        if (row := subject.difference("scaled dy", arrays, hint, expected)) is not None:
            return row
    return None


def _float32(subject: Subject) -> Row | None:
    """The layer in float32, beside the same numbers in float64."""
    arrays, exact = subject.error_of_float32()
    sizes = [np.abs(values).max(initial=0.0) for values in exact.values()]
    if (
        not all(size == 0 or 1e-30 < size < 1e30 for size in sizes)
        or not np.isfinite(subject.x.astype(np.float32)).all()
    ):
        raise Skip("its numbers do not fit into float32")
    for name, what in (("y", "y"), ("x", "dx")):
        if subject.discrete or name not in arrays or name in subject.wrong:
            continue
        if arrays[name].dtype != np.float32:
            dtype = arrays[name].dtype
            return failing(
                "float32", f"{what} is {dtype} for x of float32: take dtypes from x.dtype, as in x.dtype.type(2)"
            )
    hint = "{name} is wrong in float32, and right in float64: look for a term that is lost or overflows, or for a dtype"
    return subject.difference("float32", arrays, hint, exact, float32=True)


def _one_row(subject: Subject, seed: int, rtol: float) -> Row | None:
    """The gradient for a batch of one."""
    try:
        y = subject.layer.forward(subject.x[:1].copy(), subject.context)[0]
    except Exception as error:
        raise Skip(f"the layer refuses a batch of one ({type(error).__name__})") from error
    if not np.isfinite(y).all():
        return failing(
            "one row", "y is not finite for a batch of one: look for a division by N - 1 or a deviation of 0"
        )
    one = Subject(
        subject.layer, subject.x[:1].copy(), np.resize(subject.dy, np.shape(y)), subject.context, subject.discrete
    )
    return _in_directions(one, "one row", "wrong for a batch of one", seed, rtol)


def _other(subject: Subject) -> str:
    return "the inference pass" if subject.context.training else "the training pass"


def _other_pass(subject: Subject, seed: int, rtol: float) -> Row | None:
    """The gradient of the inference pass where that of training was checked, or the other way round."""
    title, context = _other(subject), subject.context._replace(training=not subject.context.training)
    try:
        y = np.array(subject.layer.forward(subject.x, context)[0])
    except Exception as error:
        if context.training:
            raise Skip(f"it raises {type(error).__name__}") from error
        raise
    other = Subject(subject.layer, subject.x, np.resize(subject.dy, y.shape), context, subject.discrete)
    if np.array_equal(y, subject.first["y"]):
        arrays = other.run(changes=False)
        hint = f"{{name}} is wrong only in {title}, though y is the same"
        return subject.difference(title, arrays, hint)
    return _in_directions(other, title, f"wrong in {title}", seed, rtol)


def _in_directions(subject: Subject, title: str, hint: str, seed: int, rtol: float) -> Row | None:
    """Compare the gradients in random directions only."""
    layer, x, context = subject.layer, subject.x.copy(), subject.context
    arrays = subject.run(x)
    for name, values in {"x": x, **layer.parameters}.items():
        if name not in arrays or (name == "x" and subject.discrete):
            continue
        outputs = lambda: layer.forward(x, context)[0]  # noqa: E731
        row = compare(name, values, arrays[name], outputs, subject.dy, seed, rtol, Depth(sample=0))
        if not row.passed and "kink" not in row.hint:
            return Row(title, row.error, f"{name} {row.where}", row.analytic, row.numeric, False, f"{hint}: {row.hint}")
    return None


def _random(subject: Subject) -> Row | None:
    """Random numbers depend on seed, step and position, and are drawn in training."""
    context, forward = subject.context, subject.layer.forward

    def differs(**other: int | bool) -> bool:
        first = forward(subject.x, context._replace(training=bool(other.get("training", context.training))))[0].copy()
        return not np.array_equal(forward(subject.x, context._replace(**other))[0], first)  # type: ignore[arg-type]

    if not context.training:
        return None
    if not differs(seed=context.seed + 1):
        if differs(seed=context.seed + 1, training=False):
            return failing("random numbers", "they are drawn in inference and not in training: test context.training")
        return None
    for what, hint in (("step", "in each step"), ("layer", "at each position of a model")):
        if not any(differs(**{what: number}) for number in range(1, SEEDS)):
            cure = "draw them with context.stream(purpose)"
            return failing("random numbers", f"they are the same {hint}: context.{what} is ignored; {cure}")
    return None
