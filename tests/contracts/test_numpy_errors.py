"""A caller that lets NumPy raise or warn at every underflow can train, evaluate, predict, check gradients and draw."""

import numpy as np
import pytest

import tinynet as tn
from tinynet import gradcheck, metrics, plots

SETTINGS = pytest.mark.parametrize("setting", ["raise", "warn"])  # pytest makes warnings errors


def extreme(model):
    """The model with weights so large that its outputs are hundreds apart, and then so small that products vanish."""
    model[0].weight *= 300
    return model


def classifier(*activations):
    layers = [part for make in activations for part in (tn.Dense(20, 20), make())]
    return tn.Sequential(*layers, tn.Dropout(0.2), tn.Dense(20, 4))


ACTIVATIONS = (tn.Sigmoid, tn.Tanh, tn.ReLU, tn.LeakyReLU, tn.ELU, tn.GELU, tn.SiLU, tn.Softplus)


@SETTINGS
@pytest.mark.parametrize("make", ACTIVATIONS)
@pytest.mark.parametrize("threads", [1, 2])
def test_training_gives_the_same_bits(make, threads, setting, small_data):
    pytest.importorskip("threadpoolctl")
    usual, model = extreme(classifier(make)), extreme(classifier(make))
    options = {"optimizer": tn.Adam(0.01), "epochs": 2, "validation": small_data[1], "threads": threads}
    tn.fit(usual, small_data[0], **options)
    with np.errstate(all=setting):
        tn.fit(model, small_data[0], **options)
        tn.Trainer(model).step(small_data[0].images[:50], small_data[0].labels[:50])
        found = tn.evaluate(model, small_data[1], threads=threads), model.predict(small_data[1], threads=threads)
        assert np.geterr()["under"] == setting
    tn.Trainer(usual).step(small_data[0].images[:50], small_data[0].labels[:50])
    np.testing.assert_array_equal(model.theta, usual.theta)
    assert found[0] == tn.evaluate(usual, small_data[1], threads=threads)
    np.testing.assert_array_equal(found[1], usual.predict(small_data[1], threads=threads))


@pytest.mark.parametrize("layer", [*(make() for make in ACTIVATIONS), tn.Softmax()], ids=repr)
def test_a_layer_that_is_called_treats_underflow_as_rounding(layer):
    x = np.array([[-200.0, -100, -88, -1e-30, 1e-30, 88, 100, 200]], "float32")
    expected = layer(x)
    with np.errstate(under="raise"):
        np.testing.assert_array_equal(layer(x), expected)
        assert np.geterr()["under"] == "raise"


def test_an_overflow_is_still_the_callers():
    model = tn.Sequential(tn.Dense(2, 2))
    model[0].weight = np.full((2, 2), 3e38, "float32")
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="overflow"):
        model(np.ones((1, 2), "float32"))


@SETTINGS
@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (tn.SoftmaxCrossEntropy(), np.array([0, 1])),
        (tn.SoftmaxCrossEntropy(label_smoothing=0.1), np.array([0, 1])),
        (tn.BinaryCrossEntropy(), np.zeros((2, 2), "float32")),
        (tn.MeanSquaredError(), np.zeros((2, 2), "float32")),
    ],
    ids=repr,
)
def test_a_loss_and_its_gradient(loss, targets, setting):
    outputs = np.array([[200.0, -200], [1e-30, -1e4]], "float32")
    model, context = tn.Sequential(tn.Dense(2, 2)), tn.Context(training=True)
    model[0].weight = np.eye(2, dtype="float32")
    expected = loss(outputs, targets), model.loss_and_gradient(outputs, targets, loss, context=context)
    with np.errstate(all=setting):
        found = loss(outputs, targets), model.loss_and_gradient(outputs, targets, loss, context=context)
    assert found[0] == expected[0]
    assert found[1][0] == expected[1][0]
    np.testing.assert_array_equal(found[1][1], expected[1][1])


@SETTINGS
@pytest.mark.parametrize("name", sorted(tn.initializers.INITIALIZERS))
def test_initial_values(name, setting):
    with np.errstate(all=setting):
        layer = tn.Dense(300, 200, name)
        assert np.isfinite(layer.weight).all()


@SETTINGS
@pytest.mark.parametrize("make", [tn.Sigmoid, tn.Softmax, tn.Softplus, tn.GELU])
def test_the_gradient_check(make, setting):
    layer = make()
    x = np.array([[-800.0, 0.1, 1], [0.1, 0.2, 700]])
    model = tn.Sequential(tn.Dense(3, 4), layer, tn.Dense(4, 2), dtype="float64")

    def reports():
        of_model = gradcheck.check_model(model, x, np.array([0, 1]))
        return list(
            map(str, [gradcheck.check_layer(layer, x.shape, x), of_model, gradcheck.check_optimizer(tn.Adam())])
        )

    usual = reports()
    with np.errstate(all=setting):
        assert reports() == usual


@SETTINGS
def test_metrics_and_pictures(setting, tmp_path, small_data):
    pytest.importorskip("matplotlib")
    history = tn.fit(extreme(classifier(tn.Sigmoid)), small_data[0], validation=small_data[1], epochs=2)
    labels = small_data[1].labels
    with np.errstate(all=setting):
        matrix = metrics.confusion_matrix(labels, np.zeros_like(labels), 5)  # classes nobody predicts, and an empty one
        assert np.isnan(metrics.precision(matrix)[1:]).all()
        assert np.isnan(metrics.recall(matrix)[4])
        plots.confusion_matrix(matrix, tuple("abcde"), tmp_path / "matrix.png")
        plots.learning_curves({"a": [history]}, tmp_path / "curves.png")
        plots.accuracy_over_rate({"a": {1e-300: 0.5, 1.0: None}}, tmp_path / "rates.png")
    assert len(list(tmp_path.iterdir())) == 3


@SETTINGS
def test_the_search_for_a_learning_rate_ends_at_overflow(setting, small_data):
    model = classifier(tn.ReLU)
    with np.errstate(all=setting):
        found = tn.find_learning_rate(model, small_data[0], steps=40)
    assert found.rates
