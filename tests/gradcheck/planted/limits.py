"""Bugs that the gradient check cannot find: each of these passes. docs/gradcheck.md lists them for its readers."""

import numpy as np

import tinynet as tn
from tests.gradcheck.planted.gradients import bad_dense
from tests.gradcheck.planted.kit import Plant, dense, elementwise, layer, spoiled
from tests.gradcheck.planted.models_and_losses import norm
from tests.gradcheck.planted.optimizers import adam, check, rule
from tests.gradcheck.planted.surroundings import centred
from tinynet.backend.random import Purpose, Stream
from tinynet.gradcheck import check_layer
from tinynet.gradcheck.compare import DIRECTIONS, SAMPLE
from tinynet.gradcheck.differences import random_direction


def at_other_points(x):
    return np.where(np.abs(x) > 100, 3, 2).astype(x.dtype) * x


def tiny(self, x, dy, grads):
    grads["bias"] *= 1 + 1e-7


def at_the_kink(x):
    return np.where(x == 0, 7, x > 0).astype(x.dtype)


def large_batches(self, x, dy, grads, context):
    grads["weight"][...] = x.T @ dy
    grads["bias"][...] = dy.sum(axis=0) * (1.0 if len(x) < 1000 else 2.0)
    return dy @ self.weight.T


def later_steps(self, x, context):
    factor = 1.0 if context.step < 1000 else 2.0
    return x * x, lambda dy, grads: 2 * factor * dy * x


def cancelling(dx, grads, x, dy, context):
    """Errors in four entries of 10,000, chosen so that they cancel in each of the three directions of seed 0."""
    others = np.sort(Stream(0, Purpose.CHECK, layer=4).permutation(10_000)[SAMPLE:])
    weights = np.array([random_direction(others, 1.0, 0, number).weights[:4] for number in range(DIRECTIONS)])
    unseen = np.linalg.svd(weights)[2][-1]
    grads["weight"].reshape(-1)[others[:4]] += (0.1 * unseen * dy.sum()).astype(dy.dtype)
    return dx


def wrong_forward(self, x, context):
    """ "Softplus" with log(1 + 2 exp(x)): forward and backward agree, and neither is what its name says."""
    e = np.exp(x)
    return np.log1p(2 * e), lambda dy, grads: dy * 2 * e / (1 + 2 * e)


def slower(self, grads, momentum):
    grads["running_mean"] /= 2


def half_as_fast(self, theta, gradient, state, step):
    theta -= 0.5 * self.rate(step) * gradient


def shaped(made, *shape, **options):
    return lambda: check_layer(made, shape, **options)


LIMITS = [
    Plant("wrong at points far from x", shaped(elementwise(lambda x: x * x, at_other_points), 5, 4), "x"),
    Plant("wrong by less than rtol", shaped(bad_dense(tiny), 5, 4), "bias"),
    Plant(
        "errors in a large array that cancel in sums (thorough=True finds them)",
        shaped(spoiled(tn.Dense(100, 100), cancelling), 4, 100),
        "weight",
    ),
    Plant(
        "any gradient at a kink itself",
        lambda: check_layer(
            elementwise(lambda x: np.maximum(x, 0), at_the_kink), x=np.append(np.linspace(-1, 1, 20), 0.0)[:, None]
        ),
        "x",
    ),
    Plant("wrong for larger batches", shaped(dense(large_batches), 5, 4), "bias"),
    Plant("a running mean at another pace", norm(slower), "statistics"),
    Plant("wrong in later steps", shaped(layer(later_steps), 5, 4), "x"),
    Plant("forward computes another function, and backward its gradient", shaped(layer(wrong_forward), 5, 4), "x"),
    Plant("rows depend on each other, without splittable = True", shaped(layer(centred), 5, 4), "x"),
    Plant("an optimizer at half the learning rate, without a reference", check(rule(half_as_fast)), "reference"),
    Plant(
        "Adam one step late in its correction, without a reference",
        check(rule(adam(lambda step: step + 2), base=tn.Adam)),
        "reference",
    ),
]
