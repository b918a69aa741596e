"""fit and evaluate: what is trained on, what is measured, what is refused, and that nothing depends on the past."""

import json

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.training.callbacks import Callback, default_callbacks


class Recorder(Callback):
    def __init__(self):
        self.calls = []

    def epoch_begins(self, epoch, epochs, examples):
        self.calls.append(("begins", epoch, epochs, examples))

    def batch_ends(self, examples, numbers):
        self.calls.append(("batch", examples, sorted(numbers)))

    def epoch_ends(self, history):
        self.calls.append(("ends", history.last["epoch"]))


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


def test_evaluate_agrees_with_the_definition_and_ignores_batches(small_data):
    _, test = small_data
    model = small_model()
    probabilities = model.predict(test)
    expected = -np.log(probabilities[np.arange(len(test)), test.labels]).mean()
    for batch_size in (1, 7, 200, 1000):
        measured = tn.evaluate(model, test, batch_size=batch_size)
        assert measured.loss == pytest.approx(expected, rel=1e-5)
        assert measured.accuracy == (probabilities.argmax(axis=1) == test.labels).mean()


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


def test_one_epoch_does_what_the_formulas_say(small_data):
    train, _ = small_data
    model, by_hand = small_model(), small_model()
    tn.fit(model, train, optimizer=tn.SGD(0.1), epochs=1, batch_size=100, seed=3)
    for step, (x, labels) in enumerate(tn.data.batches(train, 100, seed=3, epoch=0)):
        _, gradient = by_hand.loss_and_gradient(x, labels, context=tn.Context(training=True, seed=3, step=step))
        by_hand.theta -= 0.1 * gradient
    np.testing.assert_allclose(model.theta, by_hand.theta, rtol=1e-5, atol=1e-7)


def test_running_numbers_are_means_over_examples_with_dropout_on(small_data):
    train, _ = small_data
    model = small_model()
    history = tn.fit(model, train, optimizer=tn.SGD(1e-30), epochs=1, batch_size=256, measure_train=True)
    assert history["running_loss"][0] > history["train_loss"][0]  # theta stood still: only dropout differs
    plain = tn.Sequential(tn.Dense(20, 4))
    history = tn.fit(plain, train, optimizer=tn.SGD(1e-30), epochs=1, batch_size=256, measure_train=True)
    assert history["running_loss"][0] == pytest.approx(history["train_loss"][0], rel=1e-6)
    assert history["running_accuracy"] == history["train_accuracy"]


def test_callbacks_see_the_run_go_by(small_data):
    train, _ = small_data
    recorder = Recorder()
    tn.fit(small_model(), train, epochs=2, batch_size=400, callbacks=[recorder])
    one = [("batch", 400, ["accuracy", "loss"]), ("batch", 200, ["accuracy", "loss"])]
    assert recorder.calls == [("begins", 1, 2, 600), *one, ("ends", 1), ("begins", 2, 2, 600), *one, ("ends", 2)]


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


def test_float64_trains_in_float64(small_data):
    model = small_model(dtype="float64")
    tn.fit(model, small_data[0], epochs=1, batch_size=100)
    assert model.theta.dtype == np.float64


def test_padding_between_parameters_stays_zero(small_data):
    model = tn.Sequential(tn.Dense(20, 4))  # 80 weights, 4 biases, 12 of padding
    tn.fit(model, small_data[0], optimizer=tn.SGD(0.1, momentum=0.9, weight_decay=0.1), epochs=2, batch_size=100)
    assert len(model.theta) == 96
    assert not model.theta[84:].any()


# Divergence and errors -----------------------------------------------------------------------------------------------


def test_divergence_stops_the_run_and_keeps_the_history(small_data):
    train, _ = small_data

    def explode_in_the_third_epoch(step):
        return 0.1 if step < 12 else 1e30

    with pytest.raises(tn.DivergenceError) as caught:
        tn.fit(small_model(), train, optimizer=tn.SGD(explode_in_the_third_epoch), epochs=5, batch_size=100)
    message = str(caught.value)
    assert "in epoch 3, step 13, at learning rate 1e+30; try a smaller one, such as 1e+29" in message
    assert len(caught.value.history) == 2


ERRORS = [
    (lambda train: dict(batch_size=0), ValueError, "batch_size: expected a whole number from 1, got 0"),
    (lambda train: dict(batch_size=2.5), ValueError, "batch_size: expected a whole number from 1, got 2.5"),
    (lambda train: dict(epochs=0), ValueError, "epochs: expected a whole number from 1, got 0"),
    (lambda train: dict(seed=-1), ValueError, "seed: expected a whole number"),
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
    (lambda train: dict(device="tpu"), tn.DeviceError, "expected 'auto', 'cpu', 'gpu' or 'gpu:N', got 'tpu'"),
]


@pytest.mark.parametrize(("change", "error", "message"), ERRORS)
def test_what_does_not_fit_is_refused_before_training(small_data, change, error, message):
    model = small_model()
    before = model.theta.copy()
    settings = {"train": small_data[0], "epochs": 1, "batch_size": 64, **change(small_data[0])}
    with pytest.raises(error, match=message):
        tn.fit(model, settings.pop("train"), **settings)
    np.testing.assert_array_equal(model.theta, before)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(learning_rate=0), "SGD: expected a learning rate above 0, got 0"),
        (dict(learning_rate=float("inf")), "SGD: expected a learning rate above 0 and finite, got inf"),
        (dict(learning_rate=0.1, momentum=1), "momentum from 0 up to, not including, 1, got 1"),
        (dict(learning_rate=0.1, nesterov=True), "momentum above 0 with nesterov=True"),
        (dict(learning_rate=0.1, weight_decay=-1), "weight_decay of at least 0, got -1"),
        (dict(learning_rate=0.1, weight_decay=float("nan")), "weight_decay of at least 0, got nan"),
    ],
)
def test_settings_of_sgd_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        tn.SGD(**settings)


# History and progress ------------------------------------------------------------------------------------------------


def test_history_as_dict_csv_and_words(small_data, tmp_path):
    history = tn.fit(small_model(), small_data[0], epochs=2, batch_size=100)
    columns = json.loads(json.dumps(history.to_dict()))
    assert columns["epoch"] == [1, 2]
    history.to_csv(tmp_path / "history.csv")
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert lines[0].split(",") == list(columns)
    assert len(lines) == 3
    assert float(lines[2].split(",")[1]) == columns["running_loss"][1]
    assert repr(history).startswith("<History: 2 epochs; last: running_loss ")
    with pytest.raises(KeyError, match="no column 'val_loss'; there are: epoch, running_loss"):
        history["val_loss"]
    assert repr(tn.History()) == "<History: no epochs>"


def test_progress_is_silent_where_there_is_no_terminal(small_data, capfd):
    tn.fit(small_model(), small_data[0], epochs=1)
    assert capfd.readouterr() == ("", "")
    assert default_callbacks(progress=True) == []


def test_progress_on_a_terminal(small_data, capfd, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    tn.fit(small_model(), small_data[0], validation=small_data[1], epochs=2, batch_size=100)
    shown = capfd.readouterr().err
    for part in ("epoch 2/2", "600/600", "samples/s", "loss=", "acc=", "val_acc="):
        assert part in shown
    tn.fit(small_model(), small_data[0], epochs=1, progress=False)
    assert capfd.readouterr().err == ""
