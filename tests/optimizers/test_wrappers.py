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
