"""The record of what a model was trained on."""

import dataclasses
import json

import numpy as np
import pytest

import tinynet as tn
from tests.support.pictures import NAMES, pictures, trained
from tinynet.data.preprocessing import Preprocessing

IMAGES, LABELS = pictures(60)


def test_training_sets_it():
    model, train = trained(IMAGES, LABELS)
    scaled = IMAGES / 255
    assert model.preprocessing == Preprocessing(
        "classes", True, train.mean, train.deviation, (48,), (8, 6), (0.0, 255.0), NAMES
    )
    assert train.mean == pytest.approx(scaled.mean(), rel=1e-12)
    assert train.deviation == pytest.approx(scaled.std(), rel=1e-12)


def test_floats_have_their_own_range_and_names_are_text():
    model, _ = trained(IMAGES * 2.0 - 100, LABELS, standardize=False, flatten=False, class_names=(3, 4, 5))
    assert model.preprocessing == Preprocessing(
        "classes", False, 0.0, 1.0, (8, 6), (8, 6), (-100.0, 410.0), ("3", "4", "5")
    )


@pytest.mark.parametrize(
    ("loss", "output"),
    [
        (tn.SoftmaxCrossEntropy(0.1), "classes"),
        (tn.BinaryCrossEntropy(), "probabilities"),
        (tn.MeanSquaredError(), "numbers"),
        (type("Mine", (tn.MeanSquaredError,), {})(), "numbers"),
        (type("Mine", (tn.SoftmaxCrossEntropy,), {})(), "classes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_loss_says_what_the_outputs_mean(loss, output):
    x = np.random.default_rng(0).random((6, 4), dtype="float32")
    targets = np.arange(6) % 3 if output == "classes" else (x[:, :3] > 0.5).astype("float32")

    def of_a_step(model):
        tn.Trainer(model, loss=loss).step(x, targets)

    def of_a_loop(model):
        model.loss_and_gradient(x, targets, loss, context=tn.Context(training=True))

    for train in (lambda model: tn.fit(model, (x, targets), loss=loss, epochs=1), of_a_step, of_a_loop):
        model = tn.Sequential(tn.Dense(4, 3))
        assert model.preprocessing is None
        train(model)
        assert model.preprocessing.output == output


def test_a_step_keeps_the_scale_of_an_earlier_fit_and_tells_the_meaning_of_its_own_loss():
    model, train = trained(IMAGES, LABELS)
    targets = np.zeros((5, 3), "float32")
    tn.Trainer(model, loss=tn.MeanSquaredError()).step(np.zeros((5, 48), "float32"), targets)
    assert (model.preprocessing.output, model.preprocessing.mean) == ("numbers", train.mean)


def test_a_measurement_changes_nothing():
    model, _ = trained(IMAGES, LABELS)
    before = model.preprocessing
    tn.evaluate(model, (IMAGES.reshape(60, -1), np.zeros((60, 3), "float32")), tn.MeanSquaredError())
    model.loss_and_gradient(np.zeros((1, 48), "float32"), np.zeros((1, 3), "float32"), tn.MeanSquaredError(),
                            context=tn.Context(training=True))  # fmt: skip
    assert model.preprocessing is before
    untrained = tn.Sequential(tn.Dense(2, 1))
    untrained.loss_and_gradient(
        np.zeros((1, 2), "float32"), np.zeros((1, 1), "float32"), tn.MeanSquaredError(), context=tn.Context()
    )
    assert untrained.preprocessing is None


def test_it_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Preprocessing().mean = 3.0
    with pytest.raises(ValueError, match="unknown output 'clases'; did you mean 'classes'?"):
        Preprocessing("clases")


def test_the_defaults_change_nothing():
    record = Preprocessing()
    assert dataclasses.astuple(record) == ("classes", False, 0.0, 1.0, (), (), None, ())
    assert (record.standardizes, record.unit) == (False, 1.0)
    assert [Preprocessing(mean=m, deviation=d).standardizes for m, d in [(0.1, 1.0), (0.0, 2.0), (0.1, 2.0)]] == [
        True
    ] * 3
    assert Preprocessing(pixels=True).unit == 255.0


def test_a_part_of_the_data_has_no_range():
    data = tn.data.from_arrays(IMAGES, LABELS, class_names=NAMES)
    assert Preprocessing.of(data, "numbers", whole=False) == Preprocessing(
        "numbers", True, 0.0, 1.0, (8, 6), (8, 6), None, NAMES
    )
    assert Preprocessing.of(data, "classes").value_range == (0.0, 255.0)
    plain = tn.data.Dataset(IMAGES, LABELS)  # says nothing of the shape of its pictures
    assert Preprocessing.of(plain, "classes").image_shape == (8, 6)


@pytest.mark.parametrize(
    "change",
    [
        {"input_shape": [1] * 32}, {"input_shape": [0]}, {"image_shape": [2**31 - 1]}, {"value_range": [2, 2]},
        {"value_range": None}, {"mean": -1e30}, {"mean": 3}, {"deviation": 1e-30}, {"class_names": []},
    ],
)  # fmt: skip
def test_json_at_the_edge_is_taken(change):
    fields = json.loads(json.dumps(RECORDS[1].to_json())) | change
    assert json.loads(json.dumps(Preprocessing.from_json(fields, "m").to_json())) == fields


RECORDS = [Preprocessing(), Preprocessing("numbers", True, 0.1, 3.5, (4,), (2, 2), (-1.0, 1e30), ("a", "ä"))]


@pytest.mark.parametrize("record", RECORDS)
def test_json_and_back(record):
    assert Preprocessing.from_json(json.loads(json.dumps(record.to_json())), "m") == record


@pytest.mark.parametrize(
    "change",
    [
        {"output": "words"}, {"output": []}, {"pixels": 1}, {"mean": None}, {"mean": float("nan")}, {"mean": 10**400},
        {"deviation": 0}, {"deviation": -1.0}, {"input_shape": [1, "2"]}, {"input_shape": [-1]}, {"image_shape": 3},
        {"image_shape": [2**31]}, {"input_shape": [True]}, {"image_shape": None}, {"pixels": None}, {"mean": True},
        {"deviation": True}, {"deviation": "1"}, {"mean": float("inf")}, {"value_range": [1, 2, 3]},
        {"value_range": "ab"},
        {"value_range": [None, 1]}, {"value_range": {}}, {"class_names": None}, {"class_names": [None]},
        {"image_shape": [1] * 33}, {"value_range": [1]}, {"value_range": [2, 1]}, {"value_range": [0, float("inf")]},
        {"class_names": ["a", 1]}, {"class_names": "ab"}, {"more": 1},
    ],
)  # fmt: skip
def test_json_of_something_else_is_refused(change):
    fields = json.loads(json.dumps(RECORDS[1].to_json())) | change
    with pytest.raises(tn.DataError, match=r"m: expected the preprocessing of a model, got another value; save the"):
        Preprocessing.from_json(fields, "m")
    for value in (None, [], "x", {}):
        with pytest.raises(tn.DataError):
            Preprocessing.from_json(value, "m")
