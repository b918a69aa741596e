"""Compare a gradient with the slopes of its forward pass: each entry, or a sample and random directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tinynet.backend.random import Purpose, Stream
from tinynet.gradcheck.differences import Move, Objective, Slope, random_direction
from tinynet.gradcheck.explain import explain
from tinynet.gradcheck.report import Row

SAMPLE = 200  # entries of an array that are checked one by one; the others are checked in random directions
DIRECTIONS = 3
BLOCK = 64  # with thorough=True, the other entries are checked in blocks of this size, each in two directions
TIGHT = 1e-3  # a direction is suspicious from this fraction of rtol on: then the entry at fault is searched for


@dataclass(frozen=True)
class Depth:
    """How much of an array is checked: how many entries one by one, and the others in directions or in blocks."""

    sample: int = SAMPLE
    thorough: bool = False


@dataclass(frozen=True)
class _Compared:
    """A slope beside the claimed one. `excess` is the difference in units of what is allowed; above 1 is wrong."""

    where: str
    claimed: float
    slope: Slope
    scale: float
    rtol: float

    @property
    def difference(self) -> float:
        return abs(self.claimed - self.slope.value)

    @property
    def allowed(self) -> float:
        return self.rtol * self.scale + self.slope.error

    @property
    def tight(self) -> float:
        """Above this difference, a direction is suspicious."""
        return TIGHT * self.rtol * self.scale + self.slope.error + 1e-300

    @property
    def excess(self) -> float:
        return self.difference / (self.allowed + 1e-300)

    @property
    def error(self) -> float:
        """The difference relative to the scale, and to what the slope's own error explains: up to rtol if it passes."""
        return self.rtol * self.excess


def compare(
    name: str,
    values: np.ndarray,
    analytic: np.ndarray,
    outputs: Callable[[], np.ndarray],
    dy: np.ndarray,
    seed: int,
    rtol: float,
    depth: Depth = Depth(),  # noqa: B008  immutable
) -> Row:
    """Compare `analytic`, the gradient of sum(dy * outputs()) in `values`, with its slopes. Returns the worst entry.

    `outputs` reads `values`, which are changed during the check and then restored.
    """
    if not values.size:
        return Row(name, 0.0, "no entries", 0.0, 0.0, True)
    flat = np.ascontiguousarray(analytic).reshape(-1)
    if not np.isfinite(flat).all():
        first = int(np.flatnonzero(~np.isfinite(flat))[0])
        where, hint = position(first, values.shape), "backward gives NaN or infinity: look for 0 / 0 or an overflow"
        return Row(name, np.inf, where, float(flat[first]), np.nan, False, hint)
    objective = Objective(values, outputs, dy, seed)
    order = Stream(seed, Purpose.CHECK, layer=4).permutation(values.size)
    chosen, others = np.sort(order[: depth.sample]), np.sort(order[depth.sample :])
    entries = _entries(objective, flat, chosen, values.shape, rtol)
    moves = _directions(others, objective.spread, seed, depth.thorough)
    directions = _in_directions(moves, objective.slopes(moves, rtol * TIGHT), flat, rtol)
    if depth.thorough and (blocks := [m.at for m, found in zip(moves, directions) if not found.slope.smooth]):
        entries += _entries(objective, flat, np.unique(np.concatenate(blocks)), values.shape, rtol)
    kinks = [_at_a_kink(found.slope) for found in entries or directions]
    if np.mean(kinks) > 0.1:
        return Row(name, np.inf, "", np.nan, np.nan, False, _kink_hint(entries or directions))
    found = [entry for entry in entries if entry.slope.smooth]
    largest = max([abs(entry.slope.value) for entry in found], default=0.0)
    floors = _floors(found, directions, objective.spread, largest)
    found += _at_fault(objective, moves, directions, flat, values.shape, rtol, largest)
    if not any(entry.excess > 1 for entry in found):  # a wrong entry tells more than a wrong direction
        found += [direction for direction in directions if direction.slope.smooth]
    worst = max(found, key=lambda compared: compared.excess)
    passed, wrong = worst.excess <= 1, sum(one.excess > 1 for one in found)
    hint = "" if passed else explain([one.claimed for one in found], [one.slope.value for one in found], wrong)
    checked = len(chosen) + (len(others) if depth.thorough else 0)
    row = Row(name, worst.error, worst.where, worst.claimed, worst.slope.value, passed, hint)
    return replace(
        row, entries=values.size, checked=checked, kinks=sum(kinks), floor=floors[0], floor_of_others=floors[1]
    )


def _kink_hint(found: list[_Compared]) -> str:
    """Why too many entries have no slope."""
    kinks, refused = (sum(test(one.slope) for one in found) for test in (_at_a_kink, _out_of_domain))
    if 2 * refused > kinks:
        why = "close to x forward raises or gives NaN: choose x away from the border of its domain"
        return f"at {refused} of {len(found)} entries, {why}"
    return f"{kinks} of {len(found)} entries lie at a kink; choose x away from it"


def _at_a_kink(slope: Slope) -> bool:
    return not slope.smooth


def _out_of_domain(slope: Slope) -> bool:
    return not np.isfinite(slope.value)


def _entries(
    objective: Objective, flat: np.ndarray, chosen: np.ndarray, shape: tuple[int, ...], rtol: float
) -> list[_Compared]:
    """The chosen entries one by one."""
    unit = objective.spread
    slopes = [slope.over(unit) for slope in objective.slopes([objective.move(int(index)) for index in chosen], rtol)]
    largest = max([abs(slope.value) for slope in slopes if slope.smooth], default=0.0)
    return [
        _Compared(position(int(index), shape), claimed, slope, _size(claimed, slope, largest), rtol)
        for index, slope, claimed in zip(chosen, slopes, map(float, flat[chosen]))
    ]


def _size(claimed: float, slope: Slope, largest: float) -> float:
    """What an error is relative to: the slope, and a thousandth of the largest one for those that are far smaller."""
    return max(abs(claimed), abs(slope.value)) + 1e-3 * largest


def _directions(others: np.ndarray, scale: float, seed: int, thorough: bool) -> list[Move]:
    """Random directions that move all `others`; with `thorough`, two for each block of them."""
    if not len(others):
        return []
    if not thorough:
        return [random_direction(others, scale, seed, number) for number in range(DIRECTIONS)]
    blocks = np.array_split(others, -(-len(others) // BLOCK))
    return [random_direction(block, scale, seed, 2 * n + k) for n, block in enumerate(blocks) for k in range(2)]


def _in_directions(moves: list[Move], slopes: list[Slope], flat: np.ndarray, rtol: float) -> list[_Compared]:
    claimed = [move.claimed(flat) for move in moves]
    scale = max([abs(slope.value) for slope in slopes if slope.smooth], default=0.0)
    return [
        _Compared(f"direction {number}", value, slope, max(scale, abs(value)), rtol)
        for number, (value, slope) in enumerate(zip(claimed, slopes))
    ]


def _at_fault(
    objective: Objective,
    moves: list[Move],
    directions: list[_Compared],
    flat: np.ndarray,
    shape: tuple[int, ...],
    rtol: float,
    largest: float,
) -> list[_Compared]:
    """The entries that differ most in the directions whose difference single wrong entries could explain; few of them.

    Each is found by halving the direction and following the larger difference.
    """
    repaired, found = flat.copy(), []
    pairs = [pair for pair in zip(moves, directions) if pair[1].slope.smooth]
    for move, direction in sorted(pairs, key=lambda pair: -pair[1].difference / pair[1].tight)[:DIRECTIONS]:
        if not abs(move.claimed(repaired) - direction.slope.value) > direction.tight:
            continue
        rest = direction.slope.value
        while len(move.at) > 1:
            half, other = move.halves()
            (slope,) = objective.slopes([half], rtol * TIGHT)
            rest -= slope.value
            larger = abs(half.claimed(repaired) - slope.value) >= abs(other.claimed(repaired) - rest)
            move, rest = (half, slope.value) if larger else (other, rest)
        index = int(move.at[0])
        (slope,) = objective.slopes([objective.move(index)], rtol)
        slope, claimed = slope.over(objective.spread), float(flat[index])
        repaired[index] = slope.value
        if slope.smooth:
            found.append(_Compared(position(index, shape), claimed, slope, _size(claimed, slope, largest), rtol))
    return found


def _floors(entries: list[_Compared], directions: list[_Compared], scale: float, largest: float) -> tuple[float, float]:
    """The smallest errors that are sure to be found, relative to the largest slope: in a checked entry, in another.

    Where all slopes are 0 but for rounding, they are absolute.
    """
    if largest <= max([entry.slope.error for entry in entries], default=0.0):
        largest = 1.0
    floor = max([entry.allowed for entry in entries], default=np.inf) / largest
    in_direction = min([one.tight / (0.5 * scale) for one in directions if one.slope.smooth], default=np.inf) / largest
    return floor, max(floor, in_direction) if directions else floor


def position(index: int, shape: tuple[int, ...]) -> str:
    """The place of an entry in an array of this shape: "[0, 2]"."""
    return f"[{', '.join(map(str, map(int, np.unravel_index(index, shape))))}]"
