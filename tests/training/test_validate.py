"""Data that do not fit the model or the loss are refused before training."""

import re

import numpy as np
import pytest

import tinynet as tn
from tests.support.advice import follow, until_it_works
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


LABELS = [lambda y: y.reshape(-1, 1), lambda y: y + 1, lambda y: np.eye(4)[y], lambda y: y.astype(float), list]


@pytest.mark.parametrize("change", LABELS, ids=["a column", "from 1", "one-hot", "floats", "a list"])
def test_labels_in_another_form_train_to_the_same_bits_after_the_advice(small_data, change):
    """Not to a model that calls everything class 0, and is right in every example."""
    x, y = small_data[0].images, np.asarray(small_data[0].labels)

    def train(labels):
        model = small_model()
        history = tn.fit(model, (x, labels), epochs=3, batch_size=50, progress=False)
        return model.theta.tobytes(), history["running_accuracy"]

    assert until_it_works(train, {"labels": change(y)}) == train(y)


@pytest.mark.parametrize("form", [lambda x: x.astype("int64"), lambda x: x.astype("int64").tolist()])
def test_pixels_of_another_dtype_train_to_the_same_bits_after_the_advice(form):
    """As int64 they were told astype('float32'), and trained on numbers up to 255."""
    train, test = tn.data.synthetic_fashion(600, 200, seed=0)

    def accuracy(images, more):
        model = tn.Sequential(tn.Dense(784, 10))
        tn.fit(model, (images, train.labels), epochs=3, batch_size=50, progress=False)
        return tn.evaluate(model, (more, test.labels)).accuracy

    reached = until_it_works(accuracy, {"images": form(train.images), "more": test.images})
    assert reached == accuracy(train.images, test.images) > 0.5


TARGETS = [  # loss, outputs, targets given, targets meant
    (tn.MeanSquaredError(), 1, np.arange(6.0), np.arange(6.0).reshape(-1, 1)),
    (tn.MeanSquaredError(), 2, np.arange(12.0).reshape(6, 2, 1), np.arange(12.0).reshape(6, 2)),
    (tn.MeanSquaredError(), 1, np.arange(6), np.arange(6.0).reshape(-1, 1)),
    (tn.MeanSquaredError(), 1, np.arange(6).tolist(), np.arange(6.0).reshape(-1, 1)),
    (tn.BinaryCrossEntropy(), 1, Y == 1, (Y == 1).reshape(-1, 1) * 1.0),
    (tn.BinaryCrossEntropy(), 1, 2.0 * Y.reshape(-1, 1) - 1, Y.reshape(-1, 1) * 1.0),
    (tn.BinaryCrossEntropy(), 2, np.eye(2, dtype=bool)[Y], np.eye(2)[Y]),
]


@pytest.mark.parametrize(("loss", "outputs", "given", "meant"), TARGETS)
def test_targets_in_another_form_give_the_same_loss_after_the_advice(loss, outputs, given, meant):
    model = tn.Sequential(tn.Dense(3, outputs))
    assert until_it_works(lambda targets: tn.evaluate(model, (X, targets), loss), {"targets": given}) == tn.evaluate(
        model, (X, meant), loss
    )


@pytest.mark.parametrize(
    ("loss", "outputs", "targets", "message"),
    [
        (
            tn.SoftmaxCrossEntropy(),
            2,
            np.arange(6.0) / 4,
            r"use loss=MeanSquaredError\(\) and np.asarray\(labels\).resh",
        ),
        (tn.SoftmaxCrossEntropy(), 2, np.ones((6, 2)), r"use loss=BinaryCrossEntropy\(\) and np.asarray\(labels, 'fl"),
        (
            tn.SoftmaxCrossEntropy(),
            2,
            np.arange(12).reshape(6, 2),
            r"use loss=MeanSquaredError\(\) and np.asarray\(lab",
        ),
        (tn.MeanSquaredError(), 2, Y, r"use loss=SoftmaxCrossEntropy\(\) for labels, or np.eye\(2, dtype='float32'\)"),
        (tn.MeanSquaredError(), 2, Y * 1.0, r"end the model with one output, Dense\(..., 1\), and reshape the targets"),
        (tn.MeanSquaredError(), 2, np.ones((6, 3)), r"as many outputs as there are targets: Dense\(..., 3\)"),
        (tn.BinaryCrossEntropy(), 1, np.full((6, 1), 7.0), r"got numbers from 7 to 7; use loss=MeanSquaredError\(\)"),
        (tn.SoftmaxCrossEntropy(), 2, np.arange(6) % 4, r"labels count from 0: end with Dense\(..., 4\)"),
    ],
)
def test_where_another_loss_or_model_is_meant_the_advice_names_it(loss, outputs, targets, message):
    with pytest.raises((tn.DataError, tn.ShapeError), match=message) as caught:
        tn.fit(tn.Sequential(tn.Dense(3, outputs)), (X, targets), loss=loss, progress=False)
    advice = str(caught.value)
    width = re.search(r"Dense\(\.\.\., (\d)\)", advice)
    model = tn.Sequential(tn.Dense(3, int(width[1]) if width else targets.shape[1] if targets.ndim == 2 else 2))
    named = re.search(r"loss=(\w+)", advice)
    loss = getattr(tn, named[1])() if named else loss
    if "np." in advice and "Softmax" not in advice.split(";")[1]:
        targets = follow(advice, labels=targets, targets=targets)
        model = tn.Sequential(tn.Dense(3, targets.shape[1]))
    history = tn.fit(model, (X, targets), loss=loss, epochs=1, progress=False)
    assert np.isfinite(history["running_loss"][0])


@pytest.mark.filterwarnings("error")
def test_numbers_that_float32_cannot_hold_are_refused():
    x = np.ones((6, 3)) * 1e300
    model = tn.Sequential(tn.Dense(3, 2))
    with pytest.raises(
        tn.DataError, match=r"images: expected numbers up to 3.40282e\+38, the largest in float32"
    ) as caught:
        tn.fit(model, (x, Y))
    tn.fit(model, (follow(caught.value, images=x), Y), epochs=1, progress=False)
    with pytest.raises(tn.DataError, match="labels: expected numbers up to"):
        tn.fit(tn.Sequential(tn.Dense(3, 1)), (X, x[:, :1]), loss=tn.MeanSquaredError())
