"""Planted bugs in layers and losses fail the gradient check, and correct ones pass unchanged."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.gradcheck import check_layer, check_loss, check_model


def test_a_model_with_a_layer_at_two_positions_passes():
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


# Planted bugs in layers: each must fail, and the report must say where ------------------------------------------------


class Planted(tn.Dense):
    """Dense, with `spoil` let loose on its gradients."""

    spoil = staticmethod(lambda dx, grads: dx)

    def forward(self, x, context):
        y, backward = super().forward(x, context)
        if not context.input_gradient:
            return y, backward
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


# Planted bugs in losses -----------------------------------------------------------------------------------------------


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
