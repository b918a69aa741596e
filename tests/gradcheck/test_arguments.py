"""The arguments of the checks are read like those of the rest of the library, or refused by name."""

import numpy as np
import pytest

import tinynet as tn
from tinynet import gradcheck

DENSE = tn.Dense(4, 3)
MODEL = tn.Sequential(tn.Dense(4, 3))
X, LABELS = np.ones((3, 4)), np.array([0, 1, 2])
REFUSED = ValueError, TypeError  # ShapeError and DataError are ValueErrors


@pytest.mark.parametrize(
    "shape", [(), 5, "5", (0, 4), (5, -4), (5, 4.5), (5, True), (10**12,), (2**20, 2**20), None, {5, 4}]
)
def test_shapes_that_no_batch_has_are_refused(shape):
    with pytest.raises(REFUSED, match="x_shape"):
        gradcheck.check_layer(DENSE, shape)
    with pytest.raises(REFUSED, match="outputs_shape"):
        gradcheck.check_loss(tn.MeanSquaredError(), shape)


@pytest.mark.parametrize(
    "x", [3, "x", np.zeros((0, 4)), [[np.nan, 1, 2, 3]], [[np.inf, 1, 2, 3]], [[1, 2, 3, 1j]], None]
)
def test_inputs_that_are_no_batch_of_finite_numbers_are_refused(x):
    with pytest.raises(REFUSED):
        gradcheck.check_layer(DENSE, x=x)
    with pytest.raises(REFUSED):
        gradcheck.check_model(MODEL, x, LABELS)


@pytest.mark.parametrize("name", ["training", "thorough"])
@pytest.mark.parametrize("value", ["no", 0, 1, None, np.nan])
def test_flags_are_true_or_false(name, value):
    with pytest.raises(TypeError, match=f"{name}=True"):
        gradcheck.check_layer(DENSE, (5, 4), **{name: value})


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "small", None, True])
def test_rtol_is_above_zero(value):
    for check in (
        lambda: gradcheck.check_layer(DENSE, (5, 4), rtol=value),
        lambda: gradcheck.check_model(MODEL, X, LABELS, rtol=value),
        lambda: gradcheck.check_loss(tn.MeanSquaredError(), rtol=value),
    ):
        with pytest.raises(ValueError, match="rtol"):
            check()


@pytest.mark.parametrize("name", ["size", "steps"])
@pytest.mark.parametrize("value", [0, -1, 1, 2.5, 10**12, np.nan, "20", None, True])
def test_sizes_and_steps_are_whole_numbers_in_range(name, value):
    with pytest.raises(ValueError, match=name):
        gradcheck.check_optimizer(tn.SGD(0.1), **{name: value})


@pytest.mark.parametrize(
    "check",
    [
        lambda: gradcheck.check_layer(DENSE, (5, 4), np.ones((6, 4))),
        lambda: gradcheck.check_layer(DENSE),
        lambda: gradcheck.check_layer("dense", (5, 4)),
        lambda: gradcheck.check_model("dense", X, LABELS),
        lambda: gradcheck.check_model(MODEL, X, LABELS[:2]),
        lambda: gradcheck.check_loss(tn.MeanSquaredError(), targets=np.ones((5, 5))),
        lambda: gradcheck.check_loss(tn.SoftmaxCrossEntropy(), targets=np.full(6, 7)),
        lambda: gradcheck.check_optimizer(tn.SGD(0.1), reference=3),
    ],
)
def test_what_does_not_fit_together_is_refused(check):
    with pytest.raises(REFUSED, match="expected"):
        check()


def test_x_alone_is_enough():
    assert gradcheck.check_layer(DENSE, x=X)
    assert gradcheck.check_layer(DENSE, [3, 4], X.tolist())
