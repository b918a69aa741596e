"""Accuracy and loss as `evaluate` computes them equal their definitions, for every batch size and number of threads."""

import numpy as np
import pytest

import tinynet as tn
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


def test_predictions_and_measurements_are_shared(small_data):
    model, (_, test) = small_model(), small_data
    assert np.array_equal(model.predict(test, batch_size=10), model.predict(test, batch_size=10, threads=3))
    one, three = (tn.evaluate(model, test, batch_size=10, threads=threads) for threads in (1, 3))
    assert one == three
