"""The model: initial values, copies, gradients of parts of a batch, prediction and the summary."""

import copy
import pickle

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model


def test_initial_values_are_a_function_of_seed_and_position():
    draw = lambda **settings: tn.Sequential(tn.Dense(5, 5), tn.Dense(5, 5), **settings)  # noqa: E731
    model, again, other = draw(seed=0), draw(seed=0), draw(seed=1)
    np.testing.assert_array_equal(model.theta, again.theta)
    assert (model.theta != other.theta).any()
    assert (model[0].weight != model[1].weight).any()
    np.testing.assert_array_equal(draw(dtype="float64").theta.astype("float32"), model.theta)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_model_has_the_same_values_and_memory_of_its_own(duplicate):
    model = tn.Sequential(tn.Dense(4, 3), tn.ReLU(), tn.Sequential(tn.Dense(3, 2)))
    twin = duplicate(model)
    np.testing.assert_array_equal(twin.theta, model.theta)
    assert not np.shares_memory(twin.theta, model.theta)
    twin.theta[...] = 7
    assert (twin[0].weight == 7).all()
    assert (twin[2][0].bias == 7).all()
    assert not (model.theta == 7).any()


def test_splitting_a_batch_sums_its_gradients():
    model = small_model(dtype="float64")
    generator = np.random.default_rng(0)
    x, labels = generator.normal(size=(12, 20)), generator.integers(0, 4, 12)
    loss = tn.SoftmaxCrossEntropy()
    _, whole = model.loss_and_gradient(x, labels, loss, context=tn.Context(training=True, step=0))
    total = np.zeros_like(whole)
    for rows in (slice(0, 5), slice(5, 12)):
        context = tn.Context(training=True, first_row=rows.start)
        y, backward = model.forward(x[rows], context)
        part = np.zeros_like(whole)
        backward(loss.forward(y, labels[rows])[1](len(y) / len(x)), model.views(part))
        total += part
    np.testing.assert_allclose(total, whole, rtol=1e-12, atol=1e-15)


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


def test_predict_refuses_a_model_with_one_output():
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


def test_summary_shows_unknown_shapes_as_question_marks_or_takes_the_input_shape(capsys):
    model = tn.Sequential(tn.Flatten(), tn.ReLU())
    model.summary()
    assert "?" in capsys.readouterr().out
    model.summary(input_shape=(28, 28))
    assert "(N, 784)" in capsys.readouterr().out


def test_the_summary_of_a_residual_network_fits_a_screen(capsys):
    tn.zoo.resnet_small().summary()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 120
    assert lines[3].split()[-5:] == ["(N,", "32,", "32,", "16)", "448"]
    assert lines[6].startswith("4  Residual(Conv2D(16, 16, padding='same'), ")
    assert " ... " in lines[6]


def test_targets_are_checked_before_they_are_used():
    model, x = small_model(), np.zeros((2, 20), "float32")
    with pytest.raises(tn.DataError, match="labels from 0 to 3, got 4 in example 1"):
        model.loss_and_gradient(x, np.array([0, 4]), context=tn.Context())
