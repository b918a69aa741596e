"""What every layer inherits: parameters that are declared, drawn at their first use, assigned and copied."""

import copy
import gc
import inspect
import pickle
import threading
import weakref

import numpy as np
import pytest

import tinynet as tn
from tinynet.backend.random import Purpose, Stream
from tinynet.layers.context import TRAINING

TOO_LARGE = 10**9  # (10**9, 10**9) numbers fit into no memory


class Counted:
    """An initializer that counts how often it draws."""

    def __init__(self):
        self.draws = 0

    def __call__(self, shape, stream):
        self.draws += 1
        return stream.normal(shape)


def counted_dense(inputs=4, outputs=4):
    return tn.Dense(inputs, outputs, weight=(draw := Counted())), draw


# Drawing once --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model_of", [tn.Sequential, lambda layer: tn.Sequential(layer, tn.ReLU(), layer)], ids=["alone", "twice"]
)
def test_a_model_draws_each_weight_once(model_of):
    layer, draw = counted_dense()
    assert draw.draws == 0
    model = model_of(layer)
    model(np.ones((2, 4), "float32"))
    model.forward(np.ones((2, 4), "float32"), TRAINING)
    assert np.shares_memory(layer.weight, model.theta)
    assert draw.draws == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda layer: layer.weight,
        lambda layer: layer.bias,
        lambda layer: layer.parameters,
        lambda layer: layer.views(np.zeros(layer.size)),
        lambda layer: layer(np.ones((2, 4), "float32")),
        lambda layer: setattr(layer, "bias", np.ones(4)),
        copy.deepcopy,
    ],
)
def test_a_layer_alone_draws_at_its_first_use_of_any_kind(use):
    layer, draw = counted_dense()
    assert (layer.size, layer.parameter_count, draw.draws) == (32, 20, 0)
    use(layer)
    use(layer)
    assert draw.draws == 1
    assert np.array_equal(layer.weight, Stream(0, Purpose.WEIGHTS).normal((4, 4)).astype("float32"))


def test_a_layer_that_was_used_alone_is_drawn_again_by_its_model():
    layer, draw = counted_dense()
    alone = layer.weight
    model = tn.Sequential(tn.ReLU(), layer, seed=3)
    assert np.shares_memory(layer.weight, model.theta)
    assert not np.array_equal(layer.weight, alone)
    assert draw.draws == 2


def test_views_know_where_arrays_begin_before_anything_else_does():
    layer = tn.Dense(4, 4)
    assert layer.weight.shape == (4, 4)
    model, vector = tn.Sequential(tn.Dense(4, 4), layer), np.arange(64.0)
    assert model.views(vector)[1]["weight"][0, 0] == 32
    assert model.views(vector)[1]["bias"][0] == 48


def test_assigning_writes_into_the_vector():
    model = tn.Sequential(tn.Dense(2, 3))
    model[0].weight = np.arange(6.0).reshape(2, 3)
    assert np.array_equal(model.theta[:6], np.arange(6))
    assert np.array_equal(model[0].bias, np.zeros(3))


def test_assigning_an_array_of_another_shape_is_refused():
    model = tn.Sequential(tn.Dense(2, 3))
    with pytest.raises(
        tn.ShapeError,
        match=r"Dense\(2, 3\).weight: expected an array of shape \(2, 3\), got .*; transpose it",
    ):
        model[0].weight = np.zeros((3, 2))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.full(3, 1j), r"^Dense\(2, 3\).bias: expected values of numbers, got complex128; use np.real\(values\)"),
        (
            np.full(3, 1e39),
            r"^Dense\(2, 3\).bias: expected numbers up to 3.40282e\+38, .*: np.asarray\(values\)",
        ),
    ],
)
def test_assigning_what_a_parameter_cannot_hold_is_refused(value, message):
    layer = tn.Dense(2, 3)
    with pytest.raises(tn.DataError, match=message):
        layer.bias = value
    assert not layer.bias.any()


def test_a_layer_may_read_a_parameter_before_it_declares_the_next():
    class Early(tn.Layer):
        def __init__(self):
            self.add_parameter("first", (2,), "ones")
            self.total = self.first.sum()
            self.add_parameter("second", (3,), "ones")

    layer = Early()
    assert (layer.total, layer.second.tolist(), layer.first.tolist()) == (2, [1, 1, 1], [1, 1])


def test_a_layer_alone_has_a_vector_of_its_own_until_a_model_takes_it_in():
    layer = tn.Dense(4, 3)
    alone = layer.weight
    model = tn.Sequential(layer, seed=3)
    assert np.shares_memory(layer.weight, model.theta)
    assert not np.shares_memory(alone, model.theta)


def test_declaring_allocates_nothing():
    layers = [tn.Dense(TOO_LARGE, TOO_LARGE), tn.Conv2D(1, 1, TOO_LARGE), tn.BatchNorm(10**15)]
    assert layers[0].declared_shapes == {"weight": (TOO_LARGE, TOO_LARGE), "bias": (TOO_LARGE,)}
    assert layers[2].declared_shapes["running_var"] == (10**15,)
    assert layers[0].parameter_count > TOO_LARGE**2


@pytest.mark.parametrize(
    ("use", "named"),
    [
        (lambda: tn.Dense(TOO_LARGE, TOO_LARGE).weight, r"Dense with weight of shape \(\d+, \d+\)"),
        (lambda: tn.Sequential(tn.Dense(4, 4), tn.Dense(4, 10**12)), r"Sequential with 1.weight of shape \(4, 10"),
        (lambda: tn.BatchNorm(10**15)(np.ones((2, 3), "float32")), r"BatchNorm with weight of shape \(10"),
        (lambda: tn.zoo.mlp(784, (10**13,)), r"Sequential with 1.weight of shape \(784, 10"),
    ],
)
def test_what_does_not_fit_into_memory_is_refused_with_its_size_before_any_is_allocated(use, named):
    with pytest.raises(MemoryError, match=rf"{named}.*: expected arrays that fit into memory, got [\d,.]+ GB; choose"):
        use()


def test_parameters_and_statistics_must_fit_into_memory_together_before_any_is_drawn(monkeypatch):
    class Large(tn.Layer):
        def __init__(self, draw):
            self.add_parameter("weight", (10**8,), draw)
            self.add_statistic("mean", (10**8,), 0)

    def draw(shape, stream):
        raise AssertionError("drawn")

    machine = {"SC_PHYS_PAGES": 10**5, "SC_PAGE_SIZE": 4096}  # half of what is needed is within its memory
    monkeypatch.setattr("os.sysconf", machine.__getitem__)
    with pytest.raises(MemoryError, match=r"Large with weight of shape \(\d+,\): .*, got 0.8 GB;"):
        Large(draw).weight  # noqa: B018


@pytest.mark.parametrize("again", range(5))
def test_threads_that_use_a_new_layer_at_once_see_the_same_values(again):
    layer, x, outputs, start = tn.Dense(200, 200), np.ones((1, 200), "float32"), [], threading.Barrier(8)

    def use():
        start.wait()
        outputs.append(layer(x))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outputs) == 8
    assert all(np.array_equal(y, outputs[0]) for y in outputs)
    assert outputs[0].any()


def test_equal_layers_of_one_model_start_with_different_weights():
    model = tn.Sequential(tn.Dense(4, 4), tn.ReLU(), tn.Dense(4, 4), seed=2)
    assert not (model[0].weight == model[2].weight).any()
    expected = Stream(2, Purpose.WEIGHTS, layer=2).normal((4, 4)).astype("float32")
    layer = tn.Dense(4, 4, weight=lambda shape, stream: stream.normal(shape))
    assert np.array_equal(tn.Sequential(tn.ReLU(), tn.ReLU(), layer, seed=2)[2].weight, expected)


def test_a_used_model_is_freed_without_the_cycle_collector():
    model = tn.Sequential(tn.Dense(4, 4), tn.Residual(tn.Dense(4, 4)))
    model(np.ones((1, 4), "float32"))
    gone = weakref.ref(model)
    gc.disable()
    try:
        del model
        assert gone() is None
    finally:
        gc.enable()


def test_a_missing_attribute_is_named():
    class Either(tn.Layer):
        def __init__(self, name):
            self.add_parameter(name, (2,), "ones")

    one, other = Either("one"), Either("other")
    assert one.one.all()
    assert other.other.all()
    with pytest.raises(AttributeError, match="'Either' object has no attribute 'one'"):
        other.one  # noqa: B018
    assert not hasattr(one, "other")
    with pytest.raises(
        ValueError, match="Either: expected a parameter or statistic with a name that Layer does not use"
    ):
        Either("size")
    tn.Layer().add_parameter("weight", (2,), "ones")
    assert tn.Dense(2, 2).weight.shape == (2, 2)
    del tn.Layer.weight


def test_asking_a_part_of_a_model_for_what_it_has_not_leaves_its_parameters_in_the_model():
    class Either(tn.Layer):
        def __init__(self, name):
            self.add_parameter(name, (2,), "ones")

    Either("other")
    model = tn.Sequential(layer := Either("one"))
    assert not hasattr(layer, "other")
    assert np.shares_memory(layer.one, model.theta)


def test_an_attribute_that_nobody_would_read_is_refused():
    with pytest.raises(AttributeError, match="Dense: expected an attribute that a layer reads, got 'trainable'"):
        tn.Dense(2, 2).trainable = False


def test_a_layer_of_ones_own_refuses_arguments_that_it_does_not_know():
    class Own(tn.Layer):
        hyperparameters = ("units",)

        def __init__(self, units):
            self.units = units
            self.add_parameter("gain", (units, -1), "ones")

    with pytest.raises(TypeError, match=r"Own: expected arguments among \(units\), got neurons=3"):
        Own(neurons=3)
    with pytest.raises(ValueError, match="Own: each size of gain: expected a whole number from 1, got -1"):
        Own(3)


def test_a_hyperparameter_that_json_cannot_express_and_one_that_is_unknown_are_named():
    class Own(tn.Layer):
        hyperparameters = ("units",)

        def __init__(self, units):
            self.units = units

    with pytest.raises(TypeError, match=r"^Own\(<object .*>\): expected units as a number, a string or a list"):
        Own(object()).get_config()
    with pytest.raises(ValueError, match=r"^Own: expected the hyperparameters \('units',\), got \['neurons'\]"):
        Own.from_config({"layer": "Own", "neurons": 3})
    assert Own.from_config(Own(3).get_config()).units == 3


def test_a_layer_of_ones_own_may_have_a_base_that_looks_at_its_classes():
    seen = []

    class Listing:
        def __init_subclass__(cls, label, **arguments):
            seen.append((cls.__name__, label))

    class Own(tn.Layer, Listing, label="own"):
        pass

    assert seen == [("Own", "own")]


def test_an_input_shape_is_known_only_where_there_is_one():
    assert tn.ReLU().input_shape is None
    assert tn.Dense(3, 2).input_shape == (3,)


class Expecting(tn.Layer):
    """Passes on x of shape (N, 3), and has parameters only if it is told so."""

    def __init__(self, parameters=False, remedy="give three"):
        self.remedy = remedy
        if parameters:
            self.add_parameter("gain", (3,), "ones")

    def forward(self, x, context):
        self.expect(x, (None, 3), self.remedy)
        return x, lambda dy, grads: dy


def test_a_layer_without_parameters_takes_any_dtype():
    assert Expecting()(np.ones((2, 3), "float64")).dtype == np.float64
    with pytest.raises(tn.ShapeError, match=r"x of dtype float32.*convert it: x.astype\('float32'\)$"):
        Expecting(True)(np.ones((2, 3), "float64"))


def test_a_wrong_shape_is_named_with_the_remedy_that_the_layer_gives():
    with pytest.raises(tn.ShapeError, match=r"expected x of shape \(N, 3\), got \(2, 4\); give three"):
        Expecting()(np.ones((2, 4)))
    with pytest.raises(tn.ShapeError, match=r"got \(2, 4\); not 4"):
        Expecting(remedy=lambda shape: f"not {shape[1]}")(np.ones((2, 4)))
    with pytest.raises(tn.ShapeError, match=r"expected x of shape \(N, H, W, 3\), got \(2, 5, 5, 4\)"):
        tn.Conv2D(3, 4)(np.ones((2, 5, 5, 4), "float32"))


def test_an_initializer_that_fails_leaves_the_layer_undrawn():
    def fail_once(shape, stream):
        if not failed:
            failed.append(True)
            raise OSError("no values yet")
        return np.ones(shape)

    failed = []
    layer = tn.Dense(2, 3, weight=fail_once)
    with pytest.raises(OSError, match="no values yet"):
        layer.weight  # noqa: B018
    assert layer.weight.all()


# Errors come where the layer is made ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: tn.Dense(2, 3, weight="he_norml"), ValueError, "unknown initializer 'he_norml'; did you mean"),
        (lambda: tn.Dense(2, 3, weight=np.ones((3, 2))), tn.ShapeError, r"an array of shape \(2, 3\), got \(3, 2\)"),
        (lambda: tn.Dense(2.5, 3), ValueError, "Dense: inputs: expected a whole number from 1, got 2.5; write Dense"),
        (lambda: tn.Dense(2, -3), ValueError, "Dense: outputs: expected a whole number from 1, got -3"),
        (lambda: tn.BatchNorm("two"), ValueError, "expected a whole number from 1, got 'two'"),
    ],
)
def test_errors_of_a_declaration_come_with_it(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_array_to_start_from_may_change_before_the_first_use():
    weight = np.ones((2, 3))
    layer = tn.Dense(2, 3, weight=weight)
    weight[...] = 5
    assert (layer.weight == 1).all()


# Copies --------------------------------------------------------------------------------------------------------------


def through_pickle(layer):
    return pickle.loads(pickle.dumps(layer))


@pytest.mark.parametrize("drawn", [False, True])
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, through_pickle])
@pytest.mark.parametrize(
    "make",
    [
        lambda: tn.Dense(4, 4, weight=np.ones((4, 4))),
        lambda: tn.BatchNorm(4),
        lambda: tn.ReLU(),
        lambda: tn.Residual(tn.Dense(4, 4), tn.ReLU(), shortcut=tn.Sequential(tn.Dense(4, 4))),
        lambda: tn.Sequential(tn.Dense(4, 4), tn.BatchNorm(4), tn.Sequential(tn.Dense(4, 4)), seed=3),
    ],
    ids=["Dense", "BatchNorm", "ReLU", "Residual", "Sequential"],
)
def test_a_copy_has_the_same_values_drawn_or_not(make, duplicate, drawn):
    layer, x = make(), np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    if drawn:
        layer(x)
    twin = duplicate(layer)
    assert repr(twin) == repr(layer)
    assert np.array_equal(twin(x), layer(x))
    assert np.array_equal(make()(x), layer(x))
    shared = [np.shares_memory(twin.parameters[name], values) for name, values in layer.parameters.items()]
    assert shared == [duplicate is copy.copy] * len(shared)


@pytest.mark.parametrize("layer", [tn.Dense(4, 4), tn.BatchNorm(4)], ids=repr)
def test_a_layer_unpickled_from_memory_that_may_not_be_written_can_be_trained(layer):
    """As worker processes get it from joblib: pickle leaves arrays in the memory that it is given."""
    buffers = []
    pickled = pickle.dumps(layer, protocol=5, buffer_callback=buffers.append)
    twin = pickle.loads(pickled, buffers=[bytes(buffer) for buffer in buffers])
    assert buffers
    for values in {**twin.parameters, **twin.statistics}.values():
        before = values.copy()
        values += 1
        np.testing.assert_array_equal(values, before + 1)


def test_a_class_that_has_parameters_can_be_looked_at():
    tn.Dense(2, 2)
    assert {"weight", "bias"} <= {name for name, _ in inspect.getmembers(tn.Dense)}


def test_a_copy_of_a_part_is_a_layer_alone_with_the_values_of_the_model():
    model = tn.Sequential(tn.Dense(4, 4), tn.Dense(4, 3), seed=3)
    twin = copy.deepcopy(model[1])
    assert np.array_equal(twin.weight, model[1].weight)
    assert not np.shares_memory(twin.weight, model.theta)


# Layers of one's own --------------------------------------------------------------------------------------------------


class Swish(tn.Layer):
    """The README's own layer: y = x * sigmoid(x)."""

    def forward(self, x, context):
        gate = 1 / (1 + np.exp(-x))

        def backward(dy, grads):
            return dy * (gate + x * gate * (1 - gate))

        return x * gate, backward


def test_a_layer_of_ones_own_needs_only_forward(small_data):
    train, test = small_data
    assert tn.gradcheck.check_layer(Swish(), (5, 4))
    model = tn.Sequential(tn.Dense(20, 16), Swish(), tn.Dense(16, 4))
    tn.fit(model, train, epochs=5, batch_size=32, progress=False)
    assert tn.evaluate(model, test).accuracy > 0.9


def test_an_underflow_that_numpy_was_told_to_raise_is_no_error_in_inference():
    class Small(tn.Layer):
        def forward(self, x, context):
            assert context == tn.Context()
            return x * x, None

    with np.errstate(all="raise"):
        assert Small()(np.full(2, 1e-30, "float32")).tolist() == [0, 0]


def test_a_layer_without_forward_says_so():
    class Empty(tn.Layer):
        pass

    with pytest.raises(NotImplementedError, match=r"Empty must define forward\(x, context\)"):
        Empty()(np.zeros(3))


def test_a_list_is_refused():
    with pytest.raises(TypeError, match="expected a NumPy or CuPy array, got list"):
        tn.ReLU()([1, 2])
