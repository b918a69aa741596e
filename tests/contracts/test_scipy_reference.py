"""SciPy as an independent witness: its special functions at the extremes, and its optimizer at the wheel."""

import numpy as np
import pytest

import tinynet as tn

special = pytest.importorskip("scipy.special", reason="compares with SciPy, which is not installed: pip install scipy")
optimize = pytest.importorskip("scipy.optimize", reason="compares with SciPy, whose optimizers are missing")

DTYPES = ["float32", "float64"]
LOGITS = [[1e4, 0, -1e4], [-1e4, -1e4, -1e4], [1e4, 1e4, 0], [-90, 3, 5], [1e-4, 0, -1e-4], [700, 710, -745]]


def tolerance(dtype, ulps=8):
    """A few units in the last place of each entry; an entry too small for a normal number may come out as any other."""
    return dict(rtol=ulps * np.finfo(dtype).eps, atol=np.finfo(dtype).tiny)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_is_expit(dtype):
    """From where it is nearly 0 to where it is 1, to the last digits of each entry."""
    x = np.concatenate([np.linspace(-60, 60, 1001), [-1e4, -800, -100, 100, 800, 1e4]]).astype(dtype)
    np.testing.assert_allclose(tn.Sigmoid()(x), special.expit(x), **tolerance(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_softmax(dtype):
    x = np.array(LOGITS, dtype)
    np.testing.assert_allclose(tn.Softmax()(x), special.softmax(x, axis=1), **tolerance(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("label", [0, 1, 2])
def test_cross_entropy_is_minus_log_softmax(label, dtype):
    """Row by row, so that no large loss hides a small one."""
    for row in np.array(LOGITS, dtype):
        value = tn.SoftmaxCrossEntropy()(row[None], np.array([label]))
        expected = -special.log_softmax(row)[label]
        # a loss near 0 is the logarithm of a number near 1, which has the digits of 1, not of the loss
        np.testing.assert_allclose(value, expected, rtol=8 * np.finfo(dtype).eps, atol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_gradient_of_cross_entropy_is_softmax_minus_one_hot(dtype):
    logits, labels = np.array(LOGITS, dtype), np.array([0, 1, 2, 0, 1, 2])
    gradient = tn.SoftmaxCrossEntropy().forward(logits, labels)[1]()
    expected = (special.softmax(logits, axis=1) - np.eye(3, dtype=dtype)[labels]) / len(logits)
    # at the label 1 is subtracted: what is left is exact to the digits of 1
    np.testing.assert_allclose(gradient, expected, rtol=8 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)


# L-BFGS ---------------------------------------------------------------------------------------------------------------


def examples():
    """(x, labels): 120 examples of 5 numbers, in 3 classes that overlap."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 120)
    return generator.normal(size=(3, 5))[labels] + 2 * generator.normal(size=(120, 5)), labels


def minimise(model, x, labels, **options):
    """Let L-BFGS drive the model; what SciPy says at the end."""

    def loss_and_gradient(theta):
        model.theta = theta
        return model.loss_and_gradient(x, labels, context=tn.Context(training=True))

    return optimize.minimize(loss_and_gradient, model.theta.copy(), jac=True, method="L-BFGS-B", options=options)


def test_scipy_drives_a_model_to_a_lower_loss():
    model = tn.Sequential(tn.Dense(5, 8), tn.Sigmoid(), tn.Dense(8, 3), dtype="float64")
    x, labels = examples()
    before, _ = model.loss_and_gradient(x, labels, context=tn.Context(training=True))
    found = minimise(model, x, labels, maxiter=30)
    model.theta = found.x
    assert found.fun < before / 2
    assert tn.SoftmaxCrossEntropy()(model(x), labels) == pytest.approx(found.fun, rel=1e-12)


def test_scipy_finds_the_one_minimum_of_a_convex_loss_from_anywhere():
    """One Dense layer is logistic regression, which has a single minimum: there the gradient is zero."""
    x, labels = examples()
    models = [tn.Sequential(tn.Dense(5, 3), seed=seed, dtype="float64") for seed in (0, 1)]
    found = [minimise(model, x, labels, gtol=1e-6, ftol=1e-15) for model in models]
    assert all(one.success for one in found)
    assert found[0].fun == pytest.approx(found[1].fun, rel=1e-9)
    for model, one in zip(models, found):
        model.theta = one.x  # L-BFGS may have looked further than where it stopped
    # where the loss agrees to 1e-9, the place of its minimum is known to about the root of that
    np.testing.assert_allclose(models[0].predict(x), models[1].predict(x), atol=1e-4)
