"""Which axis of a picture holds its channels: known, told, or refused with the way to say it."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.data.layout import can_be_drawn, channels_last, check_axes, check_image_shape, is_picture
from tinynet.errors import DataError, ShapeError

LAST = [(28, 28), (32, 3), (3, 3), (28, 28, 1), (32, 32, 3), (28, 20, 3), (20, 28, 4), (4, 4, 3), (32, 32, 13)]
FIRST = [(1, 28, 28), (3, 32, 32), (3, 28, 20), (4, 20, 28), (3, 4, 4), (13, 32, 32)]
EITHER = [(3, 3, 3), (3, 32, 3), (1, 28, 1), (28, 1, 1), (64, 4, 4), (24, 32, 13), (32, 16, 32), (3, 3, 32)]


def numbers(shape):
    return np.arange(2 * np.prod(shape)).reshape(2, *shape)


@pytest.mark.parametrize("shape", LAST)
def test_channels_last_is_known(shape):
    assert is_picture(shape)
    assert channels_last("me", numbers(shape)) is not None
    np.testing.assert_array_equal(channels_last("me", numbers(shape)), numbers(shape))


@pytest.mark.parametrize("shape", FIRST)
def test_channels_first_is_refused_and_each_remedy_works(shape):
    assert not is_picture(shape)
    with pytest.raises(
        ShapeError, match=r"me: expected pictures .*, which looks like \(n, C, H, W\); say layout='NCHW'"
    ):
        check_axes("me", numbers(shape).shape)
    expected = np.moveaxis(numbers(shape), 1, -1)
    np.testing.assert_array_equal(channels_last("me", numbers(shape), "NCHW"), expected)
    np.testing.assert_array_equal(channels_last("me", numbers(shape).transpose(0, 2, 3, 1)), expected)


@pytest.mark.parametrize("shape", EITHER)
def test_shapes_that_may_be_either_have_to_be_told(shape):
    assert not is_picture(shape)
    with pytest.raises(ShapeError, match=r"which may be \(n, C, H, W\) as well; say layout='NHWC' or layout='NCHW'"):
        check_axes("me", numbers(shape).shape)
    np.testing.assert_array_equal(channels_last("me", numbers(shape), "NHWC"), numbers(shape))
    np.testing.assert_array_equal(channels_last("me", numbers(shape), "NCHW"), np.moveaxis(numbers(shape), 1, -1))


@pytest.mark.parametrize("shape", [(784,), (2, 3, 4, 5)])
def test_other_numbers_of_axes_are_no_pictures(shape):
    assert not is_picture(shape)
    with pytest.raises(
        ShapeError, match=r"me: expected pictures \(n, H, W\) or .*; give the shape of a picture: from_"
    ):
        check_axes("me", (2, *shape))
    pictures = np.zeros((2, 28, 28), np.uint8)  # as the message says
    check_axes("me", tn.data.from_arrays(pictures, [0, 1], flatten=True).pictures(slice(None)).shape)


def test_what_can_be_drawn():
    assert [shape for shape in [*LAST, *FIRST, *EITHER, (784,), (8, 8, 2)] if can_be_drawn(shape)] == LAST[:-1]


def test_the_shape_of_a_picture_has_to_fit_the_examples():
    for shape, image_shape in [((784,), (28, 28)), ((28, 28, 1), (28, 28)), ((28, 28), (28, 28, 1)), ((9,), ())]:
        check_image_shape("me", shape, image_shape)
    for shape, image_shape in [((784,), (28, 27)), ((32, 32, 3), (3, 32, 32)), ((20, 28), (28, 20)), ((64,), (4, 4))]:
        with pytest.raises(DataError, match=r"data set 'me': expected examples of shape \(.*\), got \("):
            tn.data.Dataset(np.zeros((4, *shape), np.uint8), np.zeros(4, int), (), "me", image_shape)
        if len(shape) > 1:  # as the message says
            tn.data.Dataset(np.zeros((4, *shape), np.uint8), np.zeros(4, int), (), "me", shape)
