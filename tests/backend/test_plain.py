"""What a caller gives as an array is read as NumPy reads it, or refused with the call that makes an array."""

import numpy as np
import pytest

from tinynet.backend.plain import plain_array

GRID = np.arange(6.0).reshape(2, 3)


def test_a_plain_array_is_not_copied():
    assert plain_array(GRID, "who") is GRID


READ = {
    "a list": GRID.tolist(),
    "a tuple of rows": tuple(GRID),
    "big-endian": GRID.astype(">f8"),
    "a matrix": GRID.view(np.matrix),
    "no value masked": np.ma.array(GRID),
    "objects": GRID.astype(object),
    "a buffer": memoryview(GRID),
    "in Fortran's order": np.asfortranarray(GRID),
    "with negative strides": GRID[::-1, ::-1].copy()[::-1, ::-1],
}


@pytest.mark.parametrize("given", READ.values(), ids=READ)
def test_values_and_order_are_those_of_numpy(given):
    array = plain_array(given, "who")
    assert type(array) is np.ndarray
    assert array.dtype == np.float64
    assert array.dtype.isnative
    np.testing.assert_array_equal(array, GRID)


def test_text_is_kept_where_it_is_asked_for():
    assert plain_array(["a", "b"], "who", strings=True).tolist() == ["a", "b"]
