"""A run that was interrupted is resumed to the same bits; signals, locks and damaged checkpoints."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.breaking import Break, BreakOff
from tests.support.child import ROOT, Process, python
from tests.support.models import small_model
from tinynet.training.checkpoints import VERSION, Checkpoints

pytest.importorskip("safetensors", reason="checkpoints are files of safetensors, which is not installed")
pytest.importorskip("filelock", reason="checkpoints need filelock, which is not installed")

OPTIMIZERS = [
    tn.SGD(0.1, momentum=0.9),
    tn.Adam(tn.schedules.cosine(0.01, 30)),
    tn.Averaged(tn.Clipped(tn.RMSprop(0.001, momentum=0.5)), 0.9),
]


def settings(small_data, **changes):
    usual = dict(validation=small_data[1], optimizer=OPTIMIZERS[1], epochs=5, batch_size=100, seed=3, progress=False)
    return {**usual, **changes}


def without_times(history):
    return [
        {name: value for name, value in row.items() if name not in ("seconds", "samples_per_second")} for row in history
    ]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_broken_off_again_and_again_ends_as_one_that_was_not(optimizer, threads, small_data, tmp_path):
    whole = small_model()
    usual = settings(small_data, optimizer=optimizer, threads=threads)
    history = tn.fit(whole, small_data[0], **usual)
    for steps in (0, 1, 4, 5, 6, 7, None):  # an epoch has 6
        model = small_model()
        keeper = Checkpoints(tmp_path / "run", every_steps=1)
        given = {**usual, "callbacks": [BreakOff(steps)] if steps is not None else []}
        if steps is None:
            again = tn.fit(model, small_data[0], checkpoint=keeper, resume=True, **given)
        else:
            with pytest.raises(Break):
                tn.fit(model, small_data[0], checkpoint=keeper, resume=True, **given)
    assert model.theta.tobytes() == whole.theta.tobytes()
    assert without_times(again) == without_times(history)
    assert all(row["seconds"] > 0 for row in again)


def test_a_run_on_another_device_goes_on_there(small_data, tmp_path):
    usual = settings(small_data, device=strict.device)
    whole = small_model()
    history = tn.fit(whole, small_data[0], **usual)
    model = small_model()
    with pytest.raises(Break):
        tn.fit(model, small_data[0], checkpoint=Checkpoints(tmp_path, every_steps=1), callbacks=[BreakOff(8)], **usual)
    model = small_model()
    again = tn.fit(model, small_data[0], checkpoint=tmp_path, resume=True, **usual)
    assert np.array_equal(model.theta.get(), whole.theta.get())
    assert without_times(again) == without_times(history)


def test_more_epochs_go_on_from_the_end(small_data, tmp_path):
    whole = small_model()
    tn.fit(whole, small_data[0], **settings(small_data, epochs=5))
    model = small_model()
    tn.fit(model, small_data[0], checkpoint=tmp_path, **settings(small_data, epochs=3))
    history = tn.fit(
        model := small_model(), small_data[0], checkpoint=tmp_path, resume=True, **settings(small_data, epochs=5)
    )
    assert len(history) == 5
    assert model.theta.tobytes() == whole.theta.tobytes()
    assert len(tn.fit(model, small_data[0], checkpoint=tmp_path, resume=True, **settings(small_data, epochs=5))) == 5


def test_the_newest_are_kept_and_the_best(small_data, tmp_path):
    keeper = Checkpoints(tmp_path, every_steps=2, keep=3)
    model = small_model()
    history = tn.fit(model, small_data[0], checkpoint=keeper, **settings(small_data))
    assert keeper.steps() == [26, 28, 30]
    best = tn.load(tmp_path / "best.safetensors")
    assert tn.evaluate(best, small_data[1]).accuracy == max(history["validation_accuracy"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_checkpoint_holds_the_numbers_in_the_dtype_of_the_run(dtype, small_data, tmp_path):
    from safetensors.numpy import load_file

    model = tn.Sequential(tn.Dense(20, 4), tn.BatchNorm(4), dtype=dtype)
    keeper = Checkpoints(tmp_path)
    tn.fit(model, small_data[0], checkpoint=keeper, epochs=1, optimizer=tn.Adam(0.01), progress=False)
    arrays = load_file(keeper.path(keeper.steps()[-1]))
    names = {name: values.dtype for name, values in arrays.items() if not name.startswith("meter.")}
    assert names == dict.fromkeys(("theta", "statistics", "optimizer.mean", "optimizer.square"), np.dtype(dtype))
    np.testing.assert_array_equal(arrays["theta"], model.theta)
    np.testing.assert_array_equal(arrays["statistics"], model.statistics_vector)


def test_intervals_that_are_no_numbers_are_refused_with_what_to_do(tmp_path):
    for wrong, name in [
        ({"every_seconds": 0}, "every_seconds"),
        ({"every_steps": 0}, "every_steps"),
        ({"keep": 0}, "keep"),
    ]:
        with pytest.raises(ValueError, match=f"^Checkpoints: .*{name}.*, got 0; leave it out$"):
            Checkpoints(tmp_path, **wrong)
    assert repr(Checkpoints(tmp_path)) == f"Checkpoints({str(tmp_path)!r})"
    assert Checkpoints(tmp_path).path(120) == tmp_path / "step-000000120.safetensors"


@pytest.mark.parametrize("score", ["accuracy", "loss"])
def test_the_best_model_of_before_stays_the_best_when_a_run_is_resumed(score, small_data, tmp_path):
    train, easy = small_data
    labels = easy.labels if score == "accuracy" else np.eye(4, dtype="float32")[easy.labels]
    shifted = tn.data.from_arrays(easy.images, np.roll(labels, 1, axis=-1) if score == "loss" else (labels + 1) % 4)
    loss = tn.SoftmaxCrossEntropy() if score == "accuracy" else tn.MeanSquaredError()
    given = (
        train if score == "accuracy" else tn.data.from_arrays(train.images, np.eye(4, dtype="float32")[train.labels])
    )
    usual = settings(small_data, loss=loss, checkpoint=tmp_path, resume=True)

    def run(epochs, validation):
        history = tn.fit(small_model(), given, **{**usual, "epochs": epochs, "validation": validation})
        return history.last[f"validation_{score}"], (tmp_path / "best.safetensors").read_bytes()

    first, kept = run(2, tn.data.from_arrays(easy.images, labels))
    worse, still = run(3, shifted)
    better = (lambda one, other: one > other) if score == "accuracy" else (lambda one, other: one < other)
    assert better(first, worse)
    assert still == kept
    again, anew = run(4, tn.data.from_arrays(easy.images, labels))
    assert (anew != kept) == better(again, first)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 4}, "expected seed 4, got 3; resume with the same settings"),
        ({"batch_size": 50}, "expected batch_size 50, got 100"),
        ({"optimizer": tn.SGD(0.2)}, "expected optimizer SGD"),
        ({"loss": tn.SoftmaxCrossEntropy(0.1)}, "expected loss"),
        ({"transforms": [tn.data.Shift(1)]}, "expected transforms"),
    ],
    ids=str,
)
def test_a_run_with_other_settings_is_refused(small_data, tmp_path, changes, message):
    tn.fit(small_model(), small_data[0], checkpoint=tmp_path, **settings(small_data, epochs=1))
    with pytest.raises(ValueError, match=message):
        tn.fit(small_model(), small_data[0], checkpoint=tmp_path, resume=True, **settings(small_data, **changes))


def test_other_data_another_network_and_a_run_in_the_way_are_refused(small_data, tmp_path):
    usual = settings(small_data, epochs=1)
    tn.fit(small_model(), small_data[0], checkpoint=tmp_path, **usual)
    with pytest.raises(ValueError, match=r"expected no run in this folder, got one at step 6; pass resume=True"):
        tn.fit(small_model(), small_data[0], checkpoint=tmp_path, **usual)
    with pytest.raises(ValueError, match="expected data [0-9a-f]{64}, got [0-9a-f]{64}; resume with the same"):
        tn.fit(small_model(), small_data[1], checkpoint=tmp_path, resume=True, **usual)
    with pytest.raises(ValueError, match="expected model Sequential"):
        tn.fit(tn.Sequential(tn.Dense(20, 4)), small_data[0], checkpoint=tmp_path, resume=True, **usual)
    with pytest.raises(ValueError, match="expected a checkpoint to resume, got None"):
        tn.fit(small_model(), small_data[0], resume=True)
    for wrong in ({"every_seconds": 0}, {"every_steps": -1}, {"every_steps": 2.5}, {"keep": 0}, {"keep": 1.5}):
        with pytest.raises(ValueError, match="Checkpoints: (every_steps: |keep: )?expected"):
            Checkpoints(tmp_path, **wrong)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(small_data, tmp_path):
    usual = settings(small_data)
    whole = small_model()
    tn.fit(whole, small_data[0], **usual)
    keeper = Checkpoints(tmp_path, every_steps=1)
    with pytest.raises(Break):
        tn.fit(small_model(), small_data[0], checkpoint=keeper, callbacks=[BreakOff(9)], **usual)
    newest = keeper.path(keeper.steps()[-1])
    newest.write_bytes(newest.read_bytes()[:-7])
    with pytest.warns(UserWarning, match="expected a whole safetensors file.*; trying the checkpoint before it"):
        tn.fit(model := small_model(), small_data[0], checkpoint=keeper, resume=True, **usual)
    assert model.theta.tobytes() == whole.theta.tobytes()


def test_two_runs_in_a_folder_are_refused(small_data, tmp_path):
    with Checkpoints(tmp_path), pytest.raises(tn.DataError, match="a folder that no other run is using"):
        tn.fit(small_model(), small_data[0], checkpoint=tmp_path, **settings(small_data, epochs=1))
    tn.fit(small_model(), small_data[0], checkpoint=tmp_path, **settings(small_data, epochs=1))


def test_a_full_disk_is_told_and_the_run_goes_on(small_data, tmp_path, monkeypatch):
    usual = settings(small_data, epochs=2)
    whole = small_model()
    tn.fit(whole, small_data[0], **usual)
    real, calls = os.fsync, []

    def full_for_a_while(descriptor):
        calls.append(descriptor)
        if 4 <= len(calls) <= 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full_for_a_while)
    with pytest.warns(UserWarning, match="No space left on device.*was there before is untouched.*training goes on"):
        tn.fit(model := small_model(), small_data[0], checkpoint=Checkpoints(tmp_path, every_steps=1), **usual)
    assert model.theta.tobytes() == whole.theta.tobytes()
    assert not list(tmp_path.glob(".*.part"))


def test_a_run_that_diverges_keeps_its_last_good_checkpoint(small_data, tmp_path):
    keeper = Checkpoints(tmp_path, every_steps=1)
    usual = settings(small_data, optimizer=tn.SGD(lambda step: 0.1 if step < 8 else 1e30))
    with pytest.raises(
        tn.DivergenceError, match=r"step (9|10), at learning rate .*Largest norms of parameters: 0.weight .*, 3.weight"
    ):
        tn.fit(small_model(), small_data[0], checkpoint=keeper, **usual)
    assert keeper.steps()
    from tinynet.io.array_files import read_arrays

    arrays, about, _ = read_arrays(keeper.path(keeper.steps()[-1]), "checkpoint", VERSION)
    assert np.isfinite(arrays["theta"]).all()
    assert about["step"] >= 8


PROGRAM = """
import sys, time, numpy as np, tinynet as tn
class Slow(tn.Callback):
    def batch_ends(self, examples, numbers):
        print("step", flush=True); time.sleep(0.02)
x = np.random.default_rng(0).normal(size=(600, 20)).astype("float32")
tn.fit(tn.Sequential(tn.Dense(20, 4)), (x, np.arange(600) % 4), epochs=100, batch_size=20, progress=False,
       checkpoint=sys.argv[1], callbacks=[Slow()])
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, (130, -2)), (signal.SIGTERM, (143,))])
def test_signals_save_and_leave_with_the_status_that_shells_know(number, status, tmp_path):
    process = Process(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    for _ in range(5):
        process.stdout.readline()
    process.send_signal(number)
    rest, _ = process.communicate(timeout=30)
    assert process.returncode in status
    assert "resume=True continues from there" in rest
    (step,) = Checkpoints(tmp_path / "run").steps()
    assert 5 <= step < 100


def test_a_signal_while_the_last_epoch_is_measured_is_not_lost(small_data, tmp_path, capsys):
    class AskAtTheEnd(tn.Callback):
        def epoch_ends(self, history):
            os.kill(os.getpid(), signal.SIGTERM)

    given = settings(small_data, epochs=1, seed=np.int64(3), batch_size=np.int64(100))
    with pytest.raises(SystemExit) as left:
        tn.fit(small_model(), small_data[0], checkpoint=tmp_path, callbacks=[AskAtTheEnd()], **given)
    assert left.value.code == 143
    saved = tmp_path / "step-000000006.safetensors"
    assert capsys.readouterr().out.endswith(f"saved {saved}; resume=True continues from there\n")
    assert len(tn.fit(small_model(), small_data[0], checkpoint=tmp_path, resume=True, **given)) == 1


def test_in_a_thread_signals_are_left_alone(small_data, tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    ended = []

    def work():
        tn.fit(small_model(), small_data[0], checkpoint=tmp_path, **settings(small_data, epochs=1))
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended
    assert signal.getsignal(signal.SIGTERM) is before
    tn.fit(small_model(), small_data[0], checkpoint=tmp_path, resume=True, **settings(small_data, epochs=1))
    assert signal.getsignal(signal.SIGTERM) is before


def test_time_decides_when_steps_do_not(small_data, tmp_path):
    class Wait(tn.Callback):
        def batch_ends(self, examples, numbers):
            time.sleep(0.02)

    keeper = Checkpoints(tmp_path, every_seconds=0.03, keep=100)
    tn.fit(small_model(), small_data[0], checkpoint=keeper, callbacks=[Wait()], **settings(small_data, epochs=2))
    assert 3 <= len(keeper.steps()) <= 8
    assert keeper.steps()[-1] == 12


@pytest.mark.slow
def test_killed_at_any_instant_it_ends_in_the_same_bytes():
    done = python(ROOT / "tests/stress/kill_and_resume.py", "--kills", 20)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 different" in done.stdout
