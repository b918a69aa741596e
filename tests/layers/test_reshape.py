"""Reshape and ChannelsLast refuse inputs that they cannot rearrange."""

import numpy as np
import pytest

import tinynet as tn


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tn.Reshape(28, 28, 1)(np.zeros((2, 3))),
            r"Reshape\(28, 28, 1\): expected examples of 784 numbers, got",
        ),
        (lambda: tn.ChannelsLast()(np.zeros((2, 3))), r"ChannelsLast\(\): expected pictures of shape \(N, C, H, W\)"),
    ],
)
def test_wrong_inputs_are_refused(make, message):
    with pytest.raises(tn.ShapeError, match=message):
        make()
