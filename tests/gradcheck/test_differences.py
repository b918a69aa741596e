"""Entries at a kink are left out of the comparison with finite differences."""

import math

import numpy as np
import pytest

import tinynet as tn
from tests.gradcheck.planted.kit import spoiled
from tinynet.backend.random import Purpose, Stream
from tinynet.gradcheck import check_layer
from tinynet.gradcheck.compare import SAMPLE
from tinynet.gradcheck.differences import Objective, random_direction


def test_a_kink_is_left_out_and_too_many_fail():
    x = np.full((10, 10), 0.5)
    x[0, 0] = 0.0
    assert check_layer(tn.ReLU(), x.shape, x=x)
    report = check_layer(tn.ReLU(), x.shape, x=np.zeros((10, 10)))
    assert not report
    assert "lie at a kink" in str(report)
    some = np.where(np.arange(100) % 5, 0.5, 0.0).reshape(10, 10)
    assert "20 of 100 entries lie at a kink; choose x away from it" in str(check_layer(tn.ReLU(), some.shape, x=some))


FUNCTIONS = {  # with their derivatives
    "exp": (np.exp, np.exp),
    "x^2": (lambda x: x * x, lambda x: 2 * x),
    "x + 1e6": (lambda x: x + 1e6, np.ones_like),
    "sin 1000 x": (lambda x: np.sin(1000 * x), lambda x: 1000 * np.cos(1000 * x)),
    "1 / x": (lambda x: 1 / x, lambda x: -1 / (x * x)),
    "log": (np.log, lambda x: 1 / x),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 50.0])
def test_a_slope_is_within_the_error_that_it_states(name, scale):
    function, derivative = FUNCTIONS[name]
    x = scale * (0.5 + np.random.default_rng(0).random(12))
    objective = Objective(x, lambda: function(x), np.ones(12), seed=0)
    slopes = objective.slopes([objective.move(index) for index in range(12)], 1e-6)
    found = np.array([slope.value for slope in slopes]) / objective.spread
    errors = np.array([slope.error for slope in slopes]) / objective.spread
    assert all(slope.smooth for slope in slopes)
    assert (np.abs(found - derivative(x)) <= errors + 1e-12 * np.abs(derivative(x))).all()
    assert (errors <= 1e-5 * np.abs(derivative(x)).max()).all()


@pytest.mark.parametrize("name", ["x^2", "1 / x", "log"])
def test_the_slope_of_large_values_is_as_exact(name):
    """The step is as long as the values are large: a step of 1 beside 1e12 would be lost in rounding."""
    test_a_slope_is_within_the_error_that_it_states(name, 1e12)


def others_of(shape):
    """The entries that check_layer with seed 0 compares in sums only, as indices into the flat array."""
    return np.sort(Stream(0, Purpose.CHECK, layer=4).permutation(math.prod(shape))[SAMPLE:])


def check_with_errors(errors):
    """The row of the weights of a layer, the first entries of whose gradient that are not checked alone have errors.

    `errors` are relative to the largest gradient.
    """
    others = others_of((60, 20))

    def spoil(dx, grads, x, dy, context):
        flat = grads["weight"].reshape(-1)
        flat[others[: len(errors)]] += (np.array(errors) * np.abs(flat).max()).astype(flat.dtype)
        return dx

    rounded = tn.Dense(60, 20, bias=np.full(20, 1e10))  # so large an output rounds
    report = check_layer(spoiled(rounded, spoil), (4, 60))
    return next(row for row in report.rows if row.array == "weight")


def test_the_floor_of_entries_in_sums_is_true():
    """An error above it is found, and one far below is not."""
    right = check_with_errors([])
    assert right.passed
    assert right.entries == 1200
    assert right.floor_of_others > 1.5 * right.floor
    assert not check_with_errors([1.01 * right.floor_of_others]).passed
    assert check_with_errors([0.1 * right.floor]).passed


def test_two_equal_errors_of_opposite_sign_do_not_cancel():
    assert not check_with_errors([0.1, -0.1]).passed


def test_values_are_restored_bit_by_bit():
    x = np.random.default_rng(0).random(50)
    before = x.copy()
    objective = Objective(x, lambda: np.sqrt(x), np.ones(50), seed=0)  # NaN below 0: then shorter steps are tried
    objective.slopes([random_direction(np.arange(50), 1.0, 0, number) for number in range(3)], 1e-9)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("offset", [0.0, 1e-7, 1e-5, 5e-4, 1e-3])
def test_a_kink_near_x_is_seen_wherever_it_lies(offset):
    """The slope of |x - offset| at 0, or none: never something between."""
    x = np.array([0.0, 1.0, -1.0])
    objective = Objective(x, lambda: np.abs(x - offset), np.ones(3), seed=0)
    (slope,) = objective.slopes([objective.move(0)], 1e-6)
    assert not slope.smooth or abs(slope.value / objective.spread + 1) < 1e-6


def test_a_refused_neighbourhood_is_called_so():
    class Exact(tn.Layer):
        """Takes rows that sum to 1 and nothing else."""

        def forward(self, x, context):
            if np.any(np.abs(x.sum(axis=1) - 1) > 1e-14):
                raise ValueError
            return x * 1, lambda dy, grads: dy

    report = check_layer(Exact(), x=np.full((4, 2), 0.5))
    assert "close to x forward raises or gives NaN" in str(report)
