"""The search for a learning rate finds one that works and leaves the model as it was."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.training.learning_rate_finder import RateRange


def test_parameters_and_statistics_are_restored(small_data):
    model = tn.Sequential(tn.Dense(20, 16), tn.BatchNorm(16), tn.ReLU(), tn.Dense(16, 4))
    theta, statistics = model.theta.copy(), model.statistics_vector.copy()
    found = tn.find_learning_rate(model, small_data[0], steps=20, batch_size=50)
    np.testing.assert_array_equal(model.theta, theta)
    np.testing.assert_array_equal(model.statistics_vector, statistics)
    assert len(found.rates) == len(found.losses) <= 20


def test_the_model_stays_as_it_was_and_the_learning_rate_found_works(small_data, tmp_path):
    model, optimizer = small_model(), tn.SGD(0.1, momentum=0.9)
    before = model.theta.copy()
    found = tn.find_learning_rate(model, small_data[0], optimizer=optimizer, batch_size=50)
    assert np.array_equal(model.theta, before)
    assert optimizer.learning_rate == 0.1
    assert len(found.rates) == len(found.losses) <= 100
    assert found.losses[-1] > 2 * min(found.losses)  # it went on until it hurt
    assert 0.001 < found.steepest < 1
    tn.fit(model, small_data[0], optimizer=tn.SGD(found.steepest, momentum=0.9), epochs=8, batch_size=50)
    assert tn.evaluate(model, small_data[1]).accuracy > 0.9
    found.plot(tmp_path / "rates.png")
    assert (tmp_path / "rates.png").stat().st_size > 5000
    with pytest.raises(ValueError, match="expected lowest below highest, got 1 and 0.1; leave both out"):
        tn.find_learning_rate(model, small_data[0], lowest=1, highest=0.1)


def test_the_model_is_restored_when_the_search_fails(small_data):
    class Failing(tn.SGD):
        def update(self, theta, gradient, state, step):
            theta += 1
            raise ArithmeticError("on purpose")

    model = small_model()
    before = model.theta.copy()
    with pytest.raises(ArithmeticError, match="on purpose"):
        tn.find_learning_rate(model, small_data[0], optimizer=Failing(0.1))
    assert np.array_equal(model.theta, before)


@pytest.mark.parametrize("loss", [tn.SoftmaxCrossEntropy(), tn.SoftmaxCrossEntropy(class_weights=[0, 1, 1, 20])])
def test_the_smoothed_loss_weighs_each_example_alike(small_data, loss):
    """The parameters stand still, and the last of three batches has 10 examples instead of 100."""
    model, data = tn.Sequential(tn.Dense(20, 4)), small_data[0].subset(slice(0, 210))
    found = tn.find_learning_rate(model, data, loss=loss, steps=11, lowest=1e-30, highest=2e-30, batch_size=100)
    values, weights = [], []
    for epoch in range(4):
        for x, labels in tn.data.batches(data, 100, 0, epoch):
            values.append(float(loss(model(x), labels)))
            weights.append(np.sum([0, 1, 1, 20] * np.bincount(labels, minlength=4)) if loss.weighted else len(labels))
    for step in range(11):
        decay = 0.9 ** np.arange(step, -1, -1)
        expected = np.average(values[: step + 1], weights=decay * weights[: step + 1])
        assert found.losses[step] == pytest.approx(expected, rel=1e-5)


def test_the_seed_decides_the_order_of_the_batches(small_data):
    def losses(seed):
        model = tn.Sequential(tn.Dense(20, 4))  # without dropout: nothing else depends on the seed
        return tn.find_learning_rate(model, small_data[0], steps=20, batch_size=50, seed=seed).losses

    assert losses(0) == losses(0)
    assert losses(0) != losses(1)


def test_the_steepest_fall_after_the_minimum_does_not_count():
    """There the loss jumps about, since the learning rate is too large."""
    rates = tuple(np.geomspace(1e-4, 10, 40))
    losses = np.r_[
        np.linspace(2.0, 1.5, 10), np.linspace(1.45, 0.5, 10), np.linspace(0.6, 6, 10), np.linspace(1, 9, 10)
    ]
    found = RateRange(rates, tuple(losses))
    assert rates[9] < found.steepest <= rates[19]
