"""Check the properties that every optimizer must have."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array, ignoring
from tinynet.backend.habits import instance
from tinynet.backend.random import Purpose, Stream, check_seed
from tinynet.errors import mismatch, shown, whole_number
from tinynet.gradcheck.arguments import LARGEST
from tinynet.gradcheck.learning_rate import check_learning_rate, rates_of
from tinynet.gradcheck.passes import failing
from tinynet.gradcheck.report import Report, Row
from tinynet.optimizers import Optimizer, State

Reference = Callable[[np.ndarray, Sequence[np.ndarray]], np.ndarray]
Fresh = Callable[[], Optimizer]


LONGEST = 10_000  # steps


@ignoring("all")
def check_optimizer(
    optimizer: Optimizer, size: int = 40, steps: int = 20, seed: int = 0, reference: Reference | None = None
) -> Report:
    """Check an optimizer on random vectors of `size` elements over `steps` steps. The optimizer itself is copied.

    first step      goes downhill: its product with the gradient (with weight decay) is negative
    state           the vectors of the state share no memory with each other, with theta or with the gradient
    resumed         continuing with copies of theta and the state and an unused optimizer gives the same bits
    interleaved     two runs that take turns with one optimizer give the bits that each has alone
    learning rate   the learning rate of each step, and of no other, determines how far that step goes
    halves          each half of the vector moves as it would alone (only if the optimizer is `elementwise`)
    no gradient     without weight decay, zero gradients leave theta unchanged; with it, theta moves towards 0
    gaps            elements that are 0 and get no gradient stay 0, with one gradient array reused for all steps
    float32         float32 theta gives float32 theta and state, within 1e-4 of the float64 trajectory
    minimum         the loss falls on a quadratic whose curvature suits the learning rate
    reference       ends within 1e-6 of `reference(theta, gradients)`, for example another library's result

    Without a reference, a rule that goes downhill at a wrong pace passes: Adam without its bias correction does.
    In the table, "analytic" is the optimizer's value and "numeric" the expected one, at the worst element.
    """
    instance("check_optimizer: optimizer", optimizer, Optimizer, "write tn.SGD(0.1)")
    size = whole_number("check_optimizer: size", size, 4, LARGEST, remedy="leave it out")
    steps = whole_number("check_optimizer: steps", steps, 2, min(LONGEST, LARGEST // size), remedy="leave it out")
    if reference is not None and not callable(reference):
        remedy = "give a function of theta and the gradients that returns the last theta"
        raise TypeError(mismatch("check_optimizer", "a reference that can be called", shown(reference), remedy))
    draw = Stream(check_seed(seed), Purpose.CHECK, layer=7)
    theta, *gradients = draw.normal((steps + 1, size))
    report, fresh = Report(repr(optimizer)), _copier(optimizer)
    end = _run(fresh(), theta, gradients)
    checks: dict[str, Callable[[], Row | None]] = {
        "first step": lambda: _downhill(fresh(), theta, gradients[0]),
        "state": lambda: _shared(fresh(), theta, gradients),
        "resumed": lambda: _resumed(fresh, theta, gradients, end),
        "interleaved": lambda: _interleaved(fresh, theta, gradients, end),
        "learning rate": lambda: check_learning_rate(fresh, theta, gradients),
        "gaps": lambda: _gaps(fresh(), theta, gradients),
        "float32": lambda: _float32(fresh(), theta, gradients, end),
        "minimum": lambda: _minimum(fresh(), theta),
        "halves": lambda: _halves(fresh, theta, gradients, end),
        "no gradient": lambda: _still(fresh(), theta, gradients),
        "reference": lambda: None if reference is None else _referred(reference, theta, gradients, end),
    }
    for title, check in checks.items():
        try:
            row = check()
        except Exception as error:  # any optimizer may raise anything
            row = failing(title, f"raises {type(error).__name__}: {error}")
        report.rows += [row] if row is not None else []
    return report


def _referred(reference: Reference, theta: Array, gradients: Sequence[Array], end: Array) -> Row:
    expected = np.asarray(reference(theta.copy(), [g.copy() for g in gradients]))
    if expected.shape != theta.shape or expected.dtype.kind != "f":
        return failing("reference", f"it must return the last theta, of shape {theta.shape}")
    return _row("reference", end, expected, 1e-6, "the formulas differ; compare the first step")


def _copier(optimizer: Optimizer) -> Callable[[], Optimizer]:
    """A function that gives copies of the optimizer as it is now; the optimizer itself if it cannot be copied."""
    try:
        unused = copy.deepcopy(optimizer)
    except Exception:  # such as a schedule that is a generator
        return lambda: optimizer
    return lambda: copy.deepcopy(unused)


def _run(optimizer: Optimizer, theta: Array, gradients: Sequence[Array]) -> Array:
    theta = theta.copy()
    state = optimizer.start(theta)
    for step, gradient in enumerate(gradients):
        optimizer.update(theta, gradient.copy(), state, step)
    return theta


def _resumed(fresh: Fresh, theta: Array, gradients: Sequence[Array], end: Array) -> Row:
    """Continue half-way with copies of theta and the state, and an optimizer that was never used."""
    theta, optimizer = theta.copy(), fresh()
    state = optimizer.start(theta)
    used = optimizer
    for step, gradient in enumerate(gradients):
        if step == len(gradients) // 2:
            theta, state, optimizer = theta.copy(), _copied(state), fresh()
        optimizer.update(theta, gradient.copy(), state, step)
    names = [f"self.{name}" for name, value in vars(used).items() if not _equal(value, vars(fresh()).get(name))]
    where = f" ({', '.join(names)} changed)" if names else ""
    hint = f"something is kept outside theta and `state`{where}: keep what the rule remembers in vectors of `state`"
    return _row("resumed", theta, end, 0, hint)


def _interleaved(fresh: Fresh, theta: Array, gradients: Sequence[Array], end: Array) -> Row:
    """Two runs take turns with one optimizer, as the models of an ensemble do."""
    one, others = fresh(), [-g for g in gradients[::-1]]
    first, second = theta.copy(), theta[::-1] + 1
    alone = np.concatenate([end, _run(fresh(), second, others)])
    states = one.start(first), one.start(second)
    for step, pair in enumerate(zip(gradients, others)):
        for vector, gradient, state in zip((first, second), pair, states):
            one.update(vector, gradient.copy(), state, step)
    hint = "two runs disturb each other: keep what the rule remembers in `state`, not on the optimizer"
    return _row("interleaved", np.concatenate([first, second]), alone, 0, hint)


def _equal(first: Any, second: Any) -> bool:
    try:
        return bool(np.all(first == second)) and np.shape(first) == np.shape(second)
    except Exception:  # values of any kind: what cannot be compared is not named
        return True


def _copied(state: State) -> State:
    return {name: vector.copy() for name, vector in state.items()}


def _shared(optimizer: Optimizer, theta: Array, gradients: Sequence[Array]) -> Row | None:
    """A failing row if vectors of the state share memory with each other, theta or the gradient."""
    theta, gradient = theta.copy(), gradients[0].copy()
    state = optimizer.start(theta)
    for step in range(2):
        vectors = {**state, "theta": theta, "the gradient": gradient}
        for (name, vector), (other, beside) in itertools.combinations(vectors.items(), 2):
            if np.may_share_memory(vector, beside):
                return failing("state", f"{name} and {other} share memory, so that one overwrites the other: copy it")
        optimizer.update(theta, gradient, state, step)
    return None


def _halves(fresh: Fresh, theta: Array, gradients: Sequence[Array], end: Array) -> Row | None:
    if not fresh().elementwise:
        return None
    middle = len(theta) // 2
    parts = slice(0, middle), slice(middle, len(theta))
    halves = np.concatenate([_run(fresh(), theta[part], [g[part] for g in gradients]) for part in parts])
    return _row("halves", end, halves, 1e-12, "one element's step depends on another's gradient")


def _still(optimizer: Optimizer, theta: Array, gradients: Sequence[Array]) -> Row:
    """Zero gradients leave theta as it is; with weight decay, its elements move towards 0."""
    zeros = [np.zeros(len(theta))] * len(gradients)
    if not _decay(optimizer):
        hint = "theta moves without a gradient; weight decay is expected as the attribute weight_decay"
        return _row("no gradient", _run(optimizer, theta, zeros), theta, 0, hint)
    moved = _run(optimizer, theta, zeros[:1]) - theta
    worst = int((moved * theta).argmax())
    passed = bool((moved * theta <= 0).all())
    values = float(moved[worst]), -float(theta[worst])
    return Row(
        "no gradient", 0.0 if passed else np.inf, f"[{worst}]", *values, passed, "weight decay moves theta from 0"
    )


def _decay(optimizer: Any) -> float:
    """The weight decay of an optimizer, or of the one that it wraps."""
    while optimizer is not None and not getattr(optimizer, "weight_decay", 0):
        optimizer = getattr(optimizer, "optimizer", None)
    return float(getattr(optimizer, "weight_decay", 0))


def _downhill(optimizer: Optimizer, theta: Array, gradient: Array) -> Row:
    decay = _decay(optimizer)
    moved = theta.copy()
    rates = rates_of(optimizer, LONGEST) or [1.0]
    start = next((step for step, rate in enumerate(rates) if rate > 0), 0)  # a schedule may begin with 0
    optimizer.update(moved, gradient.copy(), optimizer.start(theta), start)
    moved -= theta
    product = float(moved @ (gradient + decay * theta))
    hint = "the step goes uphill: check the sign"
    if not moved.any():
        hint = "theta did not move: update it in place, theta -= ..., not theta = theta - ..."
    return Row("first step", 0.0 if product < 0 else np.inf, "step . gradient", product, -0.0, product < 0, hint)


def _gaps(optimizer: Optimizer, theta: Array, gradients: Sequence[Array]) -> Row:
    """Leave gaps without a gradient, as `fit` does between a model's arrays."""
    written = np.arange(len(theta)) % 4 < 3
    theta = np.where(written, theta, 0)
    memory, state = np.zeros_like(theta), optimizer.start(theta)
    expected = _run(copy.deepcopy(optimizer), theta, [np.where(written, gradient, 0) for gradient in gradients])
    for step, gradient in enumerate(gradients):
        memory[written] = gradient[written]
        optimizer.update(theta, memory, state, step)
    if not theta[~written].any():
        return _row("gaps", theta, expected, 0, "one gradient array serves all steps: keep a copy of it, not the array")
    hint = "leave the zeros of the gradient array as they are"
    return _row("gaps", theta[~written], np.zeros(sum(~written)), 0, hint)


def _float32(optimizer: Optimizer, theta: Array, gradients: Sequence[Array], end: Array) -> Row:
    small = theta.astype(np.float32)
    state = optimizer.start(small)
    for step, gradient in enumerate(gradients):
        optimizer.update(small, gradient.astype(np.float32), state, step)
    wrong = [name for name, vector in {"theta": small, **state}.items() if vector.dtype != np.float32]
    if wrong:
        return Row("float32", np.inf, "", np.nan, np.nan, False, f"{', '.join(wrong)} became another dtype")
    return _row("float32", small.astype(np.float64), end, 1e-4, "the float32 and float64 trajectories differ")


def _minimum(optimizer: Optimizer, theta: Array, steps: int = 200) -> Row:
    """Minimize sum(curvature * theta^2 / 2), with curvatures from 0.05 to 0.5 of 1 / the largest learning rate."""
    curvature = np.linspace(0.05, 0.5, len(theta)) / (max(rates_of(optimizer, steps) or [1.0]) or 1.0)
    position = theta.copy()
    state = optimizer.start(position)
    for step in range(steps):
        optimizer.update(position, curvature * position, state, step)
    before, after = float(curvature @ theta**2 / 2), float(curvature @ position**2 / 2)
    hint = f"the loss went from {before:.3g} to {after:.3g} in {steps} steps"
    passed = bool(after < 0.9 * before)
    return Row("minimum", 0.0 if passed else np.inf, "after / before", after / before, 0.0, passed, hint)


def _row(name: str, found: Array, expected: Array, tolerance: float, hint: str) -> Row:
    errors = np.abs(found - expected) / (np.abs(expected) + 1e-3 * np.abs(expected).max() + 1e-300)
    errors = np.nan_to_num(errors, nan=np.inf)
    worst = int(errors.argmax())
    values = float(found[worst]), float(expected[worst])
    return Row(name, float(errors[worst]), f"[{worst}]", *values, bool(errors[worst] <= tolerance), hint)
