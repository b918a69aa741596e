"""Chains and residual blocks: one vector, backward through all layers, nesting and configuration."""

import copy
import pickle

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.backend.random import Purpose, Stream
from tinynet.io import architecture
from tinynet.layers.containers import Chain
from tinynet.layers.context import TRAINING

# Parameters in one vector ---------------------------------------------------------------------------------------------


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


def test_assigning_theta_writes_into_the_vector():
    model = tn.Sequential(tn.Dense(2, 3))
    model[0].weight = np.arange(6.0).reshape(2, 3)
    model.theta = np.zeros_like(model.theta)
    assert not model[0].weight.any()
    with pytest.raises(tn.ShapeError, match=r"model.theta: expected shape"):
        model.theta = np.zeros(3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.0] * 32, r"^model.theta: expected shape \(32,\), got list; take it from a model of the same layers"),
        (np.full(32, 1j), r"^model: expected theta of numbers, got complex128; use np.real\(theta\)"),
        (np.full(32, 1e39), r"^model.theta: expected numbers up to 3.40282e\+38, .*scale them: np.asarray\(theta\)"),
    ],
)
def test_assigning_what_theta_cannot_hold_is_refused(values, message):
    model = tn.Sequential(tn.Dense(2, 3))
    before = model.theta.copy()
    with pytest.raises(ValueError, match=message):
        model.theta = values
    assert np.array_equal(model.theta, before)


class Gain(tn.Layer):
    """y = gain * x, with a single parameter."""

    def __init__(self):
        self.add_parameter("gain", (1,), "ones")

    def forward(self, x, context):
        def backward(dy, grads):
            grads["gain"][...] = (dy * x).sum()
            return dy * self.gain

        return x * self.gain, backward


def test_the_gradient_reaches_a_first_layer_of_a_single_parameter():
    x, labels, losses = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([0, 1]), []
    context = tn.Context(training=True, step=0, input_gradient=False)  # as in training: nobody needs dx of the model
    model = tn.Sequential(Gain(), tn.Dense(2, 2), seed=1, dtype="float64")
    _, gradient = model.loss_and_gradient(x, labels, context=context)
    for gain in (1 - 1e-6, 1 + 1e-6):
        model[0].gain[...] = gain
        losses.append(model.loss_and_gradient(x, labels, context=context)[0])
    difference = (losses[1] - losses[0]) / 2e-6
    np.testing.assert_allclose(model.views(gradient)[0]["gain"], difference, rtol=1e-6)  # of central differences


def test_a_part_shares_the_vector_of_its_model():
    parts = [tn.Dense(4, 4) for _ in range(3)]
    model = tn.Sequential(parts[0], tn.Residual(parts[1], shortcut=parts[2]), seed=7, dtype="float64")
    weight = parts[2].weight
    assert np.shares_memory(weight, model.theta)
    assert weight.dtype == model.dtype == np.float64
    expected = [tn.Dense(4, 4) for _ in range(3)]
    assert np.array_equal(weight, tn.Sequential(*expected, seed=7, dtype="float64")[2].weight)


def test_a_residual_block_alone_keeps_one_vector_from_the_start():
    block = tn.Residual(tn.Dense(4, 4), tn.BatchNorm(4))
    first, norm = block.block
    assert np.shares_memory(first.weight, block.theta)
    assert np.shares_memory(norm.running_var, block.statistics_vector)


def test_the_statistics_of_all_layers_begin_at_their_first_values():
    model = tn.Sequential(tn.BatchNorm(20), tn.BatchNorm(20), tn.BatchNorm(20))
    for norm in model:
        assert (norm.running_mean == 0).all()
        assert (norm.running_var == 1).all()


def test_models_nest_and_keep_one_vector():
    flat = tn.Sequential(tn.Dense(5, 4), tn.ReLU(), tn.Dense(4, 3), seed=2)
    nested = tn.Sequential(tn.Sequential(tn.Dense(5, 4), tn.ReLU()), tn.Dense(4, 3), seed=2)
    np.testing.assert_array_equal(flat.theta, nested.theta)
    assert np.shares_memory(nested[0].theta, nested.theta)
    assert list(nested.parameters) == ["0.0.weight", "0.0.bias", "1.weight", "1.bias"]
    with pytest.raises(ValueError, match="this model is part of another; move the outermost one"):
        nested[0].to("cpu")


def test_statistics_of_each_layer_have_a_place_of_their_own():
    model = tn.Sequential(*(tn.BatchNorm(4) for _ in range(4)))
    for number, layer in enumerate(model):
        layer.running_mean = np.full(4, number)
        layer.running_var = np.full(4, number + 10)
    assert [layer.running_mean[0] for layer in model] == [0, 1, 2, 3]
    assert [layer.running_var[3] for layer in model] == [10, 11, 12, 13]


# Forward and backward -------------------------------------------------------------------------------------------------


def test_a_residual_block_may_come_first():
    """There no dx is needed: Dense leaves it out, batch norm does not."""
    block = tn.Residual(tn.BatchNorm(20), tn.Dense(20, 8), shortcut=tn.Dense(20, 8))
    model = tn.Sequential(block, tn.Dense(8, 4))
    x, labels = np.ones((6, 20), "float32") * np.arange(6)[:, None].astype("float32"), np.arange(6) % 4
    _, needed = model.loss_and_gradient(x, labels, context=TRAINING._replace(step=0))
    context = TRAINING._replace(step=0, input_gradient=False)
    _, gradient = model.loss_and_gradient(x, labels, context=context)
    np.testing.assert_array_equal(gradient, needed)
    assert np.isfinite(tn.fit(model, (x, labels), epochs=1, progress=False)["running_loss"]).all()


def test_backward_twice_is_an_error():
    model = small_model()
    y, backward = model.forward(np.ones((3, 20), "float32"), TRAINING)
    grads = model.views(np.zeros_like(model.theta))
    backward(np.ones_like(y), grads)
    with pytest.raises(RuntimeError, match="backward was called twice for one forward; call forward again first"):
        backward(np.ones_like(y), grads)


def test_two_forward_passes_before_two_backward_passes_are_independent():
    model = small_model(dtype="float64")
    generator = np.random.default_rng(0)
    inputs, labels = generator.normal(size=(2, 5, 20)), generator.integers(0, 4, (2, 5))
    loss = tn.SoftmaxCrossEntropy()
    apart = [
        model.loss_and_gradient(x, t, context=tn.Context(training=True, step=0))[1] for x, t in zip(inputs, labels)
    ]
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


def test_dropout_at_two_positions_of_a_model_differs():
    model = tn.Sequential(tn.Dropout(0.5), tn.Sequential(tn.ReLU(), tn.Dropout(0.5)))
    x = np.ones((50, 40), "float32")
    y = model.forward(x, TRAINING)[0]
    assert (y == 4).mean() == pytest.approx(0.25, abs=0.04)  # with one mask for both it would be a half


# Layers that are refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("places", [(0, 1), (0, 1, 2), (0, 2)])
def test_the_gradients_of_a_layer_that_stands_at_several_places_add_up(places):
    layer = tn.Dense(3, 3)
    model = tn.Sequential(*(layer if place in places else tn.Tanh() for place in range(3)))
    assert tn.gradcheck.check_model(model, np.random.default_rng(0).normal(size=(4, 3)), np.array([0, 1, 2, 0]))


def test_a_layer_in_two_models_is_refused():
    layer = tn.Dense(4, 4)
    tn.Sequential(layer)
    with pytest.raises(ValueError, match=r"got Dense\(4, 4\), which belongs to another model; build a new one"):
        tn.Sequential(layer)


def test_what_is_no_layer_is_refused():
    with pytest.raises(TypeError, match=r"Sequential: expected layers, got the class ReLU; write tn.ReLU\(\)"):
        tn.Sequential(tn.ReLU)
    with pytest.raises(TypeError, match="^Residual: expected layers, got int; make it"):
        tn.Residual(3)
    with pytest.raises(TypeError, match="Sequential: expected layers, got int; make it a class derived from Layer"):
        tn.Sequential(3)
    with pytest.raises(ValueError, match="Sequential: expected at least one layer"):
        tn.Sequential()


def test_a_model_that_is_refused_takes_no_layer():
    layer, other = tn.Dense(2, 2), tn.Dense(2, 2)
    tn.Sequential(other)
    for refused in (lambda: tn.Sequential(layer, other), lambda: tn.Sequential(layer, dtype="float16")):
        with pytest.raises(ValueError, match="Sequential: expected"):
            refused()
    with pytest.raises(TypeError, match="Sequential: expected layers, got list; pass them one by one"):
        tn.Sequential([layer])
    assert len(tn.Sequential(layer)) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("Dense(2, 3)", r"got 'Dense\(2, 3\)'; make it a class derived from Layer"),
        (3, "got int; make it a class derived from Layer"),
        (None, "got None; leave it out"),
        (tn.Dense, r"got the class Dense; write tn.Dense\(784, 10\)"),
        (type("Linear", (), {})(), r"got Linear; write tn.Dense\(784, 10\)"),
        (tn.Trainer, r"got type; make it a class derived from Layer"),
    ],
)
def test_what_is_no_layer_is_refused_with_its_kind(given, message):
    with pytest.raises(TypeError, match=f"^Sequential: expected layers, {message}$"):
        tn.Sequential(given)


@pytest.mark.parametrize("shortcut", [False, True])
def test_parts_of_a_residual_block_draw_by_their_positions(shortcut):
    block = [tn.ReLU(), tn.Dropout(0.5)], {"shortcut": tn.Dropout(0.5)} if shortcut else {}
    x = np.random.default_rng(0).uniform(1, 2, (20, 30))
    context = tn.Context(training=True, step=3)
    y, _ = tn.Residual(*block[0], **block[1]).forward(x, context)
    masks = [tn.Dropout(0.5).forward(x, context.at(position, True))[0] for position in (1, 2)]
    np.testing.assert_allclose(y, masks[0] + (masks[1] if shortcut else x))


def test_an_empty_residual_block_is_refused():
    with pytest.raises(ValueError, match="Residual: expected at least one layer, got none"):
        tn.Residual()


def test_a_residual_block_that_changes_the_shape_is_refused():
    message = r"Residual of Dense\(3, 4\) ...: expected a block whose output has the shape \(2, 3\), like that"
    with pytest.raises(tn.ShapeError, match=message):
        tn.Residual(tn.Dense(3, 4))(np.zeros((2, 3), "f4"))


# Repr and configuration -----------------------------------------------------------------------------------------------


def test_the_repr_of_a_model_is_the_call_that_makes_it():
    model = small_model()
    assert repr(model) == "Sequential(Dense(20, 16), ReLU(), Dropout(0.2), Dense(16, 4))"
    assert len(model) == 4
    assert [type(layer).__name__ for layer in model] == ["Dense", "ReLU", "Dropout", "Dense"]


def test_the_repr_of_a_residual_block_names_its_shortcut():
    assert repr(tn.Residual(tn.Dense(3, 2), tn.ReLU())) == "Residual(Dense(3, 2), ReLU())"
    block = tn.Residual(tn.Dense(3, 2), tn.ReLU(), shortcut=tn.Dense(3, 2))
    assert repr(block) == "Residual(Dense(3, 2), ReLU(), shortcut=Dense(3, 2))"


def test_containers_describe_their_parts():
    shared = tn.Dense(2, 2)
    dense = {"layer": "Dense", "inputs": 2, "outputs": 2}
    residual = tn.Residual(shared, tn.ReLU(), shared)
    block = {"layer": "Residual", "block": [dense, {"layer": "ReLU"}, {"again": 0}], "shortcut": None}
    assert residual.get_config() == block
    model = tn.Sequential(tn.Reshape(2), residual, residual)
    reshape = {"layer": "Reshape", "shape": [2]}
    assert model.get_config() == {"layer": "Sequential", "layers": [reshape, block, {"again": 1}]}


def test_nested_containers_come_back_from_their_description():
    inner = tn.Sequential(tn.Dense(3, 4), tn.ReLU())
    model = tn.Sequential(inner, tn.Residual(tn.Dense(4, 2), tn.Tanh(), shortcut=tn.Dense(4, 2)))
    shapes = {name: values.shape for name, values in model.parameters.items()}
    assert repr(architecture.build(model.get_config(), shapes)) == repr(model)
    assert list(model.parameters)[2:] == [f"1.{part}.{name}" for part in ("block.0", "shortcut") for name in WEIGHTS]
    config = model.get_config()
    config["layers"][1]["shortcut"]["outputs"] = 3
    with pytest.raises(tn.DataError, match=r"expected an array 1.shortcut.weight of shape \(4, 3\)"):
        architecture.build(config, shapes)


def test_a_chain_comes_back_from_its_description():
    chain = Chain(tn.ReLU(), tn.Reshape(2))
    again = Chain.from_config(chain.get_config(), lambda config, _: getattr(tn, config["layer"]).from_config(config))
    assert repr(again) == repr(chain) == "Chain(ReLU(), Reshape(2))"


WEIGHTS = ("weight", "bias")


def test_parameters_of_a_residual_block_have_its_name_with_a_shortcut_or_without():
    assert list(tn.Residual(tn.Dense(2, 2)).parameters) == ["block.0.weight", "block.0.bias"]
    both = tn.Residual(tn.Dense(2, 2), shortcut=tn.Dense(2, 2))
    assert list(both.parameters) == ["block.0.weight", "block.0.bias", "shortcut.weight", "shortcut.bias"]


def test_multiplications_of_all_parts_are_counted():
    x = np.ones((1, 3), "float32")
    assert tn.Sequential(tn.Dense(3, 4), tn.Dense(4, 2)).multiplications(x) == 16 + 10
    assert tn.Residual(tn.Dense(3, 2), shortcut=tn.Dense(3, 2)).multiplications(x) == 16


@pytest.mark.parametrize("part", [tn.Sequential, tn.Residual])
def test_a_copied_container_has_vectors_of_its_own_that_its_layers_share(part):
    model = part(tn.Dense(3, 3), tn.BatchNorm(3))
    twin = copy.deepcopy(model)
    twin.theta[...] = 7
    twin.statistics_vector[...] = 8
    assert all((values == 7).all() for values in twin.parameters.values())
    assert all((values == 8).all() for values in twin.statistics.values())
    assert not any((values == 8).any() for values in model.statistics.values())


@pytest.mark.parametrize("part", [tn.Sequential, tn.Residual])
def test_a_container_whose_vectors_come_read_only_gets_its_own_which_its_layers_share(part):
    """As from a worker process that maps large arrays."""
    model, buffers = part(tn.Dense(3, 3), tn.BatchNorm(3)), []
    packed = pickle.dumps(model, protocol=5, buffer_callback=buffers.append)
    twin = pickle.loads(packed, buffers=[bytes(buffer) for buffer in buffers])
    np.testing.assert_array_equal(twin.theta, model.theta)
    twin.theta[...] = 7
    twin.statistics_vector[...] = 8
    assert all((values == 7).all() for values in twin.parameters.values())
    assert all((values == 8).all() for values in twin.statistics.values())


def test_initial_weights_depend_on_the_position_in_the_whole_model():
    layers = [tn.Dense(3, 3) for _ in range(4)]
    flat = tn.Sequential(*(tn.Dense(3, 3) for _ in range(4)), seed=5)
    nested = tn.Sequential(layers[0], tn.Sequential(layers[1], tn.Sequential(*layers[2:])), seed=5)
    assert np.array_equal(nested.theta, flat.theta)
    assert len({float(layer.weight[0, 0]) for layer in layers}) == 4
    drawn = tn.Dense(3, 3, weight=lambda shape, stream: stream.normal(shape))
    tn.Sequential(tn.ReLU(), tn.Sequential(tn.ReLU(), drawn), seed=5)
    np.testing.assert_array_equal(drawn.weight, Stream(5, Purpose.WEIGHTS, layer=2).normal((3, 3)).astype("float32"))


def test_a_container_needs_something_that_builds_its_parts():
    for container in (tn.Sequential(tn.ReLU()), tn.Residual(tn.ReLU())):
        with pytest.raises(TypeError, match="a function that builds its parts, got none; use tinynet.io.architecture"):
            type(container).from_config(container.get_config())
    config = tn.Sequential(tn.Residual(tn.ReLU())).get_config()
    assert repr(architecture.build(config, {})) == "Sequential(Residual(ReLU()))"
