"""A layer with two parameters of one shape, and arrays of other shapes and dtypes."""

import numpy as np
import pytest

import tinynet as tn


class TwoWeights(tn.Layer):
    """Two parameters of one shape and one initializer."""

    def __init__(self, initializer="he_normal"):
        self.add_parameter("first", (3, 4), initializer)
        self.add_parameter("second", (3, 4), initializer)

    def forward(self, x, context):
        return x, lambda dy, grads: dy


def test_two_parameters_of_a_layer_draw_different_numbers():
    layer = TwoWeights()
    assert not np.isin(layer.first, layer.second).any()


def test_an_initializer_of_another_shape_is_refused_and_not_repeated():
    with pytest.raises(tn.ShapeError, match=r"first: expected an array of shape \(3, 4\), got \(1, 4\); return"):
        tn.Sequential(TwoWeights(lambda shape, stream: np.zeros((1, 4))))


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "uint8"])
def test_x_of_another_dtype_than_the_weights_is_refused_and_the_advice_works(dtype):
    layer, x = tn.Dense(4, 2), np.ones((3, 4), dtype)
    with pytest.raises(tn.ShapeError, match=rf"expected x of dtype float32, like the weights, got {dtype}; convert it"):
        layer(x)
    assert layer(x.astype("float32")).dtype == np.float32
