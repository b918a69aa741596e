"""A layer that stands at several positions equals PyTorch's, on every way to train: gradients, statistics and masks."""

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.captured import assert_same, train
from tinynet.backend.arrays import to_numpy
from tinynet.layers.base import arrays_in

X = np.random.default_rng(0).normal(2, 3, size=(6, 40, 5))
LABELS = np.random.default_rng(1).integers(0, 5, (6, 40))
STEPS = range(len(X))


@pytest.fixture
def recording(monkeypatch):
    monkeypatch.setattr(strict.StrictDevice, "records", True)


def twice(norm):
    dense = tn.Dense(5, 5)
    return [dense, norm, tn.Tanh(), dense, norm]


def three_times(norm):
    return [norm, tn.Dense(5, 5), norm, tn.Tanh(), tn.Dense(5, 5), norm]


def in_a_residual_block(norm):
    return [tn.Residual(norm, tn.Tanh(), norm), tn.Dense(5, 5)]


def in_a_shared_network(norm):
    inner = tn.Sequential(tn.Dense(5, 5), norm, tn.Tanh(), norm)
    return [inner, tn.Dense(5, 5), tn.Residual(tn.Dense(5, 5)), inner]


def in_a_network_of_networks(norm):
    dense = tn.Dense(5, 5)
    middle = tn.Sequential(tn.Sequential(dense, norm, dense, norm), tn.Tanh())
    return [middle, middle, middle]


NETWORKS = [twice, three_times, in_a_residual_block, in_a_shared_network, in_a_network_of_networks]
A_NETWORK_AND_MORE = [
    in_a_shared_network,
    *(pytest.param(make, marks=pytest.mark.slow) for make in NETWORKS if make is not in_a_shared_network),
]


def network(make, momentum=0.3, dtype="float64"):
    return tn.Sequential(*make(tn.BatchNorm(5, momentum)), dtype=dtype)


def named_changes(model):
    """The gradient and the changes of statistics as vectors, and both as named arrays, which hold NaN."""
    vectors = np.zeros_like(model.theta), np.zeros_like(model.statistics_vector)
    views = model.views(*vectors)
    for array in arrays_in(views):
        array[...] = np.nan  # an old number, which must be overwritten
    return *vectors, views


def by_hand(model):
    """The gradient of each step, and the statistics after it, in a loop of one's own."""
    loss, found = tn.SoftmaxCrossEntropy(), []
    for step in STEPS:
        gradient, changes, grads = named_changes(model)
        y, backward = model.forward(X[step], tn.Context(training=True, step=step))
        backward(loss.forward(y, LABELS[step])[1](), grads)
        model.statistics_vector[...] += changes
        found.append((gradient, model.statistics_vector.copy()))
    return found


# PyTorch --------------------------------------------------------------------------------------------------------------


def torch_twin(layer, made):
    """The module with the same weights; a layer that is shared becomes one module."""
    import torch

    if layer in made:
        return made[layer]
    if isinstance(layer, tn.Dense):
        module = torch.nn.Linear(layer.inputs, layer.outputs, dtype=torch.float64)
        module.weight.data, module.bias.data = torch.tensor(layer.weight.T), torch.tensor(layer.bias)
    elif isinstance(layer, tn.BatchNorm):
        module = torch.nn.BatchNorm1d(layer.features, layer.epsilon, layer.momentum, dtype=torch.float64)
    elif isinstance(layer, tn.Residual):
        module = Around(torch_twin(layer.block, made))
    elif isinstance(layer, tn.Tanh):
        module = torch.nn.Tanh()
    else:
        module = torch.nn.Sequential(*[torch_twin(each, made) for each in layer])
    made[layer] = module
    return module


def Around(block):  # noqa: N802  # a class that is made where torch is imported
    import torch

    class Around(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.block = block

        def forward(self, x):
            return x + self.block(x)

    return Around()


def assert_equal_to_torch(model, made):
    for layer, module in made.items():
        if isinstance(layer, tn.BatchNorm):
            np.testing.assert_allclose(layer.running_mean, module.running_mean, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(layer.running_var, module.running_var, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.3, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.1, 0.9, 1.0))])
@pytest.mark.parametrize("make", A_NETWORK_AND_MORE)
def test_gradients_and_statistics_are_pytorchs(make, momentum):
    torch = pytest.importorskip("torch")
    model, made = network(make, momentum), {}
    twin = torch_twin(model, made)
    statistics = model.statistics_vector.copy()
    ours = by_hand(model)
    model.statistics_vector[...] = statistics
    for step, (gradient, _) in zip(STEPS, ours):
        twin.zero_grad()
        torch.nn.functional.cross_entropy(twin(torch.tensor(X[step])), torch.tensor(LABELS[step])).backward()
        np.testing.assert_allclose(gradient, torch_gradient(model, made), rtol=1e-9, atol=1e-12)
    model.statistics_vector[...] = ours[-1][1]
    assert_equal_to_torch(model, made)
    twin.eval()
    np.testing.assert_allclose(model(X[0]), twin(torch.tensor(X[0])).detach(), rtol=1e-9, atol=1e-12)


def torch_gradient(model, made):
    vector = np.zeros_like(model.theta)
    write_gradient(model, model.views(vector), made)
    return vector


def write_gradient(layer, views, made):
    parts = layer.layers if isinstance(layer, tn.layers.containers.Container) else ()
    for part, view in zip(parts, views):
        write_gradient(part, view, made)
    if isinstance(layer, (tn.Dense, tn.BatchNorm)):
        module = made[layer]
        views["weight"][...], views["bias"][...] = module.weight.grad.numpy().T, module.bias.grad.numpy()


# The ways to train ----------------------------------------------------------------------------------------------------


def in_steps(model, step_of):
    """The statistics after each step at a learning rate that changes no parameter visibly."""
    found = []
    for step in STEPS:
        step_of(X[step].astype(model.dtype), LABELS[step])
        found.append(model.statistics_vector.copy())
    return found


@pytest.mark.parametrize("make", A_NETWORK_AND_MORE)
@pytest.mark.parametrize("way", ["Trainer.step", "fit", "two threads", "the stand-in", "recorded"])
def test_every_way_to_train_moves_the_statistics_as_a_loop_by_hand(make, way, recording):
    expected = [statistics for _, statistics in by_hand(network(make))]
    model, rate = network(make), tn.SGD(1e-30)
    if way == "Trainer.step":
        trainer = tn.Trainer(model, optimizer=rate)
        for found, wanted in zip(in_steps(model, trainer.step), expected):
            np.testing.assert_allclose(found, wanted, rtol=1e-10)
        return
    trainer = tn.Trainer(model, optimizer=rate, device=strict.device if way in ("the stand-in", "recorded") else None)
    for step in STEPS:  # one batch an epoch, so that its order does not matter
        data = tn.data.from_arrays(X[step], LABELS[step])
        trainer.fit(
            data, epochs=1, batch_size=40, threads=2 if way == "two threads" else 1, capture=way == "recorded",
            progress=False,
        )  # fmt: skip
        found = np.asarray(to_numpy(model.statistics_vector))
        np.testing.assert_allclose(found, expected[step], rtol=1e-9)


@pytest.mark.parametrize("make", A_NETWORK_AND_MORE)
def test_recorded_steps_are_eager_ones(make, recording, small_data):
    def model():
        return tn.Sequential(tn.Dense(20, 5), *make(tn.BatchNorm(5)))

    assert_same(train(model(), small_data[0], True), train(model(), small_data[0], False))


def test_the_learning_rate_finder_moves_them_too_and_restores_them():
    model = network(three_times, 0.9)
    before = model.statistics_vector.copy()
    tn.find_learning_rate(model, (X[0], LABELS[0]), lowest=1e-8, highest=1e-6, steps=10, batch_size=40)
    assert np.array_equal(model.statistics_vector, before)


def test_a_network_with_a_norm_at_three_places_predicts_numbers():
    """The running variance was -0.44 where the changes were added up."""
    model = tn.Sequential(*three_times(tn.BatchNorm(5, 0.9)))
    x = 1e-3 * X.reshape(-1, 5).astype("float32")
    tn.fit(model, (x, LABELS.reshape(-1)), epochs=3, batch_size=40)
    assert model[0].running_var.min() >= 0
    assert np.isfinite(model.predict(x)).all()


@pytest.mark.parametrize("momentum", [0.9, 0.97, 0.999])
@pytest.mark.parametrize("uses", [1, 2, 5, 9, 20])
def test_no_rounding_makes_a_variance_negative(uses, momentum):
    norm = tn.BatchNorm(64, momentum)
    model = tn.Sequential(*[norm] * uses)
    norm.running_var = np.random.default_rng(0).uniform(1e3, 1e7, 64).astype("float32")
    for step in range(10):  # all inputs are equal, so the variances are 0
        gradient, changes, grads = named_changes(model)
        y, backward = model.forward(np.zeros((8, 64), "float32"), tn.Context(training=True, step=step))
        backward(np.zeros_like(y), grads)
        model.statistics_vector[...] += changes
        assert norm.running_var.min() >= 0


# Other layers with statistics, and masks ------------------------------------------------------------------------------


class Counter(tn.Layer):
    """Counts the rows that it has seen in training; it has no parameters."""

    def __init__(self):
        self.add_statistic("rows", (1,), 0.0)

    def forward(self, x, context):
        def backward(dy, grads):
            if "rows" in grads:
                grads["rows"][...] = len(x)
            return dy

        return x, backward


def test_a_sum_that_stands_twice_adds_up():
    counter = Counter()
    model = tn.Sequential(tn.Dense(5, 5), counter, tn.Tanh(), counter, dtype="float64")
    tn.fit(model, (X[0], LABELS[0]), epochs=3, batch_size=40)
    assert counter.rows[0] == 3 * 2 * 40


@pytest.mark.parametrize("layers", [lambda *own: (*own, tn.Dense(5, 5)), lambda *own: (*own, tn.Tanh())])
def test_statistics_before_the_first_parameter_move(layers):
    counter = Counter()
    model = tn.Sequential(tn.Tanh(), *layers(counter), dtype="float64")
    tn.fit(model, (X[0], LABELS[0]), epochs=3, batch_size=40)
    assert counter.rows[0] == 3 * 40


def test_the_masks_of_a_dropout_that_stands_twice_differ():
    dropout = tn.Dropout(0.5)
    inner = tn.Sequential(dropout, dropout)
    x = np.ones((1000, 4), "float32")
    for count, model in [(2, tn.Sequential(dropout.__class__(0.5))), (4, tn.Sequential(inner, inner))]:
        kept = [np.mean(model.forward(x, tn.Context(training=True, step=step))[0] > 0) for step in range(5)]
        assert np.mean(kept) == pytest.approx(0.5 if count == 2 else 0.5**4, abs=0.01)  # as independent masks
