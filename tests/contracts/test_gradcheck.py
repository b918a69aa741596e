"""Every public layer, loss and optimizer in one table; and the checker itself, tested on planted bugs."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.cases import LAYERS, LOSSES, OPTIMIZERS
from tinynet.gradcheck import check_layer, check_loss, check_model, check_optimizer


def public(base):
    """The names of the classes derived from `base` that `tinynet` exports."""
    classes = {name: value for name, value in vars(tn).items() if isinstance(value, type) and name in tn.__all__}
    return {name for name, value in classes.items() if issubclass(value, base) and value is not base}


@pytest.mark.parametrize(("table", "base"), [(LAYERS, tn.Layer), (LOSSES, tn.Loss), (OPTIMIZERS, tn.Optimizer)])
def test_the_tables_name_everything_public(table, base):
    assert set(table) == public(base)


@pytest.mark.parametrize(("make", "shape"), [case for cases in LAYERS.values() for case in cases])
@pytest.mark.parametrize("training", [True, False])
def test_layers(make, shape, training):
    report = check_layer(make(), shape, training=training, seed=1)
    assert report, report


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    report = check_loss(LOSSES[name](), seed=1)
    assert report, report


@pytest.mark.parametrize("optimizer", [o for optimizers in OPTIMIZERS.values() for o in optimizers], ids=repr)
def test_optimizers(optimizer):
    report = check_optimizer(optimizer)
    assert report, report


def test_a_whole_model_with_a_layer_that_stands_twice():
    shared = tn.Dense(6, 6)
    model = tn.Sequential(tn.Flatten(), shared, tn.Sigmoid(), shared, tn.Dropout(0.3), tn.ReLU(), tn.Dense(6, 4))
    generator = np.random.default_rng(0)
    report = check_model(model, generator.normal(size=(8, 2, 3)), generator.integers(0, 4, 8))
    assert report, report
    assert [row.array for row in report.rows] == ["x", "1.weight", "1.bias", "6.weight", "6.bias"]


def test_a_check_leaves_the_layer_as_it_was():
    layer = tn.Dense(4, 3)
    before = layer.weight.copy()
    check_layer(layer, (5, 4))
    np.testing.assert_array_equal(layer.weight, before)
    assert layer.weight.dtype == np.float32


# Planted bugs: each must fail, and the report must say where ------------------------------------------------------


class Planted(tn.Dense):
    """Dense, with `spoil` let loose on its gradients."""

    spoil = staticmethod(lambda dx, grads: dx)

    def forward(self, x, context):
        y, backward = super().forward(x, context)
        return y, lambda dy, grads: self.spoil(backward(dy, grads), grads)


def _bias_one_percent_off(dx, grads):
    grads["bias"] *= 1.01
    return dx


def _one_weight_wrong(dx, grads):
    grads["weight"][1, 2] += 1e-3
    return dx


def _weight_forgotten(dx, grads):
    grads["weight"][...] = 0
    return dx


@pytest.mark.parametrize(
    ("spoil", "array", "word"),
    [
        (_bias_one_percent_off, "bias", "every entry is 1.01 times too large"),
        (_one_weight_wrong, "weight", "[1, 2]"),
        (_weight_forgotten, "weight", "backward says 0 everywhere"),
        (lambda dx, grads: -dx, "x", "every entry is -1 times too large"),
        (lambda dx, grads: dx * np.linspace(0.9, 1.1, dx.shape[1]), "x", "by no common factor"),
        (lambda dx, grads: dx[:-1], "x", "backward must return the gradient of x, of shape (5, 4)"),
        (lambda dx, grads: None, "x", "it returned None"),
    ],
)
def test_a_planted_bug_in_a_layer_fails(spoil, array, word):
    layer = Planted(4, 3)
    layer.spoil = spoil
    report = check_layer(layer, (5, 4))
    assert not report
    assert [row.array for row in report.rows if not row.passed] == [array]
    assert word in str(report)
    assert "FAILS" in str(report)


class AccumulatingDense(tn.Dense):
    """Adds to the gradients it finds."""

    def forward(self, x, context):
        y = x @ self.weight + self.bias

        def backward(dy, grads):
            grads["weight"] += x.T @ dy
            grads["bias"] += dy.sum(axis=0)
            return dy @ self.weight.T

        return y, backward


class ZeroedSoftmax(tn.Softmax):
    """A gradient of zero: right for an all-ones upstream gradient, wrong for any other."""

    def forward(self, x, context):
        return super().forward(x, context)[0], lambda dy, grads: dy * 0


class DiagonalSoftmax(tn.Softmax):
    """Only the diagonal of the Jacobian."""

    def forward(self, x, context):
        y, _ = super().forward(x, context)
        return y, lambda dy, grads: dy * y * (1 - y)


class ForgetfulDropout(tn.Dropout):
    """Backward without the mask."""

    def forward(self, x, context):
        return super().forward(x, context)[0], lambda dy, grads: dy


class RememberingReLU(tn.ReLU):
    """Keeps the input on itself, so the second forward spoils the first one's backward."""

    def forward(self, x, context):
        self.x = x
        return np.maximum(x, 0), lambda dy, grads: dy * (self.x > 0)


class InPlaceReLU(tn.ReLU):
    """Writes its output over its input."""

    def forward(self, x, context):
        np.maximum(x, 0, out=x)
        return x, lambda dy, grads: dy * (x > 0)


@pytest.mark.parametrize(
    ("layer", "word"),
    [
        (AccumulatingDense(4, 3), "and not +="),
        (ZeroedSoftmax(), "backward says 0 everywhere"),
        (DiagonalSoftmax(), "by no common factor"),
        (ForgetfulDropout(0.5), "FAILS"),
        (RememberingReLU(), "FAILS"),
        (InPlaceReLU(), "the layer changed its input"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_classic_mistake_fails(layer, word):
    report = check_layer(layer, (5, 4))
    assert not report
    assert word in str(report)


def test_a_kink_is_left_out_and_too_many_fail():
    x = np.full((10, 10), 0.5)
    x[0, 0] = 0.0
    assert check_layer(tn.ReLU(), x.shape, x=x)
    report = check_layer(tn.ReLU(), x.shape, x=np.zeros((10, 10)))
    assert not report
    assert "lie at a kink" in str(report)


class UnscaledLoss(tn.MeanSquaredError):
    """Forgets dloss."""

    def forward(self, outputs, targets):
        value, backward = super().forward(outputs, targets)
        return value, lambda dloss=1.0: backward()


def test_planted_bugs_in_losses_fail():
    report = check_loss(UnscaledLoss())
    assert [row.passed for row in report.rows] == [True, False]

    class SummedGradient(tn.SoftmaxCrossEntropy):
        def forward(self, outputs, targets):
            value, backward = super().forward(outputs, targets)
            return value, lambda dloss=1.0: backward(dloss) * len(outputs)

    report = check_loss(SummedGradient())
    assert not report
    assert "every entry is 6 times too large" in str(report)


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


def test_a_report_prints_a_table():
    text = str(check_layer(tn.Dense(4, 3), (5, 4)))
    lines = text.splitlines()
    assert lines[0] == "Gradient check of Dense(4, 3)"
    assert lines[1].split() == ["array", "worst", "relative", "error", "where", "analytic", "numeric", "verdict"]
    assert [line.split()[0] for line in lines[2:]] == ["x", "weight", "bias"]
    assert all(line.endswith("ok") for line in lines[2:])
