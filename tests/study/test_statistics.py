"""The study's statistics against scipy's, statsmodels', and published examples."""

import math

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("jinja2")
from tinynet.study.statistics import holm, mcnemar, mean, paired  # noqa: E402

# Student's own example, Biometrika 1908: hours of sleep gained with each of two drugs, by ten patients.
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def test_the_paired_test_on_students_own_example():
    """R's documentation, `t.test(extra ~ group, sleep, paired = TRUE)`: p 0.002833, -2.4598858 to -0.7001142."""
    found = paired(FIRST, SECOND)
    assert found.difference == pytest.approx(-1.58)
    assert found.p == pytest.approx(0.002833, abs=5e-7)
    assert (found.low, found.high) == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)


@pytest.mark.parametrize("seeds", [2, 3, 5, 30])
def test_intervals_and_p_values_are_scipys(seeds):
    generator = np.random.default_rng(seeds)
    first, second = generator.normal(0.85, 0.01, (2, seeds)).tolist()
    theirs = stats.ttest_rel(first, second)
    ours = paired(first, second)
    assert ours.p == pytest.approx(theirs.pvalue, rel=1e-9)
    between = theirs.confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((between.low, between.high), rel=1e-9)
    low, high = stats.t.interval(0.95, seeds - 1, np.mean(first), stats.sem(first))
    assert mean(first) == pytest.approx((np.mean(first), np.std(first, ddof=1), low, high), rel=1e-9)


def test_one_seed_says_nothing_of_chance():
    assert math.isnan(mean([0.8]).low)
    assert math.isnan(paired([0.8], [0.7]).p)
    assert math.isnan(paired([0.8, 0.9], [0.7, 0.8 + 1e-16]).p)  # differences that are equal but for rounding
    assert paired([0.8, 0.9], [0.7, 0.8]).difference == pytest.approx(0.1)
    with pytest.raises(ValueError, match="pair the seeds"):
        paired([0.8], [0.7, 0.6])


@pytest.mark.slow  # its import takes four seconds
def test_holm_is_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    generator = np.random.default_rng(0)
    for count in range(1, 12):
        p_values = generator.uniform(0, 0.2, count).tolist()
        assert holm(p_values) == pytest.approx(multitest.multipletests(p_values, method="holm")[1].tolist())


def test_holm_on_a_published_example():
    """R's documentation of p.adjust: the smallest of four is multiplied by 4, and none falls below the one before."""
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.01, math.nan, 0.04])[::2] == pytest.approx([0.02, 0.04])


def test_mcnemar_on_an_example_that_can_be_counted():
    """Six examples that one of the two gets right, five of them the second: 2 (1 + 6) of the 64 ways are as uneven."""
    first = np.array([True] * 1 + [False] * 5 + [True] * 20 + [False] * 3)
    second = np.array([False] * 1 + [True] * 5 + [True] * 20 + [False] * 3)
    assert mcnemar(first, second) == (1, 5, pytest.approx(14 / 64))
    assert mcnemar(second, first) == (5, 1, pytest.approx(14 / 64))


@pytest.mark.slow  # its import takes four seconds
def test_mcnemar_is_statsmodels():
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    generator = np.random.default_rng(1)
    for rate in (0.5, 0.8, 0.95):
        first, second = generator.random((2, 400)) < rate
        matrix = [
            [np.sum(first & second), np.sum(first & ~second)],
            [np.sum(~first & second), np.sum(~first & ~second)],
        ]
        found = mcnemar(first, second)
        assert (found.first, found.second) == (matrix[0][1], matrix[1][0])
        assert found.p == pytest.approx(tables.mcnemar(matrix, exact=True).pvalue)


def test_mcnemar_of_equals_is_one():
    same = np.array([True, False, True])
    assert mcnemar(same, same) == (0, 0, 1.0)
