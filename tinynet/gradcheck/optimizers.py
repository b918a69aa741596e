"""Check the properties that every optimizer must have."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np

from tinynet.backend.arrays import Array, ignoring
from tinynet.backend.random import Purpose, Stream
from tinynet.gradcheck.report import Report, Row
from tinynet.optimizers import Optimizer, State

Reference = Callable[[np.ndarray, Sequence[np.ndarray]], np.ndarray]


@ignoring("under")
def check_optimizer(
    optimizer: Optimizer, size: int = 40, steps: int = 20, seed: int = 0, reference: Reference | None = None
) -> Report:
    """Check an optimizer on random vectors of `size` elements over `steps` steps.

    first step   goes downhill: its product with the gradient (with weight decay) is negative
    halves       each half of the vector moves as it would alone (only if the optimizer is `elementwise`)
    resumed      continuing from a copy of theta and the state gives the same bits
    no gradient  without weight decay, zero gradients leave theta unchanged
    gaps         elements that are 0 and get no gradient stay 0, with one gradient array reused for all steps
    float32      float32 theta gives float32 theta and state, within 1e-4 of the float64 trajectory
    minimum      the loss falls on a quadratic whose curvature suits the learning rate
    reference    ends within 1e-6 of `reference(theta, gradients)`, for example another library's result

    In the table, "analytic" is the optimizer's value and "numeric" the expected one, at the worst element.
    """
    draw = Stream(seed, Purpose.CHECK, layer=7)
    theta, *gradients = draw.normal((steps + 1, size))
    end = _run(optimizer, theta, gradients)
    report = Report(repr(optimizer))
    report.rows += [
        _downhill(optimizer, theta, gradients[0]),
        _row(
            "resumed", _run_resumed(optimizer, theta, gradients), end, 0, "some state is kept outside theta and `state`"
        ),
        _gaps(optimizer, theta, gradients),
        _float32(optimizer, theta, gradients, end),
        _minimum(optimizer, theta),
    ]
    if optimizer.elementwise:
        halves = np.concatenate([_run(optimizer, theta[part], [g[part] for g in gradients]) for part in _halves(size)])
        report.rows.append(_row("halves", end, halves, 1e-12, "one element's step depends on another's gradient"))
    if not getattr(optimizer, "weight_decay", 0):
        still = _run(optimizer, theta, [np.zeros(size)] * steps)
        report.rows.append(_row("no gradient", still, theta, 0, "theta moves without a gradient"))
    if reference is not None:
        expected = reference(theta.copy(), [g.copy() for g in gradients])
        report.rows.append(_row("reference", end, expected, 1e-6, "the formulas differ; compare the first step"))
    return report


def _run(optimizer: Optimizer, theta: Array, gradients: Sequence[Array]) -> Array:
    theta = theta.copy()
    state = optimizer.start(theta)
    for step, gradient in enumerate(gradients):
        optimizer.update(theta, gradient.copy(), state, step)
    return theta


def _run_resumed(optimizer: Optimizer, theta: Array, gradients: Sequence[Array]) -> Array:
    """Like `_run`, but continue half-way from copies of theta, state and optimizer."""
    theta = theta.copy()
    state = optimizer.start(theta)
    for step, gradient in enumerate(gradients):
        if step == len(gradients) // 2:
            theta, state, optimizer = theta.copy(), _copied(state), copy.deepcopy(optimizer)
        optimizer.update(theta, gradient.copy(), state, step)
    return theta


def _copied(state: State) -> State:
    return {name: vector.copy() for name, vector in state.items()}


def _halves(size: int) -> list[slice]:
    return [slice(0, size // 2), slice(size // 2, size)]


def _downhill(optimizer: Optimizer, theta: Array, gradient: Array) -> Row:
    decay = getattr(optimizer, "weight_decay", 0)
    moved = _run(optimizer, theta, [gradient]) - theta
    product = float(moved @ (gradient + decay * theta))
    hint = "the step goes uphill: check the sign"
    return Row("first step", 0.0 if product < 0 else np.inf, "step . gradient", product, -0.0, product < 0, hint)


def _gaps(optimizer: Optimizer, theta: Array, gradients: Sequence[Array]) -> Row:
    """Leave gaps without a gradient, as `fit` does between a model's arrays."""
    written = np.arange(len(theta)) % 4 < 3
    theta = np.where(written, theta, 0)
    memory, state = np.zeros_like(theta), optimizer.start(theta)
    for step, gradient in enumerate(gradients):
        memory[written] = gradient[written]
        optimizer.update(theta, memory, state, step)
    return _row(
        "gaps", theta[~written], np.zeros(sum(~written)), 0, "leave the zeros of the gradient array as they are"
    )


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
    """Minimize sum(curvature * theta^2 / 2), with curvatures from 0.05 to 0.5 of 1 / learning_rate."""
    curvature = np.linspace(0.05, 0.5, len(theta)) / optimizer.rate(0)
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
