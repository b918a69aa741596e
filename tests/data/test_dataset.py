"""Data sets in memory: scaling, splitting, standardizing, and refused inputs."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.data.dataset import scale_pixels

PIXELS = np.arange(256, dtype="uint8").reshape(64, 4)


def dataset(**arguments):
    return tn.data.from_arrays(PIXELS, np.arange(64) % 4, ("a", "b", "c", "d"), **arguments)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pixels_become_numbers_from_0_to_1(dtype):
    scaled = dataset().inputs(slice(None), np.dtype(dtype))
    assert scaled.dtype == dtype
    np.testing.assert_allclose(scaled, PIXELS / 255, rtol=3e-7 if dtype == "float32" else 1e-15)
    assert scaled.max() == 1


def test_scaling_leaves_the_images_unchanged():
    data = dataset()
    before = data.images.copy()
    data.inputs(np.array([3, 1]), np.dtype("float32"))[...] = 9
    np.testing.assert_array_equal(data.images, before)
    assert data.images.dtype == np.uint8


@pytest.mark.parametrize("images", [PIXELS, (PIXELS / 255).astype("float32")], ids=["uint8", "float32"])
def test_standardized_pixels_have_mean_0_and_deviation_1(images):
    data = tn.data.from_arrays(images, np.zeros(64, int)).standardize()
    scaled = data.inputs(slice(None), np.dtype("float64"))
    assert scaled.mean() == pytest.approx(0, abs=1e-6)
    assert scaled.std() == pytest.approx(1, rel=1e-6)
    other = tn.data.from_arrays(images[:5], np.zeros(5, int)).standardize(like=data)
    np.testing.assert_allclose(other.inputs(slice(None), np.dtype("float64")), scaled[:5])


def test_pixels_are_divided_by_255_and_standardized():
    raw = np.array([0, 51, 255], "uint8")
    np.testing.assert_allclose(scale_pixels(raw, np.dtype("float64"), 0.2, 0.5), [-0.4, 0, 1.6], atol=1e-15)


def test_a_split_is_stratified_shuffled_and_a_function_of_the_seed():
    data = tn.data.from_arrays(np.arange(1000, dtype="float32").reshape(-1, 1), np.repeat([0, 1], [900, 100]))
    rest, held_out = data.split(0.1, seed=3)
    assert (len(rest), len(held_out)) == (900, 100)
    assert list(np.bincount(held_out.labels)) == [90, 10]
    together = np.concatenate([rest.images, held_out.images])[:, 0]
    np.testing.assert_array_equal(np.sort(together), np.arange(1000))
    assert (np.diff(held_out.labels) != 0).sum() > 5  # shuffled, not sorted by class
    np.testing.assert_array_equal(data.split(0.1, seed=3)[1].images, held_out.images)
    assert (data.split(0.1, seed=4)[1].images != held_out.images).any()
    for fraction in (0, 1, -0.5):
        with pytest.raises(ValueError, match="split: expected a fraction between 0 and 1"):
            data.split(fraction)


def test_a_regression_can_be_split():
    rest, held_out = tn.data.from_arrays(np.ones((10, 2)), np.ones((10, 3))).split(0.3)
    assert (len(rest), len(held_out)) == (7, 3)


def test_flattened_pictures_get_their_shape_back():
    flat = tn.data.from_arrays(np.zeros((5, 2, 3), "uint8"), np.zeros(5, int), flatten=True)
    assert flat.images.shape == (5, 6)
    assert flat.pictures(slice(0, 2)).shape == (2, 2, 3)


def test_lists_are_accepted_and_other_types_refused():
    assert len(tn.data.from_arrays([[0.5, 1.0]], [3])) == 1
    with pytest.raises(tn.DataError, match="expected images of dtype uint8 or floating, got int64; convert with"):
        tn.data.from_arrays([[1, 2]], [0])


def test_the_repr_names_size_shape_and_dtype():
    assert repr(dataset(name="mine")) == "<Dataset mine: 64 examples of 4 uint8>"
    assert not dataset().is_synthetic
