"""fit: a run learns, is measured, and depends on nothing but its arguments; wrong settings are refused."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.backend.threads import Team


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


@pytest.mark.parametrize("batch_size", [1, 7, 64, 600])
def test_the_running_loss_of_weighted_examples_is_that_of_all(small_data, batch_size):
    """Parameters that stand still: the epoch's mean is the loss of the whole set, in whatever batches."""
    loss, train = tn.SoftmaxCrossEntropy(class_weights=[0, 1, 1, 10]), small_data[0]
    model, settings = tn.Sequential(tn.Dense(20, 4)), dict(optimizer=tn.SGD(1e-30), measure_train=True)
    history = tn.fit(model, train, loss=loss, epochs=1, batch_size=batch_size, **settings)
    assert history["train_loss"][0] == pytest.approx(tn.evaluate(model, train, loss, batch_size=600).loss, rel=1e-6)
    assert history["running_loss"] == pytest.approx(history["train_loss"], rel=1e-5)
    assert history["running_accuracy"] == pytest.approx(history["train_accuracy"])


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


def test_what_is_left_out_is_as_documented(small_data):
    plain, told = small_model(), small_model()
    history = tn.fit(plain, small_data[0])
    tn.fit(told, small_data[0], loss=tn.SoftmaxCrossEntropy(), optimizer=tn.SGD(0.1), epochs=10, batch_size=128, seed=0)
    assert len(history) == 10
    np.testing.assert_array_equal(plain.theta, told.theta)


def test_the_number_of_threads_is_that_asked_for(small_data, monkeypatch):
    seen, make = [], Team.__init__

    def noted(team, size):
        seen.append(size)
        make(team, size)

    monkeypatch.setattr(Team, "__init__", noted)
    tn.fit(small_model(), small_data[0], validation=small_data[1], epochs=1, threads=3)
    assert seen == [3, 3]  # of the training, and of the evaluation


def test_the_speed_is_examples_by_seconds_of_training(small_data):
    history = tn.fit(small_model(), small_data[0], epochs=2, batch_size=64)
    assert np.multiply(history["samples_per_second"], history["seconds"]) == pytest.approx([600, 600])


def test_each_epoch_averages_its_own_losses_from_its_first_batch_on(small_data):
    """The parameters stand still: the first running loss of an epoch is that of its first batch."""
    seen, model = [], tn.Sequential(tn.Dense(20, 4))

    class Watch(tn.Callback):
        def batch_ends(self, examples, numbers):
            seen.append((examples, numbers["loss"]))

    tn.fit(model, small_data[0], optimizer=tn.SGD(1e-30), epochs=3, batch_size=250, seed=4, callbacks=[Watch()])
    expected = []
    for epoch in range(3):
        parts = list(tn.data.batches(small_data[0], 250, seed=4, epoch=epoch))
        losses, sizes = [tn.evaluate(model, part).loss for part in parts], [len(labels) for _, labels in parts]
        expected += [(size, np.average(losses[: n + 1], weights=sizes[: n + 1])) for n, size in enumerate(sizes)]
    assert [examples for examples, _ in seen] == [examples for examples, _ in expected]
    assert [loss for _, loss in seen] == pytest.approx([loss for _, loss in expected], rel=1e-5)
