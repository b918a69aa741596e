"""Properties that hold for all inputs, tested with hypothesis, and training and prediction in several threads."""

import multiprocessing
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynet as tn
from tests.support.models import small_model

SEEDS = st.integers(0, 2**32 - 1)


def network(seed):
    """A network of layers that treat each row independently in inference."""
    return tn.Sequential(
        tn.Reshape(4, 4, 1), tn.Conv2D(1, 3), tn.BatchNorm(3), tn.GELU(), tn.MaxPool2D(), tn.Flatten(),
        tn.LayerNorm(3), tn.Dropout(0.4), tn.Dense(3, 5),
        seed=seed,
    )  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(2, 40))
def test_permuting_a_batch_permutes_its_predictions(seed, count):
    generator = np.random.default_rng(seed)
    x, order = generator.normal(size=(count, 16)).astype("float32"), generator.permutation(count)
    model = network(seed)
    np.testing.assert_allclose(model.predict(x[order]), model.predict(x)[order], rtol=1e-5, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(2, 12), st.integers(1, 11))
def test_parts_of_a_batch_have_gradients_that_add_up_to_that_of_the_whole(seed, count, cut):
    cut = min(cut, count - 1)
    generator = np.random.default_rng(seed)
    x, labels = generator.normal(size=(count, 6)), generator.integers(0, 3, count)
    model = tn.Sequential(tn.Dense(6, 4), tn.Tanh(), tn.Dense(4, 3), seed=seed, dtype="float64")
    context = tn.Context(training=True)
    whole = model.loss_and_gradient(x, labels, context=context)
    parts = [
        model.loss_and_gradient(x[rows], labels[rows], context=context) for rows in (slice(0, cut), slice(cut, None))
    ]
    for first, second, expected in zip(*parts, whole):  # the loss, then the gradient
        total = first * cut / count + second * (count - cut) / count
        np.testing.assert_allclose(total, expected, rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(-1e3, 1e3))
def test_scaling_a_loss_scales_its_gradient(seed, scale):
    generator = np.random.default_rng(seed)
    outputs, labels = generator.normal(size=(5, 4)), generator.integers(0, 4, 5)
    for loss, targets in (
        (tn.SoftmaxCrossEntropy(), labels),
        (tn.MeanSquaredError(), outputs[::-1].copy()),
        (tn.BinaryCrossEntropy(), (outputs > 0).astype("float64")),
    ):
        _, backward = loss.forward(outputs, targets)
        np.testing.assert_allclose(backward(scale), scale * backward(), rtol=1e-12, atol=1e-300)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.floats(0, 0.9))
def test_dropout_keeps_the_mean(seed, rate):
    kept, _ = tn.Dropout(rate).forward(np.ones((200, 500)), tn.Context(training=True, seed=seed))
    deviation = np.sqrt(rate / (1 - rate) / kept.size)
    assert abs(kept.mean() - 1) <= 6 * deviation + 1e-12  # exceeded once in a billion


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.sampled_from([("float32", 1e4), ("float32", 3e38), ("float64", 1e4), ("float64", 1.7e308)]))
def test_gradients_of_extreme_logits_are_finite(seed, kind):
    dtype, size = kind
    generator = np.random.default_rng(seed)
    logits, labels = generator.choice([-size, 0, size], (6, 4)).astype(dtype), generator.integers(0, 4, 6)
    ones = generator.integers(0, 2, (6, 4)).astype(dtype)
    for loss, targets in (
        (tn.SoftmaxCrossEntropy(), labels),
        (tn.SoftmaxCrossEntropy(0.1, [1, 2, 3, 4]), labels),
        (tn.BinaryCrossEntropy(), ones),
    ):
        with np.errstate(over="ignore"):  # differences of the largest numbers overflow: the loss is infinite
            _, backward = loss.forward(logits, targets)
            gradient = backward()
        assert np.isfinite(gradient).all()
        assert gradient.dtype == dtype


def test_eight_threads_that_ask_one_model_get_what_one_would():
    model = network(0)
    inputs = [np.random.default_rng(seed).normal(size=(50, 16)).astype("float32") for seed in range(8)]
    expected = [model.predict(x) for x in inputs]
    wrong, barrier = [], threading.Barrier(8)

    def ask(number):
        barrier.wait()
        for _ in range(50):
            if not np.array_equal(model.predict(inputs[number], threads=1 + number % 2, batch_size=20), again[number]):
                wrong.append(number)

    again = [model.predict(x, batch_size=20) for x in inputs]
    for one, other in zip(expected, again):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    team = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    assert not wrong


def test_models_are_trained_in_several_threads_at_once_as_one_after_the_other(small_data):
    def train(seed, into):
        model = small_model(seed=seed)
        tn.fit(model, small_data[0], epochs=2, batch_size=50, seed=seed, threads=1 + seed % 2, progress=False)
        into[seed] = model.theta.tobytes()

    alone: dict[int, bytes] = {}
    for seed in range(4):
        train(seed, alone)
    together: dict[int, bytes] = {}
    team = [threading.Thread(target=train, args=(seed, together)) for seed in range(4)]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join()
    assert together == alone


def _train(seed, threads):
    x = np.random.default_rng(0).normal(size=(200, 20)).astype("float32")
    model = small_model(seed=seed)
    tn.fit(model, (x, np.arange(200) % 4), epochs=2, batch_size=50, seed=seed, threads=threads, progress=False)
    return model.theta.tobytes()


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings(
    "ignore:.*multi-threaded, use of fork.*:DeprecationWarning"
)  # Python 3.12 warns that it may hang
def test_processes_train_as_their_parent_does(method):
    runs = [(0, 1), (1, 1), (0, 2)]  # (seed, threads)
    here = [_train(*run) for run in runs]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(_train, runs) == here
