"""Captured steps equal eager ones to the bit, shown with a tape in place of a CUDA graph.

The tape repeats the operations on the stand-in's arrays, in the same memory and with the same Python numbers. If a
number that changes from step to step were among them, the second step would differ.
"""

import logging
import re

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.host_kernels import HostKernels
from tinynet.backend.arrays import to_numpy
from tinynet.optimizers import schedules
from tinynet.training import recorded as graph
from tinynet.training.state import Meter


@pytest.fixture
def recording(monkeypatch):
    monkeypatch.setattr(strict.StrictDevice, "records", True)


def mlp(**settings):
    layers = tn.Dense(20, 16), tn.ReLU(), tn.Dropout(0.3), tn.Dense(16, 12), tn.Sigmoid(), tn.Dense(12, 4)
    return tn.Sequential(*layers, **settings)


def with_norms():
    return tn.Sequential(
        tn.Dense(20, 16), tn.BatchNorm(16), tn.GELU(), tn.Dropout(0.5), tn.LayerNorm(16), tn.Dense(16, 4)
    )


def convolutions():
    block = tn.Residual(tn.Conv2D(4, 4, padding="same"), tn.BatchNorm(4), tn.ReLU())
    return tn.Sequential(tn.Reshape(4, 5, 1), tn.Conv2D(1, 4, 2), block, tn.MaxPool2D(), tn.Flatten(), tn.Dense(8, 4))


OPTIMIZERS = [
    tn.SGD(schedules.cosine(0.1, steps=20), momentum=0.9, nesterov=True, weight_decay=1e-3),
    tn.RMSprop(schedules.one_cycle(0.01, 20), momentum=0.5),
    tn.Adam(schedules.warm_up(schedules.constant(0.01), 7), weight_decay=1e-3),
    tn.AdamW(schedules.step_decay(0.01, 4)),
    tn.Nadam(schedules.cosine(0.01, steps=20)),
    tn.Averaged(tn.Clipped(tn.AdamW(0.01, mask=mlp().mask()), 0.5), 0.9),
]


def train(model, data, capture, **settings):
    settings = {"epochs": 3, "batch_size": 64, "seed": 5, **settings}
    history = tn.fit(model, data, device=strict.device, capture=capture, **settings)
    rows = [{name: row[name] for name in row if "second" not in name} for row in history]
    return to_numpy(model.theta), to_numpy(model.statistics_vector), rows


def assert_same(captured, eager):
    np.testing.assert_array_equal(captured[0], eager[0])
    np.testing.assert_array_equal(captured[1], eager[1])
    assert captured[2] == eager[2]


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


def test_captured_equals_the_cpu(recording, small_data):
    model = mlp()
    tn.fit(model, small_data[0], epochs=3, batch_size=64, seed=5, threads=1)
    np.testing.assert_allclose(train(mlp(), small_data[0], True)[0], model.theta, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("loss", [tn.MeanSquaredError(), tn.BinaryCrossEntropy()], ids=repr)
def test_losses_of_numbers(recording, small_data, loss):
    images = small_data[0].images
    data = tn.data.from_arrays(images, (images[:, :4] > 0).astype("float32"))
    assert_same(train(mlp(), data, True, loss=loss), train(mlp(), data, False, loss=loss))


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


# What cannot be captured ----------------------------------------------------------------------------------------------


class Looks(tn.Layer):
    """Reads a number back in the middle of a step."""

    def forward(self, x, context):
        assert float(x.sum()) < 1e9
        return x, lambda dy, grads: dy


class Old(tn.Optimizer):
    learning_rate = 0.1

    def update(self, theta, gradient, state, step):
        theta -= self.rate(step) * gradient


class Watch(tn.Callback):
    def batch_ends(self, examples, numbers):
        pass


def test_what_cannot_be_captured_says_why_in_one_line_and_trains(recording, small_data, caplog, tmp_path):
    pytest.importorskip("filelock")
    from tinynet.training.checkpoints import Checkpoints

    looking = tn.Sequential(tn.Dense(20, 4), Looks())
    cases = [
        (looking, {}, "the step cannot be recorded .*read back"),
        (mlp(), {"callbacks": [Watch()]}, "Watch is called after each batch"),
        (mlp(), {"optimizer": Old()}, "Old defines update; a recorded step needs scalars and move"),
        (mlp(), {"optimizer": tn.Clipped(Old())}, "Clipped defines update"),
        (mlp(), {"checkpoint": Checkpoints(tmp_path, every_steps=5)}, "number of steps; every_seconds would do"),
        (mlp(), {"precision": "float16"}, "float16 checks the gradient in each step to scale the loss"),
        (mlp(), {"loss": tn.SoftmaxCrossEntropy(class_weights=[1, 2, 3, 4])}, "came from the host"),
    ]
    for model, settings, why in cases:
        caplog.clear()
        with caplog.at_level(logging.WARNING, "tinynet"):
            captured = train(model, small_data[0], "auto", epochs=1, **settings)
        (line,) = caplog.messages
        assert line.startswith("fit: steps are not captured: ")
        assert re.search(why, line), line
        assert np.isfinite(captured[0]).all()


def test_without_cublas_it_says_so_and_trains(small_data, monkeypatch, caplog):
    def refuse(self, precision):
        raise tn.DeviceError("cuBLAS: expected the library libcublas, got none; install it")

    monkeypatch.setattr(strict.StrictDevice, "recorder", refuse)
    with caplog.at_level(logging.WARNING, "tinynet"):
        train(mlp(), small_data[0], "auto", epochs=1)
    assert "the step cannot be recorded (DeviceError: cuBLAS: expected the library" in caplog.messages[0]


def test_capture_true_is_refused_if_it_is_not_possible(recording, small_data):
    with pytest.raises(RuntimeError, match="read back"):
        train(tn.Sequential(tn.Dense(20, 4), Looks()), small_data[0], True)
    with pytest.raises(ValueError, match="fit: expected a run that can be captured, got one where Watch"):
        train(mlp(), small_data[0], True, callbacks=[Watch()])
    with pytest.raises(
        ValueError, match="fit: expected capture='auto', True, False or a number of steps from 1, got 0"
    ):
        train(mlp(), small_data[0], 0)


def test_without_a_gpu_there_is_nothing_to_capture(small_data):
    with pytest.raises(ValueError, match="fit: expected capture='auto' or False on cpu, got True; name a GPU"):
        tn.fit(mlp(), small_data[0], capture=True)


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


# With kernels -------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_kernels(monkeypatch):
    kernels = HostKernels()
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", kernels)
    return kernels


@pytest.mark.parametrize("optimizer", [tn.SGD(0.1), *OPTIMIZERS], ids=repr)
def test_kernels_captured_equal_kernels_eager(recording, with_kernels, small_data, optimizer):
    eager = train(mlp(), small_data[0], False, optimizer=optimizer)
    assert_same(train(mlp(), small_data[0], True, optimizer=optimizer), eager)
    used = {"bias_activation", "bias_activation_backward", "softmax_cross_entropy", "shuffle_keys"}
    assert used <= set(with_kernels.launched)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", [tn.SGD(0.1), *OPTIMIZERS], ids=repr)
def test_kernels_equal_formulas(small_data, monkeypatch, optimizer, dtype):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 20)).astype("uint8")
    data = tn.data.from_arrays(pixels, (np.arange(90) % 4).astype("uint8")).standardize()
    formulas = train(mlp(dtype=dtype), data, False, batch_size=20, optimizer=optimizer)
    kernels = HostKernels()
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", kernels)
    ours = train(mlp(dtype=dtype), data, False, batch_size=20, optimizer=optimizer)
    tolerance = 1e-4 if dtype == "float32" else 1e-11  # exp and log of two libraries, over 15 steps
    np.testing.assert_allclose(ours[0], formulas[0], rtol=tolerance, atol=tolerance / 100)
    for one, other in zip(ours[2], formulas[2]):
        assert one == pytest.approx(other, rel=tolerance)
    assert "gather_pixels" in kernels.launched


def test_layers_that_are_not_fused_keep_their_positions(with_kernels, small_data, monkeypatch):
    """Dropout's random numbers depend on its position, which fusing the layers before it must not change."""

    def make():
        inner = tn.Sequential(tn.Dense(16, 16), tn.ReLU(), tn.Dropout(0.4))
        layers = tn.Dropout(0.1), tn.Dense(20, 16), tn.ReLU(), inner, tn.Dense(16, 16), tn.Sigmoid(), tn.Dropout(0.2)
        return tn.Sequential(*layers, tn.Dense(16, 4))

    ours = train(make(), small_data[0], False)
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", None)
    np.testing.assert_allclose(ours[0], train(make(), small_data[0], False)[0], rtol=1e-4, atol=1e-6)


def test_a_layer_that_stands_twice_is_fused_at_both_positions(with_kernels, small_data, monkeypatch):
    def make():
        dense, dropout = tn.Dense(20, 20), tn.Dropout(0.2)
        return tn.Sequential(dense, tn.ReLU(), dropout, dense, tn.Sigmoid(), dropout, tn.Dense(20, 4))

    train(make(), small_data[0], False, batch_size=600, epochs=1)  # one step
    assert with_kernels.launched.count("bias_activation") == 3
    ours = train(make(), small_data[0], False)
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", None)
    np.testing.assert_allclose(ours[0], train(make(), small_data[0], False)[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layout", ["column-major", "every second", "floats"])
def test_pictures_laid_out_otherwise_are_gathered_by_the_formula(layout, with_kernels, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 20)).astype("uint8")
    wide = np.repeat(pixels, 2, axis=1)[:, ::2]
    images = {"column-major": np.asfortranarray(pixels), "every second": wide, "floats": pixels / np.float32(255)}[
        layout
    ]
    there = strict.StrictArray(images)  # as it is, not copied to row-major order
    data = tn.data.from_arrays(there, strict.device.put(np.arange(90) % 4))
    ours = train(mlp(), data, False, batch_size=20)
    assert "gather_pixels" not in with_kernels.launched
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", None)
    np.testing.assert_allclose(ours[0], train(mlp(), data, False, batch_size=20)[0], rtol=1e-4, atol=1e-6)


def test_graphs_divide_an_epoch_evenly():
    parts = {steps: graph._even_part(steps) for steps in (0, 1, 60, 128, 129, 469, 1875)}
    assert parts == {0: 1, 1: 1, 60: 60, 128: 128, 129: 64, 469: 117, 1875: 125}
