"""Accuracy and loss as `evaluate` computes them equal their definitions, for every batch size and number of threads."""

import re
import threading

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.models import small_model


def test_evaluate_agrees_with_the_definition_and_ignores_batches(small_data):
    _, test = small_data
    model = small_model()
    probabilities = model.predict(test)
    expected = -np.log(probabilities[np.arange(len(test)), test.labels]).mean()
    for batch_size in (1, 7, 200, 1000):
        measured = tn.evaluate(model, test, batch_size=batch_size)
        assert measured.loss == pytest.approx(expected, rel=1e-5)
        assert measured.accuracy == (probabilities.argmax(axis=1) == test.labels).mean()


WEIGHTS = [
    dict(class_weights=[1, 1, 1, 10]),
    dict(class_weights=[0, 1, 0, 2]),
    dict(class_weights=[0, 1, 0, 2], label_smoothing=0.3),  # the smoothed part of a loss counts at weight 0, too
]


@pytest.mark.parametrize("settings", WEIGHTS)
@pytest.mark.parametrize("sort", [True, False])
def test_a_weighted_loss_is_that_of_all_examples_whatever_the_batches(small_data, settings, sort):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    data = small_data[1]
    data = data.subset(data.labels.argsort()) if sort else data  # sorted: batches of one class
    model = small_model()
    expected = torch.nn.functional.cross_entropy(
        torch.tensor(model(data.images)).double(),
        torch.tensor(data.labels),
        weight=torch.tensor(settings["class_weights"]).double(),
        label_smoothing=settings.get("label_smoothing", 0.0),
    )
    plain = tn.evaluate(model, data).accuracy
    for batch_size in (1, 7, 10, 50, 200, 1000):
        for threads in (1, 3):
            loss = tn.SoftmaxCrossEntropy(**settings)
            measured = tn.evaluate(model, data, loss, batch_size=batch_size, threads=threads)
            assert measured.loss == pytest.approx(float(expected), rel=1e-6)
            assert measured.accuracy == plain  # of rows, not of weights


def test_a_mean_over_weights_that_are_all_0_is_nan(small_data):
    data = small_data[1].subset(small_data[1].labels == 0)
    loss = tn.SoftmaxCrossEntropy(class_weights=[0, 1, 1, 1])
    measured = tn.evaluate(small_model(), data, loss, batch_size=10)
    assert np.isnan(measured.loss)
    assert 0 <= measured.accuracy <= 1


class ByHeight(tn.MeanSquaredError):
    """A loss of one's own whose examples count by their first target."""

    def forward(self, outputs, targets):
        weights = targets[:, :1]
        difference = outputs - targets
        whole = weights.sum() * targets.shape[1]
        return (weights * difference**2).sum() / whole, lambda dloss=1.0: 2 * weights * difference * (dloss / whole)

    def weight(self, targets):
        return targets[:, 0].sum()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_loss_of_ones_own_says_the_weight_of_a_batch(threads):
    generator = np.random.default_rng(0)
    x, targets = generator.normal(size=(60, 3)), generator.uniform(1, 9, (60, 2))
    model = tn.Sequential(tn.Dense(3, 2), dtype="float64")
    expected = np.average(((model(x) - targets) ** 2).mean(axis=1), weights=targets[:, 0])
    for batch_size in (1, 7, 60):
        measured = tn.evaluate(model, (x, targets), ByHeight(), batch_size=batch_size, threads=threads)
        assert measured.loss == pytest.approx(expected, rel=1e-12)


def test_a_regression_has_no_accuracy(small_data):
    x, targets = small_data[1].images, small_data[1].images[:, :4]
    measured = tn.evaluate(small_model(), (x, targets), tn.MeanSquaredError())
    assert np.isnan(measured.accuracy)
    assert measured.loss == pytest.approx(((small_model()(x) - targets) ** 2).mean(), rel=1e-5)


def test_as_many_threads_as_asked_for_share_the_batches(small_data):
    together = threading.Barrier(3, timeout=20)

    class Meeting(tn.SoftmaxCrossEntropy):
        def forward(self, outputs, targets):
            together.wait()  # for two other batches, in two other threads
            return super().forward(outputs, targets)

    data = small_data[1].subset(slice(0, 60))
    measured = tn.evaluate(small_model(), data, Meeting(), batch_size=10, threads=3)
    assert measured == tn.evaluate(small_model(), data, batch_size=10, threads=1)


def test_the_model_is_measured_where_it_is_or_where_it_is_told_to_go(small_data):
    model = small_model()
    expected = tn.evaluate(model, small_data[1])
    assert model.device.name == "cpu"
    there = tn.evaluate(model, small_data[1], device=strict.device)
    assert model.device.name == strict.device.name
    assert there.accuracy == expected.accuracy
    assert tn.evaluate(model, small_data[1]) == there
    assert model.device.name == strict.device.name


def test_what_is_no_model_or_no_loss_is_refused_by_evaluate(small_data):
    with pytest.raises(TypeError, match="^evaluate: loss: expected an instance of Loss, got 'mse'"):
        tn.evaluate(small_model(), small_data[1], "mse")
    with pytest.raises(TypeError, match="^evaluate: model: expected a Sequential, got str"):
        tn.evaluate("model", small_data[1])


def test_predictions_and_measurements_are_shared(small_data):
    model, (_, test) = small_model(), small_data
    assert np.array_equal(model.predict(test, batch_size=10), model.predict(test, batch_size=10, threads=3))
    one, three = (tn.evaluate(model, test, batch_size=10, threads=threads) for threads in (1, 3))
    assert one == three


# Raw data are scaled as the training set was, or refused with a remedy.

RNG = np.random.default_rng(3)
LABELS = np.arange(400) % 4
PIXELS = np.clip(RNG.normal(90, 40, (400, 6, 6)) + 30 * LABELS[:, None, None], 0, 255).astype("uint8")
UNIT = (PIXELS / 255).astype("float32")


def trained(images, standardize=True, **arguments):
    data = tn.data.from_arrays(images, LABELS)
    data = data.standardize() if standardize else data
    model = tn.Sequential(tn.Reshape(36), tn.Dense(36, 8), tn.ReLU(), tn.Dense(8, 4), seed=1)
    history = tn.fit(model, data, epochs=3, batch_size=40, progress=False, **arguments)
    return model, data, history


@pytest.mark.parametrize("train", [PIXELS, UNIT, UNIT * 200 - 50], ids=["pixels", "unit", "floats"])
@pytest.mark.parametrize("standardize", [True, False])
def test_raw_data_are_scaled_as_the_training_set_was(train, standardize, tmp_path):
    model, data, history = trained(train, standardize, validation=(train, LABELS))
    expected = tn.evaluate(model, data)
    assert tn.evaluate(model, (train, LABELS)) == tn.evaluate(model, tn.data.from_arrays(train, LABELS)) == expected
    assert history["validation_loss"][-1] == expected.loss
    model.save(tmp_path / "m.safetensors")
    assert tn.evaluate(tn.load(tmp_path / "m.safetensors"), (train, LABELS)) == expected


def test_a_data_set_keeps_the_scale_that_it_was_given():
    model, _, _ = trained(PIXELS)
    other = tn.data.from_arrays(PIXELS[:100] // 2, LABELS[:100]).standardize()
    x = (PIXELS[:100] // 2 / 255 - other.mean) / other.deviation
    outputs = model(x.astype("float32"))
    accuracy = (outputs.argmax(axis=1) == LABELS[:100]).mean()
    assert tn.evaluate(model, other).accuracy == accuracy


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(("train", "given"), [(PIXELS, UNIT), (UNIT, PIXELS), (PIXELS.astype("float32"), PIXELS)])
def test_pixels_and_floats_stand_for_each_other(train, given, standardize):
    model, data, _ = trained(train, standardize)
    expected = tn.evaluate(model, data)
    measured = tn.evaluate(model, (given, LABELS))
    assert measured.accuracy == expected.accuracy
    assert measured.loss == pytest.approx(expected.loss, rel=1e-4)


@pytest.mark.parametrize("train", [PIXELS, UNIT, UNIT * 1000], ids=["pixels", "unit", "floats"])
def test_numbers_that_are_standardized_already_are_refused_and_the_remedy_gives_the_result(train):
    model, data, _ = trained(train)
    images = data.inputs(slice(None), np.dtype("float32"))
    with pytest.raises(tn.DataError, match="images: .* standardized already; give images") as caught:
        tn.evaluate(model, (images, LABELS))
    with pytest.raises(tn.DataError, match="images: .* standardized already; give images"):
        tn.fit(model, data, validation=(images, LABELS), epochs=1, progress=False)
    advice = re.search("give (images .*)", str(caught.value)).group(1)
    measured = tn.evaluate(model, (eval(advice), LABELS))  # noqa: S307  the advice, literally
    assert measured.loss == pytest.approx(tn.evaluate(model, data).loss, rel=1e-4)


@pytest.mark.parametrize("standardize", [True, False])
def test_floats_up_to_255_for_a_model_of_pixels_are_refused_and_the_remedy_gives_the_result(standardize):
    model, data, _ = trained(PIXELS, standardize)
    images = PIXELS.astype("float32")
    with pytest.raises(tn.DataError, match="for pixels from 0 to 255, give images / 255, or uint8"):
        tn.evaluate(model, (images, LABELS))
    expected = tn.evaluate(model, data).loss
    for followed in (images / 255, images.astype("uint8")):
        assert tn.evaluate(model, (followed, LABELS)).loss == pytest.approx(expected, rel=1e-4)


def test_numbers_a_little_outside_the_range_of_training_are_not_refused():
    model, _, _ = trained(UNIT)
    assert tn.evaluate(model, (UNIT - 0.05, LABELS)).accuracy > 0.5
