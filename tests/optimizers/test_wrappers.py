"""Averaged gives the average of the parameters to evaluation, and wrappers refuse hyperparameters out of range."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model


def test_fit_evaluates_and_keeps_the_average(small_data):
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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tn.Clipped(tn.SGD(0.1), 0), "Clipped: expected norm above 0, got 0"),
        (lambda: tn.Averaged(tn.SGD(0.1), 1), "Averaged: expected decay from 0 up to"),
    ],
)
def test_hyperparameters_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("wrong", [0.1, "adam", tn.SGD])
def test_what_is_wrapped_must_be_an_optimizer(wrong):
    with pytest.raises(
        TypeError,
        match="Clipped: expected an instance of Optimizer, got .*; (wrap one: Clipped|write tn.)",
    ):
        tn.Clipped(wrong)


def moved(optimizer, gradient):
    """How far one step moves parameters of 0, and the state after it."""
    theta = np.zeros(len(gradient))
    state = optimizer.start(theta)
    optimizer.update(theta, np.array(gradient, float), state, 0)
    return theta, state


def test_a_long_gradient_is_cut_to_its_norm_and_a_short_one_left_alone():
    """3, 4, 0, 12 has the norm 13."""
    clipped = tn.Clipped(tn.SGD(1.0), norm=1.3)
    np.testing.assert_allclose(moved(clipped, [3, 4, 0, 12])[0], [-0.3, -0.4, 0, -1.2], rtol=1e-6)
    np.testing.assert_array_equal(moved(clipped, [0.3, 0.4, 0, -0.5])[0], [-0.3, -0.4, 0, 0.5])


def test_a_wrapper_passes_on_what_the_wrapped_optimizer_keeps():
    outer = tn.Clipped(tn.Averaged(tn.SGD(1.0, momentum=0.9), decay=0.5), norm=100)
    theta, state = moved(outer, [8.0, 0.0])
    assert set(state) == {"velocity", "average"}
    assert outer.result(theta, state) is state["average"]
    np.testing.assert_allclose(state["average"], [-4, 0])  # half of the way from 0 to -8


def test_the_learning_rate_of_a_wrapper_is_that_of_the_wrapped_optimizer():
    outer = tn.Clipped(tn.Averaged(tn.SGD(0.1)))
    outer.learning_rate = 0.5
    assert outer.optimizer.optimizer.learning_rate == outer.rate(0) == 0.5
    np.testing.assert_allclose(moved(outer, [0.2, 0.0])[0], [-0.1, 0])
    outer.learning_rate = tn.schedules.step_decay(0.4, every=3)
    assert outer.rate(2) == pytest.approx(0.4)
    assert outer.rate(3) == pytest.approx(0.04)
