"""Learning rates as functions of the step: `SGD(schedules.cosine(0.1, steps=600))`, or `Adam(lambda step: ...)`.

Steps count batches, from 0: an epoch of 60,000 examples in batches of 128 has 469. A schedule of your own is a function
at the top level of a module: a checkpoint cannot compare a lambda with another (docs/reliability.md). All schedules
raise ValueError for numbers out of range.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

from tinynet.errors import above_zero, at_least_zero, checked_number, function, mismatch, shown, whole_number

Schedule = Callable[[int], float]


@dataclass(frozen=True)
class constant:
    """The same learning rate in every step."""

    rate: float

    def __post_init__(self) -> None:
        _above_zero(self, "rate")

    def __call__(self, step: int) -> float:
        return self.rate


@dataclass(frozen=True)
class step_decay:
    """rate * factor^(step // every): the learning rate is multiplied by `factor` after each `every` steps."""

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _above_zero(self, "rate", "factor")
        _whole(self, "every")

    def __call__(self, step: int) -> float:
        try:
            return self.rate * float(self.factor) ** (step // self.every)
        except OverflowError:  # after many steps with a factor above 1; an optimizer refuses it
            return math.inf


@dataclass(frozen=True)
class cosine:
    """Falls from `rate` to `final` along half a cosine in `steps` steps, and stays at `final`.

    Source: I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation 5.
    """

    rate: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        _above_zero(self, "rate")
        _whole(self, "steps")
        at_least_zero(type(self).__name__, "a final rate", self.final, remedy="leave it out")
        _plain(self, "final")

    def __call__(self, step: int) -> float:
        return _along_cosine(self.rate, self.final, step / self.steps)


@dataclass(frozen=True)
class warm_up:
    """The `schedule`, multiplied by 1/steps, 2/steps, ... 1 in its first `steps` steps.

    So the learning rate grows slowly at first, when large steps would do harm.

    Source: P. Goyal and others, "Accurate, large minibatch SGD", 2017, arXiv 1706.02677, section 2.2.
    """

    schedule: Schedule
    steps: int

    def __post_init__(self) -> None:
        remedy = "give a schedule: warm_up(constant(0.1), steps=100)"
        if isinstance(self.schedule, type):
            raise TypeError(mismatch("warm_up", "a schedule as a function of the step", shown(self.schedule), remedy))
        function("warm_up", "schedule", self.schedule, remedy=remedy)
        _whole(self, "steps")

    def __call__(self, step: int) -> float:
        rate = self.schedule(step)
        if not isinstance(rate, Real) or isinstance(rate, bool):
            return rate  # no number: the optimizer refuses it
        return rate * min(1.0, (step + 1) / self.steps)


@dataclass(frozen=True)
class one_cycle:
    """Rises from peak / `start` to `peak` in the fraction `rise` of all `steps`, then falls to peak / start / `end`.

    Both follow half a cosine. The definition and defaults of PyTorch's OneCycleLR, without its cycle of momentum.
    Source: L. Smith, N. Topin, "Super-convergence", 2017, arXiv 1708.07120.
    """

    peak: float
    steps: int
    rise: float = 0.3
    start: float = 25.0
    end: float = 1e4

    def __post_init__(self) -> None:
        _above_zero(self, "peak", "start", "end")
        _whole(self, "steps")
        who, expected = type(self).__name__, "a rise between 0 and 1"
        checked_number(who, expected, self.rise, lambda rise: 0 < rise < 1, remedy="leave it out")
        _plain(self, "rise")

    def __call__(self, step: int) -> float:
        top, last = self.rise * self.steps - 1, self.steps - 1
        low = self.peak / self.start
        if step <= top:
            return _along_cosine(low, self.peak, step / top if top > 0 else 1.0)
        return _along_cosine(self.peak, low / self.end, (step - top) / max(last - top, 1e-12))


def _along_cosine(first: float, last: float, done: float) -> float:
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * min(max(done, 0.0), 1.0)))


def _above_zero(schedule: object, *names: str) -> None:
    for name in names:
        above_zero(type(schedule).__name__, name, getattr(schedule, name), remedy=f"give a finite {name} above 0")
        _plain(schedule, name)


def _whole(schedule: object, name: str) -> None:
    who, remedy = f"{type(schedule).__name__}: {name}", "count the steps: epochs times batches in an epoch"
    whole_number(who, getattr(schedule, name), remedy=remedy)
    _plain(schedule, name)


def _plain(schedule: object, name: str) -> None:
    """Make a number of NumPy one of Python, which has the same repr in every version."""
    value = getattr(schedule, name)
    object.__setattr__(schedule, name, value.item() if hasattr(value, "item") else value)
