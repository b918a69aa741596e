"""Dropout keeps the mean exactly."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.layers import forward_and_back


@pytest.mark.parametrize("rate", [0.3, 0.1, 0.77, 1e-5])
def test_the_mean_is_exact_over_all_random_numbers(rate):
    """The mask compares 16-bit numbers: with each of the 65,536 once, the mean of y is that of x."""
    layer = tn.Dropout(rate)
    kept = sum(number >= layer.threshold for number in range(65536))
    y, _, _ = forward_and_back(layer, np.ones((100, 100)))
    assert kept * y.max() == pytest.approx(65536, rel=1e-15)
