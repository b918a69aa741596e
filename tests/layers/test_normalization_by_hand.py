"""Norms of numbers that can be checked in the head."""

import numpy as np
import pytest

import tinynet as tn


def test_inference_uses_the_running_statistics_and_not_those_of_the_batch():
    """With mean 3 and variance 4, epsilon apart, 7 is 2 deviations above the mean, whatever is beside it."""
    layer = tn.BatchNorm(1, epsilon=1e-12)
    layer.running_mean, layer.running_var = np.full(1, 3, "float32"), np.full(1, 4, "float32")
    for others in ([], [0.0, 100.0]):
        x = np.array([[7.0], *([other] for other in others)], "float32")
        assert layer(x)[0, 0] == pytest.approx(2, rel=1e-6)


def test_the_momentum_is_the_share_of_the_new_batch():
    for momentum in (0.1, 0.5, 1.0):
        model = tn.Sequential(tn.BatchNorm(1, momentum=momentum), tn.Dense(1, 2))
        x = np.array([[1.0], [3.0]], "float32")  # mean 2, variance 2 with the divisor M - 1
        tn.Trainer(model).step(x, np.array([0, 1]))
        assert model[0].running_mean[0] == pytest.approx(2 * momentum)
        assert model[0].running_var[0] == pytest.approx(1 - momentum + 2 * momentum)


def test_epsilon_is_under_the_root():
    """Rows of mean 0 and variance 1: with an epsilon of 3 they are halved."""
    x = np.array([[-1.0, 1.0], [1.0, -1.0]], "float32")
    np.testing.assert_allclose(tn.LayerNorm(2, epsilon=3.0)(x), x / 2, rtol=1e-6)
    layer = tn.BatchNorm(2, epsilon=3.0)
    np.testing.assert_allclose(layer.forward(x, tn.Context(training=True))[0], x / 2, rtol=1e-6)
