"""A batch that threads share gives the gradient of the whole batch, and fit the same bits each time."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import tinynet as tn
from tinynet.backend.arrays import CPU
from tinynet.backend.threads import Team
from tinynet.data.batches import shuffled
from tinynet.training.state import Meter, TrainingState
from tinynet.training.step import TrainingStep

RNG = np.random.default_rng(0)
PICTURES = tn.data.from_arrays(RNG.integers(0, 256, (101, 6, 5)).astype("uint8"), RNG.integers(0, 4, 101))


def model_of(pictures=PICTURES, outputs=4, dtype="float64"):
    columns = int(np.prod(pictures.images.shape[1:]))
    hidden = [tn.Dense(columns, 12), tn.ReLU(), tn.Dropout(0.3), tn.Dense(12, 9), tn.Sigmoid(), tn.Dropout(0.2)]
    return tn.Sequential(tn.Flatten(), *hidden, tn.Dense(9, outputs), dtype=dtype)


class Still(tn.SGD):
    """Leaves the parameters and the gradient as they are."""

    def update(self, theta, gradient, state, step):
        pass


def step_of(model, loss, threads):
    optimizer = Still(0.1)
    return TrainingStep(model, loss, optimizer, TrainingState.of(model, optimizer, seed=3), team=Team(threads))


def threads_of_blas():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.mark.parametrize("size", [2, 3, 7, 101, 150])
@pytest.mark.parametrize("transforms", [(), (tn.data.Shift(2), tn.data.HorizontalFlip(), tn.data.RandomErasing(0.5))])
def test_the_gradient_of_a_shared_batch_is_that_of_the_whole_one(size, transforms):
    model, loss = model_of(), tn.SoftmaxCrossEntropy()
    (batch,) = shuffled(PICTURES, 200, 3, 0, "float64", transforms)
    steps = [step_of(model, loss, count) for count in (1, size)]
    meters = Meter(1, CPU), Meter(2, CPU)
    with steps[1].shards.team:
        steps[0](batch, meters[0], 5)
        steps[1](batch, meters[1], 5)
        steps[1](batch, meters[1], 5)  # the second time it finds old numbers in every vector
    for number in range(2):
        assert np.isclose(meters[1].losses[number], meters[0].losses[0], rtol=1e-13)
        assert meters[1].hits[number] == meters[0].hits[0]
    np.testing.assert_allclose(steps[1].gradient, steps[0].gradient, rtol=1e-10, atol=1e-14)  # sums in another order


WEIGHTED = [
    dict(class_weights=[1, 1, 1, 10]),
    dict(class_weights=[0, 0, 1, 3]),  # with one row a thread, some threads have rows of weight 0
    dict(class_weights=[0, 0, 1, 3], label_smoothing=0.2),
]


@pytest.mark.parametrize("size", [2, 3, 7, 101])
@pytest.mark.parametrize("settings", WEIGHTED)
def test_the_gradient_of_a_shared_weighted_batch_is_that_of_the_whole_one(size, settings):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    model, loss = model_of(), tn.SoftmaxCrossEntropy(**settings)
    (batch,) = shuffled(PICTURES, 200, 3, 0, "float64")
    step, meter = step_of(model, loss, size), Meter(1, CPU)
    with step.shards.team:
        step(batch, meter, 5)
    x, labels = batch.load()
    outputs, backward = model.forward(x, tn.Context(training=True, seed=3, step=5))
    logits = torch.tensor(outputs, requires_grad=True)
    value = torch.nn.functional.cross_entropy(
        logits,
        torch.tensor(labels),
        weight=torch.tensor(settings["class_weights"]).double(),
        label_smoothing=settings.get("label_smoothing", 0.0),
    )
    value.backward()
    gradient = np.zeros_like(model.theta)
    backward(logits.grad.numpy().copy(), model.views(gradient))
    assert meter.means()["loss"] == pytest.approx(value.item(), rel=1e-12)
    np.testing.assert_allclose(step.gradient, gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("settings", WEIGHTED)
def test_weighted_training_is_shared(settings):
    loss, runs = tn.SoftmaxCrossEntropy(**settings), []
    for threads in (1, 2, 3):
        model = model_of()
        history = tn.fit(model, PICTURES, loss=loss, epochs=2, batch_size=8, threads=threads, validation=PICTURES)
        runs.append((model.theta.copy(), history["running_loss"], history["validation_loss"]))
    for theta, running, validation in runs[1:]:
        np.testing.assert_allclose(theta, runs[0][0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose((running, validation), runs[0][1:], rtol=1e-10)


def test_a_regression_is_shared_too():
    data = tn.data.from_arrays(RNG.normal(size=(50, 3)), RNG.normal(size=(50, 2)))
    models = [tn.Sequential(tn.Dense(3, 8), tn.ReLU(), tn.Dense(8, 2), dtype="float64") for _ in range(2)]
    for model, threads in zip(models, (1, 3)):
        history = tn.fit(model, data, loss=tn.MeanSquaredError(), epochs=2, batch_size=20, threads=threads)
        assert "running_accuracy" not in history.last
    np.testing.assert_allclose(models[0].theta, models[1].theta, rtol=1e-10, atol=1e-14)


def test_the_same_number_of_threads_gives_the_same_bits():
    thetas = []
    for threads in (1, 3, 3):
        model = model_of(dtype="float32")
        tn.fit(model, PICTURES, epochs=3, batch_size=40, threads=threads, validation=PICTURES)
        thetas.append(model.theta.copy())
    assert np.array_equal(thetas[1], thetas[2])
    np.testing.assert_allclose(thetas[0], thetas[1], rtol=1e-4, atol=1e-6)  # float32, nine steps


def test_models_may_be_trained_in_several_threads_at_once():
    def train(results, index):
        model = model_of(dtype="float32")
        tn.fit(model, PICTURES, epochs=3, batch_size=30, threads=2)
        results[index] = model.theta.copy()

    results, before = {}, threads_of_blas()
    threads = [threading.Thread(target=train, args=(results, index)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(results[index], results[0]) for index in range(4))
    assert threads_of_blas() == before
