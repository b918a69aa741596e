"""Confidence intervals, paired tests over seeds, and McNemar's test of two classifiers on the same examples.

The tests are scipy's. Everything here takes and returns plain numbers; NaN where there are too few to compute it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95


class Mean(NamedTuple):
    """A mean, its standard deviation, and the 95% interval of Student's t; NaN for a single value."""

    mean: float
    deviation: float
    low: float
    high: float


class Paired(NamedTuple):
    """The mean difference of pairs, its 95% interval, and the p-value of the paired t-test, two-sided."""

    difference: float
    low: float
    high: float
    p: float


class McNemar(NamedTuple):
    """How many examples only the first gets right, how many only the second, and the exact two-sided p-value."""

    first: int
    second: int
    p: float


def mean(values: Sequence[float]) -> Mean:
    """mean +- t s / sqrt(n), t the quantile of Student's distribution with n - 1 degrees of freedom."""
    centre = statistics.fmean(values)
    if len(values) < 2:
        return Mean(centre, math.nan, math.nan, math.nan)
    from scipy import stats  # optional, and slow to import

    deviation = statistics.stdev(values)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)) * deviation / math.sqrt(len(values))
    return Mean(centre, deviation, centre - half, centre + half)


def paired(first: Sequence[float], second: Sequence[float]) -> Paired:
    """first - second, pair by pair: t = mean d / (s_d / sqrt(n)), n - 1 degrees of freedom.

    Source: Student (W. S. Gosset), "The probable error of a mean", Biometrika 6, 1908. ValueError for unequal lengths.
    """
    if len(first) != len(second) or not first:
        raise ValueError(f"paired: expected as many values of both, got {len(first)} and {len(second)}; pair the seeds")
    differences = np.subtract(first, second)
    centre = float(differences.mean())
    if np.allclose(differences, differences[0], rtol=1e-12, atol=1e-15):  # no spread to compare the mean with
        return Paired(centre, *mean(differences.tolist())[2:], math.nan)
    from scipy import stats  # optional, and slow to import

    test = stats.ttest_rel(first, second)
    low, high = test.confidence_interval(CONFIDENCE)
    return Paired(centre, float(low), float(high), float(test.pvalue))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for m tests: in ascending order p_(i) (m - i + 1), never smaller than the one before.

    The chance of any false positive among the m tests stays below the level. NaN stays NaN and is not counted.
    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6, 1979.
    """
    adjusted = list(p_values)
    order = sorted((i for i, p in enumerate(p_values) if not math.isnan(p)), key=lambda i: p_values[i])
    largest = 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, p_values[i] * (len(order) - rank)))
        adjusted[i] = largest
    return adjusted


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> McNemar:
    """Test whether two classifiers are right equally often, by the examples that only one of them gets right.

    Under that hypothesis the count of those that only the first gets right is binomial with probability 1/2: exact.
    Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions", 1947; for
    classifiers T. Dietterich, "Approximate statistical tests for comparing classification algorithms", 1998.
    """
    from scipy import stats  # optional, and slow to import

    only_first = int(np.count_nonzero(first_right & ~second_right))
    only_second = int(np.count_nonzero(second_right & ~first_right))
    if only_first + only_second == 0:
        return McNemar(0, 0, 1.0)
    test = stats.binomtest(min(only_first, only_second), only_first + only_second, 0.5)
    return McNemar(only_first, only_second, float(test.pvalue))
