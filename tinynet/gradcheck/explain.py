"""Hints at the probable cause of a wrong gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def explain(claimed: Sequence[float], expected: Sequence[float], wrong: int) -> str:
    """A hint from the numbers that backward gives, and those that it should give; `wrong` of them are too far apart."""
    analytic, numeric = np.array(claimed), np.array(expected)
    if not analytic.any():
        return "backward says 0 everywhere, but forward does depend on it: a term is missing, or dy was not passed on"
    if np.abs(numeric).max() < 1e-9 * np.abs(analytic).max():
        return "forward does not depend on it, but backward returns a gradient that is not 0"
    large = np.abs(numeric) > 1e-3 * np.abs(numeric).max()
    ratios = analytic[large] / numeric[large]
    factor = float(ratios.mean())
    if large.sum() > 1 and np.ptp(ratios) < min(1e-4 * abs(factor), 0.1 * abs(factor - 1)):
        return f"every entry is {factor:.6g} times too large: look for a missing or extra factor, 1/N or a sign"
    if wrong <= max(1, len(numeric) // 10):
        return f"{wrong} of {len(numeric)} entries differ: look at what is special there, an edge or a sign"
    return f"{wrong} of {len(numeric)} entries differ by no common factor: derive the formula again, or check the axes"


def explain_unwritten(name: str, on_zeros: np.ndarray, on_ones: np.ndarray) -> str:
    """A hint at why an entry of grads is NaN, from what backward leaves in a `grads` full of 0 and one full of 1."""
    if not (np.isfinite(on_zeros).all() and np.isfinite(on_ones).all()):
        return "backward computes NaN or infinity: look for 0 / 0 or an overflow"
    same, kept = on_zeros == on_ones, (on_zeros == 0) & (on_ones == 1)
    if kept.all():
        cause = f"backward leaves grads[{name!r}] as it is; a new array in the dict would be lost"
    elif (~same & ~kept).any():
        cause = f"your backward adds to grads[{name!r}], where it finds old numbers"
    else:
        cause = f"backward leaves {int(kept.sum())} of {kept.size} entries of grads[{name!r}] as they are"
    return f"{cause}: write grads[name][...] = value for every entry, not grads[name] = value and not +="
