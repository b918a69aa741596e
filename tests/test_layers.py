"""What layers promise beyond their gradients: values at the extremes, dtypes, parameters as views, own layers."""

import copy
import pickle

import numpy as np
import pytest

import tinynet as tn
from tinynet.backend.random import Purpose, Stream
from tinynet.initializers import INITIALIZERS, fans
from tinynet.layers.base import TRAINING

LAYERS = [tn.Dense(6, 4), tn.Sigmoid(), tn.ReLU(), tn.Dropout(0.5), tn.Flatten(), tn.Softmax()]


def forward_and_back(layer, x, context=TRAINING):
    y, backward = layer.forward(x, context)
    grads = layer.views(np.zeros(layer.size, x.dtype))
    return y, backward(np.ones_like(y), grads), grads


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_float32_in_gives_float32_out(layer):
    x = np.random.default_rng(0).normal(size=(5, 6)).astype("float32")
    y, dx, _ = forward_and_back(layer, x)
    assert y.dtype == dx.dtype == np.float32


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_at_the_extremes(dtype):
    x = np.array([-np.inf, -1000, -100, 0, 100, 1000, np.inf], dtype)
    y, dx, _ = forward_and_back(tn.Sigmoid(), x)
    np.testing.assert_allclose(y, [0, 0, 0, 0.5, 1, 1, 1], atol=1e-37)
    np.testing.assert_allclose(dx, [0, 0, 0, 0.25, 0, 0, 0], atol=1e-37)


def test_softmax_at_the_extremes():
    y = tn.Softmax()(np.array([[1e4, 0, -1e4], [1, 1, 1]], "float32"))
    np.testing.assert_allclose(y, [[1, 0, 0], [1 / 3] * 3], rtol=1e-6)


def test_relu_at_its_kink_and_with_nan():
    y, dx, _ = forward_and_back(tn.ReLU(), np.array([-1.0, -0.0, 0.0, 2.0]))
    assert list(y) == [0, 0, 0, 2]
    assert list(dx) == [0, 0, 0, 1]
    assert np.isnan(tn.ReLU()(np.array([np.nan])))  # what went wrong must stay visible


def test_dropout_in_inference_is_the_identity():
    x = np.random.default_rng(0).normal(size=(5, 6))
    np.testing.assert_array_equal(tn.Dropout(0.9)(x), x)


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.9])
def test_dropout_drops_its_fraction_and_keeps_the_mean(rate):
    x = np.ones((1000, 500), "float32")
    y, dx, _ = forward_and_back(tn.Dropout(rate), x)
    spread = 4 * np.sqrt(rate * (1 - rate) / x.size)  # four standard errors
    assert abs((y == 0).mean() - rate) < spread
    assert abs(y.mean() - 1) < spread / (1 - rate)
    np.testing.assert_array_equal(dx, y)  # the mask of forward, the same scale


def test_dropout_masks_depend_on_seed_step_and_layer_but_not_on_the_split():
    layer, x = tn.Dropout(0.5), np.ones((10, 7), "float32")
    whole = layer.forward(x, tn.Context(training=True, seed=1, step=2, layer=3))[0]
    for other in (tn.Context(True, 0, 2, 3), tn.Context(True, 1, 0, 3), tn.Context(True, 1, 2, 0)):
        assert (layer.forward(x, other)[0] != whole).any()
    shards = [layer.forward(x[rows], tn.Context(True, 1, 2, 3, first_row=rows.start))[0]
              for rows in (slice(0, 3), slice(3, 10))]  # fmt: skip
    np.testing.assert_array_equal(np.concatenate(shards), whole)


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_dropout_rate_out_of_range(rate):
    with pytest.raises(ValueError, match=r"Dropout: expected a rate from 0 up to, not including, 1, got"):
        tn.Dropout(rate)


def test_a_nearly_total_dropout_still_keeps_something_possible():
    layer = tn.Dropout(0.9999999)
    assert np.isfinite(layer.scale)


# Parameters --------------------------------------------------------------------------------------------------------


def test_parameters_are_views_into_one_aligned_vector():
    model = tn.Sequential(tn.Dense(7, 5), tn.Dense(5, 3))
    assert model.theta.dtype == np.float32
    for values in model.parameters.values():
        assert np.shares_memory(values, model.theta)
        assert values.ctypes.data % 64 == 0
    model.theta[...] = 1.5
    assert (model[0].weight == 1.5).all()
    model[1].bias[...] = 2
    assert np.count_nonzero(model.theta == 2) == 3


def test_assigning_a_parameter_writes_into_the_vector():
    model = tn.Sequential(tn.Dense(2, 3))
    model[0].weight = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(model.theta[:6], np.arange(6))
    with pytest.raises(tn.ShapeError, match=r"Dense\(2, 3\).weight: expected shape \(2, 3\), got \(3, 2\); transpose"):
        model[0].weight = np.zeros((3, 2))
    model.theta = np.zeros_like(model.theta)
    assert not model[0].weight.any()
    with pytest.raises(tn.ShapeError, match=r"model.theta: expected shape"):
        model.theta = np.zeros(3)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_of_a_model_is_whole_and_apart(duplicate):
    model = tn.Sequential(tn.Dense(4, 3), tn.ReLU(), tn.Sequential(tn.Dense(3, 2)))
    twin = duplicate(model)
    np.testing.assert_array_equal(twin.theta, model.theta)
    assert not np.shares_memory(twin.theta, model.theta)
    twin.theta[...] = 7
    assert (twin[0].weight == 7).all()
    assert (twin[2][0].bias == 7).all()
    assert not (model.theta == 7).any()


def test_a_layer_alone_has_a_vector_of_its_own_until_a_model_takes_it_in():
    layer = tn.Dense(4, 3)
    alone = layer.weight
    model = tn.Sequential(layer, seed=3)
    assert np.shares_memory(layer.weight, model.theta)
    assert not np.shares_memory(alone, model.theta)


def test_initial_values_are_a_function_of_seed_and_position():
    draw = lambda **settings: tn.Sequential(tn.Dense(5, 5), tn.Dense(5, 5), **settings)  # noqa: E731
    model, again, other = draw(seed=0), draw(seed=0), draw(seed=1)
    np.testing.assert_array_equal(model.theta, again.theta)
    assert (model.theta != other.theta).any()
    assert (model[0].weight != model[1].weight).any()
    np.testing.assert_array_equal(draw(dtype="float64").theta.astype("float32"), model.theta)


def test_values_may_be_given():
    weight = np.arange(6.0).reshape(2, 3)
    model = tn.Sequential(tn.Dense(2, 3, weight=weight, bias="ones"))
    np.testing.assert_array_equal(model[0].weight, weight)
    assert (model[0].bias == 1).all()
    with pytest.raises(tn.ShapeError, match=r"initializer: expected an array of shape \(3, 2\), got \(2, 3\)"):
        tn.Dense(3, 2, weight=weight)


VARIANCES = {
    "glorot_uniform": lambda i, o: 2 / (i + o), "glorot_normal": lambda i, o: 2 / (i + o),
    "he_uniform": lambda i, o: 2 / i, "he_normal": lambda i, o: 2 / i,
    "lecun_uniform": lambda i, o: 1 / i, "lecun_normal": lambda i, o: 1 / i,
    "zeros": lambda i, o: 0, "ones": lambda i, o: 0,
}  # fmt: skip


@pytest.mark.parametrize("name", INITIALIZERS)
def test_initializers_have_the_published_variance(name):
    values = INITIALIZERS[name]((200, 300), Stream(0, Purpose.WEIGHTS))
    expected = VARIANCES[name](200, 300)
    assert values.var() == pytest.approx(expected, rel=0.03)  # 60,000 draws: 4 standard errors are 2.3%
    assert values.mean() == pytest.approx(1 if name == "ones" else 0, abs=4 * np.sqrt(expected / values.size) + 1e-12)


def test_fans_of_a_kernel_count_its_field():
    assert fans((784, 256)) == (784, 256)
    assert fans((3, 3, 16, 32)) == (9 * 16, 9 * 32)
    assert fans((10,)) == (10, 10)


def test_a_misspelt_initializer_gets_the_close_match():
    with pytest.raises(ValueError, match=r"unknown initializer 'he_norml'; did you mean 'he_normal'\? Known: glorot"):
        tn.Dense(2, 3, weight="he_norml")


# Errors ------------------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_refused_with_a_remedy():
    layer = tn.Dense(784, 10)
    cases = [
        (np.zeros((32, 28, 28), "float32"), r"Dense\(784, 10\): expected x of shape \(N, 784\), got \(32, 28, 28\); "
                                           r"put Flatten\(\) before it"),
        (np.zeros((32, 100), "float32"), r"got \(32, 100\); check the layer before"),
        (np.zeros(784, "float32"), r"got \(784,\)"),
        (np.zeros(784, "float32"), r"expected x of shape \(N, 784\), got \(784,\); give it a batch of one: x\[None\]"),
        (np.zeros((2, 784), "uint8"), r"got uint8; convert it: x.astype\('float32'\) / 255 for pixels"),
        (np.zeros((2, 784)), r"x of dtype float32, like the weights, got float64; convert it: x.astype\('float32'\)"),
    ]  # fmt: skip
    for x, message in cases:
        with pytest.raises(tn.ShapeError, match=message):
            layer(x)
    with pytest.raises(TypeError, match="expected a NumPy or CuPy array, got list"):
        tn.ReLU()([1, 2])


class Swish(tn.Layer):
    """The README's own layer: y = x * sigmoid(x)."""

    def forward(self, x, context):
        gate = 1 / (1 + np.exp(-x))

        def backward(dy, grads):
            return dy * (gate + x * gate * (1 - gate))

        return x * gate, backward


def test_a_layer_of_ones_own_is_a_class_with_one_method(small_data):
    train, test = small_data
    assert tn.gradcheck.check_layer(Swish(), (5, 4))
    model = tn.Sequential(tn.Dense(20, 16), Swish(), tn.Dense(16, 4))
    tn.fit(model, train, epochs=5, batch_size=32, progress=False)
    assert tn.evaluate(model, test).accuracy > 0.9


def test_a_layer_without_forward_says_so():
    class Empty(tn.Layer):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define forward\(x, context\)"):
        Empty()(np.zeros(3))


def test_a_mean_over_more_numbers_than_16_bits_count_stays_in_float32():
    layer = tn.BatchNorm(2)
    model = tn.Sequential(layer)
    x = np.random.default_rng(0).normal(size=(70_000, 2)).astype("float32")
    y, backward = layer.forward(x, tn.Context(training=True))
    dx = backward(np.ones_like(y), model.views(np.zeros_like(model.theta), np.zeros_like(model.statistics_vector))[0])
    assert (y.dtype, dx.dtype) == (np.float32, np.float32)  # NumPy 1 widened it
