"""Dropout keeps the mean, repeats its mask in backward, and draws masks that depend on the context."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.layers import forward_and_back


def test_dropout_in_inference_is_the_identity():
    x = np.random.default_rng(0).normal(size=(5, 6))
    np.testing.assert_array_equal(tn.Dropout(0.9)(x), x)


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.9])
def test_dropout_drops_its_fraction_and_keeps_the_mean(rate):
    x = np.ones((1000, 500), "float32")
    y, dx, _ = forward_and_back(tn.Dropout(rate), x)
    spread = 4 * np.sqrt(rate * (1 - rate) / x.size)  # four standard errors
    assert abs((y == 0).mean() - rate) < spread
    assert abs(y.mean() - 1) < spread / (1 - rate)
    np.testing.assert_array_equal(dx, y)  # the mask of forward, the same scale


def test_the_smallest_rate_drops_one_number_in_65536():
    y, _, _ = forward_and_back(tn.Dropout(2**-16), np.ones((2048, 2048), "float32"))
    assert 32 < (y == 0).sum() < 96  # 64 expected, four standard errors
    assert np.array_equal(forward_and_back(tn.Dropout(0), np.ones((64, 64), "float32"))[0], np.ones((64, 64)))


def test_dropout_masks_depend_on_seed_step_and_layer_but_not_on_the_split():
    layer, x = tn.Dropout(0.5), np.ones((10, 7), "float32")
    whole = layer.forward(x, tn.Context(training=True, seed=1, step=2, layer=3))[0]
    for other in (tn.Context(True, 0, 2, 3), tn.Context(True, 1, 0, 3), tn.Context(True, 1, 2, 0)):
        assert (layer.forward(x, other)[0] != whole).any()
    shards = [layer.forward(x[rows], tn.Context(True, 1, 2, 3, first_row=rows.start))[0]
              for rows in (slice(0, 3), slice(3, 10))]  # fmt: skip
    np.testing.assert_array_equal(np.concatenate(shards), whole)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_a_rate_out_of_range_is_refused(rate):
    with pytest.raises(ValueError, match=r"Dropout: expected a rate from 0 up to, not including, 1, got"):
        tn.Dropout(rate)


def test_the_scale_of_a_rate_near_1_is_finite():
    layer = tn.Dropout(0.9999999)
    assert np.isfinite(layer.scale)
