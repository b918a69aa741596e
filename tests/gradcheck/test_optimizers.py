"""Planted bugs in optimizers fail the check of optimizers."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.gradcheck import check_optimizer


class Uphill(tn.SGD):
    def update(self, theta, gradient, state, step):
        theta += self.rate(step) * gradient


class CrossTalk(tn.SGD):
    """Updates with its neighbour's gradient."""

    def update(self, theta, gradient, state, step):
        theta -= self.rate(step) * np.roll(gradient, 1)


class Forgetful(tn.SGD):
    """Keeps its velocity on itself."""

    velocity = 0.0

    def update(self, theta, gradient, state, step):
        if step == 0:
            self.velocity = 0.0
        self.velocity = 0.9 * self.velocity + gradient
        theta -= self.rate(step) * self.velocity

    def __deepcopy__(self, memo):
        return Forgetful(self.learning_rate)


class DriftsByTheta(tn.SGD):
    """Moves by the parameter instead of its gradient: the classic slip with biases."""

    def update(self, theta, gradient, state, step):
        theta -= self.rate(step) * theta


class Widening(tn.SGD):
    def start(self, theta):
        return {"velocity": np.zeros(len(theta))}

    def update(self, theta, gradient, state, step):
        state["velocity"] = 0.5 * state["velocity"] + gradient
        theta -= (self.rate(step) * state["velocity"]).astype(theta.dtype)


class Littering(tn.Adam):
    """Leaves its divisor, which has an epsilon in it, in the memory of the gradient."""

    def update(self, theta, gradient, state, step):
        super().update(theta, gradient, state, step)
        gradient += self.epsilon


@pytest.mark.parametrize(
    ("optimizer", "row"),
    [
        (Uphill(0.1), "first step"),
        (CrossTalk(0.1), "halves"),
        (Forgetful(0.1), "resumed"),
        (DriftsByTheta(0.1), "no gradient"),
        (Widening(0.1), "float32"),
        (Littering(0.1), "gaps"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_planted_bugs_in_optimizers_fail(optimizer, row):
    report = check_optimizer(optimizer)
    assert not report
    assert row in [found.array for found in report.rows if not found.passed], report


def test_an_optimizer_that_misses_its_reference_fails():
    def heavy_ball(theta, gradients):
        velocity = np.zeros_like(theta)
        for gradient in gradients:
            velocity = 0.8 * velocity + gradient
            theta = theta - 0.1 * velocity
        return theta

    assert check_optimizer(tn.SGD(0.1, momentum=0.8), reference=heavy_ball)
    assert not check_optimizer(tn.SGD(0.1, momentum=0.9), reference=heavy_ball)
