"""Models and losses with a bug."""

import copy

import numpy as np

import tinynet as tn
from tests.gradcheck.planted.conduct import bias_with_dx, remembers_x
from tests.gradcheck.planted.gradients import bad_dense, one_percent
from tests.gradcheck.planted.kit import SQUARE, Plant, dense, layer, random, spoiled
from tests.gradcheck.planted.surroundings import inverted_flag, mask_dropout, upcast
from tinynet.gradcheck import check_layer, check_loss, check_model

X, LABELS = random(6, 4), np.arange(6) % 3


def model_check(*layers, **options):
    return lambda: check_model(tn.Sequential(*copy.deepcopy(layers), dtype="float64"), X, LABELS, **options)


def counts(self, x, context):
    self.calls = getattr(self, "calls", 0) + 1
    y = x * (1 + 1e-4 * self.calls)
    factor = 1 + 1e-4 * self.calls
    return y, lambda dy, grads: dy * factor


def no_dx(self, x, context):
    return 2 * x, lambda dy, grads: None


def moves_weight(self, x, context):
    self.weight[...] *= 0.999
    return x @ self.weight, lambda dy, grads: _weight_gradient(self, x, dy, grads)


def _weight_gradient(self, x, dy, grads):
    grads["weight"][...] = x.T @ dy
    grads["bias"][...] = 0
    return dy @ self.weight.T


def view_changed(self, x, context):
    """Changes its input, which is a view of the model's."""
    x -= x.mean(axis=1, keepdims=True)
    return x, lambda dy, grads: dy - dy.mean(axis=1, keepdims=True)


# Running statistics -------------------------------------------------------------------------------------------------


class Norm(tn.BatchNorm):
    """A batch norm with `spoil(self, grads, change)` after the changes of the statistics are written."""

    spoil = staticmethod(lambda self, grads, momentum: None)

    def forward(self, x, context):
        y, backward = super().forward(x, context)

        def spoiled_backward(dy, grads):
            dx = backward(dy, grads)
            if "running_mean" in grads:
                self.spoil(self, grads, self.momentum)
            return dx

        return y, spoiled_backward


def norm(spoil):
    made = Norm(4)
    object.__setattr__(made, "spoil", spoil)
    return lambda: check_layer(made, x=random(7, 4, offset=1))


def value_not_change(self, grads, momentum):
    grads["running_mean"][...] += momentum * self.running_mean


def wrong_sign(self, grads, momentum):
    grads["running_mean"] *= -1


def unwritten(self, grads, momentum):
    grads["running_var"][...] = np.nan


def deviation(self, grads, momentum):
    """The deviation in place of the variance."""
    batch = grads["running_var"] / momentum + self.running_var
    grads["running_var"][...] = momentum * (np.sqrt(batch) - self.running_var)


def swapped(self, grads, momentum):
    mean = grads["running_mean"].copy()
    grads["running_mean"][...] = grads["running_var"]
    grads["running_var"][...] = mean


def added(self, grads, momentum):
    grads["running_mean"] += grads["running_mean"]


def updates_itself(self, x, context):
    if context.training:
        self.running[...] += 0.1 * (x.mean(axis=0) - self.running)
    return x - (
        x.mean(axis=0) if context.training else self.running
    ), lambda dy, grads: dy - dy.mean(axis=0) if context.training else dy


def running(in_inference=True, entry=None, add=False):
    """y = x - mean, with a running mean that inference uses, or not."""

    def forward(self, x, context):
        mean = x.mean(axis=0) if context.training or not in_inference else self.running

        def backward(dy, grads):
            if context.training and (entry is not None or "running" in grads):
                change = 0.1 * (mean - self.running)
                grads["running"][...] = change + (grads["running"] if add else 0)
            return dy - dy.mean(axis=0) if context.training or not in_inference else dy

        return x - mean, backward

    return lambda: check_layer(layer(forward, statistics=[("running", (4,), 0.0)]), x=random(7, 4, offset=1))


def updates_twice(self, grads, momentum):
    self.running_mean[...] += grads["running_mean"]


MODELS = [
    Plant("a statistic changed in backward, too", norm(updates_twice), "statistics", "changes the statistics"),
    Plant(
        "a layer of a model counts its calls", model_check(layer(counts), tn.Dense(4, 3)), "y", "second forward pass"
    ),
    Plant(
        "a layer of a model keeps x", model_check(tn.Dense(4, 4), layer(remembers_x), tn.Dense(4, 3)), "repeated passes"
    ),
    Plant("forward moves a weight of a model", model_check(layer(moves_weight, SQUARE), tn.Dense(4, 3)), "parameters"),
    Plant("bias 1 % off inside a model", model_check(tn.Dense(4, 4), bad_dense(one_percent)), "1.bias", "1.01 times"),
    Plant(
        "the first layer's bias 0 without dx",
        model_check(dense(bias_with_dx, SQUARE), tn.Dense(4, 3)),
        "input_gradient=False",
        "0.bias",
    ),
    Plant(
        "no dx for the layers before", model_check(tn.Dense(4, 4), layer(no_dx), tn.Dense(4, 3)), "x", "returned None"
    ),
    Plant("float64 inside a model", model_check(tn.Dense(4, 3), layer(upcast)), "float32", "y is float64"),
    Plant(
        "one mask for two positions", model_check(mask_dropout(True, False), tn.Dense(4, 3)), "random numbers", "layer"
    ),
    Plant(
        "dropout in inference, in a model",
        model_check(layer(inverted_flag), tn.Dense(4, 3)),
        "random numbers",
        "inference",
    ),
    Plant("the first layer changes x", model_check(layer(view_changed), tn.Dense(4, 3)), "x", "changed its input"),
    Plant(
        "statistics changed in forward",
        lambda: check_layer(layer(updates_itself, statistics=[("running", (4,), 0.0)]), (5, 4)),
        "statistics",
        "changes the statistics",
    ),
    Plant("the mean of the batch in place of its change", norm(value_not_change), "statistics", "does not settle"),
    Plant("change of a statistic with the wrong sign", norm(wrong_sign), "statistics", "does not settle"),
    Plant("change of a statistic not written", norm(unwritten), "statistics", "not finite"),
    Plant("deviation in place of the variance", norm(deviation), "statistics", "settled"),
    Plant("running mean and variance swapped", norm(swapped), "statistics"),
    Plant("inference ignores the running mean", running(in_inference=False), "statistics", "no influence"),
    Plant("fails where grads has no entry for a statistic", running(entry="always"), "statistics", "KeyError"),
    Plant("adds to the change of a statistic", running(add=True), "statistics", "not finite"),
]


# Losses -------------------------------------------------------------------------------------------------------------


def loss(base, change=None, **attributes):
    """A loss whose gradient passes through change(self, gradient, outputs, targets, dloss)."""

    class Made(base):
        def forward(self, outputs, targets):
            value, backward = base.forward(self, outputs, targets)
            return value, lambda dloss=1.0: change(self, backward(dloss), outputs, targets, dloss)

    for name, value in attributes.items():
        setattr(Made, name, value)
    return lambda **options: lambda: check_loss(Made(), **options)


class KeepsOutputs(tn.MeanSquaredError):
    def forward(self, outputs, targets):
        object.__setattr__(self, "difference", outputs - targets)
        value = (self.difference**2).mean()
        return value, lambda dloss=1.0: 2 * dloss * self.difference / self.difference.size


class EditsOutputs(tn.MeanSquaredError):
    def forward(self, outputs, targets):
        outputs -= targets
        return (outputs**2).mean(), lambda dloss=1.0: 2 * dloss * outputs / outputs.size


class Summed(tn.MeanSquaredError):
    """A sum that says that it is splittable."""

    def forward(self, outputs, targets):
        difference = outputs - targets
        return (difference**2).sum(), lambda dloss=1.0: 2 * dloss * difference


class WrongWeight(tn.MeanSquaredError):
    """A mean over rows whose weights are said to be 1, 2, 3, ..., but are not used."""

    def weight(self, targets):
        return float(np.abs(targets).sum())


class OrderOfMemory(tn.MeanSquaredError):
    def forward(self, outputs, targets):
        value, _ = super().forward(outputs, targets)
        difference = (outputs.ravel("K") - targets.ravel()).reshape(outputs.shape)
        return value, lambda dloss=1.0: 2 * dloss * difference / outputs.size


class GivesOutputs(tn.Loss):
    """Half the sum of the squares, whose gradient is the outputs themselves."""

    def forward(self, outputs, targets):
        return 0.5 * (outputs**2).sum(), lambda dloss=1.0: outputs if dloss == 1 else dloss * outputs


def last_class(self, gradient, outputs, targets, dloss):
    gradient[:, -1] *= 0.99
    return gradient


CROSS, MEAN = tn.SoftmaxCrossEntropy, tn.MeanSquaredError
LOSSES = [
    Plant(
        "dloss forgotten", loss(MEAN, lambda self, g, y, t, dloss: g / dloss if dloss else g)(), "outputs, dloss = 0.3"
    ),
    Plant(
        "dloss above 1 ignored", loss(MEAN, lambda self, g, y, t, dloss: g / max(dloss, 1))(), "other dloss", "65536"
    ),
    Plant("gradient N times too large", loss(CROSS, lambda self, g, y, t, dloss: g * len(y))(), "outputs", "6 times"),
    Plant("gradient with the wrong sign", loss(CROSS, lambda self, g, y, t, dloss: -g)(), "outputs", "-1 times"),
    Plant("the last class 1 % off", loss(CROSS, last_class)(), "outputs"),
    Plant("gradient of another shape", loss(MEAN, lambda self, g, y, t, dloss: g.sum(axis=0))(), "outputs", "shape"),
    Plant("outputs kept on the loss", lambda: check_loss(KeepsOutputs()), "repeated passes", "keep nothing on self"),
    Plant("outputs changed", lambda: check_loss(EditsOutputs()), "outputs", "changed its outputs"),
    Plant("the gradient is the outputs", lambda: check_loss(GivesOutputs()), "repeated passes", "shares memory"),
    Plant(
        "float64 gradient in float32",
        loss(MEAN, lambda self, g, y, t, dloss: g * np.float64(1))(),
        "float32",
        "float64",
    ),
    Plant("a sum that says it is a mean", lambda: check_loss(Summed()), "rows in parts", "mean over rows"),
    Plant("weights that are not used", lambda: check_loss(WrongWeight()), "rows in parts"),
    Plant("outputs in the order of memory", lambda: check_loss(OrderOfMemory()), "memory layouts"),
]

__all__ = ["LOSSES", "MODELS", "spoiled"]
