"""Data that do not fit the model or the loss are refused before training."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model

ERRORS = [
    (lambda train: dict(train=(train.images[:, :7], train.labels)), tn.ShapeError, r"Dense\(20, 16\): expected x of"),
    (lambda train: dict(train=(train.images, train.labels + 1)), tn.DataError, "labels from 0 to 3, got 4 in example"),
    (lambda train: dict(train=(train.images, train.labels[:9])), tn.DataError, "600 images and 9 labels"),
    (lambda train: dict(train=(train.images[:0], train.labels[:0])), tn.DataError, "at least one example, got none"),
    (lambda train: dict(train=(train.images * np.float32("nan"), train.labels)), tn.DataError, "in example 0"),
    (lambda train: dict(train=train.images), TypeError, "data: expected a Dataset or a pair"),
    (
        lambda train: dict(train=(train.images.astype(int), train.labels)),
        tn.DataError,
        "images of dtype uint8 or float",
    ),
    (lambda train: dict(validation=(train.images[:, :7], train.labels)), tn.ShapeError, r"Dense\(20, 16\)"),
]


@pytest.mark.parametrize(("change", "error", "message"), ERRORS)
def test_data_that_do_not_fit_are_refused_before_training(small_data, change, error, message):
    model = small_model()
    before = model.theta.copy()
    settings = {"train": small_data[0], "epochs": 1, "batch_size": 64, **change(small_data[0])}
    with pytest.raises(error, match=message):
        tn.fit(model, settings.pop("train"), **settings)
    np.testing.assert_array_equal(model.theta, before)


X = np.ones((6, 3), "float32")
Y = np.arange(6) % 2


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_inputs_and_targets_that_are_no_numbers_are_named_by_index(bad):
    x, y = X.copy(), np.ones((6, 1), "float32")
    x[4, 1] = y[2] = bad
    model = tn.Sequential(tn.Dense(3, 2))
    for use in (
        lambda: tn.fit(model, (x, Y)),
        lambda: tn.fit(model, (X, Y), validation=(x, Y)),
        lambda: tn.evaluate(model, (x, Y)),
        lambda: model.predict(x),
    ):
        with pytest.raises(
            tn.DataError, match="expected finite numbers, got NaN or infinity in example 4; clean or drop"
        ):
            use()
    with pytest.raises(tn.DataError, match="NaN or infinity in example 2 of the targets"):
        tn.fit(tn.Sequential(tn.Dense(3, 1)), (X, y), loss=tn.MeanSquaredError())
