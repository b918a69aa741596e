"""The model: one vector, forward and backward in a chain, prediction, the table."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.layers.base import TRAINING


def test_backward_twice_is_an_error():
    model = small_model()
    y, backward = model.forward(np.ones((3, 20), "float32"), TRAINING)
    grads = model.views(np.zeros_like(model.theta))
    backward(np.ones_like(y), grads)
    with pytest.raises(RuntimeError, match="backward was called twice for one forward; call forward again first"):
        backward(np.ones_like(y), grads)


def test_forward_twice_then_backward_twice_is_right():
    model = small_model(dtype="float64")
    generator = np.random.default_rng(0)
    inputs, labels = generator.normal(size=(2, 5, 20)), generator.integers(0, 4, (2, 5))
    loss = tn.SoftmaxCrossEntropy()
    apart = [model.loss_and_gradient(x, t, context=tn.Context(training=True))[1] for x, t in zip(inputs, labels)]
    passes = [model.forward(x, TRAINING) for x in inputs]
    together = []
    for (y, backward), t in zip(passes, labels):
        gradient = np.zeros_like(model.theta)
        backward(loss.forward(y, t)[1](), model.views(gradient))
        together.append(gradient)
    np.testing.assert_array_equal(together, apart)


def test_the_first_layers_input_gradient_is_skipped_unless_wanted():
    model = tn.Sequential(tn.Flatten(), tn.Dense(6, 4), tn.ReLU(), tn.Dense(4, 2))
    x = np.ones((3, 2, 3), "float32")
    for wanted in (True, False):
        y, backward = model.forward(x, tn.Context(training=True, input_gradient=wanted))
        gradient = np.zeros_like(model.theta)
        dx = backward(np.ones_like(y), model.views(gradient))
        assert (dx is not None) == wanted
        assert gradient.any()


def test_splitting_a_batch_sums_its_gradients():
    model = small_model(dtype="float64")
    generator = np.random.default_rng(0)
    x, labels = generator.normal(size=(12, 20)), generator.integers(0, 4, 12)
    loss = tn.SoftmaxCrossEntropy()
    _, whole = model.loss_and_gradient(x, labels, loss, context=tn.Context(training=True))
    total = np.zeros_like(whole)
    for rows in (slice(0, 5), slice(5, 12)):
        context = tn.Context(training=True, first_row=rows.start)
        y, backward = model.forward(x[rows], context)
        part = np.zeros_like(whole)
        backward(loss.forward(y, labels[rows])[1](len(y) / len(x)), model.views(part))
        total += part
    np.testing.assert_allclose(total, whole, rtol=1e-12, atol=1e-15)


def test_a_layer_in_two_models_is_refused():
    layer = tn.Dense(4, 4)
    tn.Sequential(layer)
    with pytest.raises(ValueError, match=r"got Dense\(4, 4\), which belongs to another model; build a new one"):
        tn.Sequential(layer)


def test_what_is_no_layer_is_refused():
    with pytest.raises(TypeError, match=r"Sequential: expected layers, got the class ReLU; call it: ReLU\(...\)"):
        tn.Sequential(tn.ReLU)
    with pytest.raises(TypeError, match=r"Residual: expected layers, got list; pass them one by one: Residual\("):
        tn.Residual([tn.ReLU()])
    with pytest.raises(TypeError, match="Sequential: expected layers, got ufunc; make it a class derived from Layer"):
        tn.Sequential(np.tanh)
    with pytest.raises(ValueError, match="Sequential: expected at least one layer"):
        tn.Sequential()


def test_models_nest_and_keep_one_vector():
    flat = tn.Sequential(tn.Dense(5, 4), tn.ReLU(), tn.Dense(4, 3), seed=2)
    nested = tn.Sequential(tn.Sequential(tn.Dense(5, 4), tn.ReLU()), tn.Dense(4, 3), seed=2)
    np.testing.assert_array_equal(flat.theta, nested.theta)
    assert np.shares_memory(nested[0].theta, nested.theta)
    assert list(nested.parameters) == ["0.0.weight", "0.0.bias", "1.weight", "1.bias"]
    with pytest.raises(ValueError, match="this model is part of another; move the outermost one"):
        nested[0].to("cpu")


def test_dropout_at_two_positions_of_a_model_differs():
    model = tn.Sequential(tn.Dropout(0.5), tn.Sequential(tn.ReLU(), tn.Dropout(0.5)))
    x = np.ones((50, 40), "float32")
    y = model.forward(x, TRAINING)[0]
    assert (y == 4).mean() == pytest.approx(0.25, abs=0.04)  # with one mask for both it would be a half


def test_predict_gives_probabilities_and_takes_pixels_floats_and_datasets():
    model = tn.Sequential(tn.Dense(6, 5), tn.ReLU(), tn.Dense(5, 3))
    pixels = np.random.default_rng(0).integers(0, 256, (7, 6)).astype("uint8")
    expected = model.predict(pixels.astype("float64") / 255)
    assert expected.shape == (7, 3)
    assert expected.dtype == np.float32
    np.testing.assert_allclose(expected.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(model.predict(pixels, batch_size=2), expected, rtol=1e-5)
    dataset = tn.data.from_arrays(pixels, np.zeros(7, int)).standardize()
    assert np.abs(model.predict(dataset) - expected).max() > 1e-3  # a data set's own scaling counts
    with_softmax = tn.Sequential(tn.Dense(6, 5), tn.ReLU(), tn.Dense(5, 3), tn.Softmax())
    np.testing.assert_allclose(with_softmax.predict(pixels), expected, rtol=1e-5)


def test_predict_refuses_what_softmax_cannot_mean():
    with pytest.raises(ValueError, match=r"predict: expected a model with outputs \(N, classes\), got \(4, 1\)"):
        tn.Sequential(tn.Dense(3, 1)).predict(np.zeros((4, 3), "float32"))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_predict_names_the_example_that_is_not_finite(bad):
    x = np.zeros((5, 20), "float32")
    x[3, 2] = bad
    with pytest.raises(tn.DataError, match="data set 'x': expected finite numbers, got NaN or infinity in example 3"):
        small_model().predict(x)


def test_permuting_a_batch_permutes_predictions():
    model, x = small_model(), np.random.default_rng(0).normal(size=(30, 20)).astype("float32")
    order = np.random.default_rng(1).permutation(30)
    np.testing.assert_allclose(model.predict(x[order]), model.predict(x)[order], rtol=1e-5)


def test_summary_prints_a_table(capsys):
    shared = tn.Dense(128, 128)
    tn.Sequential(tn.Flatten(), tn.Dense(784, 128), tn.ReLU(), shared, shared, tn.Dense(128, 10)).summary()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["Layer", "Output", "shape", "Parameters"]
    assert [line.split()[0] for line in lines[2:8]] == list("012345")
    assert [line.split()[-1] for line in lines[2:8]] == ["0", "100,480", "0", "16,512", "shared", "1,290"]
    assert "(N, 784)" in lines[2]
    assert "(N, 10)" in lines[7]
    assert lines[-1] == "118,282 parameters, 0.47 MB in float32"


def test_summary_of_unknown_shapes_asks_or_is_told(capsys):
    model = tn.Sequential(tn.Flatten(), tn.ReLU())
    model.summary()
    assert "?" in capsys.readouterr().out
    model.summary(input_shape=(28, 28))
    assert "(N, 784)" in capsys.readouterr().out


def test_a_model_reads_as_it_was_written():
    model = small_model()
    assert repr(model) == "Sequential(Dense(20, 16), ReLU(), Dropout(0.2), Dense(16, 4))"
    assert len(model) == 4
    assert [type(layer).__name__ for layer in model] == ["Dense", "ReLU", "Dropout", "Dense"]


def test_targets_are_checked_before_they_are_used():
    model, x = small_model(), np.zeros((2, 20), "float32")
    with pytest.raises(tn.DataError, match="labels from 0 to 3, got 4 in example 1"):
        model.loss_and_gradient(x, np.array([0, 4]), context=tn.Context())
