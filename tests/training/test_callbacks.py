"""Callbacks are called in order, and the progress bar is shown on a terminal only."""

import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.training.callbacks import Callback, default_callbacks


class Recorder(Callback):
    def __init__(self):
        self.calls = []

    def epoch_begins(self, epoch, epochs, examples):
        self.calls.append(("begins", epoch, epochs, examples))

    def batch_ends(self, examples, numbers):
        self.calls.append(("batch", examples, sorted(numbers)))

    def epoch_ends(self, history):
        self.calls.append(("ends", history.last["epoch"]))


def test_callbacks_see_the_run_go_by(small_data):
    train, _ = small_data
    recorder = Recorder()
    tn.fit(small_model(), train, epochs=2, batch_size=400, callbacks=[recorder])
    one = [("batch", 400, ["accuracy", "loss"]), ("batch", 200, ["accuracy", "loss"])]
    assert recorder.calls == [("begins", 1, 2, 600), *one, ("ends", 1), ("begins", 2, 2, 600), *one, ("ends", 2)]


def test_progress_is_silent_where_there_is_no_terminal(small_data, capfd):
    tn.fit(small_model(), small_data[0], epochs=1)
    assert capfd.readouterr() == ("", "")
    assert default_callbacks(progress=True) == []


def test_progress_on_a_terminal(small_data, capfd, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    tn.fit(small_model(), small_data[0], validation=small_data[1], epochs=2, batch_size=100)
    shown = capfd.readouterr().err
    for part in ("epoch 2/2", "600/600", "samples/s", "loss=", "acc=", "val_acc="):
        assert part in shown
    tn.fit(small_model(), small_data[0], epochs=1, progress=False)
    assert capfd.readouterr().err == ""
