"""Layers as JSON and back, and what is refused on either way."""

import json

import numpy as np
import pytest

import tinynet as tn
from tinynet.layers.configuration import layers_from_json, layers_to_json, shortened


class Scaled(tn.Layer):
    """y = factor x."""

    hyperparameters = ("factor", "sizes")

    def __init__(self, factor, sizes=()):
        self.factor, self.sizes = factor, sizes


def test_a_layer_describes_and_builds_itself():
    config = Scaled(np.float32(0.5), (1, np.int64(2))).get_config()
    assert config == {"layer": "Scaled", "factor": 0.5, "sizes": [1, 2]}
    assert json.loads(json.dumps(config)) == config
    again = Scaled.from_config(config)
    assert (again.factor, again.sizes) == (0.5, (1, 2))
    assert Scaled.from_config({"factor": 2}).factor == 2


def test_a_value_that_json_cannot_express_is_refused():
    with pytest.raises(TypeError, match="expected factor as a number, a string or a list, got function; store it"):
        Scaled(lambda: 1).get_config()
    with pytest.raises(TypeError, match=r"^Scaled\(1, .*: expected sizes as a number, a string or a list, got object"):
        Scaled(1, [2, object()]).get_config()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"factor": 1, "evil": 2}, r"Scaled: expected the hyperparameters \('factor', 'sizes'\), got \['evil', 'fact"),
        ({"factor": {"a": 1}}, r"Scaled: expected factor as a number, a string or a list, got \{'a': 1\}"),
        ({"factor": [[1]]}, "expected factor as a number"),
    ],
)
def test_a_config_with_other_names_or_values_is_refused(config, message):
    with pytest.raises(ValueError, match=message):
        Scaled.from_config(config)


def build(config, name):
    return getattr(tn, config["layer"]).from_config(config)


def test_a_list_of_layers_comes_back_with_repeated_ones_shared():
    shared = tn.Dense(2, 2)
    configs = json.loads(json.dumps(layers_to_json([shared, tn.ReLU(), shared])))
    layers = layers_from_json(configs, build)
    assert [repr(layer) for layer in layers] == ["Dense(2, 2)", "ReLU()", "Dense(2, 2)"]
    assert layers[0] is layers[2]


@pytest.mark.parametrize(
    ("configs", "message"),
    [
        ({}, r"architecture: expected a list of layers, got \{\}; save the model again"),
        ([], r"expected a list of layers, got \[\]"),
        ([{"again": 0}], "expected a layer before this one, got {'again': 0}"),
        ([{"layer": "ReLU"}, {"again": -1}], "expected a layer before this one, got {'again': -1}"),
        ([{"layer": "ReLU"}, {"again": "0"}], "expected a layer before this one, got {'again': '0'}"),
    ],
)
def test_what_is_no_list_of_layers_is_refused(configs, message):
    with pytest.raises(ValueError, match=message):
        layers_from_json(configs, build)


def test_a_long_value_is_shortened():
    assert shortened([1, 2]) == "[1, 2]"
    assert shortened("a" * 58) == "'" + "a" * 58 + "'"  # 60 characters
    assert shortened("a" * 59) == "'" + "a" * 55 + " ..."
    assert shortened("a" * 100) == "'" + "a" * 55 + " ..."


# Attributes set after a layer was made ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["trainable", "requires_grad"])
@pytest.mark.parametrize("make", [lambda: tn.Dense(20, 8), lambda: tn.Sequential(tn.Dense(20, 8)), lambda: Scaled(2)])
def test_a_layer_cannot_be_frozen_by_an_attribute(name, make):
    with pytest.raises(
        AttributeError, match=f"expected an attribute that a layer reads, got '{name}'; to keep a layer"
    ):
        setattr(make(), name, False)


def test_the_remedy_keeps_a_layer_as_it_is(small_data):
    """tn.fit(head, (layer(x), labels))"""
    x, labels = small_data[0].images, small_data[0].labels
    layer, head = tn.Dense(20, 8), tn.Sequential(tn.ReLU(), tn.Dense(8, 4))
    before, started = layer.weight.copy(), head.theta.copy()
    tn.fit(head, (layer(x), labels), epochs=2)
    np.testing.assert_array_equal(layer.weight, before)
    assert (head.theta != started).any()
    assert np.isfinite(head(layer(x))).all()


def test_there_is_no_mode_to_set_and_none_is_needed():
    model = tn.Sequential(tn.Dense(20, 8), tn.Dropout(0.5))
    with pytest.raises(
        AttributeError, match=r"Sequential: .* got 'training'; leave it out: fit trains, and model\(x\)"
    ):
        model.training = True
    x = np.ones((4, 20), "float32")
    np.testing.assert_array_equal(model(x), model[0](x))


@pytest.mark.parametrize(
    ("layer", "name", "close"),
    [
        (tn.Dense(4, 3), "wieght", "weight"),
        (tn.Dropout(0.5), "rates", "rate"),
        (tn.BatchNorm(3), "running_mena", "running_mean"),
        (tn.SoftmaxCrossEntropy(), "label_smooth", "label_smoothing"),
        (tn.Adam(), "beta_1", "beta1"),
        (tn.Clipped(tn.Adam()), "norms", "norm"),
    ],
)
def test_an_attribute_that_nobody_reads_is_refused(layer, name, close):
    with pytest.raises(
        AttributeError, match=f"{type(layer).__name__}: unknown attribute '{name}'; did you mean '{close}'"
    ):
        setattr(layer, name, 1)


@pytest.mark.parametrize("layer", [tn.Dense(4, 3), tn.Conv2D(1, 2), tn.ReLU(), tn.Sequential(tn.Dense(4, 3))])
@pytest.mark.parametrize("name", ["kernel", "activation", "use_bias", "weights"])
def test_names_of_other_libraries_are_refused(layer, name):
    with pytest.raises(AttributeError, match=f"unknown attribute '{name}'"):
        setattr(layer, name, None)


def test_a_layer_of_ones_own_may_keep_what_it_likes():
    class Noisy(tn.Layer):
        trainable = True

        def __init__(self):
            self.training, self.scale = True, 2

    layer = Noisy()
    layer.training = layer.trainable = False
    layer.anything = 1
    assert (layer.training, layer.trainable, layer.anything) == (False, False, 1)


@pytest.mark.parametrize(
    ("made", "changes", "like"),
    [
        (tn.Dropout(0.2), {"rate": 0.5}, tn.Dropout(0.5)),
        (tn.LeakyReLU(), {"slope": 0.5}, tn.LeakyReLU(0.5)),
        (tn.Conv2D(1, 2), {"stride": 2, "padding": "same"}, tn.Conv2D(1, 2, stride=2, padding="same")),
        (tn.MaxPool2D(2), {"pool_size": 3}, tn.MaxPool2D(3)),
        (tn.BatchNorm(1), {"momentum": 0.5}, tn.BatchNorm(1, momentum=0.5)),
    ],
)
def test_a_hyperparameter_set_later_has_its_effect(made, changes, like):
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    made.allocate()
    like.allocate()
    for name, value in changes.items():
        setattr(made, name, value)
    assert repr(made) == repr(like)
    for context in (tn.Context(), tn.Context(training=True)):
        np.testing.assert_array_equal(made.forward(x, context)[0], like.forward(x, context)[0])


def test_weights_that_were_given_stay_when_a_hyperparameter_is_set_later():
    layer = tn.Conv2D(1, 1, 3, weight=np.full((3, 3, 1, 1), 5))
    layer.stride = 2
    assert (layer.weight == 5).all()


def test_a_hyperparameter_of_a_layer_of_ones_own_is_set_without_a_new_layer():
    layer = Scaled(1)
    layer.factor = object()
    layer.sizes = (made := [])
    assert layer.sizes is made

    class Strict(tn.Layer):
        hyperparameters = ("factor",)

        def __init__(self, factor):
            if factor < 0:
                raise ValueError("not at first")
            self.factor = factor

    strict = Strict(1)
    strict.factor = -1
    assert strict.factor == -1


def test_a_hyperparameter_set_later_is_checked():
    with pytest.raises(ValueError, match=r"Dropout: expected a rate from 0 .* got 1.5"):
        tn.Dropout(0.2).rate = 1.5
    layer = tn.Dense(4, 3)
    message = r"Dense\(4, 3\): expected outputs as it was made, got 5; make a new layer: Dense\(4, 5\)"
    with pytest.raises(AttributeError, match=message):
        layer.outputs = 5
    assert layer.weight.shape == (4, 3)


def test_a_parameter_cannot_be_taken_away():
    with pytest.raises(tn.ShapeError, match=r"bias: expected an array of shape \(3,\), got None"):
        tn.Dense(4, 3).bias = None
