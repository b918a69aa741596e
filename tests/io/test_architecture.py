"""Architectures from files: the layers are found by what they are, and believed only once they fit the arrays."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.io import architecture


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
