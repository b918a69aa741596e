"""Windows over pictures whose sums can be checked in the head."""

import numpy as np
import pytest

import tinynet as tn


def summing(kernel, stride=1, padding="valid"):
    """A convolution that adds up its window."""
    return tn.Conv2D(1, 1, kernel, stride, padding, weight="ones")


def test_same_adds_an_odd_row_below_and_an_odd_column_to_the_right():
    """As TensorFlow does: the windows of a picture's first pixel begin there."""
    x = np.array([[1, 2, 4], [8, 16, 32], [64, 128, 256]], "float32").reshape(1, 3, 3, 1)
    across = summing((1, 2), padding="same")(x)[0, :, :, 0]
    np.testing.assert_array_equal(across, [[3, 6, 4], [24, 48, 32], [192, 384, 256]])
    down = summing((2, 1), padding="same")(x)[0, :, :, 0]
    np.testing.assert_array_equal(down, [[9, 18, 36], [72, 144, 288], [64, 128, 256]])


@pytest.mark.parametrize("layer", [summing, tn.MaxPool2D, tn.AveragePool2D])
@pytest.mark.parametrize("stride", [(1, 2), (2, 1), (3, 2)])
def test_strides_of_rows_and_columns_are_their_own(layer, stride):
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 1)).astype("float32")
    np.testing.assert_allclose(layer((1, 1), stride)(x), x[:, :: stride[0], :: stride[1]], rtol=1e-6)


@pytest.mark.parametrize("axis", [1, 2], ids=["rows", "columns"])
def test_windows_that_overlap_along_one_axis_add_up_their_gradients(axis):
    """3 is the maximum of both windows: of (1, 3) and of (3, 2)."""
    kernel = (2, 1) if axis == 1 else (1, 2)
    x = np.array([1.0, 3.0, 2.0]).reshape((1, 3, 1, 1) if axis == 1 else (1, 1, 3, 1))
    y, backward = tn.MaxPool2D(kernel, 1).forward(x, tn.Context(training=True))
    assert y.ravel().tolist() == [3, 3]
    assert backward(np.array([10.0, 1.0]).reshape(y.shape), {}).ravel().tolist() == [0, 11, 0]
