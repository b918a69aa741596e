"""Arrays lie in one vector one after the other, each aligned to 64 bytes in float32."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.layers.layout import arrays_in, cut, offsets, padded, writable

SHAPES = {"weight": (3, 7), "bias": (7,), "scale": (), "kernel": (2, 2, 4)}


def test_each_array_begins_at_a_multiple_of_64_bytes_after_the_one_before():
    assert offsets(SHAPES, 16) == {"weight": 16, "bias": 48, "scale": 64, "kernel": 80}
    assert [padded(count) for count in (0, 1, 16, 17)] == [0, 16, 16, 32]


def test_cut_gives_views_of_the_vector():
    vector = np.arange(96.0)
    arrays = cut(vector, SHAPES, offsets(SHAPES, 0))
    assert {name: values.shape for name, values in arrays.items()} == SHAPES
    np.testing.assert_array_equal(arrays["bias"], np.arange(32, 39))
    arrays["kernel"][0, 0, 0] = -1
    assert vector[64] == -1


def test_the_arrays_of_nested_models_are_found_in_order():
    model = tn.Sequential(tn.Dense(2, 3), tn.ReLU(), tn.Sequential(tn.Dense(3, 4), tn.Residual(tn.Dense(4, 4))))
    views = model.views(np.zeros_like(model.theta))
    assert [values.shape for values in arrays_in(views)] == [(2, 3), (3,), (3, 4), (4,), (4, 4), (4,)]


@pytest.mark.parametrize(
    ("block", "shape", "shortcut"),
    [
        ("Dense(3, 5)", (2, 3), "Dense(3, 5)"),
        ("Conv2D(3, 8, 3, 2, 'same')", (2, 5, 7, 3), "Conv2D(3, 8, 1, (2, 2))"),  # 5 / 2 and 7 / 2 rounded up
        ("Conv2D(3, 8, 3, (2, 1), 'same')", (2, 6, 7, 3), "Conv2D(3, 8, 1, (2, 1))"),
    ],
)
def test_a_block_of_another_shape_is_refused_with_the_shortcut_that_fits(block, shape, shortcut):
    def make(call):
        return eval(call, vars(tn).copy())

    x, wanted = np.ones(shape, "float32"), f"expected a block whose output has the shape {shape}, like that of the"
    with pytest.raises(tn.ShapeError) as told:
        tn.Residual(make(block))(x)
    assert f"{wanted} shortcut, got {make(block)(x).shape}; write shortcut={shortcut}" in str(told.value)
    assert tn.Residual(make(block), shortcut=make(shortcut))(x).shape == make(block)(x).shape


def test_a_block_whose_shape_no_shortcut_gives_is_refused_with_what_to_do():
    for layers in [tn.Conv2D(3, 3)], [tn.Flatten()]:
        with pytest.raises(tn.ShapeError, match=r"got \(2, .*\); let the block keep the shape of x$"):
            tn.Residual(*layers)(np.ones((2, 5, 7, 3), "float32"))


def test_a_vector_that_may_not_be_written_is_copied():
    vector = np.arange(20, dtype="float32")
    assert writable(vector) is vector
    vector.flags.writeable = False  # as that of a model that worker processes share
    copied = writable(vector)
    copied += 1
    np.testing.assert_array_equal(copied, vector + 1)
    assert (copied.dtype, copied.ctypes.data % 64) == (np.float32, 0)
