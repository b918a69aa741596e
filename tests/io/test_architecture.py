"""A layer is built from a file only if its name is known and its arrays fit."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.model_files import rewrite
from tinynet.io import architecture

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")


def test_every_public_layer_is_known():
    public = {name: getattr(tn, name) for name in tn.__all__}
    layers = {name: it for name, it in public.items() if isinstance(it, type) and issubclass(it, tn.Layer)}
    del layers["Layer"]
    assert architecture.known_layers() == layers


def test_a_layer_that_is_added_is_known(monkeypatch):
    class Doubled(tn.Layer):
        """A new layer of the library."""

    monkeypatch.setattr(architecture.all_layers, "Doubled", Doubled, raising=False)
    monkeypatch.setattr(architecture.all_layers, "__all__", [*architecture.all_layers.__all__, "Doubled"])
    assert isinstance(architecture.build(chain({"layer": "Doubled"}), {})[0], Doubled)


def chain(*layers):
    return {"layer": "Sequential", "layers": list(layers)}


DENSE = {"layer": "Dense", "inputs": 10**9, "outputs": 10**9}
NORM = {"layer": "BatchNorm", "features": 10**15}


@pytest.mark.parametrize(
    ("layer", "array"),
    [
        (DENSE, "0.weight"),
        (NORM, "0.weight"),
        (chain(DENSE), "0.0.weight"),
        ({"layer": "Residual", "block": [{"layer": "ReLU"}, chain(NORM)], "shortcut": None}, "0.block.1.0.weight"),
        ({"layer": "Residual", "block": [{"layer": "ReLU"}], "shortcut": DENSE}, "0.shortcut.weight"),
    ],
)
def test_what_the_file_does_not_hold_is_not_allocated(layer, array):
    with pytest.raises(tn.DataError, match=f"expected an array {array} of shape .*, got none"):
        architecture.build(chain(layer), {})


class Mine(tn.Layer):
    """A layer with parameters under names of its own."""

    hyperparameters = ("width",)

    def __init__(self, width):
        self.width = width
        self.add_parameter("scales", (width, width), "ones")
        self.add_statistic("seen", (width,), 0.0)

    def forward(self, x, context):
        return x @ self.scales, None


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({}, r"an array 0.scales of shape \(3, 3\), got none"),
        ({"0.scales": (3, 2), "0.seen": (3,)}, r"an array 0.scales of shape \(3, 3\), got \(3, 2\)"),
        ({"0.scales": (3, 3)}, r"an array 0.seen of shape \(3,\), got none"),
    ],
)
def test_parameters_and_statistics_of_own_layers_are_compared_as_well(shapes, message):
    described = chain({"layer": "Mine", "width": 3})
    with pytest.raises(tn.DataError, match=message):
        architecture.build(described, shapes, {"Mine": Mine})
    model = architecture.build(described, {"0.scales": (3, 3), "0.seen": (3,)}, {"Mine": Mine})
    assert np.array_equal(model(np.ones((1, 3), "float32")), [[3, 3, 3]])


def test_an_own_layer_may_hold_parts():
    class Twice(tn.Layer):
        """A layer that describes and builds itself."""

        def __init__(self, inner):
            self.inner = inner

        def get_config(self):
            return {"layer": "Twice", "inner": self.inner.get_config()}

        @classmethod
        def from_config(cls, config, build=None):
            return cls(build(config["inner"], "inner"))

    model = tn.Sequential(Twice(tn.LeakyReLU(0.2)))
    again = architecture.build(model.get_config(), {}, {"Twice": Twice})
    assert again[0].inner.slope == 0.2


def test_the_dtype_is_that_of_the_file():
    model = architecture.build(chain({"layer": "ReLU"}), {}, dtype="float64")
    assert model.dtype == np.float64


def about(*layers):
    return {"architecture": {"layer": "Sequential", "layers": list(layers)}, "dtype": "float32"}


def nested(depth):
    layer = {"layer": "ReLU"}
    for _ in range(depth):
        layer = {"layer": "Sequential", "layers": [layer]}
    return layer


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ([], "a model's description"),
        ({"dtype": "float32"}, "architecture: expected a Sequential"),
        (about(), "a list of layers"),
        (about({"layer": "os.system"}), "unknown layer 'os.system'"),
        (about({"layer": "Context"}), "unknown layer 'Context'"),
        (about({"layer": "Dense", "inputs": 3, "outputs": 2, "evil": 1}), "the hyperparameters"),
        (about({"layer": "Dense", "inputs": 3}), "Dense"),
        (about({"layer": "Dense", "inputs": 10**9, "outputs": 10**9}), "an array 0.weight of shape"),
        (about({"layer": "Conv2D", "inputs": 1, "outputs": 2, "kernel_size": [10**6, 10**6]}), "an array 0.weight of"),
        (about({"layer": "BatchNorm", "features": 10**12}), "an array 0.weight of shape"),
        (about({"layer": "Dense", "inputs": {"a": 1}, "outputs": 2}), "inputs as a number, a string"),
        (about({"layer": "Dropout", "rate": "high"}), "hyperparameters that it takes"),
        (about({"layer": "MaxPool2D", "pool_size": -1}), "hyperparameters that it takes"),
        (about({"again": 0}), "a layer before this one"),
        (about("Dense"), "a layer, got 'Dense'"),
        (about(nested(100)), "50 deep"),
        (about(*[{"layer": "ReLU"}] * 10_001), "at most 10,000 layers"),
        (about({"layer": "Residual", "block": [], "shortcut": None}), "a list of layers"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_description_that_is_none_is_refused(saved, described, message):
    rewrite(saved, described)
    with pytest.raises(tn.DataError, match=message):
        tn.load(saved)
