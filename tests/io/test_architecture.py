"""A layer is built from a file only if its name is known and its arrays fit."""

import time

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


# Sizes and repetitions are compared with limits before they are believed ----------------------------------------------


def again(depth, times, container="Sequential", key="layers"):
    """Nested containers that each name their only layer `times` more times: (times + 1) ** depth layers run."""
    described = {"layer": "ReLU"}
    for _ in range(depth):
        described = {"layer": container, key: [described, *[{"again": 0}] * times]}
    return described


@pytest.mark.parametrize(("container", "key"), [("Sequential", "layers"), ("Residual", "block")])
@pytest.mark.parametrize(("depth", "times"), [(20, 8), (23, 1), (4, 9), (1, 9_999), (14, 1)])
def test_repetitions_count_each_time(container, key, depth, times):
    """1.4 kB hung tn.load: each level of nine cost eight times more."""
    began = time.process_time()
    with pytest.raises(tn.DataError, match="at most 10,000 layers with all repetitions, 50 deep, got more"):
        architecture.build(chain(again(depth, times, container, key), {"layer": "ReLU"}), {})
    assert time.process_time() - began < 2


@pytest.mark.parametrize(("container", "key"), [("Sequential", "layers"), ("Residual", "block")])
@pytest.mark.parametrize(("depth", "times"), [(3, 8), (1, 900), (12, 1)])
def test_repetitions_within_the_limit_are_built_and_run(container, key, depth, times):
    began = time.process_time()
    model = architecture.build(chain(again(depth, times, container, key)), {})
    assert model.positions == (times + 1) ** depth
    assert model.declared_shapes == {}
    assert model(np.zeros((1, 2), "float32")).shape == (1, 2)
    assert architecture.build(model.get_config(), {}).get_config() == model.get_config()
    assert time.process_time() - began < 5


def test_a_model_that_repeats_too_much_to_be_read_is_not_saved(tmp_path):
    inner = tn.Sequential(*[tn.ReLU()] * 1)
    for _ in range(4):
        inner = tn.Residual(*[inner] * 11)
    with pytest.raises(tn.DataError, match="at most 10,000 layers with all repetitions"):
        tn.Sequential(inner).save(tmp_path / "m")


@pytest.mark.parametrize(
    "layer",
    [
        {"layer": "Reshape", "shape": [1] * 33},
        {"layer": "Reshape", "shape": [2**31, 2**31]},
        {"layer": "Reshape", "shape": [2**31, 2**22, 2]},
        {"layer": "Reshape", "shape": [2**31 + 1]},
        {"layer": "Dense", "outputs": 1, "inputs": 2**63 + 1},
        {"layer": "Reshape", "shape": [10**4000] * 30},
        {"layer": "MaxPool2D", "pool_size": 2**31 + 1},
        {"layer": "MaxPool2D", "pool_size": 2, "stride": [1, 2**40]},
        {"layer": "Dropout", "rate": "0" * 101},
        {"layer": "Dropout", "rate": -(10**4000)},
        {"layer": "ReLU", "x" * 101: None},
    ],
    ids=lambda layer: f"{layer!r:.40}",
)
def test_a_hyperparameter_that_no_layer_has_is_refused_in_a_short_message(layer):
    expected = (
        f"^architecture: {layer['layer']}: expected hyperparameters that it takes, got {list(layer)[-1]!r:.40} = "
    )
    with pytest.raises(tn.DataError, match=expected) as told:
        architecture.build(chain(layer), {})
    assert len(str(told.value)) < 500


def test_own_layers_may_have_hyperparameters_of_any_size():
    class Words(Mine):
        """Holds a list of words and a large number."""

        hyperparameters = ("width", "words", "number")

        def __init__(self, width, words, number):
            super().__init__(width)
            self.words, self.number = tuple(words), number

    words = ["word" * 100] * 1000
    described = chain({"layer": "Words", "width": 3, "words": words, "number": 10**100})
    model = architecture.build(described, {"0.scales": (3, 3), "0.seen": (3,)}, {"Words": Words})
    assert (list(model[0].words), model[0].number) == (words, 10**100)


def test_parameters_are_not_drawn_for_a_caller_who_has_their_values():
    described = chain({"layer": "Residual", "block": [{"layer": "Dense", "inputs": 3, "outputs": 3}], "shortcut": None})
    shapes = {"0.block.0.weight": (3, 3), "0.block.0.bias": (3,)}
    assert architecture.build(described, shapes).theta.any()
    assert not architecture.build(described, shapes, draw=False).theta.any()


# The limits themselves ------------------------------------------------------------------------------------------------


def test_a_description_at_the_limits_is_read_and_one_beyond_is_not():
    """Lists and objects count, 50 levels of them and 10,000 in all; and 10,000 layers with all repetitions."""
    relu = {"layer": "ReLU"}
    sizes = {"layer": "Reshape", "shape": [1] * 11}  # its numbers are no layers
    limits = [nested(25), chain(*[relu] * 9_998), chain(again(4, 9)), chain(*[sizes] * 1000)]
    beyond = [chain({"layer": "ReLU", "x": [nested(24)]}), chain(*[relu] * 9_999), chain(again(4, 9), relu)]
    for described in limits:
        architecture.check_size(described)
    for described in beyond:
        with pytest.raises(tn.DataError, match="at most 10,000 layers with all repetitions, 50 deep, got more"):
            architecture.check_size(described)


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_what_is_wrong_inside_is_said_once(depth):
    described = {"layer": "Dropout", "rate": "high"}
    with pytest.raises(tn.DataError, match="^architecture: Dropout: expected hyperparameters") as alone:
        architecture.build(chain(described), {})
    for _ in range(depth):
        described = chain(described)
    with pytest.raises(tn.DataError) as told:
        architecture.build(chain(described), {})
    assert str(told.value) == str(alone.value)


@pytest.mark.parametrize("shape", [[2**31, 2**22], [1] * 32], ids=str)
def test_a_shape_at_the_limit_is_read(shape):
    (layer,) = architecture.build(chain({"layer": "Reshape", "shape": shape}), {}).layers
    assert layer.shape == tuple(shape)
