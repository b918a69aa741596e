"""PyTorch as an independent witness: the same weights and batches give the same outputs, losses and gradients.

Two arrays agree if no entry is further off than a tolerance, either of the largest magnitude of the array, or, where
each entry is worked out by itself and nothing cancels in a sum, of that entry. The project asks for 1e-6 in float64 and
1e-4 in float32. Tighter ones hold, with room for another BLAS: measured are 2e-15 and 3e-6, and 4e-15 after 50 steps.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import tinynet as tn

torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed: pip install torch")
from torch.nn import functional  # noqa: E402  (there is no torch to import from before the line above)

pytestmark = pytest.mark.torch
torch.set_num_threads(1)  # its idle threads spin, and would take the cores from NumPy's own between two calls

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
TRAINED = 1e-9  # of float64 after 50 steps, in which rounding errors feed on one another
DTYPES = list(TOLERANCE)
TRAINING = tn.Context(training=True, seed=3, step=2, layer=1)


def assert_agree(ours, theirs, dtype, entry_by_entry=False, tolerance=None):
    """`ours`, an array of `dtype`, is the tensor `theirs`, up to the tolerance of the dtype unless one is given."""
    ours, theirs = np.asarray(ours), theirs.detach().numpy()
    assert ours.dtype == theirs.dtype == dtype
    assert ours.shape == theirs.shape
    tolerance = tolerance or TOLERANCE[dtype]
    scale = np.abs(theirs) if entry_by_entry else np.abs(theirs).max()
    error = np.abs(ours - theirs)
    assert (error <= tolerance * scale).all(), f"off by up to {error.max():.3g}, of {np.abs(theirs).max():.3g}"


def leaf(array):
    """A tensor of the array's numbers, which gathers their gradient."""
    return torch.tensor(array, requires_grad=True)


def public(base):
    """The names of the classes derived from `base` that `tinynet` exports. Sequential is no formula of its own."""
    classes = {name: getattr(tn, name) for name in tn.__all__ if isinstance(getattr(tn, name), type)}
    return {name for name, one in classes.items() if issubclass(one, base) and one not in (base, tn.Sequential)}


# Layers: each in PyTorch's words, as (layer, x, parameters, context) -> y ------------------------------------


def torch_dense(layer, x, parameters, context):
    return functional.linear(x, parameters["weight"].T, parameters["bias"])  # PyTorch keeps (outputs, inputs)


def torch_dropout(layer, x, parameters, context):
    """The random choice is ours, seen by sending ones through; what it does to numbers and gradients is PyTorch's."""
    if not context.training:
        return functional.dropout(x, layer.rate, training=False)
    return x * torch.tensor(layer.forward(np.ones(x.shape, x.detach().numpy().dtype), context)[0])


def channels_first(of_pictures):
    """A twin for pictures (N, H, W, C) from PyTorch's function of (N, C, H, W)."""

    def twin(layer, x, parameters, context):
        return of_pictures(layer, x.permute(0, 3, 1, 2), parameters, context).permute(0, 2, 3, 1)

    return twin


@channels_first
def torch_convolution(layer, x, parameters, context):
    windows = layer.windows
    above, left = windows.margins(tuple(x.shape[2:]))
    weight = parameters["weight"].permute(3, 2, 0, 1)  # PyTorch keeps (outputs, inputs, height, width)
    return functional.conv2d(functional.pad(x, (*left, *above)), weight, parameters["bias"], windows.stride)


@channels_first
def torch_max_pool(layer, x, parameters, context):
    windows = layer.windows
    above, left = windows.margins(tuple(x.shape[2:]))
    return functional.max_pool2d(functional.pad(x, (*left, *above), value=-np.inf), windows.kernel, windows.stride)


@channels_first
def torch_average_pool(layer, x, parameters, context):
    return functional.avg_pool2d(x, layer.windows.kernel, layer.windows.stride)


def torch_batch_norm(layer, x, parameters, context):
    """In float64: for a batch of two, PyTorch's float32 gradient is off by up to 3e-4."""
    flat = x.double().reshape(-1, layer.features)
    running = [torch.tensor(values).double() for values in layer.statistics.values()]
    weight, bias = (parameters[name].double() for name in ("weight", "bias"))
    return functional.batch_norm(flat, *running, weight, bias, context.training).reshape(x.shape).to(x.dtype)


def torch_layer_norm(layer, x, parameters, context):
    return functional.layer_norm(x, (layer.features,), parameters["weight"], parameters["bias"])


def torch_residual(layer, x, parameters, context):
    """Dense layers in the block and around it."""
    block = functional.linear(x, parameters["block.0.weight"].T, parameters["block.0.bias"]).tanh()
    return block + functional.linear(x, parameters["shortcut.weight"].T, parameters["shortcut.bias"])


@dataclass(frozen=True)
class LayerCase:
    """A layer, the shapes of x it is tried with, and its twin."""

    make: Callable[[], tn.Layer]
    shapes: list[tuple[int, ...]]
    twin: Callable[..., Any]
    entry_by_entry: bool = True


LAYERS = {
    "AveragePool2D": LayerCase(
        lambda: tn.AveragePool2D((2, 3), 2), [(3, 6, 7, 2)], torch_average_pool, entry_by_entry=False
    ),
    "BatchNorm": LayerCase(
        lambda: tn.BatchNorm(4), [(64, 4), (5, 3, 6, 4), (2, 4)], torch_batch_norm, entry_by_entry=False
    ),
    "ChannelsLast": LayerCase(tn.ChannelsLast, [(2, 3, 4, 5)], lambda *given: given[1].permute(0, 2, 3, 1)),
    "Conv2D": LayerCase(
        lambda: tn.Conv2D(3, 8, (3, 2), (2, 1), padding="same"),
        [(5, 9, 6, 3), (1, 4, 4, 3)],
        torch_convolution,
        entry_by_entry=False,
    ),
    "Dense": LayerCase(lambda: tn.Dense(40, 30), [(64, 40), (1, 40)], torch_dense, entry_by_entry=False),
    "Dropout": LayerCase(lambda: tn.Dropout(0.3), [(64, 40), (5, 3, 4)], torch_dropout),
    "ELU": LayerCase(
        lambda: tn.ELU(0.7), [(64, 40), (5, 3, 4)], lambda layer, x, parameters, context: functional.elu(x, 0.7)
    ),
    "Flatten": LayerCase(tn.Flatten, [(6, 5), (6, 5, 4, 3)], lambda layer, x, parameters, context: torch.flatten(x, 1)),
    "GELU": LayerCase(  # its derivative changes sign: near there, terms cancel
        tn.GELU,
        [(64, 40), (5, 3, 4)],
        lambda layer, x, parameters, context: functional.gelu(x, approximate="tanh"),
        entry_by_entry=False,
    ),
    "GlobalAveragePool2D": LayerCase(
        tn.GlobalAveragePool2D, [(4, 5, 6, 3)], lambda *given: given[1].mean((1, 2)), entry_by_entry=False
    ),
    "LayerNorm": LayerCase(lambda: tn.LayerNorm(6), [(20, 6), (3, 2, 4, 6)], torch_layer_norm, entry_by_entry=False),
    "LeakyReLU": LayerCase(
        lambda: tn.LeakyReLU(0.2),
        [(64, 40), (5, 3, 4)],
        lambda layer, x, parameters, context: functional.leaky_relu(x, 0.2),
    ),
    "MaxPool2D": LayerCase(lambda: tn.MaxPool2D(3, 2, padding="same"), [(3, 6, 7, 2), (1, 8, 8, 1)], torch_max_pool),
    "ReLU": LayerCase(tn.ReLU, [(64, 40), (5, 3, 4)], lambda layer, x, parameters, context: functional.relu(x)),
    "Reshape": LayerCase(lambda: tn.Reshape(4, 5, 2), [(3, 40)], lambda *given: given[1].reshape(-1, 4, 5, 2)),
    "Residual": LayerCase(
        lambda: tn.Residual(tn.Dense(6, 4), tn.Tanh(), shortcut=tn.Dense(6, 4)),
        [(20, 6)],
        torch_residual,
        entry_by_entry=False,
    ),
    "Sigmoid": LayerCase(tn.Sigmoid, [(64, 40), (5, 3, 4)], lambda layer, x, parameters, context: torch.sigmoid(x)),
    "Softmax": LayerCase(  # its gradient has a sum in each row, in which terms cancel
        tn.Softmax, [(64, 10), (1, 2)], lambda layer, x, parameters, context: torch.softmax(x, -1), entry_by_entry=False
    ),
    "SiLU": LayerCase(  # as GELU's
        tn.SiLU, [(64, 40), (5, 3, 4)], lambda layer, x, parameters, context: functional.silu(x), entry_by_entry=False
    ),
    "Softplus": LayerCase(
        tn.Softplus, [(64, 40), (5, 3, 4)], lambda layer, x, parameters, context: functional.softplus(x)
    ),
    "Tanh": LayerCase(tn.Tanh, [(64, 40), (5, 3, 4)], lambda layer, x, parameters, context: torch.tanh(x), False),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "shape"), [(name, shape) for name, case in LAYERS.items() for shape in case.shapes])
def test_layers(name, shape, training, dtype):
    case, generator = LAYERS[name], np.random.default_rng(1)
    layer = layer_of(case.make(), dtype, generator)
    x, context = generator.normal(size=shape).astype(dtype), TRAINING if training else tn.Context()
    tensors = {"x": leaf(x), **{name: leaf(values) for name, values in layer.parameters.items()}}
    y, backward = layer.forward(x, context)
    expected = case.twin(layer, tensors["x"], tensors, context)
    assert_agree(y, expected, dtype, case.entry_by_entry)

    dy = generator.normal(size=y.shape).astype(dtype)
    mirror = copy.deepcopy(layer)
    mirror.bind(np.full(layer.size, np.nan, dtype), 0)  # what backward does not write stays NaN
    gradients = {"x": backward(dy.copy(), mirror.views(mirror._vector)), **mirror.parameters}
    expected.backward(torch.tensor(dy))
    for name, tensor in tensors.items():
        assert_agree(gradients[name], tensor.grad, dtype, case.entry_by_entry)


def layer_of(layer, dtype, generator):
    """The layer, its parameters in `dtype` and random: biases begin at 0, where mistakes can hide."""
    layer.bind(np.zeros(layer.size, dtype), 0)
    for values in layer.parameters.values():
        values[...] = generator.normal(size=values.shape)
    layer.bind_statistics(np.zeros(layer.statistics_size, dtype), 0)
    for values in layer.statistics.values():
        values[...] = generator.uniform(0.5, 2, values.shape)
    return layer


@pytest.mark.parametrize("dtype", DTYPES)
def test_dense_with_the_sums_of_a_real_first_layer(dtype):
    generator = np.random.default_rng(2)
    layer = layer_of(tn.Dense(784, 256), dtype, generator)
    x, dy = (generator.normal(size=(1000, width)).astype(dtype) for width in (784, 256))
    tensors = {"x": leaf(x), **{name: leaf(values) for name, values in layer.parameters.items()}}
    y, backward = layer.forward(x, TRAINING)
    gradients = layer.views(np.full(layer.size, np.nan, dtype))
    gradients["x"] = backward(dy.copy(), gradients)
    expected = torch_dense(layer, tensors["x"], tensors, TRAINING)
    expected.backward(torch.tensor(dy))
    assert_agree(y, expected, dtype)
    for name, tensor in tensors.items():
        assert_agree(gradients[name], tensor.grad, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_running_statistics_of_batch_norm(dtype):
    ours, theirs = tn.Sequential(tn.BatchNorm(3, momentum=0.3), dtype=dtype), torch.nn.BatchNorm1d(3, momentum=0.3)
    theirs = theirs.double() if dtype == "float64" else theirs
    changes = np.full(ours.statistics_size, np.nan, dtype)
    for seed in range(4):
        x = np.random.default_rng(seed).normal(seed, 2, size=(8, 3)).astype(dtype)
        y, backward = ours.forward(x, TRAINING)
        backward(np.ones_like(y), ours.views(np.zeros_like(ours.theta), changes))
        for name, values in ours[0].statistics.items():
            values += ours.views(np.zeros_like(ours.theta), changes)[0][name]
        assert_agree(y, theirs(torch.tensor(x)), dtype)
    assert_agree(ours[0].running_mean, theirs.running_mean, dtype)
    assert_agree(ours[0].running_var, theirs.running_var, dtype)
    x = np.random.default_rng(9).normal(size=(5, 3)).astype(dtype)
    assert_agree(ours(x), theirs.eval()(torch.tensor(x)), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["Sigmoid", "Softmax"])
def test_extreme_inputs(name, dtype):
    """+-1e4 and what lies on the way: equal to a tolerance of the largest entry, 1, so the last denormals are free."""
    x = np.array([[1e4, 0, -1e4, -1e4], [-1e4, -1e4, -1e4, -1e4], [-90, 90, -20, 20], [800, 799, -800, 0]], dtype)
    tensor, layer = leaf(x), LAYERS[name].make()
    y, backward = layer.forward(x, tn.Context())
    expected = LAYERS[name].twin(layer, tensor, {}, tn.Context())
    expected.backward(torch.ones_like(tensor) * torch.arange(1, 5))
    assert_agree(y, expected, dtype)
    assert_agree(backward(np.ones_like(x) * np.arange(1, 5, dtype=dtype), {}), tensor.grad, dtype)


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.5, 0.9])
def test_dropout_scales_as_pytorch_does(rate):
    """Our rate is rounded to 1/65536, so the scale 1 / (1 - rate) may be off by half of that, over 1 - rate."""
    kept, _ = tn.Dropout(rate).forward(np.ones((50, 40)), TRAINING)
    scales = functional.dropout(torch.ones(2000), rate).unique().double().numpy()
    np.testing.assert_allclose(np.unique(kept), scales, rtol=0.5 / 65536 / (1 - rate) + 1e-7)


# Losses ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LossCase:
    """A loss, its twin, and what makes a pair (outputs, targets) of a dtype."""

    loss: tn.Loss
    twin: Callable[..., Any]
    examples: dict[str, Callable[[str], tuple[np.ndarray, np.ndarray]]]


def random_logits(rows, deviation, labels):
    """What makes (logits, labels) of a dtype."""
    generator = np.random.default_rng(4)
    logits = deviation * generator.normal(size=(rows, 10))
    return lambda dtype: (logits.astype(dtype), generator.integers(0, 10, rows).astype(labels))


def huge_logits(dtype):
    """Right and wrong by 2e4, and ties."""
    logits = [[1e4, -1e4, 0], [1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4], [0, 0, -1e4]]
    return np.array(logits, dtype), np.array([0, 1, 2, 0, 1])


def random_targets(shape):
    """What makes (outputs, targets) of a dtype."""
    return lambda dtype: tuple(np.random.default_rng(5).normal(size=(2, *shape)).astype(dtype))


def yes_and_no(shape, deviation=1):
    """What makes (logits, targets between 0 and 1) of a dtype."""
    generator = np.random.default_rng(9)
    logits, targets = deviation * generator.normal(size=shape), generator.random(shape)
    return lambda dtype: (logits.astype(dtype), targets.astype(dtype))


LOSSES = {
    "BinaryCrossEntropy": LossCase(
        tn.BinaryCrossEntropy(),
        functional.binary_cross_entropy_with_logits,
        {"rows": yes_and_no((64, 3)), "one output": yes_and_no((7, 1)), "confident": yes_and_no((30, 2), 1000)},
    ),
    "MeanSquaredError": LossCase(
        tn.MeanSquaredError(),
        functional.mse_loss,
        {"rows": random_targets((64, 3)), "one output": random_targets((7, 1)), "one example": random_targets((1, 4))},
    ),
    "SoftmaxCrossEntropy": LossCase(
        tn.SoftmaxCrossEntropy(),
        lambda logits, labels: functional.cross_entropy(logits, labels.long()),
        {
            "random": random_logits(64, 1, "int64"),
            "confident, uint8 labels": random_logits(64, 20, "uint8"),
            "one example": random_logits(1, 1, "int32"),
            "+-1e4": huge_logits,
        },
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weights", [None, [1, 2, 3, 0.5, 1, 1, 0, 1, 1, 4]])
@pytest.mark.parametrize("smoothing", [0, 0.1, 0.9])
def test_softer_targets(smoothing, weights, dtype):
    logits, labels = random_logits(64, 3, "int64")(dtype)
    value, backward = tn.SoftmaxCrossEntropy(smoothing, weights).forward(logits, labels)
    tensor, options = leaf(logits), {"label_smoothing": smoothing}
    options["weight"] = None if weights is None else torch.tensor(weights, dtype=tensor.dtype)
    expected = functional.cross_entropy(tensor, torch.tensor(labels), **options)
    assert_agree(value, expected, dtype)
    assert_agree(backward(0.3), torch.autograd.grad(0.3 * expected, tensor)[0], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "example"), [(name, one) for name, case in LOSSES.items() for one in case.examples])
def test_losses(name, example, dtype):
    case = LOSSES[name]
    outputs, targets = case.examples[example](dtype)
    value, backward = case.loss.forward(outputs, targets)
    tensor = leaf(outputs)
    expected = case.twin(tensor, torch.tensor(targets))
    assert_agree(value, expected, dtype)
    assert case.loss(outputs, targets) == value
    for dloss in (1.0, 0.3):  # 0.3: as where this loss is one part of a sum
        (gradient,) = torch.autograd.grad(dloss * expected, tensor, retain_graph=True)
        assert_agree(backward(dloss), gradient, dtype)


# Optimizers -----------------------------------------------------------------------------------------------------------


def cosine(step):
    """A learning rate that falls from 0.1 to 0.001 in 50 steps."""
    return 0.001 + 0.0495 * (1 + np.cos(np.pi * step / 50))


OPTIMIZERS = {
    "Adam": {
        "plain": dict(learning_rate=0.1),
        "other betas": dict(learning_rate=0.1, beta1=0.8, beta2=0.99, epsilon=1e-3),
        "weight decay": dict(learning_rate=0.1, weight_decay=0.05),
        "a rate that falls": dict(learning_rate=cosine),
    },
    "AdamW": {
        "plain": dict(learning_rate=0.1),
        "more decay": dict(learning_rate=0.1, weight_decay=0.5),
        "a rate that falls": dict(learning_rate=cosine, weight_decay=0.5),
    },
    "Nadam": {
        "plain": dict(learning_rate=0.1),
        "other betas": dict(learning_rate=0.1, beta1=0.8, beta2=0.99, epsilon=1e-3),
        "weight decay": dict(learning_rate=0.1, weight_decay=0.05),
        "a rate that falls": dict(learning_rate=cosine),
    },
    "RMSprop": {
        "plain": dict(learning_rate=0.1),
        "momentum": dict(learning_rate=0.01, decay=0.9, momentum=0.9, epsilon=1e-5),
    },
    "SGD": {
        "plain": dict(learning_rate=0.1),
        "momentum": dict(learning_rate=0.1, momentum=0.9),
        "Nesterov": dict(learning_rate=0.1, momentum=0.9, nesterov=True),
        "weight decay": dict(learning_rate=0.1, weight_decay=0.05),
        "momentum and weight decay": dict(learning_rate=0.1, momentum=0.9, weight_decay=0.05),
        "Nesterov and weight decay": dict(learning_rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.05),
        "a rate that falls": dict(learning_rate=cosine),
        "a rate that falls, and momentum": dict(learning_rate=cosine, momentum=0.9),
    },
}
TORCH_NAMES = {"decay": "alpha", "epsilon": "eps", "Nadam": "NAdam"}


def torch_optimizer(name, parameters, learning_rate, **settings):
    """PyTorch's optimizer, and the function to call after each of its steps."""
    settings = {TORCH_NAMES.get(name, name): value for name, value in settings.items()}
    if "beta1" in settings:
        settings["betas"] = settings.pop("beta1"), settings.pop("beta2")
    make = getattr(torch.optim, TORCH_NAMES.get(name, name))
    if name == "Nadam":
        settings["momentum_decay"] = 1e9  # its beta1 grows from a half of itself: this fast, it is constant
    if not callable(learning_rate):
        return make(parameters, lr=learning_rate, **settings), lambda: None
    optimizer = make(parameters, lr=1.0, **settings)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, learning_rate).step


@pytest.fixture
def double_by_default():
    """PyTorch keeps NAdam's products of numbers in its default precision, whatever theta's is."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in OPTIMIZERS.items() for kind in kinds])
def test_optimizers_over_fifty_steps(name, kind, dtype, double_by_default):
    settings, generator = OPTIMIZERS[name][kind], np.random.default_rng(6)
    theta = generator.normal(size=200).astype(dtype)
    tensor, optimizer = leaf(theta), getattr(tn, name)(**settings)
    reference, next_rate = torch_optimizer(name, [tensor], **settings)
    state = optimizer.start(theta)
    for step, gradient in enumerate(generator.normal(size=(50, 200)).astype(dtype)):
        tensor.grad = torch.tensor(gradient)
        reference.step()
        next_rate()
        optimizer.update(theta, gradient, state, step)
        assert_agree(theta, tensor, dtype)


@pytest.mark.parametrize(
    ("table", "base"),
    [(LAYERS, tn.Layer), (LOSSES, tn.Loss), (OPTIMIZERS, tn.Optimizer)],
    ids=["layers", "losses", "optimizers"],
)
def test_the_tables_name_everything_public(table, base):
    assert set(table) == public(base) - {"Averaged", "Clipped"}  # which wrap another, and have tests of their own


@pytest.mark.parametrize("norm", [0.5, 5, 500])
def test_clipping_is_that_of_pytorch(norm):
    gradient = np.random.default_rng(6).normal(size=200)
    tensor, theta = leaf(np.zeros(200)), np.zeros(200)
    tensor.grad = torch.tensor(gradient)
    torch.nn.utils.clip_grad_norm_([tensor], norm)
    tn.Clipped(tn.SGD(1.0), norm).update(theta, gradient, {}, 0)
    assert_agree(-theta, tensor.grad, "float64")


def test_averaging_is_that_of_pytorch():
    linear = torch.nn.Linear(200, 1, bias=False, dtype=torch.float64)
    theta, rule = linear.weight.detach().numpy()[0].copy(), tn.Averaged(tn.SGD(0.1), 0.9)
    average = torch.optim.swa_utils.AveragedModel(linear, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    average.update_parameters(linear)  # the first call copies
    reference, state = torch.optim.SGD(linear.parameters(), lr=0.1), rule.start(theta)
    for step, gradient in enumerate(np.random.default_rng(6).normal(size=(50, 200))):
        linear.weight.grad = torch.tensor(gradient[None])
        reference.step()
        average.update_parameters(linear)
        rule.update(theta, gradient, state, step)
    assert_agree(rule.result(theta, state), average.module.weight[0], "float64")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (
            tn.schedules.one_cycle(0.1, 50),
            lambda o: torch.optim.lr_scheduler.OneCycleLR(o, 0.1, 50, cycle_momentum=False),
        ),
        (
            tn.schedules.one_cycle(0.3, 40, rise=0.2, start=10, end=100),
            lambda o: torch.optim.lr_scheduler.OneCycleLR(
                o, 0.3, 40, pct_start=0.2, div_factor=10, final_div_factor=100, cycle_momentum=False
            ),
        ),
        (tn.schedules.cosine(0.1, 50, 0.01), lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 50, 0.01)),
        (tn.schedules.step_decay(0.1, 7, 0.5), lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5)),
        (tn.schedules.constant(0.1), lambda o: torch.optim.lr_scheduler.ConstantLR(o, 1.0)),
        (
            tn.schedules.warm_up(tn.schedules.constant(0.1), 10),
            lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.1, 1.0, 9),
        ),
    ],
    ids=lambda each: type(each).__name__,
)
def test_schedules_are_those_of_pytorch(ours, theirs):
    optimizer = torch.optim.SGD([leaf(np.zeros(1))], lr=0.1)
    schedule = theirs(optimizer)
    for step in range(40):
        assert ours(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9), step
        optimizer.step()
        schedule.step()


# Whole models ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_model_of_every_layer_one_of_them_twice(dtype):
    """All gradients through a chain: masks at two positions, and a layer that gets the sum of its gradients."""
    shared, generator = tn.Dense(8, 8), np.random.default_rng(7)
    layers = [tn.Flatten(), tn.Dense(12, 8), tn.Sigmoid(), tn.Dropout(0.3), shared, tn.ReLU(), tn.Dropout(0.5), shared]
    model = tn.Sequential(*layers, tn.Softmax(), dtype=dtype)
    model.theta[...] = generator.normal(size=model.size)
    x = generator.normal(size=(16, 3, 4)).astype(dtype)
    y, backward = model.forward(x, TRAINING)
    dy = generator.normal(size=y.shape).astype(dtype)
    gradient = np.full_like(model.theta, np.nan)
    dx = backward(dy.copy(), model.views(gradient))

    tensors = {layer: {name: leaf(values) for name, values in layer.parameters.items()} for layer in model}
    tensor = expected = leaf(x)
    for position, layer in enumerate(model):
        expected = LAYERS[type(layer).__name__].twin(layer, expected, tensors[layer], TRAINING.at(position, True))
    expected.backward(torch.tensor(dy))
    assert_agree(y, expected, dtype)
    assert_agree(dx, tensor.grad, dtype)
    for layer, grads in zip(model, model.views(gradient)):
        for name, found in grads.items():
            assert_agree(found, tensors[layer][name].grad, dtype)


def mlp(activation, seed=0):
    """784-256-128-10 in float64, and its twin with the same weights."""
    ours, theirs = activation
    widths = [(784, 256), (256, 128), (128, 10)]
    dense = [tn.Dense(*width) for width in widths]
    model = tn.Sequential(dense[0], ours(), dense[1], ours(), dense[2], seed=seed, dtype="float64")
    linear = [torch.nn.Linear(*width, dtype=torch.float64) for width in widths]
    with torch.no_grad():
        for source, target in zip(dense, linear):
            target.weight.copy_(torch.tensor(source.weight.T))
            target.bias.copy_(torch.tensor(source.bias))
    return model, torch.nn.Sequential(linear[0], theirs(), linear[1], theirs(), linear[2])


def assert_same_parameters(model, reference, tolerance):
    """Every weight and bias of the two agrees."""
    linear = [module for module in reference if isinstance(module, torch.nn.Linear)]
    for ours, theirs in zip([layer for layer in model if isinstance(layer, tn.Dense)], linear):
        assert_agree(ours.weight.T, theirs.weight, "float64", tolerance=tolerance)
        assert_agree(ours.bias, theirs.bias, "float64", tolerance=tolerance)


def pictures(count):
    """(uint8 pixels, labels): ten patterns under noise, so that there is something to learn."""
    generator = np.random.default_rng(8)
    labels = generator.integers(0, 10, count)
    patterns = generator.integers(0, 200, (10, 784))
    return (patterns[labels] + generator.integers(0, 56, (count, 784))).astype("uint8"), labels


def torch_step(reference, optimizer, x, labels, next_rate=lambda: None):
    """One step of PyTorch; the loss before it, and how many it got right."""
    logits = reference(torch.tensor(x))
    loss = functional.cross_entropy(logits, torch.tensor(labels))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    next_rate()
    return loss.item(), int((logits.argmax(dim=1) == torch.tensor(labels)).sum())


ACTIVATIONS = {"ReLU": (tn.ReLU, torch.nn.ReLU), "sigmoid": (tn.Sigmoid, torch.nn.Sigmoid)}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_fifty_steps_with_momentum_stay_together(name):
    """The loss at every step, and all parameters at the end."""
    model, reference = mlp(ACTIVATIONS[name])
    pixels, labels = pictures(50 * 32)
    rule, optimizer = tn.SGD(0.05, momentum=0.9), torch.optim.SGD(reference.parameters(), lr=0.05, momentum=0.9)
    state, losses = rule.start(model.theta), []
    for step in range(50):
        rows = slice(32 * step, 32 * step + 32)
        x = pixels[rows] / 255
        value, gradient = model.loss_and_gradient(x, labels[rows], context=tn.Context(training=True))
        expected, _ = torch_step(reference, optimizer, x, labels[rows])
        rule.update(model.theta, gradient, state, step)
        assert value == pytest.approx(expected, rel=TRAINED)
        losses.append(value)
    assert_same_parameters(model, reference, tolerance=TRAINED)
    assert losses[-1] < 0.75 * losses[0]  # it learned: two models that stand still agree as well


def test_fit_is_the_same_loop():
    """Ten epochs of `fit` at a falling rate, its batches repeated in PyTorch: five a time, the last of them short."""
    model, reference = mlp(ACTIVATIONS["ReLU"])
    train = tn.data.from_arrays(*pictures(150))
    held_out = tn.data.from_arrays(*pictures(40))
    settings = dict(epochs=10, batch_size=32, seed=5, measure_train=True, progress=False)
    history = tn.fit(model, train, validation=held_out, optimizer=tn.SGD(cosine, momentum=0.9), **settings)

    optimizer, next_rate = torch_optimizer("SGD", reference.parameters(), cosine, momentum=0.9)
    for epoch in range(10):
        batches = list(tn.data.batches(train, 32, 5, epoch, "float64"))
        assert [len(labels) for _, labels in batches] == [32, 32, 32, 32, 22]
        steps = [(len(labels), *torch_step(reference, optimizer, x, labels, next_rate)) for x, labels in batches]
        mean = sum(count * loss for count, loss, _ in steps) / 150
        assert history["running_loss"][epoch] == pytest.approx(mean, rel=TRAINED)
        assert history["running_accuracy"][epoch] == sum(hits for _, _, hits in steps) / 150
        for split, dataset in [("train", train), ("validation", held_out)]:
            with torch.no_grad():
                logits = reference(torch.tensor(dataset.images / 255))
            expected = functional.cross_entropy(logits, torch.tensor(dataset.labels)).item()
            assert history[f"{split}_loss"][epoch] == pytest.approx(expected, rel=TRAINED)
    assert_same_parameters(model, reference, tolerance=TRAINED)
