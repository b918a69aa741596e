"""Check that an optimizer uses the learning rate of each step in that step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.gradcheck.passes import failing
from tinynet.gradcheck.report import Row
from tinynet.optimizers import Optimizer

TITLE = "learning rate"


def check_learning_rate(fresh: Callable[[], Optimizer], theta: Array, gradients: Sequence[Array]) -> Row | None:
    """A failing row unless another learning rate in one step changes theta from that step on, and not before.

    None also for an optimizer whose learning rate cannot be set, and so cannot be scheduled by others.
    """
    steps = len(gradients)
    rates = rates_of(fresh(), steps)
    if rates is None:
        return None
    usual = _path(fresh(), theta, gradients)
    for changed in sorted({0, 1, steps // 2, steps - 1}):
        optimizer = fresh()
        try:
            optimizer.learning_rate = _schedule([*rates, rates[-1]], changed, max(rates))
        except AttributeError:
            return None
        path = _path(optimizer, theta, gradients)
        moved = [step for step in range(steps) if not np.array_equal(path[step], usual[step])]
        if not moved:
            hint = f"the learning rate of step {changed} has no effect: call self.rate(step) in each update"
            return failing(TITLE, hint)
        if moved[0] != changed:
            hint = (
                f"the learning rate of step {changed} is used in step {moved[0]}: call self.rate(step) in each update"
            )
            return failing(TITLE, hint)
    return None


def rates_of(optimizer: Optimizer, steps: int) -> list[float] | None:
    """The learning rate of each step; None for an optimizer without a learning rate."""
    try:
        return [optimizer.rate(step) for step in range(steps)]
    except AttributeError:
        return None


def _schedule(rates: list[float], changed: int, more: float) -> Callable[[int], float]:
    """These learning rates, with that of the step `changed` larger by `more`."""
    return lambda step: rates[min(step, len(rates) - 1)] + (more if step == changed else 0)


def _path(optimizer: Optimizer, theta: Array, gradients: Sequence[Array]) -> list[Array]:
    """theta after each step."""
    theta, path = theta.copy(), []
    state = optimizer.start(theta)
    for step, gradient in enumerate(gradients):
        optimizer.update(theta, gradient.copy(), state, step)
        path.append(theta.copy())
    return path
