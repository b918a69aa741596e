"""Slopes by central differences, each with an estimate of its error.

The slope of f along a direction is taken from f at -h, -h/2, h/2 and h:

    C(h) = (f(h) - f(-h)) / 2h      R = (4 C(h/2) - C(h)) / 3, whose error is of order h^4 (Richardson)
    bend B(h) = (f(h) - 2 f(0) + f(-h)) / h      K = 2 B(h/2) - B(h)

For a smooth f, C(h) - C(h/2) is of order h^2 and K of order h^3. At a kink, where the slope jumps by J, one of the two
is of the size of J wherever in [-h, h] the kink lies. A step that is too long for f is divided by 16 and tried again.
f is sum(dy * y): the differences of y are taken before the sum, so that entries of y that do not move cancel exactly.
The rounding error of f is measured: how much f changes when each value moves by its last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynet.backend.random import Purpose, Stream

STEPS = [2.0**-9, 2.0**-13, 2.0**-17, 2.0**-21, 2.0**-25]  # in units of the spread of the values
LONG_STEPS = [2.0**-5, 2.0**-1]  # where rounding drowns the first one
EPSILON = 2.0**-52
KINK = 1e-3  # a slope is said to lie at a kink if its error may be larger, relative to the slope
CERTAIN = 10  # the rounding error of a slope is taken to be at most this many times its estimate


@dataclass(frozen=True)
class Move:
    """A direction in which values change together: at `at` (indices into the flat array) by `weights`."""

    at: Any  # one index, or an array of them
    weights: Any  # one number, or an array of them

    def claimed(self, analytic: np.ndarray) -> float:
        """The slope along the move according to a gradient, a flat array."""
        return float(np.sum(analytic[self.at] * self.weights))

    def halves(self) -> tuple[Move, Move]:
        """The first and the second half of the entries."""
        middle = len(self.at) // 2
        return Move(self.at[:middle], self.weights[:middle]), Move(self.at[middle:], self.weights[middle:])


@dataclass(frozen=True)
class Slope:
    """A slope, the largest error it may have, and whether it exists there: it does not at a kink.

    `rounding` is the part of the error that rounding has.
    """

    value: float
    error: float
    smooth: bool
    rounding: float = 0.0

    def over(self, unit: float) -> Slope:
        """The slope for a move that is `unit` times as long."""
        return Slope(self.value / unit, self.error / unit, self.smooth, self.rounding / unit)


@dataclass(frozen=True)
class _Estimate:
    """The slope from one step: R, |C(h) - C(h/2)|, |K|, and the rounding error of R."""

    value: float
    change: float
    bend: float
    noise: float


class Objective:
    """f(values) = sum(dy * outputs()), where `outputs` reads `values`. They are moved for each slope and restored."""

    def __init__(self, values: np.ndarray, outputs: Callable[[], np.ndarray], dy: np.ndarray, seed: int) -> None:
        self.flat = values.reshape(-1)
        assert np.shares_memory(self.flat, values) or not values.size
        self.outputs, self.dy = outputs, dy
        self.middle = np.array(outputs())
        self.spread = spread(values)
        self.noise = self._rounding_error(seed)

    def move(self, index: int) -> Move:
        """The move of one entry by the spread of the values."""
        return Move(index, self.spread)

    def slopes(self, moves: Sequence[Move], rtol: float) -> list[Slope]:
        """The slope along each move. A step is good enough if the error is below a fifth of `rtol`."""
        with np.errstate(all="ignore"):  # out of the domain of a layer: NaN says so
            first = [self._estimate(move, STEPS[0]) for move in moves]
            typical = max((abs(found.value) for found in first if found), default=0.0)
            return [self._refined(move, found, typical, rtol) for move, found in zip(moves, first)]

    def _refined(self, move: Move, found: _Estimate | None, typical: float, rtol: float) -> Slope:
        """The slope from the step with the smallest error, beginning with the estimate `found` of the first step."""
        best = _judged(found, typical)
        for step in self._other_steps(move, best):
            if best.smooth and best.error <= 0.2 * rtol * (abs(best.value) + 1e-3 * typical):
                break
            slope = _judged(self._estimate(move, step), typical)
            if (slope.smooth, -slope.error) > (best.smooth, -best.error):
                best = slope
            elif slope.smooth and best.smooth:  # rounding or the length of the step begins to spoil it
                break
        return best

    def _other_steps(self, move: Move, first: Slope) -> list[float]:
        """Longer steps if it was rounding that spoiled the first slope, else shorter ones.

        Among the shorter ones are some for values far smaller than the spread, such as 1e-8 beside 1; among the longer
        ones is one for values that all are tiny.
        """
        if first.smooth and first.rounding > 0.5 * first.error:
            return LONG_STEPS + ([2.0**-9 / self.spread] if self.spread < 2.0**-6 else [])
        own = np.abs(self.flat[move.at])
        smallest = float(np.min(own[own > 0], initial=self.spread)) / self.spread
        return STEPS[1:] + ([smallest * 2.0**-9, smallest * 2.0**-15] if smallest < 2.0**-10 else [])

    def _estimate(self, move: Move, step: float) -> _Estimate | None:
        """The slope from this step; None if `outputs` fails there or is not finite."""
        changes = [self._change(move, part * step) for part in (1, -1, 0.5, -0.5)]
        if None in changes:
            return None
        up, down, half_up, half_down = changes
        whole, half = (up - down) / (2 * step), (half_up - half_down) / step
        bend = 2 * (half_up + half_down) / (step / 2) - (up + down) / step
        noise = (self.noise + EPSILON * (abs(up) + abs(down))) / step
        return _Estimate((4 * half - whole) / 3, abs(half - whole), abs(bend), noise)

    def _change(self, move: Move, step: float) -> Any:
        """The change of f when the values move by `step` times the move; None if it cannot be taken."""
        before = self.flat[move.at]  # a number or, with an array of indices, a copy
        self.flat[move.at] = before + step * move.weights
        try:
            return self._difference()
        finally:
            self.flat[move.at] = before

    def _difference(self) -> float | None:
        """f at the values as they are, less f in the middle."""
        try:
            change = float((self.dy * (self.outputs() - self.middle)).sum())
        except Exception:  # a layer refuses what is out of its domain by any exception
            return None
        return change if math.isfinite(change) else None

    def _rounding_error(self, seed: int) -> float:
        before, changes = self.flat.copy(), [0.0]
        for trial in range(3):
            signs = Stream(seed, Purpose.CHECK, layer=8, step=trial).uniform(before.shape, -1, 1)
            self.flat[...] = before * (1 + EPSILON * np.sign(signs))
            with np.errstate(all="ignore"):
                changes.append(self._difference() or 0.0)
        self.flat[...] = before
        with np.errstate(all="ignore"):
            floor = 0.5 * EPSILON * float(np.sqrt(((self.dy * self.middle) ** 2).sum()))
        return max(floor, float(np.sqrt(np.mean(np.square(changes[1:])))))


def _judged(found: _Estimate | None, typical: float) -> Slope:
    """The error of an estimate. `typical` is the size of the other slopes: what is far below it counts as 0."""
    if found is None:
        return Slope(np.nan, np.inf, False)
    size = abs(found.value) + 1e-3 * typical + 1e-300
    rounding = CERTAIN * found.noise
    change, bend = max(found.change - rounding, 0.0), max(found.bend - 4 * rounding, 0.0)
    smooth = change <= 1e-4 * size and bend <= 1e-7 * size
    truncation = CERTAIN * change * (change / size) + bend if smooth else change + bend
    return Slope(found.value, truncation + rounding, bool(truncation <= KINK * size), rounding)


def spread(values: np.ndarray) -> float:
    """The scale on which values differ: their deviation, else their size, else 1."""
    largest = float(np.abs(values).max(initial=0.0))
    if not largest:
        return 1.0
    deviation = float((values / largest).std())  # a square of 1e300 would overflow
    return largest * (deviation if deviation > 1e-14 else 1.0)


def random_direction(indices: np.ndarray, scale: float, seed: int, number: int) -> Move:
    """A move of all `indices` by +-0.5 to +-1.5 times `scale`: none is left out, and equal errors do not cancel."""
    sign, size = Stream(seed, Purpose.CHECK, layer=5, step=number).uniform((2, len(indices)))
    return Move(indices, scale * np.where(sign < 0.5, -1, 1) * (0.5 + size))
