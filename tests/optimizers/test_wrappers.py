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
        (lambda: tn.Clipped(tn.SGD(0.1), 0), "Clipped: expected norm above 0, got 0; try 1.0"),
        (
            lambda: tn.Averaged(tn.SGD(0.1), 1),
            "Averaged: expected decay from 0 up to, not including, 1, got 1; try 0.999",
        ),
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


def test_a_gradient_is_clipped_over_all_of_the_vector_and_only_if_it_is_too_long():
    for gradient, norm, expected in [([3.0, 4], 1.0, [0.6, 0.8]), ([3.0, 4], 10.0, [3, 4]), ([3.0, 4], 2.5, [1.5, 2])]:
        theta = np.zeros(2)
        tn.Clipped(tn.SGD(1.0), norm).update(theta, np.array(gradient), {}, 0)
        np.testing.assert_allclose(-theta, expected, rtol=1e-6)
    assert (tn.Clipped(tn.SGD(0.1)).norm, tn.Averaged(tn.SGD(0.1)).decay) == (1.0, 0.999)


def test_a_wrapper_passes_on_the_rate_the_vectors_and_the_properties_of_what_it_wraps():
    class Whole(tn.SGD):
        elementwise = False

        def loss_scale(self, state):
            return 8.0 if "velocity" in state else 1.0

    wrapped = tn.Clipped(tn.Averaged(Whole(tn.schedules.step_decay(0.4, 2, 0.5), momentum=0.5)))
    assert [wrapped.rate(step) for step in range(4)] == [0.4, 0.4, 0.2, 0.2]
    assert wrapped.scalars(3) == (0.2,)
    wrapped.learning_rate = 0.7
    assert wrapped.optimizer.optimizer.learning_rate == wrapped.learning_rate == 0.7
    state = wrapped.start(np.ones(3))
    assert sorted(state) == ["average", "velocity"]
    assert wrapped.loss_scale(state) == 8.0
    assert wrapped.result(np.zeros(3), state) is state["average"]
    assert [each.elementwise for each in (wrapped, wrapped.optimizer, tn.Averaged(tn.SGD(1)))] == [False, False, True]
    assert (wrapped.recordable, tn.Averaged(tn.SGD(0.1)).recordable) == (True, True)

    class Old(tn.SGD):
        def update(self, theta, gradient, state, step):
            theta -= gradient

    class Around(tn.Clipped):
        def update(self, theta, gradient, state, step):
            theta -= gradient

    assert (tn.Clipped(Old(0.1)).recordable, Around(tn.SGD(0.1)).recordable) == (False, False)


def test_the_average_starts_at_theta_and_moves_by_its_decay():
    theta, averaged = np.array([1.0, 2]), tn.Averaged(tn.SGD(1.0), 0.75)
    state = averaged.start(theta)
    averaged.update(theta, np.array([4.0, 0]), state, 0)
    assert theta.tolist() == [-3, 2]
    assert state["average"].tolist() == [0, 2]
    averaged.move(theta, np.array([0.0, 8]), state, 0.5)  # as a recorded step calls it
    assert theta.tolist() == [-3, -2]
    assert state["average"].tolist() == [-0.75, 1]


def test_a_recorded_step_moves_what_the_wrapped_optimizer_remembers():
    theta, wrapped = np.zeros(2), tn.Clipped(tn.SGD(1.0, momentum=0.5), 100.0)
    state = wrapped.start(theta)
    for expected in ([-2, -4], [-5, -10]):
        wrapped.move(theta, np.array([2.0, 4.0]), state, 1.0)
        assert theta.tolist() == expected
    assert state["velocity"].tolist() == [3, 6]


def test_a_wrapper_of_ones_own_says_what_to_define():
    class Empty(tn.optimizers.wrappers.Wrapper):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define around\(theta, gradient, state, step\)"):
        Empty(tn.SGD(0.1)).update(np.zeros(1), np.zeros(1), {}, 0)
