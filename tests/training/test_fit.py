"""fit: a run learns, is measured, and depends on nothing but its arguments; wrong settings are refused."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model


def test_training_learns_and_measures(small_data):
    train, test = small_data
    model = small_model()
    history = tn.fit(
        model, train, validation=test, optimizer=tn.SGD(0.1, momentum=0.9), epochs=6, batch_size=64, measure_train=True
    )
    assert list(history.last) == [
        "epoch", "running_loss", "running_accuracy", "learning_rate", "seconds", "samples_per_second",
        "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
    ]  # fmt: skip
    assert history["epoch"] == [1, 2, 3, 4, 5, 6]
    assert history["validation_accuracy"][-1] > 0.95
    measured = tn.evaluate(model, test)
    assert measured.loss == history.last["validation_loss"]
    assert measured.accuracy == history.last["validation_accuracy"]
    assert tn.evaluate(model, train).loss == pytest.approx(history.last["train_loss"], rel=1e-6)


def test_a_run_is_a_function_of_its_arguments(small_data):
    train, _ = small_data
    runs = []
    for seed in (0, 0, 1):
        model = small_model()
        tn.fit(model, train, epochs=2, batch_size=50, seed=seed)
        runs.append(model.theta.tobytes())
    assert runs[0] == runs[1] != runs[2]


def test_each_epoch_is_shuffled_anew_and_holds_every_example(small_data):
    train, _ = small_data
    rows = tn.data.from_arrays(np.arange(600, dtype="float32").reshape(-1, 1), np.arange(600))
    orders = [np.concatenate([y for _, y in tn.data.batches(rows, 64, seed=0, epoch=epoch)]) for epoch in range(3)]
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(600))
    assert len({order.tobytes() for order in orders}) == 3
    assert not (np.diff(orders[0]) == 1).sum() > 10  # examples are shuffled, not only whole batches


def test_an_epoch_broken_off_loses_nothing():
    rows = tn.data.from_arrays(np.zeros((10, 1), "float32"), np.arange(10))
    first = next(iter(tn.data.batches(rows, 4, seed=0, epoch=0)))[1]
    again = list(tn.data.batches(rows, 4, seed=0, epoch=0))
    np.testing.assert_array_equal(first, again[0][1])
    assert [len(labels) for _, labels in again] == [4, 4, 2]  # the short one is used


def test_running_numbers_are_means_over_examples_with_dropout_on(small_data):
    train, _ = small_data
    model = small_model()
    history = tn.fit(model, train, optimizer=tn.SGD(1e-30), epochs=1, batch_size=256, measure_train=True)
    assert history["running_loss"][0] > history["train_loss"][0]  # theta stood still: only dropout differs
    plain = tn.Sequential(tn.Dense(20, 4))
    history = tn.fit(plain, train, optimizer=tn.SGD(1e-30), epochs=1, batch_size=256, measure_train=True)
    assert history["running_loss"][0] == pytest.approx(history["train_loss"][0], rel=1e-6)
    assert history["running_accuracy"] == history["train_accuracy"]


def test_a_regression_has_a_loss_and_no_accuracy():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(200, 3))
    y = x @ np.array([[1.0], [2.0], [-1.0]]) + 0.5
    model = tn.Sequential(tn.Dense(3, 1))
    history = tn.fit(model, (x, y), validation=(x, y), loss=tn.MeanSquaredError(), epochs=50, batch_size=20)
    assert history["validation_loss"][-1] < 1e-6
    assert not [name for name in history.last if "accuracy" in name]
    np.testing.assert_allclose(model[0].weight[:, 0], [1, 2, -1], atol=1e-3)
    assert np.isnan(tn.evaluate(model, (x, y), loss=tn.MeanSquaredError()).accuracy)


def test_a_learning_rate_may_be_a_function_of_the_step(small_data):
    train, _ = small_data
    history = tn.fit(small_model(), train, optimizer=tn.SGD(lambda step: 0.1 / (1 + step)), epochs=2, batch_size=300)
    assert history["learning_rate"] == [0.1 / 2, 0.1 / 4]


def test_numpys_scalars_do_not_widen_a_step():
    settings = dict(momentum=np.float64(0.9), nesterov=True, weight_decay=np.float64(0.01))
    optimizer = tn.SGD(np.float64(0.1), **settings)
    assert [type(value) for value in (optimizer.rate(0), optimizer.momentum, optimizer.weight_decay)] == [float] * 3
    assert type(tn.SGD(lambda step: np.float64(0.1)).rate(0)) is float
    _, backward = tn.MeanSquaredError().forward(np.ones((2, 2), "float32"), np.zeros((2, 2), "float32"))
    assert backward(np.float64(0.5)).dtype == np.float32


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (dict(batch_size=0), ValueError, "batch_size: expected a whole number from 1, got 0"),
        (dict(batch_size=2.5), ValueError, "batch_size: expected a whole number from 1, got 2.5"),
        (dict(epochs=0), ValueError, "epochs: expected a whole number from 1, got 0"),
        (dict(seed=-1), ValueError, "seed: expected a whole number"),
        (dict(device="tpu"), tn.DeviceError, "expected 'auto', 'cpu', 'gpu' or 'gpu:N', got 'tpu'"),
    ],
)
def test_wrong_settings_are_refused_before_training(small_data, wrong, error, message):
    model = small_model()
    before = model.theta.copy()
    with pytest.raises(error, match=message):
        tn.fit(model, small_data[0], **{"epochs": 1, "batch_size": 64, **wrong})
    np.testing.assert_array_equal(model.theta, before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(learning_rate=0), "SGD: expected a learning rate above 0, got 0"),
        (dict(learning_rate=float("inf")), "SGD: expected a learning rate above 0, got inf"),
        (dict(learning_rate=0.1, momentum=1), "momentum from 0 up to, not including, 1, got 1"),
        (dict(learning_rate=0.1, nesterov=True), "momentum above 0 with nesterov=True"),
        (dict(learning_rate=0.1, weight_decay=-1), "weight_decay of at least 0, got -1"),
        (dict(learning_rate=0.1, weight_decay=float("nan")), "weight_decay of at least 0, got nan"),
    ],
)
def test_settings_of_sgd_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        tn.SGD(**settings)
