"""Windows: refused kernels, strides and paddings, and convolution in chunks of the batch."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.layers import windows


def test_the_size_of_a_chunk_does_not_change_the_results(monkeypatch):
    layer, x = tn.Conv2D(9, 4, padding="same"), np.random.default_rng(0).normal(size=(7, 6, 5, 9)).astype("float32")
    results = []
    for limit in (1, 5000, 1 << 30):
        monkeypatch.setattr(windows, "CHUNK_ON_HOST", limit)
        grads = layer.views(np.full(layer.size, np.nan, "float32"))
        y, backward = layer.forward(x, tn.Context(training=True))
        results.append([y, backward(np.ones_like(y), grads), grads["weight"], grads["bias"]])
    for other in results[1:]:
        for one, same in zip(results[0], other):
            np.testing.assert_allclose(one, same, rtol=1e-5, atol=1e-5)  # float32 sums in another order


def test_pictures_smaller_than_the_kernel_are_refused():
    with pytest.raises(tn.ShapeError, match=r"pictures of at least \(5, 5\), got \(4, 8\) pixels"):
        tn.Conv2D(1, 4, 5)(np.zeros((2, 4, 8, 1), "f4"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: tn.Conv2D(1, 2, 0),
            r"Conv2D\(1, 2\): kernel_size: expected a whole number from 1, got 0; give one number, or two",
        ),
        (lambda: tn.Conv2D(1, 2, 3, (1, 2, 3)), r"stride: expected a whole number from 1, got \(1, 2, 3\)"),
        (lambda: tn.Conv2D(1, 2, padding="full"), "expected padding 'valid', 'same' or a number, got 'full'"),
        (lambda: tn.Conv2D(1, 2, padding=-1), "padding: expected a whole number from 0, got -1"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


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
