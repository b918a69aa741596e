"""Threads that share a batch give the results of one thread, except for rounding, and restore all settings."""

import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import tinynet as tn
from tests.support.cases import LAYERS, LOSSES
from tests.support.child import python
from tinynet.backend.arrays import CPU
from tinynet.backend.threads import PRODUCTS_PER_THREAD, AllReduce, Team, blas_threads, team_size
from tinynet.data.batches import shuffled
from tinynet.layers.base import Context
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


def test_predictions_and_measurements_are_shared():
    model = model_of(dtype="float32")
    assert np.array_equal(model.predict(PICTURES, batch_size=10), model.predict(PICTURES, batch_size=10, threads=3))
    one, three = (tn.evaluate(model, PICTURES, batch_size=10, threads=threads) for threads in (1, 3))
    assert one == three


@pytest.mark.parametrize(("make", "shape"), [case for cases in LAYERS.values() for case in cases])
def test_a_layer_that_is_splittable_gives_parts_what_it_gives_the_whole(make, shape):
    layer = make()
    assert layer.splittable
    x = RNG.normal(size=(7, *shape[1:]))
    layer = tn.Sequential(layer, dtype="float64")

    def results(x, dy, context):
        vectors = np.zeros_like(layer.theta), np.zeros_like(layer.statistics_vector)
        y, backward = layer.forward(x, context)
        return y, backward(dy[: len(y)].copy(), layer.views(*vectors)), *vectors

    whole = Context(training=True)
    dy = RNG.normal(size=layer.forward(x, whole)[0].shape)
    y, dx, gradient, changes = results(x, dy, whole)
    parts, members = (slice(0, 3), slice(3, 7)), AllReduce(2)

    def of_part(number):
        with members.member(number) as all_reduce:
            rows = parts[number]
            return results(x[rows], dy[rows], Context(training=True, first_row=rows.start, all_reduce=all_reduce))

    with Team(2) as team:
        of_parts = list(zip(*team.map(of_part, range(2))))
    for part_y, part_dx, part_changes, rows in zip(of_parts[0], of_parts[1], of_parts[3], parts):
        np.testing.assert_allclose(part_y, y[rows], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(part_dx, dx[rows], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(part_changes, changes, rtol=1e-10)
    np.testing.assert_allclose(sum(of_parts[2]), gradient, rtol=1e-10, atol=1e-13)


def test_nobody_waits_for_a_member_that_fails_before_its_all_reduce():
    members = AllReduce(2)

    def work(number):
        with members.member(number) as all_reduce:
            if number == 0:
                raise ArithmeticError("number 0 has failed")
            return all_reduce(1)

    for order in ([0, 1], [1, 0]):
        with pytest.raises(ArithmeticError, match="number 0"), Team(2) as team:
            team.map(work, order)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_that_say_they_are_means_over_rows_are(name):
    loss, outputs = LOSSES[name](), RNG.normal(size=(7, 4))
    targets = RNG.integers(0, 4, 7) if name == "SoftmaxCrossEntropy" else RNG.normal(size=(7, 4))
    parts = [loss.forward(outputs[rows], targets[rows])[0] for rows in (slice(0, 3), slice(3, 7))]
    assert loss.splittable
    assert np.isclose(parts[0] * 3 / 7 + parts[1] * 4 / 7, loss.forward(outputs, targets)[0], rtol=1e-13)


class Centred(tn.Layer):
    """y = x - mean over the batch: a layer that does not go row by row, and says nothing of it."""

    def forward(self, x, context):
        return x - x.mean(axis=0), lambda dy, grads: dy - dy.mean(axis=0)


def test_rows_that_belong_together_are_never_parted():
    model = tn.Sequential(tn.Dense(20, 4000), Centred(), tn.Dense(4000, 4))
    assert not model.splittable
    assert team_size(None, 1e15, model.splittable) == 1
    data = (RNG.normal(size=(30, 20)), RNG.integers(0, 4, 30))
    tn.fit(model, data, epochs=1)
    with pytest.raises(ValueError, match="expected 1 where the rows of a batch depend on each other, got 2; leave it"):
        tn.fit(model, data, epochs=1, threads=2)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_a_number_of_threads_that_is_none(threads):
    with pytest.raises(ValueError, match="threads: expected a whole number from 1, got .*; leave it out"):
        tn.fit(model_of(), PICTURES, epochs=1, threads=threads)


def test_the_number_is_chosen_by_the_work():
    usual = blas_threads()
    assert team_size(None, 0.99 * usual * PRODUCTS_PER_THREAD) == 1
    assert team_size(None, 1.01 * usual * PRODUCTS_PER_THREAD) == usual
    assert team_size(None, 1e15, on_host=False) == 1
    with threadpool_limits(1, "blas"):  # one BLAS thread means one thread for tinynet, too
        assert team_size(None, 1e15) == 1
    with pytest.raises(ValueError, match="expected 1 on a GPU, got 4"):
        team_size(4, 1e15, on_host=False)


def test_blas_has_one_thread_inside_a_team_and_its_own_again_after():
    before = threads_of_blas()
    with threadpool_limits(2, "blas"):
        with Team(2) as outer:
            assert set(threads_of_blas()) == {1}
            with Team(3):
                assert set(threads_of_blas()) == {1}
                assert blas_threads() == 2  # what a team would be given, if it were the only one
            assert set(threads_of_blas()) == {1}
            assert outer.map(lambda number: number * number, range(5)) == [0, 1, 4, 9, 16]
        assert set(threads_of_blas()) == {2}
    assert threads_of_blas() == before


def test_an_exception_comes_out_after_everybody_is_done():
    finished, before = [], threads_of_blas()

    def work(number):
        if number == 0:
            raise ArithmeticError("number 0")
        time.sleep(0.05)
        finished.append(number)

    with pytest.raises(ArithmeticError, match="number 0"), Team(2) as team:
        team.map(work, range(2))
    assert finished == [1]
    assert threads_of_blas() == before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tinynet")]


def test_helpers_treat_overflow_as_their_caller_does():
    """pytest makes warnings errors, in every thread."""
    huge = np.full(3, 1e300)
    with np.errstate(over="ignore"), Team(2) as team:
        assert [y[0] for y in team.map(lambda _: huge * huge, range(8))] == [np.inf] * 8
    with pytest.raises(RuntimeWarning), Team(2) as team:
        team.map(lambda _: huge * huge, range(8))


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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_of_blas_threads_changes_nothing_but_rounding(dtype):
    generator = np.random.default_rng(0)
    data = tn.data.from_arrays(generator.integers(0, 256, (1024, 400)).astype("uint8"), generator.integers(0, 10, 1024))
    thetas = []
    for number in (1, 2, 4):  # the products are large enough for OpenBLAS to spread them
        model = tn.Sequential(tn.Dense(400, 256), tn.ReLU(), tn.Dropout(0.2), tn.Dense(256, 10), dtype=dtype)
        with threadpool_limits(limits=number, user_api="blas"):
            assert set(threads_of_blas()) <= {1, number}  # a build without threads keeps to one
            tn.fit(model, data, epochs=2, batch_size=256, threads=1, progress=False)
        thetas.append(model.theta.copy())
    for theta in thetas[1:]:  # eight steps; each adds a rounding or two to numbers up to 1
        np.testing.assert_allclose(theta, thetas[0], rtol=0, atol=100 * np.finfo(dtype).eps)


def test_without_threadpoolctl_one_thread_works_and_more_are_refused():
    program = """
import sys
sys.modules["threadpoolctl"] = None
import numpy as np, tinynet as tn
from tinynet.backend.threads import team_size
assert team_size(None, 1e15) == 1
model, data = tn.Sequential(tn.Dense(3, 2)), (np.zeros((4, 3)), np.zeros(4, int))
tn.fit(model, data, epochs=1)
tn.fit(model, data, epochs=1, threads=2)
"""
    done = python("-c", program)
    assert done.returncode == 1
    assert "ImportError: threads share a batch only with threadpoolctl" in done.stderr
    assert "pip install threadpoolctl" in done.stderr
