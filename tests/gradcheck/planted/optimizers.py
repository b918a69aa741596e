"""Optimizers with a bug. Where only the pace is wrong, a reference finds it."""

import numpy as np

import tinynet as tn
from tests.gradcheck.planted.kit import Plant
from tinynet.gradcheck import check_optimizer


def end_of(optimizer):
    """A reference: where a right optimizer ends. Those of tinynet are compared with PyTorch in their own tests."""

    def reference(theta, gradients):
        state = optimizer.start(theta)
        for step, gradient in enumerate(gradients):
            optimizer.update(theta, gradient.copy(), state, step)
        return theta

    return reference


def rule(update, start=None, base=tn.SGD, **attributes):
    """An optimizer with this update(self, theta, gradient, state, step)."""

    class Made(base):
        pass

    Made.update = update
    if start is not None:
        Made.start = start
    for name, value in attributes.items():
        setattr(Made, name, value)
    return Made


def check(made, *arguments, reference=None, **options):
    return lambda: check_optimizer(made(*arguments or (0.1,), **options), reference=reference)


def velocity(self, theta):
    return {"velocity": np.zeros_like(theta)}


def uphill(self, theta, gradient, state, step):
    theta += self.rate(step) * gradient


def rebinds(self, theta, gradient, state, step):
    theta = theta - self.rate(step) * gradient


def cross_talk(self, theta, gradient, state, step):
    theta -= self.rate(step) * np.roll(gradient, 1)


def by_theta(self, theta, gradient, state, step):
    theta -= self.rate(step) * theta


def remembers(reset):
    def update(self, theta, gradient, state, step):
        kept = 0.0 if step == 0 and reset else vars(self).get("kept", 0.0)
        object.__setattr__(self, "kept", 0.9 * kept + gradient)
        theta -= self.rate(step) * self.kept

    return update


def resets(self, theta):
    object.__setattr__(self, "kept", 0.0)
    return {}


SHARED = {}


def in_a_global(self, theta, gradient, state, step):
    SHARED[len(theta)] = 0.9 * (SHARED.get(len(theta), 0.0) if step else 0.0) + gradient
    theta -= self.rate(step) * SHARED[len(theta)]


def by_address(self, theta, gradient, state, step):
    kept = vars(self).setdefault("by_id", {})
    kept[id(theta)] = 0.9 * kept.get(id(theta), 0.0) + gradient
    theta -= self.rate(step) * kept[id(theta)]


def counts(self, theta, gradient, state, step):
    object.__setattr__(self, "t", vars(self).get("t", 0) + 1)
    theta -= self.rate(step) / self.t * gradient


def widens(self, theta, gradient, state, step):
    state["velocity"] = 0.5 * state["velocity"] + gradient.astype(np.float64)
    theta -= (self.rate(step) * state["velocity"]).astype(theta.dtype)


def keeps_the_array(self, theta, gradient, state, step):
    theta -= self.rate(step) * (gradient + 0.5 * state.get("last", np.zeros_like(theta)))
    state["last"] = gradient


def two_of_one(self, theta):
    zeros = np.zeros_like(theta)
    return {"mean": zeros, "square": zeros}


def average_is_theta(self, theta):
    return {"average": theta}


class Littering(tn.Adam):
    """Leaves its divisor, which has an epsilon in it, in the memory of the gradient."""

    def update(self, theta, gradient, state, step):
        super().update(theta, gradient, state, step)
        gradient += self.epsilon


def first_rate(self, theta, gradient, state, step):
    theta -= self.rate(0) * gradient


def next_rate(self, theta, gradient, state, step):
    theta -= self.rate(step + 1) * gradient


def last_rate(self, theta, gradient, state, step):
    theta -= self.rate(max(step - 1, 0)) * gradient


class Early(tn.SGD):
    """Reads the learning rate when it is made."""

    def __init__(self, learning_rate):
        super().__init__(learning_rate)
        object.__setattr__(self, "constant", float(self.rate(0)))

    def update(self, theta, gradient, state, step):
        theta -= self.constant * gradient


def warm_up_ignored(self, theta, gradient, state, step):
    theta -= (0.1 if step < 5 else self.rate(step)) * gradient


def decay_from_zero(self, theta, gradient, state, step):
    theta -= self.rate(step) * (gradient - self.weight_decay * theta)


def decay_twice(self, theta, gradient, state, step):
    theta -= self.rate(step) * (gradient + 2 * self.weight_decay * theta)


def adam(correction):
    """Adam's update, with the steps that its bias correction counts."""

    def update(self, theta, gradient, state, step):
        t = correction(step)
        state["mean"] += (1 - self.beta1) * (gradient - state["mean"])
        state["square"] += (1 - self.beta2) * (gradient**2 - state["square"])
        mean, square = state["mean"] / (1 - self.beta1**t), state["square"] / (1 - self.beta2**t)
        theta -= self.rate(step) * mean / (np.sqrt(square) + self.epsilon)

    return update


def late_nesterov(self, theta, gradient, state, step):
    state["velocity"] *= 0.9
    theta -= self.rate(step) * (gradient + 0.9 * state["velocity"])
    state["velocity"] += gradient


def explodes(self, theta, gradient, state, step):
    theta -= 5 * self.rate(step) * gradient  # beyond 2 / curvature


MOMENTUM = {"reference": end_of(tn.SGD(0.1, momentum=0.9))}
OPTIMIZERS = [
    Plant("uphill", check(rule(uphill)), "first step", "uphill"),
    Plant("theta = theta - ..., which moves nothing", check(rule(rebinds)), "first step", "in place"),
    Plant("the neighbour's gradient", check(rule(cross_talk)), "halves"),
    Plant("moves by theta in place of its gradient", check(rule(by_theta)), "no gradient"),
    Plant("velocity on the optimizer", check(rule(remembers(False))), "resumed", "self.kept"),
    Plant("velocity on the optimizer, reset in step 0", check(rule(remembers(True))), "interleaved"),
    Plant("velocity on the optimizer, reset by start", check(rule(remembers(False), resets)), "interleaved"),
    Plant("velocity in a global of the module", check(rule(in_a_global)), "interleaved"),
    Plant("velocity by the address of theta", check(rule(by_address)), "resumed"),
    Plant("counts its steps on itself", check(rule(counts)), "resumed", "self.t"),
    Plant("float64 state in float32", check(rule(widens, velocity)), "float32", "velocity became"),
    Plant("keeps the array of the gradient", check(rule(keeps_the_array)), "gaps", "one gradient array"),
    Plant(
        "two vectors of the state are one",
        check(rule(adam(lambda step: step + 1), two_of_one, tn.Adam)),
        "state",
        "mean and square",
    ),
    Plant("an average that is theta itself", check(rule(first_rate, average_is_theta)), "state", "average and theta"),
    Plant("writes into the gaps", check(Littering), "gaps", "zeros"),
    Plant("the learning rate of step 0 in each step", check(rule(first_rate)), "learning rate", "no effect"),
    Plant("the learning rate of the next step", check(rule(next_rate)), "learning rate"),
    Plant("the learning rate of the last step", check(rule(last_rate)), "learning rate", "is used in step"),
    Plant("the learning rate read when it is made", check(Early, lambda step: 0.1 / (1 + step)), "learning rate"),
    Plant("a schedule ignored for some steps", check(rule(warm_up_ignored)), "learning rate", "step 0"),
    Plant("weight decay away from 0", check(rule(decay_from_zero), weight_decay=0.1), "no gradient"),
    Plant("does not reach a minimum", check(rule(explodes)), "minimum"),
    Plant(
        "Adam's correction one step late",
        check(rule(adam(lambda step: step + 2), base=tn.Adam), reference=end_of(tn.Adam(0.1))),
        "reference",
    ),
    Plant(
        "Adam without its correction",
        check(rule(adam(lambda step: 10**9), base=tn.Adam), reference=end_of(tn.Adam(0.1))),
        "reference",
    ),
    Plant(
        "weight decay twice",
        check(rule(decay_twice), weight_decay=0.1, reference=end_of(tn.SGD(0.1, weight_decay=0.1))),
        "reference",
    ),
    Plant(
        "Nesterov one step late",
        check(rule(late_nesterov, velocity), reference=end_of(tn.SGD(0.1, momentum=0.9, nesterov=True))),
        "reference",
    ),
]
