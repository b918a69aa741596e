"""The model: initial values, copies, gradients of parts of a batch, prediction and the summary."""

import copy
import pickle
import re
import tracemalloc

import numpy as np
import pytest
import scipy.special

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


def by_joblib(mode):
    def duplicate(model, folder):
        joblib = pytest.importorskip("joblib")
        joblib.dump(model, folder / "m")
        return joblib.load(folder / "m", mmap_mode=mode)

    return duplicate


def with_read_only_arrays(model, folder):
    """Buffers outside the pickle, as multiprocessing and Dask pass them: they arrive as read-only memory."""
    buffers = []
    pickled = pickle.dumps(model, protocol=5, buffer_callback=buffers.append)
    return pickle.loads(pickled, buffers=[bytes(buffer) for buffer in buffers])


ARRIVALS = {
    "copy": lambda model, _: copy.copy(model),
    "deepcopy": lambda model, _: copy.deepcopy(model),
    "pickle": lambda model, _: pickle.loads(pickle.dumps(model)),
    "buffers": with_read_only_arrays,
    **{f"joblib, {mode}": by_joblib(mode) for mode in (None, "r", "c", "r+")},
}


@pytest.mark.parametrize("arrive", ARRIVALS.values(), ids=ARRIVALS)
def test_a_model_that_arrives_from_elsewhere_trains_like_the_one_that_was_sent(arrive, tmp_path):
    def make():
        parts = tn.Sequential(tn.Dense(400, 30), tn.Tanh()), tn.Residual(tn.Dense(30, 30)), tn.Dense(30, 3)
        return tn.Sequential(tn.BatchNorm(784), tn.Dense(784, 400), tn.ReLU(), *parts)

    x = np.random.default_rng(0).random((40, 784), dtype="float32")
    data = x, np.arange(40) % 3
    model, sent = make(), make()
    for each in (model, sent):
        tn.fit(each, data, epochs=1, batch_size=20, threads=1)
    here = arrive(sent, tmp_path)
    for each in (model, here):
        tn.fit(each, data, epochs=1, batch_size=20, threads=1, seed=1)
    np.testing.assert_array_equal(here.theta, model.theta)
    np.testing.assert_array_equal(here.statistics_vector, model.statistics_vector)
    assert all(np.shares_memory(values, here.theta) for values in here.parameters.values())
    np.testing.assert_array_equal(here(x), model(x))
    assert here.preprocessing == model.preprocessing
    here[1].weight = np.zeros((784, 400))
    assert (here.theta[:10_000] == 0).sum() < (here.theta == 0).sum()


def test_a_layer_alone_arrives_from_elsewhere(tmp_path):
    layer = tn.BatchNorm(400_000)
    here = with_read_only_arrays(layer, tmp_path)
    here.weight[...] = 2
    here.running_mean = np.ones(400_000)
    assert (here.parameters["weight"] == 2).all()
    assert here.bias.sum() == 0
    assert (here.statistics["running_mean"] == 1).all()


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


def regression(outputs):
    """A model of 5 features and its targets, around -4."""
    x = np.random.default_rng(0).normal(size=(200, 5)).astype("float32")
    targets = (x @ np.ones((5, outputs)) - 4).astype("float32")
    return tn.Sequential(tn.Dense(5, outputs)), x, targets


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_regression_predicts_its_outputs(outputs):
    model, x, targets = regression(outputs)
    tn.fit(model, (x, targets), loss=tn.MeanSquaredError(), epochs=20, batch_size=20)
    np.testing.assert_allclose(model.predict(x), targets, atol=0.05)
    with pytest.raises(ValueError, match=r"a model that tells classes apart, got one of numbers, .*; use predict\(x\)"):
        model.predict_classes(x)


@pytest.mark.parametrize("outputs", [1, 3])
def test_independent_answers_have_independent_probabilities(outputs):
    model, x, targets = regression(outputs)
    answers = (targets > -4).astype("float32")
    tn.fit(model, (x, answers), loss=tn.BinaryCrossEntropy(), epochs=30, batch_size=20, optimizer=tn.Adam(0.05))
    predicted = model.predict(x)
    np.testing.assert_allclose(predicted, scipy.special.expit(model(x)), rtol=1e-5)
    assert ((predicted > 0.5) == answers).mean() > 0.9
    if outputs == 1:
        np.testing.assert_array_equal(model.predict_classes(x), (predicted[:, 0] > 0.5).astype(int))
        named = tn.data.from_arrays(x, answers, ("no", "yes"))
        tn.fit(model, named, loss=tn.BinaryCrossEntropy(), epochs=1)
        answer = np.where(model(x)[:, 0] > 0, "yes", "no")
        np.testing.assert_array_equal(model.predict_classes(x), answer)
    else:
        with pytest.raises(ValueError, match=r"one of probabilities, \(200, 3\); use predict\(x\) > 0.5, one answer a"):
            model.predict_classes(x)


def test_a_classifier_predicts_class_probabilities_and_names():
    x = np.random.default_rng(0).random((90, 4), dtype="float32")
    labels = x[:, :3].argmax(axis=1)
    model = tn.Sequential(tn.Dense(4, 3))
    tn.fit(model, (x, labels), epochs=30, batch_size=10, optimizer=tn.Adam(0.05))
    np.testing.assert_allclose(model.predict(x), scipy.special.softmax(model(x), axis=1), rtol=1e-5)
    numbers = model.predict_classes(x)
    assert (numbers == labels).mean() > 0.9
    for names in (["a", "b", "c"], ["a", "b", "c", "d"]):
        tn.Trainer(model).fit(tn.data.from_arrays(x, labels, names), epochs=1)
        np.testing.assert_array_equal(model.predict_classes(x), np.array(names)[model(x).argmax(axis=1)])
    tn.Trainer(model).fit(tn.data.from_arrays(x, labels, ["a", "b"]), epochs=1)  # names of other classes
    assert model.predict_classes(x).dtype == np.int64


def test_a_model_that_was_not_trained_predicts_probabilities_or_its_output():
    x = np.random.default_rng(0).random((6, 4), dtype="float32")
    model = tn.Sequential(tn.Dense(4, 3))
    np.testing.assert_allclose(model.predict(x), scipy.special.softmax(model(x), axis=1), rtol=1e-5)
    np.testing.assert_array_equal(model.predict_classes(x), model(x).argmax(axis=1))
    single = tn.Sequential(tn.Dense(4, 1))
    np.testing.assert_array_equal(single.predict(x), single(x))
    with pytest.raises(ValueError, match="predict_classes: expected a model that tells classes apart"):
        single.predict_classes(x)
    pictures = tn.Sequential(tn.Conv2D(1, 2, padding="same"))
    images = np.ones((2, 3, 3, 1), "float32")
    np.testing.assert_array_equal(pictures.predict(images), pictures(images))


def test_a_loop_of_ones_own_may_say_what_its_outputs_mean():
    model, x = tn.Sequential(tn.Dense(4, 3)), np.ones((6, 4), "float32")
    model.preprocessing = tn.data.Preprocessing(output="numbers")
    np.testing.assert_array_equal(model.predict(x), model(x))


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


def test_the_targets_of_a_loop_by_hand_are_read_by_position_and_masked_values_refused():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    model, x, labels = small_model(), np.ones((4, 20), "float32"), np.array([0, 3, 1, 2])
    expected, _ = model.loss_and_gradient(x, labels, context=tn.Context())
    for targets in (labels.tolist(), tuple(labels), pandas.Series(labels, index=[3, 2, 1, 0])):
        assert model.loss_and_gradient(x, targets, context=tn.Context())[0] == expected
    with pytest.raises(tn.DataError, match="targets without masked values"):
        model.loss_and_gradient(x, np.ma.masked_array(labels, labels > 1), context=tn.Context())


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # of numpy.matrix itself
@pytest.mark.parametrize("make", [np.matrix, lambda x: np.ma.masked_array(x, x > 0), np.ndarray.tolist])
def test_a_layer_refuses_what_is_not_a_plain_array(make):
    x = make(np.ones((4, 20), "float32"))
    for layer in (small_model(), tn.ReLU(), tn.Sigmoid()):
        with pytest.raises(TypeError, match="expected a NumPy or CuPy array, got .*; convert it with"):
            layer(x)


def test_a_summary_takes_no_memory_whatever_shape_a_layer_claims(capsys):
    """A file of 1 kB may hold such a model: its sizes were found with two examples of zeros, of 8 GB."""
    model = tn.Sequential(tn.Reshape(2**13, 2**13, 1), tn.Conv2D(1, 64, 1), tn.BatchNorm(64), tn.Flatten())
    tracemalloc.start()
    model.summary()
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 1 << 20
    lines = capsys.readouterr().out.splitlines()
    assert [re.split("  +", line)[2] for line in lines[2:6]] == [
        "(N, 8192, 8192, 1)", "(N, 8192, 8192, 64)", "?", "?",
    ]  # fmt: skip


class First(tn.Layer):
    """Needs an example."""

    def forward(self, x, context):
        return x - x[0], lambda dy, grads: dy


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("make", [tn.zoo.lenet, tn.zoo.resnet_small, lambda: tn.zoo.mlp(784, (20,), 10)])
def test_a_summary_shows_the_shapes_of_real_examples(make, own, capsys):
    model = make()
    shape = model.layers[0].input_shape or (28, 28, 1)
    if own:
        model = tn.Sequential(model, tn.Residual(First()))
    model.summary(shape)
    shown = [line for line in capsys.readouterr().out.splitlines() if "(N" in line]
    x = np.ones((2, *shape), "float32")
    for layer, line in zip(model.layers, shown, strict=True):
        x = layer(x)
        assert f"({', '.join(['N', *map(str, x.shape[1:])])})" in line


@pytest.mark.parametrize("make", [tn.zoo.lenet, tn.zoo.resnet_small, lambda: tn.zoo.mlp(784, (20,), 10)])
def test_no_examples_have_no_outputs(make):
    model = make()
    shape = model.layers[0].input_shape or (28, 28, 1)
    assert model(np.ones((0, *shape), "float32")).shape == (0, *model(np.ones((1, *shape), "float32")).shape[1:])
