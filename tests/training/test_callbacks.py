"""Callbacks are called in order, and the progress bar is shown on a terminal only."""

import io
import sys

import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.training.callbacks import Callback, ProgressBar, default_callbacks


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


class Stream:
    """Standard error that fails at the `last` write, as a terminal that has gone does."""

    encoding = "utf-8"

    def __init__(self, error, last):
        self.error, self.left = error, last

    def isatty(self):
        return True

    def write(self, text):
        self.left -= 1
        if self.left < 0:
            raise self.error

    flush = close = lambda self: None


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, object(), closed()], ids=["missing", "without isatty", "closed"])
def test_training_needs_no_standard_error(stream, small_data, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream)
    assert len(tn.fit(small_model(), small_data[0], epochs=1)) == 1


@pytest.mark.parametrize("error", [BrokenPipeError(32, "gone"), OSError(5, "hung up"), ValueError("closed file")])
@pytest.mark.parametrize("last", [0, 2])
def test_a_bar_that_cannot_be_drawn_ends_no_run(error, last, small_data, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", Stream(error, last))
    history = tn.fit(small_model(), small_data[0], epochs=3, batch_size=10)
    assert len(history) == 3


def test_a_bar_without_standard_error_is_not_drawn(small_data, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", None)
    assert len(tn.fit(small_model(), small_data[0], epochs=1, callbacks=[ProgressBar()])) == 1


@pytest.mark.parametrize(
    ("name", "ours"),
    [("on_epoch_end", "epoch_ends"), ("on_train_batch_end", "batch_ends"), ("epoch_begin", "epoch_begins")],
)
def test_a_method_that_nothing_would_call_is_refused(name, ours, small_data):
    calls = []

    def method(self, *arguments):
        calls.append(arguments)

    message = f"Mine: expected the methods of tn.Callback, got {name}, which nothing calls; name it {ours}"
    with pytest.raises(TypeError, match=message):
        type("Mine", (Callback,), {name: method})
    tn.fit(small_model(), small_data[0], epochs=1, callbacks=[type("Mine", (Callback,), {ours: method})()])
    assert calls
