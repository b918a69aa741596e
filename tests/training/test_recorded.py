"""Captured steps equal eager ones to the bit, shown with a tape in place of a CUDA graph.

The tape repeats the operations on the stand-in's arrays, in the same memory and with the same Python numbers. If a
number that changes from step to step were among them, the second step would differ.
"""

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.captured import OPTIMIZERS, assert_same, mlp, train
from tinynet.training import recorded as graph
from tinynet.training.state import Meter


def with_norms():
    return tn.Sequential(
        tn.Dense(20, 16), tn.BatchNorm(16), tn.GELU(), tn.Dropout(0.5), tn.LayerNorm(16), tn.Dense(16, 4)
    )


def convolutions():
    block = tn.Residual(tn.Conv2D(4, 4, padding="same"), tn.BatchNorm(4), tn.ReLU())
    return tn.Sequential(tn.Reshape(4, 5, 1), tn.Conv2D(1, 4, 2), block, tn.MaxPool2D(), tn.Flatten(), tn.Dense(8, 4))


@pytest.mark.parametrize("per_graph", [True, 1, 2, 4])  # 600 examples: nine batches of 64, and one of 24
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_captured_equals_eager(recording, small_data, optimizer, per_graph):
    settings = dict(optimizer=optimizer, validation=small_data[1], measure_train=True)
    eager = train(mlp(), small_data[0], False, **settings)
    assert_same(train(mlp(), small_data[0], per_graph, **settings), eager)
    assert not np.array_equal(eager[0], mlp().theta)


@pytest.mark.parametrize("make", [with_norms, convolutions])
@pytest.mark.parametrize("size", [64, 100, 700])  # with a shorter last batch, without one, a single short one
def test_other_layers_and_batches(recording, small_data, make, size):
    eager = train(make(), small_data[0], False, batch_size=size)
    assert_same(train(make(), small_data[0], True, batch_size=size), eager)


def test_a_batch_larger_than_the_data_takes_no_memory_for_what_it_lacks(recording, small_data):
    eager = train(mlp(), small_data[0], False, batch_size=600)
    for size in (601, 2**31, 2**62):
        assert_same(train(mlp(), small_data[0], True, batch_size=size), eager)


def test_captured_equals_the_cpu(recording, small_data):
    model = mlp()
    tn.fit(model, small_data[0], epochs=3, batch_size=64, seed=5, threads=1)
    np.testing.assert_allclose(train(mlp(), small_data[0], True)[0], model.theta, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("loss", [tn.MeanSquaredError(), tn.BinaryCrossEntropy()], ids=repr)
def test_losses_of_numbers(recording, small_data, loss):
    images = small_data[0].images
    data = tn.data.from_arrays(images, (images[:, :4] > 0).astype("float32"))
    assert_same(train(mlp(), data, True, loss=loss), train(mlp(), data, False, loss=loss))


WEIGHTED = [
    tn.SoftmaxCrossEntropy(class_weights=[1, 2, 3, 10]),
    tn.SoftmaxCrossEntropy(0.1, class_weights={3: 0, 2: 1, 1: 2, 0: 0.5}),
]


@pytest.mark.parametrize("per_graph", [True, 1, 4])
@pytest.mark.parametrize("loss", WEIGHTED, ids=repr)
def test_class_weights_are_recorded(recording, small_data, loss, per_graph):
    settings = dict(loss=loss, validation=small_data[1])
    eager = train(mlp(), small_data[0], False, **settings)
    assert_same(train(mlp(), small_data[0], per_graph, **settings), eager)  # True: refused if it cannot be recorded
    model = mlp()
    history = tn.fit(model, small_data[0], epochs=3, batch_size=64, seed=5, threads=1, **settings)
    assert [row["running_loss"] for row in eager[2]] == pytest.approx(history["running_loss"], rel=1e-5)
    np.testing.assert_allclose(eager[0], model.theta, rtol=1e-4, atol=1e-6)


def test_pixels_are_gathered_by_the_recorded_order(recording):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 20)).astype("uint8")
    data = tn.data.from_arrays(pixels, np.arange(90) % 4)
    assert_same(train(mlp(), data, True, batch_size=20), train(mlp(), data, False, batch_size=20))


def test_an_epoch_is_one_launch_and_reads_nothing_back(recording, small_data, monkeypatch):
    recorders, reads = [], []
    monkeypatch.setattr(
        strict.StrictDevice, "recorder", lambda self, precision: recorders.append(strict.Recorder()) or recorders[-1]
    )
    take = Meter.take
    monkeypatch.setattr(Meter, "take", lambda *args: reads.append(strict.reads) or take(*args))
    train(mlp(), small_data[0], "auto", batch_size=100, epochs=1)
    assert recorders[0].launches == 1
    train(mlp(), small_data[0], 2, batch_size=100, epochs=1)
    assert recorders[1].launches == 3
    assert len(set(reads[1:])) == 1


def test_a_run_goes_on_in_the_middle_of_an_epoch(recording, small_data, tmp_path):
    """A run that is interrupted after some launches and resumed gives the same bits as an uninterrupted one."""
    pytest.importorskip("filelock")
    whole = train(mlp(), small_data[0], 2, optimizer=tn.Adam(0.01))

    from tinynet.training.checkpoints import Checkpoints

    class Interrupted(Checkpoints):
        def after_step(self, state):
            if state.step == 15:
                self.save(state)
                raise KeyboardInterrupt

    settings = dict(optimizer=tn.Adam(0.01))
    with pytest.raises(KeyboardInterrupt):
        train(mlp(), small_data[0], 1, checkpoint=Interrupted(tmp_path), **settings)
    assert_same(train(mlp(), small_data[0], 2, checkpoint=Checkpoints(tmp_path), resume=True, **settings), whole)


def test_a_failed_recording_leaves_everything_as_it_was(recording, small_data, monkeypatch):
    before = train(mlp(), small_data[0], False)
    monkeypatch.setattr(strict.Recorder, "record", lambda self, function: function() or 1 / 0)
    assert_same(train(mlp(), small_data[0], "auto"), before)


def test_the_tape_itself_finds_a_baked_number():
    """A step that counts in Python differs the second time; the tape must show it."""
    steps, total = iter(range(10)), strict.device.put(np.zeros(1))

    def step():
        nonlocal total
        total += next(steps)

    launch = strict.Recorder().record(step)
    launch()
    launch()
    assert float(total.sum()) == 0  # 0 + 0 + 0, not 0 + 1 + 2


def test_graphs_divide_an_epoch_evenly():
    parts = {steps: graph._even_part(steps) for steps in (0, 1, 60, 128, 129, 469, 1875)}
    assert parts == {0: 1, 1: 1, 60: 60, 128: 128, 129: 64, 469: 117, 1875: 125}
