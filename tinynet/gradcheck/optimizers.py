"""Checks of optimizers: what must hold of any rule that moves a vector by its gradient."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.backend.random import Purpose, Stream
from tinynet.gradcheck.report import Report, Row
from tinynet.optimizers import Optimizer, State

Reference = Callable[[np.ndarray, Sequence[np.ndarray]], np.ndarray]


def check_optimizer(
    optimizer: Optimizer, size: int = 40, steps: int = 20, seed: int = 0, reference: Reference | None = None
) -> Report:
    """Check an optimizer on random vectors of `size` elements over `steps` steps.

    first step         goes downhill: its product with the gradient is negative (weight decay aside)
    halves             a part of the vector moves as it would alone (not asked of a rule that is not `elementwise`)
    resumed            continuing from a copy of theta and the state gives the same bits
    no gradient        without weight decay, a zero gradient from the start moves nothing
    gaps               what is 0 and gets no gradient stays 0, while one memory serves for the gradients of all steps
    float32            float32 in, float32 out, state included, within 1e-4 of the float64 trajectory
    minimum            comes closer to the minimum of a quadratic whose curvature suits the learning rate
    reference          ends where `reference(theta, gradients)` ends, to 1e-6: another library's trajectory, say

    In the table "analytic" is what the optimizer gave and "numeric" what was expected, at the worst element.
    """
    draw = Stream(seed, Purpose.CHECK, layer=7)
    theta, *gradients = draw.normal((steps + 1, size))
    end = _run(optimizer, theta, gradients)
    report = Report(repr(optimizer))
    report.rows += [
        _downhill(optimizer, theta, gradients[0]),
        _row("resumed", _run_resumed(optimizer, theta, gradients), end, 0, "something is kept outside theta and state"),
        _gaps(optimizer, theta, gradients),
        _float32(optimizer, theta, gradients, end),
        _minimum(optimizer, theta),
    ]
    if optimizer.elementwise:
        halves = np.concatenate([_run(optimizer, theta[part], [g[part] for g in gradients]) for part in _halves(size)])
        report.rows.append(_row("halves", end, halves, 1e-12, "one element's step depends on another's gradient"))
    if not getattr(optimizer, "weight_decay", 0):
        still = _run(optimizer, theta, [np.zeros(size)] * steps)
        report.rows.append(_row("no gradient", still, theta, 0, "it moves by something that is not the gradient"))
    if reference is not None:
        expected = reference(theta.copy(), [g.copy() for g in gradients])
        report.rows.append(_row("reference", end, expected, 1e-6, "the formula is another one; compare the first step"))
    return report


def _run(optimizer: Optimizer, theta: Array, gradients: Sequence[Array]) -> Array:
    theta = theta.copy()
    state = optimizer.start(theta)
    for step, gradient in enumerate(gradients):
        optimizer.update(theta, gradient.copy(), state, step)
    return theta


def _run_resumed(optimizer: Optimizer, theta: Array, gradients: Sequence[Array]) -> Array:
    """The same, but half-way everything goes on from copies, with a copied optimizer."""
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
    """As `fit` does it: into the gaps between a model's arrays no gradient is ever written."""
    written = np.arange(len(theta)) % 4 < 3
    theta = np.where(written, theta, 0)
    memory, state = np.zeros_like(theta), optimizer.start(theta)
    for step, gradient in enumerate(gradients):
        memory[written] = gradient[written]
        optimizer.update(theta, memory, state, step)
    return _row("gaps", theta[~written], np.zeros(sum(~written)), 0, "leave 0 in the gradient's memory where 0 was")


def _float32(optimizer: Optimizer, theta: Array, gradients: Sequence[Array], end: Array) -> Row:
    small = theta.astype(np.float32)
    state = optimizer.start(small)
    for step, gradient in enumerate(gradients):
        optimizer.update(small, gradient.astype(np.float32), state, step)
    wrong = [name for name, vector in {"theta": small, **state}.items() if vector.dtype != np.float32]
    if wrong:
        return Row("float32", np.inf, "", np.nan, np.nan, False, f"{', '.join(wrong)} became another dtype")
    return _row("float32", small.astype(np.float64), end, 1e-4, "float32 and float64 part ways")


def _minimum(optimizer: Optimizer, theta: Array, steps: int = 200) -> Row:
    """f(theta) = sum of curvature * theta^2 / 2, curvatures from a twentieth to half of 1 / learning_rate."""
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
