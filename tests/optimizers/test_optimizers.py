"""Optimizers and schedules in use: what `fit` does with them, and how they refuse nonsense."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.optimizers import schedules


@pytest.mark.parametrize(
    "optimizer",
    [
        tn.RMSprop(0.003),
        tn.Adam(0.01),
        tn.AdamW(0.01),
        tn.Nadam(0.01),
        tn.Clipped(tn.Adam(0.01)),
        tn.Averaged(tn.Adam(0.01), 0.9),
    ],
    ids=str,
)
def test_each_trains_in_float32(small_data, optimizer):
    model = small_model()
    history = tn.fit(model, small_data[0], optimizer=optimizer, epochs=8, batch_size=50)
    assert model.theta.dtype == np.float32
    assert tn.evaluate(model, small_data[1]).accuracy > 0.9, history


def test_decay_spares_what_the_mask_spares():
    model = tn.Sequential(tn.Dense(3, 4, bias=np.ones(4)), tn.ReLU(), tn.Dense(4, 2, bias=np.ones(2)))
    mask = model.mask()
    assert mask.sum() == 3 * 4 + 4 * 2
    before, optimizer = model.theta.copy(), tn.AdamW(0.1, weight_decay=0.5, mask=mask)
    optimizer.update(model.theta, np.zeros_like(model.theta), optimizer.start(model.theta), 0)
    np.testing.assert_allclose(model.theta, before * (1 - 0.05 * mask), rtol=1e-6)
    assert (model[0].bias == 1).all()
    assert not np.array_equal(model.theta, before)


def test_a_mask_of_another_model_is_refused():
    with pytest.raises(tn.ShapeError, match=r"AdamW: expected a mask of shape \(32,\), got \(64,\); take it from"):
        tn.AdamW(0.1, mask=np.ones(64)).start(np.zeros(32))


def test_fit_measures_and_keeps_the_average(small_data):
    plain, averaged = small_model(), small_model()
    settings = dict(epochs=3, batch_size=50, validation=small_data[1])
    tn.fit(plain, small_data[0], optimizer=tn.SGD(0.5), **settings)
    history = tn.fit(averaged, small_data[0], optimizer=tn.Averaged(tn.SGD(0.5), 0.95), **settings)
    assert not np.array_equal(plain.theta, averaged.theta)
    assert history["validation_loss"][-1] == tn.evaluate(averaged, small_data[1]).loss

    model, thetas = small_model(), []  # the same by hand, from the outside

    class Watch(tn.SGD):
        def update(self, theta, gradient, state, step):
            super().update(theta, gradient, state, step)
            thetas.append(theta.copy())

    average = model.theta.copy()
    tn.fit(model, small_data[0], optimizer=Watch(0.5), **settings)
    for theta in thetas:
        average += np.float32(0.05) * (theta - average)
    np.testing.assert_allclose(averaged.theta, average, rtol=1e-4, atol=1e-6)
    assert np.array_equal(model.theta, plain.theta)


def test_the_history_shows_the_rate_of_a_schedule(small_data):
    rate = schedules.one_cycle(0.2, steps=3 * 6)
    history = tn.fit(small_model(), small_data[0], optimizer=tn.Clipped(tn.Adam(rate)), epochs=3, batch_size=100)
    assert history["learning_rate"] == [rate(5), rate(11), rate(17)]
    assert repr(tn.Adam(rate)) == "Adam(one_cycle(peak=0.2, steps=18, rise=0.3, start=25.0, end=10000.0))"


def test_schedules_after_their_end_and_at_their_start():
    assert schedules.cosine(0.1, 10, 0.01)(10) == schedules.cosine(0.1, 10, 0.01)(1000) == pytest.approx(0.01)
    assert schedules.one_cycle(0.1, 10)(1000) == pytest.approx(0.1 / 25 / 1e4)
    assert schedules.one_cycle(0.1, 3)(0) == pytest.approx(0.1, rel=0.01)  # its rise is shorter than a step
    warmed = schedules.warm_up(schedules.cosine(0.1, 100), 4)
    factors = [warmed(step) / schedules.cosine(0.1, 100)(step) for step in range(6)]
    assert factors == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.RMSprop(0), "RMSprop: expected a learning rate above 0, got 0"),
        (lambda: tn.RMSprop(decay=1), "RMSprop: expected decay from 0 up to, not including, 1, got 1"),
        (lambda: tn.RMSprop(epsilon=0), "RMSprop: expected epsilon above 0, got 0"),
        (lambda: tn.Adam(beta1=-0.1), "Adam: expected beta1 from 0 up to"),
        (lambda: tn.Adam(beta2=1), "Adam: expected beta2 from 0 up to"),
        (lambda: tn.AdamW(weight_decay=-1), "AdamW: expected weight_decay of at least 0, got -1"),
        (lambda: tn.Clipped(tn.SGD(0.1), 0), "Clipped: expected norm above 0, got 0"),
        (lambda: tn.Averaged(tn.SGD(0.1), 1), "Averaged: expected decay from 0 up to"),
        (lambda: schedules.constant(0), r"constant\(rate=0\): expected rate above 0"),
        (lambda: schedules.step_decay(0.1, 0), "expected every above 0"),
        (lambda: schedules.cosine(0.1, 10, -1), "expected a final rate of at least 0"),
        (lambda: schedules.one_cycle(0.1, 10, rise=1), "expected a rise between 0 and 1"),
        (lambda: schedules.warm_up(schedules.constant(1), 0), "expected steps above 0"),
        (lambda: tn.SoftmaxCrossEntropy(1), "expected label_smoothing from 0 up to, not including, 1, got 1"),
        (lambda: tn.SoftmaxCrossEntropy(class_weights=[1, -1]), "expected class_weights of at least 0, one above 0"),
        (lambda: tn.SoftmaxCrossEntropy(class_weights=[0, 0]), "expected class_weights of at least 0, one above 0"),
        (lambda: tn.LeakyReLU(1), "LeakyReLU: expected a slope from 0 up to, not including, 1, got 1"),
        (lambda: tn.ELU(0), "ELU: expected an alpha above 0, got 0"),
    ],
)
def test_settings_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_finder_leaves_the_model_as_it_was_and_finds_a_rate_that_works(small_data, tmp_path):
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
    with pytest.raises(ValueError, match="0 < lowest < highest"):
        tn.find_learning_rate(model, small_data[0], lowest=1, highest=0.1)


def test_the_finder_puts_the_model_back_when_it_fails(small_data):
    class Failing(tn.SGD):
        def update(self, theta, gradient, state, step):
            theta += 1
            raise ArithmeticError("on purpose")

    model = small_model()
    before = model.theta.copy()
    with pytest.raises(ArithmeticError, match="on purpose"):
        tn.find_learning_rate(model, small_data[0], optimizer=Failing(0.1))
    assert np.array_equal(model.theta, before)


def test_binary_questions_are_learned():
    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 2)).astype("float32")
    t = np.stack([x[:, 0] * x[:, 1] > 0, x[:, 0] > x[:, 1]], axis=1).astype("float32")
    model, loss = tn.Sequential(tn.Dense(2, 32), tn.Tanh(), tn.Dense(32, 2)), tn.BinaryCrossEntropy()
    history = tn.fit(model, (x, t), loss=loss, optimizer=tn.Adam(0.02), epochs=40, batch_size=50)
    assert history["running_accuracy"][-1] > 0.95  # both answers right
    with pytest.raises(tn.DataError, match="BinaryCrossEntropy.*: expected targets from 0 to 1"):
        loss.check_targets(np.array([[2.0]]), (1, 1))
    with pytest.raises(tn.ShapeError, match="reshape"):
        loss.check_targets(np.array([1.0]), (1, 1))
    with pytest.raises(tn.DataError, match="floating targets"):
        loss.check_targets(np.array([[1]]), (1, 1))


def test_class_weights_fit_the_classes():
    with pytest.raises(tn.ShapeError, match="3 class_weights, got 2; give one weight for each class"):
        tn.SoftmaxCrossEntropy(class_weights=[1, 2]).check_targets(np.array([0]), (1, 3))
