"""Compare a gradient with central differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinynet.backend.random import Purpose, Stream
from tinynet.gradcheck.report import Row

MAX_ENTRIES = 200  # checked per array; of a larger one, a random choice. Random directions cover the rest
DIRECTIONS = 3
STEP = 6e-6  # the cube root of float64's rounding error: balances rounding and truncation errors


def compare(
    name: str, values: np.ndarray, analytic: np.ndarray, objective: Callable[[], float], seed: int, rtol: float
) -> Row:
    """Compare `analytic` with central differences of `objective` in `values`. Returns the worst entry or direction.

    `objective` reads `values`, which are changed during the check and then restored.
    """
    stream = Stream(seed, Purpose.CHECK, layer=4)
    chosen = np.sort(stream.permutation(values.size)[:MAX_ENTRIES])
    positions = [np.unravel_index(int(entry), values.shape) for entry in chosen]
    directions = [Stream(seed, Purpose.CHECK, layer=5, step=k).normal(values.shape) for k in range(DIRECTIONS)]
    names = [f"[{', '.join(map(str, map(int, position)))}]" for position in positions]
    names += [f"direction {number}" for number in range(DIRECTIONS)]
    claimed = [float(analytic[at]) for at in positions] + [float((analytic * d).sum()) for d in directions]

    moves = [_unit(values.shape, position) for position in positions] + directions
    slopes = [_slope(values, move, objective) for move in moves]
    smooth = np.array([slope.smooth for slope in slopes])
    if smooth.mean() < 0.9:
        hint = f"{(~smooth).sum()} of {len(smooth)} entries lie at a kink; choose x away from it"
        return Row(name, np.inf, "", np.nan, np.nan, False, hint)
    numeric, found = np.array([slope.value for slope in slopes])[smooth], np.array(claimed)[smooth]
    scale = np.maximum(np.abs(found), np.abs(numeric)) + 1e-3 * np.abs(numeric).max() + 1e-12
    errors = np.nan_to_num(np.abs(found - numeric) / scale, nan=np.inf)
    entries = errors[: smooth[: len(positions)].sum()]
    wrong_entry = entries.size > 0 and entries.max() > rtol  # tells more than a direction
    worst = int(entries.argmax() if wrong_entry else errors.argmax())
    where = [label for label, keep in zip(names, smooth) if keep][worst]
    passed = bool(errors[worst] <= rtol)
    hint = "" if passed else _explain(found, numeric)
    return Row(name, float(errors[worst]), where, float(found[worst]), float(numeric[worst]), passed, hint)


@dataclass(frozen=True)
class _Slope:
    value: float
    smooth: bool


def _slope(values: np.ndarray, direction: np.ndarray, objective: Callable[[], float]) -> _Slope:
    """The central difference along `direction`, and whether left and right slopes agree."""
    before = values.copy()
    h = STEP * max(1.0, float(np.abs(values).max())) / max(1.0, float(np.abs(direction).max()))
    middle = objective()
    values += h * direction
    above = objective()
    values[...] = before - h * direction
    below = objective()
    values[...] = before
    left, right = (middle - below) / h, (above - middle) / h
    noise = 1e-14 * max(1.0, abs(middle)) / h
    return _Slope((above - below) / (2 * h), abs(right - left) <= 1e-3 * (abs(left) + abs(right)) + 10 * noise)


def _explain(analytic: np.ndarray, numeric: np.ndarray) -> str:
    """A hint at the probable cause of a wrong gradient."""
    if np.isnan(analytic).any():
        return "backward left NaN: write grads[name][...] = value for every entry, not grads[name] = value and not +="
    if not analytic.any():
        return "backward says 0 everywhere, but forward does depend on it: a term is missing, or dy was not passed on"
    if not numeric.any():
        return "forward does not depend on it, but backward returns a gradient that is not 0"
    large = np.abs(numeric) > 1e-3 * np.abs(numeric).max()
    ratios = analytic[large] / numeric[large]
    if np.ptp(ratios) < 1e-4 * abs(ratios.mean()):
        return f"every entry is {ratios.mean():.6g} times too large: look for a missing or extra factor, 1/N or a sign"
    wrong = int((np.abs(analytic - numeric) > 1e-5 * np.abs(numeric).max()).sum())
    return f"{wrong} of {len(numeric)} entries differ by no common factor: derive the formula again, or check the axes"


def _unit(shape: tuple[int, ...], position: tuple[np.intp, ...]) -> np.ndarray:
    direction = np.zeros(shape)
    direction[position] = 1
    return direction
