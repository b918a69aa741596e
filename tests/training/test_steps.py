"""Steps that cannot be recorded run eagerly, with one line that says why, or are refused."""

import logging
import re
from dataclasses import replace

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.captured import assert_same, mlp, train
from tinynet.backend.arrays import array_module
from tinynet.training import run
from tinynet.training.steps import check_capture


class Looks(tn.Layer):
    """Reads a number back in the middle of a step."""

    def forward(self, x, context):
        assert float(x.sum()) < 1e9
        return x, lambda dy, grads: dy


class Old(tn.Optimizer):
    learning_rate = 0.1

    def update(self, theta, gradient, state, step):
        theta -= self.rate(step) * gradient


class FromTheHost(tn.SoftmaxCrossEntropy):
    """Copies its weights to the device in each step."""

    def measure(self, outputs, targets, fraction=1.0):
        array_module(outputs).asarray([1.0, 2.0])
        return super().measure(outputs, targets, fraction)


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
        (mlp(), {"loss": FromTheHost()}, "came from the host"),
    ]
    for model, settings, why in cases:
        caplog.clear()
        with caplog.at_level(logging.WARNING, "tinynet"):
            captured = train(model, small_data[0], "auto", epochs=1, **settings)
        (line,) = caplog.messages
        assert line.startswith("fit: steps are not captured: ")
        assert re.search(why, line), line
        assert np.isfinite(captured[0]).all()


@pytest.mark.parametrize(
    ("capture", "allowed"),
    [("auto", True), (True, True), (np.bool_(True), True), (1, True), (np.int64(3), True), (False, False),
     (np.bool_(False), False)],
)  # fmt: skip
def test_steps_may_be_captured_unless_it_is_switched_off(capture, allowed):
    assert check_capture(capture) is allowed


@pytest.mark.parametrize("capture", [-1, 0, 1.5, "yes", None, ""])
def test_what_says_neither_is_refused(capture):
    message = f"^fit: expected capture='auto', True, False or a number of steps from 1, got {capture!r}; leave it out$"
    with pytest.raises(ValueError, match=message):
        check_capture(capture)


def test_transforms_keep_steps_from_being_captured_and_the_recorder_is_told_the_precision(
    recording, small_data, caplog, monkeypatch
):
    asked, make = [], strict.StrictDevice.recorder

    def recorder(self, precision):
        asked.append(precision)
        return make(self, precision)

    monkeypatch.setattr(strict.StrictDevice, "recorder", recorder)
    pictures = replace(small_data[0], image_shape=(4, 5))
    with caplog.at_level(logging.WARNING, "tinynet"):
        train(mlp(), pictures, "auto", epochs=1, precision="bfloat16")
        assert not caplog.messages
        train(mlp(), pictures, "auto", epochs=1, transforms=[tn.data.HorizontalFlip()])
    assert caplog.messages == ["fit: steps are not captured: transforms change each batch differently"]
    assert asked == ["bfloat16", "float32"]


class AfterEpochs(tn.Callback):
    def epoch_ends(self, history):
        pass


def test_a_callback_after_epochs_does_not_keep_steps_from_being_captured(recording, small_data, caplog):
    with caplog.at_level(logging.WARNING, "tinynet"):
        train(mlp(), small_data[0], "auto", epochs=1, callbacks=[AfterEpochs()])
    assert not caplog.messages


def test_a_progress_bar_does_not_keep_steps_from_being_captured(recording, small_data, caplog):
    with caplog.at_level(logging.WARNING, "tinynet"):
        train(mlp(), small_data[0], "auto", epochs=1, progress=True)
        assert not caplog.messages
        train(mlp(), small_data[0], "auto", epochs=1, callbacks=[Watch()])
    assert [record.name for record in caplog.records] == ["tinynet"]


@pytest.mark.parametrize("capture", [3, 1, True, "auto", np.bool_(True), 9, 20])
def test_a_number_says_how_many_steps_a_graph_has_up_to_all(recording, small_data, monkeypatch, capture):
    chosen, choose = [], run.choose_steps

    def choosing(*arguments):
        chosen.append(choose(*arguments))
        return chosen[-1]

    monkeypatch.setattr(run, "choose_steps", choosing)
    captured = train(mlp(), small_data[0], capture, epochs=1)  # 9 full batches, and a smaller one
    assert chosen[0].per_graph == (capture if capture in (1, 3) and type(capture) is int else 9)
    assert_same(captured, train(mlp(), small_data[0], False, epochs=1))


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
    with pytest.raises(ValueError, match="fit: expected capture='auto' or False on cpu, got True; use 'auto'"):
        tn.fit(mlp(), small_data[0], capture=True)


def test_steps_with_transforms_are_not_captured(recording, small_data, caplog):
    pictures = replace(small_data[0], image_shape=(4, 5))
    with caplog.at_level(logging.WARNING, "tinynet"):
        captured = train(mlp(), pictures, "auto", epochs=1, transforms=[tn.data.Shift(1)])
    assert caplog.messages == ["fit: steps are not captured: transforms change each batch differently"]
    assert np.isfinite(captured[0]).all()
    with pytest.raises(ValueError, match="got one where transforms change each batch differently; use capture='auto'"):
        train(mlp(), pictures, True, epochs=1, transforms=[tn.data.Shift(1)])
