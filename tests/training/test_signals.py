"""Signals in a run: handlers of others are called after the save, restored at the end, and never replaced for good."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import ROOT, Process, left_by, python, usual_signals
from tests.support.models import small_model
from tinynet.training.checkpoints import Checkpoints
from tinynet.training.signals import Signals

pytest.importorskip("safetensors", reason="checkpoints are files of safetensors, which is not installed")
pytest.importorskip("filelock", reason="checkpoints need filelock, which is not installed")

slow = pytest.mark.slow
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


class Send(tn.Callback):
    """Send a signal to this process in some steps."""

    def __init__(self, number, *steps, do=None):
        self.number, self.steps, self.step, self.do = number, steps, 0, do

    def batch_ends(self, examples, numbers):
        self.step += 1
        if self.step in self.steps:
            (self.do or (lambda: os.kill(os.getpid(), self.number)))()


def fit(data, folder, *callbacks, **changes):
    usual = dict(epochs=2, batch_size=100, progress=False, threads=1, callbacks=callbacks)
    return tn.fit(small_model(), data, checkpoint=Checkpoints(folder), **{**usual, **changes})


@BOTH
def test_a_handler_that_only_notes_is_called_after_the_save_and_the_run_goes_on(number, small_data, tmp_path, capsys):
    seen = []

    def note(received, frame):
        seen.append((received, Checkpoints(tmp_path).steps()))

    signal.signal(number, note)
    history = fit(small_data[0], tmp_path, Send(number, 3, 8))
    assert seen == [(number, [3]), (number, [3, 8])]
    assert len(history) == 2
    assert signal.getsignal(number) is note
    assert f"saved {tmp_path / 'step-000000003.safetensors'}" in capsys.readouterr().out


@BOTH
def test_a_handler_that_ends_the_run_does(number, small_data, tmp_path):
    class Stop(Exception):
        pass

    def stop(received, frame):
        raise Stop

    signal.signal(number, stop)
    with pytest.raises(Stop):
        fit(small_data[0], tmp_path, Send(number, 3))
    assert Checkpoints(tmp_path).steps() == [3]
    assert signal.getsignal(number) is stop


@BOTH
def test_a_signal_that_is_ignored_stays_ignored(number, small_data, tmp_path):
    signal.signal(number, signal.SIG_IGN)
    assert len(fit(small_data[0], tmp_path, Send(number, 3))) == 2
    assert signal.getsignal(number) == signal.SIG_IGN


@BOTH
def test_a_handler_that_was_not_set_from_python_is_left_alone(number, small_data, tmp_path, monkeypatch):
    """Python gives None for it, and cannot set it again."""
    with monkeypatch.context() as patched:
        patched.setattr(signal, "getsignal", lambda number: None)
        patched.setattr(signal, "signal", lambda *_: pytest.fail("the handler was replaced"))
        assert len(fit(small_data[0], tmp_path)) == 2


IN_C = """
import ctypes, faulthandler, os, signal, sys, numpy as np, tinynet as tn
number, when, kind, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
libc = ctypes.CDLL(None)
def set_in_c():
    if kind == "ignored":
        libc.signal(number, ctypes.c_void_p(1))
    elif kind == "faulthandler":
        faulthandler.register(number)
    else:
        libc.signal(number, libc._exit)  # a handler in C: ends the process with the number of the signal
class Send(tn.Callback):
    def epoch_begins(self, *numbers):
        if when == "during":
            set_in_c()
    def epoch_ends(self, history):
        print("in a run", flush=True)
        if kind != "_exit":
            os.kill(os.getpid(), number)
if when == "before":
    set_in_c()
data = np.zeros((60, 20), "float32"), np.arange(60) % 4
tn.fit(tn.Sequential(tn.Dense(20, 4)), data, epochs=1, progress=False, checkpoint=folder, callbacks=[Send()])
print("after it", flush=True)
os.kill(os.getpid(), number)
print("still there", flush=True)
"""


IN_C_CASES = [
    (*each, signal.SIGTERM) for each in [("_exit", "before"), ("faulthandler", "before"), ("_exit", "during")]
]
IN_C_CASES += [
    pytest.param(kind, when, number, marks=slow)
    for number in (signal.SIGTERM, signal.SIGINT)
    for when in ("before", "during")
    for kind in ("_exit", "faulthandler", "ignored")
    if (kind, when, number) not in IN_C_CASES
]


@pytest.mark.parametrize(("kind", "when", "number"), IN_C_CASES)
@pytest.mark.skipif(os.name == "nt", reason="calls Unix's C library")
def test_a_handler_that_was_set_in_c_is_not_replaced_and_still_works(number, when, kind, tmp_path):
    done = python("-c", IN_C, number.value, when, kind, tmp_path)
    assert done.stdout.splitlines()[:2] == ["in a run", "after it"]
    assert "saved" not in done.stdout
    if kind == "_exit":
        assert done.returncode == number
    else:
        assert done.returncode == 0
        assert "still there" in done.stdout
        assert done.stderr.count("most recent call first") == (2 if kind == "faulthandler" else 0)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_where_the_system_would_end_the_process_it_ends_after_the_save(number, status, small_data, tmp_path):
    signal.signal(number, signal.SIG_DFL)
    with pytest.raises(SystemExit) as left:
        fit(small_data[0], tmp_path, Send(number, 3))
    assert left.value.code == status
    assert Checkpoints(tmp_path).steps() == [3]
    assert signal.getsignal(number) == signal.SIG_DFL


@BOTH
def test_a_second_signal_is_acted_on_at_once(number, small_data, tmp_path):
    signal.signal(number, signal.default_int_handler)

    def twice():
        os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        fit(small_data[0], tmp_path, Send(number, 3, do=twice))


@BOTH
def test_a_second_signal_is_acted_on_at_once_in_a_run_inside_a_run(number, small_data, tmp_path):
    signal.signal(number, signal.default_int_handler)
    after = []

    def twice():
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        after.append("went on")

    def inner():
        fit(small_data[1], tmp_path / "inner", Send(number, 1, do=twice))

    with pytest.raises(KeyboardInterrupt):
        fit(small_data[0], tmp_path / "outer", Send(None, 4, do=inner))
    assert not after
    assert signal.getsignal(number) is signal.default_int_handler


def test_a_handler_set_during_a_run_stays(small_data, tmp_path):
    def other(received, frame):
        pass

    fit(small_data[0], tmp_path, Send(None, 3, do=lambda: signal.signal(signal.SIGTERM, other)))
    assert signal.getsignal(signal.SIGTERM) is other


def test_whoever_restores_our_handler_after_the_run_gets_the_one_from_before(small_data, tmp_path):
    seen, taken = [], []
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    take = Send(None, 3, do=lambda: taken.append(signal.signal(signal.SIGTERM, signal.SIG_IGN)))
    fit(small_data[0], tmp_path, take)
    signal.signal(signal.SIGTERM, taken[0])
    os.kill(os.getpid(), signal.SIGTERM)
    assert seen == [signal.SIGTERM]


@BOTH
@pytest.mark.parametrize("signals", [1, 2])
def test_a_signal_in_a_run_inside_a_run_saves_both_and_ends_both(signals, number, small_data, tmp_path):
    signal.signal(number, signal.default_int_handler)
    whole = small_model()
    tn.fit(whole, small_data[0], epochs=2, batch_size=100, progress=False, threads=1)

    def inner():
        fit(small_data[1], tmp_path / "inner", Send(number, *range(1, 1 + signals)))

    with pytest.raises(KeyboardInterrupt):
        fit(small_data[0], tmp_path / "outer", Send(None, 4, do=inner))
    assert Checkpoints(tmp_path / "inner").steps() == [1]
    assert Checkpoints(tmp_path / "outer").steps() == [4]
    assert signal.getsignal(number) is signal.default_int_handler
    resumed = small_model()
    settings = dict(epochs=2, batch_size=100, progress=False, threads=1)
    tn.fit(resumed, small_data[0], checkpoint=tmp_path / "outer", resume=True, **settings)
    assert resumed.theta.tobytes() == whole.theta.tobytes()


def test_a_run_inside_a_run_leaves_the_handlers_of_the_outer_one(small_data, tmp_path):
    def inner():
        fit(small_data[1], tmp_path / "inner")

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    do = [inner, lambda: os.kill(os.getpid(), signal.SIGTERM)]
    with pytest.raises(SystemExit):
        fit(small_data[0], tmp_path / "outer", Send(None, 3, 4, do=lambda: do.pop(0)()))
    assert Checkpoints(tmp_path / "outer").steps() == [4]


def test_an_error_of_the_run_after_a_signal_saves_nothing(small_data, tmp_path):
    """The parameters may be half-way between two steps."""

    def fail():
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("mine")

    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.raises(ValueError, match="mine"):
        fit(small_data[0], tmp_path, Send(None, 3, do=fail))
    assert not Checkpoints(tmp_path).steps()


def test_runs_in_threads_beside_one_in_the_main_thread(small_data, tmp_path, handlers):
    thetas = {}

    def work(name):
        model = small_model()
        checkpoints = Checkpoints(tmp_path / str(name), every_steps=1)
        tn.fit(model, small_data[0], epochs=3, batch_size=100, progress=False, threads=1, checkpoint=checkpoints)
        thetas[name] = model.theta

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    [thread.start() for thread in threads]
    work("main")
    [thread.join() for thread in threads]
    assert len(thetas) == 5
    for theta in thetas.values():
        assert np.array_equal(theta, thetas["main"])
    assert {number: signal.getsignal(number) for number in handlers} == handlers


def test_one_checkpoints_for_two_runs_at_once_is_refused_and_the_first_keeps_its_lock(small_data, tmp_path):
    checkpoints, told = Checkpoints(tmp_path, every_steps=1), []

    def second():
        try:
            tn.fit(small_model(), small_data[0], checkpoint=checkpoints, resume=True, progress=False)
        except tn.DataError as error:
            told.append(str(error))

    def start():
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()

    settings = dict(epochs=1, batch_size=100, progress=False, checkpoint=checkpoints)
    tn.fit(small_model(), small_data[0], callbacks=[Send(None, 2, 4, do=start)], **settings)
    assert len(told) == 2
    assert "expected a folder that no other run is using" in told[1]


def test_ctrl_c_under_nohup_and_with_a_closed_standard_output(tmp_path):
    """A process whose standard output is closed saves and ends as usual."""
    program = """
import os, signal, sys, numpy as np, tinynet as tn
class Send(tn.Callback):
    def batch_ends(self, examples, numbers):
        os.kill(os.getpid(), signal.SIGTERM)
data = np.zeros((60, 20), "float32"), np.arange(60) % 4
tn.fit(tn.Sequential(tn.Dense(20, 4)), data, batch_size=20, progress=False, checkpoint=sys.argv[1], callbacks=[Send()])
"""
    command = f'exec "{sys.executable}" -c "$0" "$1" >&-'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", command, program, str(tmp_path)], env=environment, stderr=subprocess.PIPE)
    assert done.returncode == 143, done.stderr
    assert Checkpoints(tmp_path).steps() == [1]


@pytest.mark.skipif(not hasattr(signal, "SIGURG"), reason="this system has no SIGURG")
def test_looking_for_handlers_in_c_leaves_none_behind():
    noted = Signals()
    noted.start()
    noted.stop()
    assert signal.getsignal(signal.SIGURG) == signal.SIG_DFL


def test_without_a_run_nothing_is_noted():
    signals = Signals()
    signals.start()
    signals.stop()
    with pytest.raises(SystemExit):
        signals._note(signal.SIGTERM, None)


CHILD = """
import os, sys, numpy as np, tinynet as tn
class Wait(tn.Callback):
    def batch_ends(self, examples, numbers):
        print("step", flush=True)
        sys.stdin.readline()
data = np.zeros((60, 20), "float32"), np.arange(60) % 4
tn.fit(tn.Sequential(tn.Dense(20, 4)), data, batch_size=20, progress=False, checkpoint=sys.argv[1], callbacks=[Wait()])
print("trained", flush=True)
"""
STATUS = {signal.SIGINT: {-signal.SIGINT, 130}, signal.SIGTERM: {-signal.SIGTERM, 143}}  # a shell shows 130 and 143


def started(folder, *before, **environment):
    """A run that waits in its first step."""
    child = Process(
        [*before, sys.executable, "-c", CHILD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    while (line := child.stdout.readline()) != "step\n":
        assert line, child.stderr.read()
    return child


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT),
     pytest.param(signal.SIGINT, signal.SIGINT, marks=slow), pytest.param(signal.SIGTERM, signal.SIGTERM, marks=slow)],
)  # fmt: skip
@pytest.mark.parametrize("faults", [pytest.param("1", marks=slow), ""], ids=["PYTHONFAULTHANDLER", "plain"])
def test_the_status_is_that_of_the_second_signal(first, second, faults, tmp_path):
    child = started(tmp_path, PYTHONFAULTHANDLER=faults)
    child.send_signal(first)
    with pytest.raises(subprocess.TimeoutExpired):  # the step is to be finished first, and it waits
        child.wait(0.1)
    child.send_signal(second)
    child.wait(30)
    assert child.returncode in STATUS[second]
    assert not Checkpoints(tmp_path).steps()  # the step was not finished


@slow
@BOTH
@pytest.mark.parametrize("command", [["nohup"], ["sh", "-c", 'exec "$@"', "sh"]], ids=["nohup", "sh"])
def test_under_nohup_and_from_a_shell_a_signal_saves_and_has_its_status(command, number, tmp_path):
    child = started(tmp_path, *command)
    child.send_signal(number)
    child.communicate("\n" * 9, timeout=30)
    assert child.returncode in STATUS[number]
    assert Checkpoints(tmp_path).steps() == [1]


@slow
@BOTH
def test_in_a_pipeline_the_status_is_that_of_the_signal(number, tmp_path):
    program = f'{sys.executable} -c "$0" "$1" | cat; echo "status ${{PIPESTATUS[0]}}"'
    child = Process(
        ["bash", "-c", program, CHILD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert child.stdout.readline() == "step\n"
    found = subprocess.run(["pgrep", "-P", str(child.pid), "-f", "tinynet"], capture_output=True, text=True, check=True)
    os.kill(int(found.stdout.split()[0]), number)
    assert f"status {128 + number}" in child.communicate("\n" * 9, timeout=30)[0]
    assert Checkpoints(tmp_path).steps() == [1]


@slow
@BOTH
def test_a_signal_that_the_process_was_started_to_ignore_does_nothing(number, tmp_path):
    child = started(tmp_path, "sh", "-c", f'trap "" {number.value}; exec "$@"', "sh")
    child.send_signal(number)
    child.send_signal(number)
    printed, _ = child.communicate("\n" * 99, timeout=60)
    assert child.returncode == 0
    assert "trained" in printed


def test_the_tests_do_not_depend_on_the_signals_that_are_ignored_around_them():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    waits = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    child = Process(waits, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    assert child.wait(30) == -signal.SIGINT
    with usual_signals():
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_test_that_leaves_a_process_fails():
    waits = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    with subprocess.Popen(waits, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert any("time.sleep(60)" in command for command in left_by({}, seconds=0))
        assert child.wait(30) == -signal.SIGKILL
    assert not left_by({}, seconds=0)
