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


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "tinynet"]


def test_a_second_fit_says_once_that_it_begins_anew_and_a_trainer_goes_on(small_data, caplog):
    train, model = small_data[0], small_model()
    tn.fit(model, train, epochs=1)
    assert lines(caplog) == []
    tn.fit(model, train, epochs=1)
    (said,) = lines(caplog)
    assert said.startswith("fit: this model was trained before; shuffles, dropout and optimizer begin anew")
    assert "keep a Trainer and call its fit" in said
    caplog.clear()
    model, whole = small_model(), small_model()
    trainer = tn.Trainer(model)
    for _ in range(3):
        trainer.fit(train, epochs=1)
    assert lines(caplog) == []
    tn.fit(whole, train, epochs=3)
    np.testing.assert_array_equal(model.theta, whole.theta)


def test_a_run_that_is_resumed_does_not_begin_anew(small_data, tmp_path, caplog):
    pytest.importorskip("safetensors")
    pytest.importorskip("filelock")
    model = small_model()
    tn.fit(model, small_data[0], epochs=1, checkpoint=tmp_path)
    tn.fit(model, small_data[0], epochs=2, checkpoint=tmp_path, resume=True)
    assert lines(caplog) == []


def test_training_after_steps_by_hand_begins_anew_too(small_data, caplog):
    model = small_model()
    tn.Trainer(model).step(small_data[0].images[:10], small_data[0].labels[:10])
    tn.fit(model, small_data[0], epochs=1)
    assert len(lines(caplog)) == 1


@pytest.mark.parametrize("clock", [lambda: 5.0, iter(range(10**6, 0, -1)).__next__], ids=["stands still", "runs back"])
def test_a_clock_that_jumps_ends_no_run(clock, small_data, monkeypatch):
    monkeypatch.setattr("time.perf_counter", clock)
    history = tn.fit(small_model(), small_data[0], epochs=2)
    assert all(0 < seconds < np.inf for seconds in history["seconds"])
    assert all(0 < speed < np.inf for speed in history["samples_per_second"])
