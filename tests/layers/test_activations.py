"""Activations at extreme inputs, and the hyperparameters that they refuse."""

import numpy as np
import pytest
import scipy.special

import tinynet as tn
from tests.support.layers import forward_and_back


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_is_exact_at_extreme_inputs(dtype):
    x = np.array([-np.inf, -1000, -100, 0, 100, 1000, np.inf], dtype)
    y, dx, _ = forward_and_back(tn.Sigmoid(), x)
    np.testing.assert_allclose(y, [0, 0, 0, 0.5, 1, 1, 1], atol=1e-37)
    np.testing.assert_allclose(dx, [0, 0, 0, 0.25, 0, 0, 0], atol=1e-37)


def test_softmax_is_exact_at_extreme_inputs():
    y = tn.Softmax()(np.array([[1e4, 0, -1e4], [1, 1, 1]], "float32"))
    np.testing.assert_allclose(y, [[1, 0, 0], [1 / 3] * 3], rtol=1e-6)


def test_the_gradient_of_softmax_is_taken_along_the_last_of_several_axes():
    assert tn.gradcheck.check_layer(tn.Softmax(), (2, 3, 4))


def test_relu_has_slope_0_at_its_kink_and_keeps_nan():
    y, dx, _ = forward_and_back(tn.ReLU(), np.array([-1.0, -0.0, 0.0, 2.0]))
    assert list(y) == [0, 0, 0, 2]
    assert list(dx) == [0, 0, 0, 1]
    assert np.isnan(tn.ReLU()(np.array([np.nan])))  # what went wrong must stay visible


def test_softmax_is_over_the_last_axis():
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    np.testing.assert_allclose(tn.Softmax()(x), scipy.special.softmax(x, axis=-1), rtol=1e-12)


@pytest.mark.parametrize(
    ("layer", "slope"),
    [(tn.ReLU(), 0), (tn.LeakyReLU(), 0.01), (tn.LeakyReLU(0.25), 0.25), (tn.ELU(), 1), (tn.ELU(3), 3)],
)
def test_the_slope_at_a_kink_is_that_of_the_left_side_as_in_pytorch(layer, slope):
    for zero in (0.0, -0.0):
        assert forward_and_back(layer, np.array([[zero]]))[1] == slope


def test_elu_levels_off_at_minus_alpha_which_is_1_unless_given():
    np.testing.assert_allclose(tn.ELU()(np.array([-50.0, 2])), [-1, 2])
    np.testing.assert_allclose(tn.ELU(0.5)(np.array([-50.0, 2])), [-0.5, 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.LeakyReLU(1), "LeakyReLU: expected a slope from 0 up to, not including, 1, got 1"),
        (lambda: tn.ELU(0), "ELU: expected an alpha above 0, got 0"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
