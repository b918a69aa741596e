"""Pooling: output shapes, the gradient of ties, and refused inputs."""

import re

import numpy as np
import pytest

import tinynet as tn


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (tn.MaxPool2D(), (2, 9, 7, 3), (2, 4, 3, 3)),
        (tn.MaxPool2D(3, 2, padding=1), (2, 9, 7, 3), (2, 5, 4, 3)),
        (tn.AveragePool2D((2, 1)), (2, 9, 7, 3), (2, 4, 7, 3)),
        (tn.GlobalAveragePool2D(), (2, 9, 7, 3), (2, 3)),
    ],
    ids=repr,
)
def test_the_output_shape_follows_kernel_stride_and_padding(layer, shape, expected):
    assert layer(np.ones(shape, "float32")).shape == expected


@pytest.mark.parametrize("layer", [tn.MaxPool2D, tn.AveragePool2D])
def test_windows_stand_side_by_side_unless_a_stride_is_given(layer):
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    assert (layer().pool_size, layer().stride, repr(layer())) == (2, None, f"{layer.__name__}()")
    assert np.array_equal(layer(2)(x), layer(2, 2)(x))
    assert layer((1, 3))(x).shape == (1, 4, 1, 1)
    assert layer(2, 1)(x).shape == (1, 3, 3, 1)
    assert (layer(2, 1).stride, layer(2, (1, 3)).stride) == (1, (1, 3))
    with pytest.raises(ValueError, match=rf"{layer.__name__}: pool_size: expected a whole number from 1, got 0"):
        layer(0)
    with pytest.raises(ValueError, match=rf"{layer.__name__}: stride: expected a whole number from 1, got 0"):
        layer(2, 0)


def test_padding_is_never_the_maximum():
    x = np.array([[-3.0, -2], [-5, -4]]).reshape(1, 2, 2, 1)
    assert tn.MaxPool2D(2, padding=1)(x).ravel().tolist() == [-3, -2, -5, -4]
    assert tn.MaxPool2D(3, 1, padding="same")(x).ravel().tolist() == [-2] * 4


@pytest.mark.parametrize(("size", "padding", "shown"), [(2, 2, "2"), ((3, 2), (0, 2), r"\(0, 2\)")])
def test_padding_that_fills_whole_windows_is_refused(size, padding, shown):
    message = (
        rf"padding below pool_size, {re.escape(str(size))}, so that each window holds a pixel, got {shown}; write pad"
    )
    with pytest.raises(ValueError, match=f"^MaxPool2D: expected {message}"):
        tn.MaxPool2D(size, padding=padding)
    assert tn.MaxPool2D(2, padding=1)(np.ones((1, 2, 2, 1))).shape == (1, 2, 2, 1)


def test_a_window_larger_than_the_picture_is_refused_with_what_helps():
    with pytest.raises(tn.ShapeError, match=r"AveragePool2D: expected pictures of at least .* use a smaller pool_size"):
        tn.AveragePool2D(3)(np.ones((1, 2, 2, 1)))
    with pytest.raises(tn.ShapeError, match=r"MaxPool2D: expected pictures of at least .* write padding='same'"):
        tn.MaxPool2D(3)(np.ones((1, 2, 2, 1)))


def test_the_first_of_equal_numbers_gets_the_gradient():
    y, backward = tn.MaxPool2D().forward(np.zeros((1, 4, 4, 1)), tn.Context())
    dx = backward(np.arange(1.0, 5).reshape(1, 2, 2, 1), {})[0, :, :, 0]
    assert dx.tolist() == [[1, 0, 2, 0], [0, 0, 0, 0], [3, 0, 4, 0], [0, 0, 0, 0]]


def test_flat_inputs_are_refused():
    with pytest.raises(tn.ShapeError, match=r"MaxPool2D\(\): expected pictures of shape \(N, H, W, C\)"):
        tn.MaxPool2D()(np.zeros((2, 784), "f4"))
    for layer in (tn.AveragePool2D(), tn.GlobalAveragePool2D()):
        for x, remedy in [
            (np.zeros((2, 784)), "put Reshape(28, 28, 1) before it"),
            (np.zeros((2, 4, 5)), "put Reshape("),
        ]:
            with pytest.raises(
                tn.ShapeError, match=re.escape(f"{layer}: expected pictures of shape (N, H, W, C)")
            ) as told:
                layer(x)
            assert remedy in str(told.value)


def test_the_mean_of_a_large_picture_is_exact_in_float32():
    x = np.full((2, 256, 256, 3), 10.1, "float32")  # one float32 sum of 65,536 numbers was wrong by 2e-4
    np.testing.assert_allclose(tn.GlobalAveragePool2D()(x), x.mean(axis=(1, 2), dtype="float64"), rtol=5e-6)
