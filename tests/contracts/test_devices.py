"""The same results on every device (the strict stand-in; a GPU, if there is one)."""

import ast
import inspect
import operator
import re
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.child import python
from tests.support.models import small_model
from tinynet.backend import arrays
from tinynet.layers.base import TRAINING

PACKAGE = Path(tn.__file__).parent
DEVICES = ["strict", pytest.param("gpu", marks=pytest.mark.gpu)]
CASES = {
    "AveragePool2D": (lambda: tn.AveragePool2D(3, 2), (2, 6, 5, 3)),
    "BatchNorm": (lambda: tn.BatchNorm(3), (2, 4, 5, 3)),
    "ChannelsLast": (lambda: tn.ChannelsLast(), (2, 3, 4, 5)),
    "Conv2D": (lambda: tn.Conv2D(9, 4, 3, 2, padding="same"), (5, 6, 5, 9)),
    "Dense": (lambda: tn.Dense(6, 4), (5, 6)),
    "Dropout": (lambda: tn.Dropout(0.5), (5, 6)),
    "ELU": (lambda: tn.ELU(0.7), (5, 6)),
    "Flatten": (lambda: tn.Flatten(), (5, 2, 3)),
    "GELU": (lambda: tn.GELU(), (5, 6)),
    "GlobalAveragePool2D": (lambda: tn.GlobalAveragePool2D(), (2, 4, 5, 3)),
    "LayerNorm": (lambda: tn.LayerNorm(6), (5, 6)),
    "LeakyReLU": (lambda: tn.LeakyReLU(0.2), (5, 6)),
    "MaxPool2D": (lambda: tn.MaxPool2D(3, 2, padding="same"), (2, 6, 5, 3)),
    "ReLU": (lambda: tn.ReLU(), (5, 6)),
    "Reshape": (lambda: tn.Reshape(2, 3, 1), (5, 6)),
    "Residual": (lambda: tn.Residual(tn.Dense(6, 4), tn.BatchNorm(4), shortcut=tn.Dense(6, 4)), (5, 6)),
    "Sequential": (lambda: tn.Sequential(tn.Dense(6, 4), tn.Sequential(tn.ReLU(), tn.Dense(4, 3))), (5, 6)),
    "Sigmoid": (lambda: tn.Sigmoid(), (5, 6)),
    "SiLU": (lambda: tn.SiLU(), (5, 6)),
    "Softmax": (lambda: tn.Softmax(), (5, 6)),
    "Softplus": (lambda: tn.Softplus(), (5, 6)),
    "Tanh": (lambda: tn.Tanh(), (5, 6)),
}


@pytest.fixture(params=DEVICES)
def device(request):
    return strict.device if request.param == "strict" else arrays.find_device("gpu")


def test_every_public_layer_has_a_case():
    layers = {name for name, value in vars(tn).items() if isinstance(value, type) and issubclass(value, tn.Layer)}
    assert set(CASES) == layers - {"Layer"}


@pytest.mark.parametrize("name", CASES)
def test_a_layer_there_equals_the_layer_here(name, device):
    make, shape = CASES[name]
    results = []
    for each in (arrays.CPU, device):
        layer = make()
        x = each.put(np.random.default_rng(0).normal(size=shape).astype("float32"))
        vector = each.put(np.zeros(layer.size, "float32"))
        changes = each.put(np.zeros(layer.statistics_size, "float32"))
        if layer.size:
            layer.bind(each.put(layer._vector), 0)
        if layer.statistics_size:
            layer.bind_statistics(each.put(layer._statistics_vector), 0)
        y, backward = layer.forward(x, TRAINING)
        dx = backward(y.copy(), layer.views(vector, changes))
        results.append([arrays.to_numpy(a) for a in (y, dx, vector, changes, layer(x))])
    for here, there in zip(*results):
        assert there.dtype == np.float32
        np.testing.assert_allclose(there, here, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (tn.SoftmaxCrossEntropy(), np.array([0, 2, 1])),
        (tn.SoftmaxCrossEntropy(0.1, [1, 2, 3, 4]), np.array([0, 2, 1])),
        (tn.MeanSquaredError(), np.ones((3, 4), "float32")),
        (tn.BinaryCrossEntropy(), np.ones((3, 4), "float32")),
    ],
    ids=repr,
)
def test_a_loss_there_equals_the_loss_here(loss, targets, device):
    results = []
    for each in (arrays.CPU, device):
        outputs = each.put(np.random.default_rng(0).normal(size=(3, 4)).astype("float32"))
        placed = each.put(targets)
        loss.check_targets(placed, outputs.shape)
        value, backward = loss.forward(outputs, placed)
        results.append((float(value), arrays.to_numpy(backward())))
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-6)
    np.testing.assert_allclose(results[1][1], results[0][1], rtol=1e-5)


OPTIMIZERS = [
    tn.SGD(0.1),
    tn.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
    tn.RMSprop(0.001, momentum=0.5),
    tn.Adam(0.01, weight_decay=1e-4),
    tn.Nadam(0.01),
    tn.Averaged(tn.Clipped(tn.AdamW(0.01, mask=small_model().mask()), 0.5), 0.9),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_training_there_equals_training_here(optimizer, device, small_data):
    train, test = small_data
    thetas, histories, predictions = [], [], []
    for each in (arrays.CPU, device):
        model = small_model()
        settings = dict(validation=test, optimizer=optimizer, epochs=2, batch_size=100, device=each)
        histories.append(tn.fit(model, train, measure_train=True, **settings))
        thetas.append(arrays.to_numpy(model.theta))
        predictions.append(model.predict(test))
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(predictions[1], predictions[0], rtol=1e-4, atol=1e-6)
    for name in ("running_loss", "running_accuracy", "validation_loss", "validation_accuracy"):
        assert histories[1][name] == pytest.approx(histories[0][name], rel=1e-4)


def test_a_convolutional_network_trains_there_as_here(device):
    x = np.random.default_rng(0).integers(0, 256, (48, 8, 8, 1)).astype("uint8")
    thetas, running = [], []
    for each in (arrays.CPU, device):
        block = tn.Residual(tn.Conv2D(4, 4, padding="same"), tn.BatchNorm(4), tn.ReLU())
        model = tn.Sequential(tn.Conv2D(1, 4), block, tn.MaxPool2D(), tn.Flatten(), tn.Dense(36, 3))
        tn.fit(model, (x, np.arange(48) % 3), epochs=2, batch_size=16, device=each)
        thetas.append(arrays.to_numpy(model.theta))
        running.append(arrays.to_numpy(model.statistics_vector))
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(running[1], running[0], rtol=1e-3, atol=1e-5)
    assert not np.allclose(running[0][:4], 0)


def test_a_regression_and_a_standardised_set_train_there(device):
    x = np.random.default_rng(0).normal(size=(60, 3))
    history = tn.fit(
        tn.Sequential(tn.Dense(3, 2)), (x, x[:, :2]), loss=tn.MeanSquaredError(), epochs=2, batch_size=7, device=device
    )
    assert history["running_loss"][1] < history["running_loss"][0]
    pixels = tn.data.from_arrays(np.arange(60, dtype="uint8").reshape(20, 3), np.arange(20) % 2)
    tn.fit(tn.Sequential(tn.Dense(3, 2)), pixels.to(device).standardize(), epochs=1, batch_size=7, device=device)


def test_an_epoch_reads_nothing_back_until_its_end(small_data):
    readings = []

    class Watch(tn.Callback):
        def batch_ends(self, examples, numbers):
            assert numbers == {}
            readings.append(strict.reads)

    tn.fit(small_model(), small_data[0], epochs=2, batch_size=100, device=strict.device, callbacks=[Watch()])
    for epoch in (readings[:6], readings[6:]):
        assert len(set(epoch)) == 1


def test_divergence_is_found_at_the_end_of_the_epoch(small_data):
    with pytest.raises(tn.DivergenceError, match="in epoch 1, step "):
        tn.fit(small_model(), small_data[0], optimizer=tn.SGD(1e30), epochs=2, batch_size=100, device=strict.device)


def test_mixed_devices_are_refused_by_name():
    model = small_model().to(strict.device)
    message = r"Dense\(20, 16\): expected x as an array of strict, like the weights, got numpy; move the model: model"
    with pytest.raises(tn.DeviceError, match=message):
        model(np.zeros((2, 20), "float32"))


def test_a_model_comes_back_whole():
    model = small_model()
    before = model.theta.copy()
    model.to(strict.device)
    assert model.device is strict.device
    model.to("cpu")
    np.testing.assert_array_equal(model.theta, before)
    assert np.shares_memory(model[0].weight, model.theta)


# The stand-in itself is strict ------------------------------------------------------------------------------------


def test_the_stand_in_refuses_to_mix():
    ours, plain = strict.device.put(np.ones(3)), np.ones(3)
    xp = arrays.array_module(ours)
    for attempt in (
        lambda: ours + plain,
        lambda: plain + ours,
        lambda: plain @ ours,
        lambda: xp.maximum(ours, plain),
        lambda: np.maximum(ours, plain),
        lambda: np.asarray(ours),
        lambda: np.add(plain, plain, out=ours),
        lambda: ours.__setitem__(0, plain),
        lambda: ours[plain.astype(int)],
        lambda: list(ours),
        lambda: ours.tolist(),
    ):
        with pytest.raises((TypeError, AttributeError)):
            attempt()


# What the sources say ----------------------------------------------------------------------------------------------


def test_one_file_imports_cupy():
    importers = [
        path
        for path in PACKAGE.rglob("*.py")
        if re.search(r"^\s*(import|from) cupy", path.read_text(encoding="utf-8"), re.M)
    ]
    assert importers == [PACKAGE / "backend/gpu/device.py"]


def test_layers_losses_and_optimizers_never_name_an_array_library():
    sources = [*(PACKAGE / "layers").glob("*.py"), PACKAGE / "losses.py", *(PACKAGE / "optimizers").glob("*.py")]
    assert len(sources) > 10
    importers = {path.name for path in sources if "import numpy" in path.read_text(encoding="utf-8")}
    assert not importers


def array_functions():
    """Every function taken from an array module: xp.NAME, array_module(...).NAME, device.module.NAME."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute):
                owner = ast.unparse(node.value)
                found = re.fullmatch(r"(?:xp|array_module\(\w+\)|device\.module)(?:\.(lib\.\w+))?", owner)
                if found and node.attr != "lib" and not owner.endswith(".lib"):
                    yield f"{found[1]}.{node.attr}" if found[1] else node.attr


def test_every_array_function_exists_in_cupy():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    used = set(array_functions())
    assert {"maximum", "matmul", "exp", "take", "lib.stride_tricks.as_strided"} <= used
    for name in used:
        assert operator.attrgetter(name)(cupy)


def test_every_array_method_exists_in_cupy():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    methods = strict._ALLOWED_ATTRIBUTES
    assert not [name for name in methods if not hasattr(cupy.ndarray, name)]


def test_nothing_but_numpy_is_imported():
    code = (
        "import sys, numpy; before = set(sys.modules); import tinynet; "
        "print(*sorted({m.partition('.')[0] for m in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = python("-c", code)
    assert done.stdout.split() == ["tinynet"], done.stderr


def test_public_names_are_documented():
    undocumented = [name for name in tn.__all__ if not inspect.getdoc(getattr(tn, name))]
    assert not undocumented


def test_layers_multiply_with_nothing_else():
    """An `@` or `xp.matmul` in a layer would raise inside a capture, on a GPU alone."""
    for path in [*(PACKAGE / "layers").glob("*.py"), PACKAGE / "losses.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not isinstance(node, ast.MatMult), f"{path.name} multiplies with @"
            assert not (isinstance(node, ast.Attribute) and node.attr in ("matmul", "dot", "einsum", "tensordot"))
