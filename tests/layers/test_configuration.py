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
    assert shortened("a" * 100) == "'" + "a" * 55 + " ..."
