"""Entries at a kink are left out of the comparison with finite differences."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.gradcheck import check_layer
from tinynet.gradcheck.differences import Objective, random_direction


def test_a_kink_is_left_out_and_too_many_fail():
    x = np.full((10, 10), 0.5)
    x[0, 0] = 0.0
    assert check_layer(tn.ReLU(), x.shape, x=x)
    report = check_layer(tn.ReLU(), x.shape, x=np.zeros((10, 10)))
    assert not report
    assert "lie at a kink" in str(report)


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
