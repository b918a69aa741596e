"""Jobs in processes of their own give the same bits, and can be continued; what cannot be sent to them is refused."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.child import ROOT, python
from tests.support.studies import configurations, documented_program, network
from tinynet import study as library
from tinynet.study import Configuration, Study

pytest.importorskip("scipy")


def test_one_process_or_two_give_the_same_bits(tmp_path, small_data):
    summaries = []
    for workers in (0, 2):
        study = Study(
            configurations(), small_data, seeds=2, epochs=2, batch_size=50, learning_rate=0.1, workers=workers
        )
        summaries.append(study.run(tmp_path / str(workers)).runs)
    assert [library.jobs.without_times(run) for run in summaries[0]] == [
        library.jobs.without_times(run) for run in summaries[1]
    ]


def test_an_unfinished_run_continues_from_its_checkpoint(tmp_path, small_data, monkeypatch):
    pytest.importorskip("safetensors")

    def study():
        return Study({"relu": Configuration("ReLU", network)}, small_data, seeds=1, epochs=3, threads=None)

    expected = study().run(tmp_path / "whole").runs[0]
    from tinynet.study.workers import EpochPrinter

    def stop(self, history):
        if len(history) == 2:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as stopping:
        stopping.setattr(EpochPrinter, "epoch_ends", stop)
        with pytest.raises(KeyboardInterrupt, match="0 finished runs and the unfinished one"):
            study().run(tmp_path / "broken", checkpoints=True)
    assert list((tmp_path / "broken" / "runs").glob("*/step-*.safetensors"))
    seen = []
    monkeypatch.setattr(EpochPrinter, "epoch_ends", lambda self, history: seen.append(len(history)))
    found = study().run(tmp_path / "broken", checkpoints=True).runs[0]
    assert seen
    assert seen[-1] == 3
    assert 1 not in seen
    assert library.jobs.without_times(found) == library.jobs.without_times(expected)
    assert not list((tmp_path / "broken" / "runs").glob("*/"))


@pytest.mark.parametrize("checkpoints", [False, True])
def test_a_run_in_this_process_has_one_blas_thread_as_in_a_worker(checkpoints, tmp_path, small_data):
    threadpoolctl = pytest.importorskip("threadpoolctl")
    pytest.importorskip("safetensors")
    seen = set()

    class Measured(Configuration):
        def measure(self, *given, **settings):
            seen.update(pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas")
            return super().measure(*given, **settings)

    relu = Measured("ReLU", network)
    study = Study({"relu": relu}, small_data, seeds=1, epochs=1, learning_rate=0.1, workers=0)
    with threadpoolctl.threadpool_limits(2, "blas"):
        study.run(tmp_path, checkpoints=checkpoints)
    assert seen == {1}


def test_a_lambda_is_refused_before_processes_start_and_runs_in_this_one(tmp_path, small_data):
    study = {"mine": Configuration("mine", lambda seed: network(seed))}
    with pytest.raises(ValueError, match="Study: mine: expected .* no lambdas, or pass workers=0"):
        Study(study, small_data, workers=2).run(tmp_path)
    result = Study(study, small_data, seeds=1, epochs=1, workers=0).run(tmp_path)
    assert len(result.runs) == 1


def test_a_program_without_a_main_guard_is_told_so(tmp_path):
    program = documented_program().replace('if __name__ == "__main__":', "if True:")
    (tmp_path / "mine.py").write_text(program)
    done = python("mine.py", folder=tmp_path)
    assert done.returncode == 1
    assert "call run() under `if __name__ == '__main__':`, or pass workers=0" in done.stderr


def _fails(seed):
    if multiprocessing.parent_process() is not None:
        raise ArithmeticError("in a worker")
    return network(seed)


@pytest.mark.slow
def test_a_study_that_fails_ends_its_own_processes_only(tmp_path, small_data):
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(60,))
    other.start()
    try:
        study = Study({"mine": Configuration("mine", _fails)}, small_data, seeds=1, epochs=1, workers=2)
        with pytest.raises(ArithmeticError, match="in a worker"):
            study.run(tmp_path)
        assert multiprocessing.active_children() == [other]
        assert other.is_alive()
    finally:
        other.kill()
        other.join()


INTERRUPTING = """
import os, signal, threading, time
import numpy as np
from tinynet.study import Configuration, Study
import tinynet as tn

def network(seed):
    return tn.Sequential(tn.Dense(20, 4), seed=seed)

def interrupt():
    children = f"/proc/self/task/{threading.main_thread().native_id}/children"
    while True:  # also while they start
        for child in open(children).read().split():
            try:
                os.kill(int(child), signal.SIGINT)
            except ProcessLookupError:
                pass
        time.sleep(0.001)

if __name__ == "__main__":
    data = tn.data.from_arrays(np.zeros((600, 20), "float32"), np.arange(600) % 4)
    threading.Thread(target=interrupt, daemon=True).start()
    study = Study({"mine": Configuration("mine", network)}, (data, data), seeds=2, epochs=1, workers=2)
    print(len(study.run("out").runs), "runs", flush=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="looks for children in Linux's /proc")
def test_ctrl_c_in_a_terminal_ends_no_worker_not_even_one_that_starts(tmp_path):
    """A terminal sends it to all processes of its group; what to do is the parent's decision."""
    (tmp_path / "mine.py").write_text(INTERRUPTING)
    done = python("mine.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "runs" in done.stdout
    assert "Traceback" not in done.stderr


PROGRAM = """
import sys
import numpy as np
import tinynet as tn
from tinynet.study import Configuration, Study

def network(seed):
    return tn.Sequential(tn.Dense(20, 8), tn.ReLU(), tn.Dense(8, 4), seed=seed)

if __name__ == "__main__":
    random = np.random.default_rng(0)
    data = random.normal(size=(200, 20)).astype("float32"), random.integers(0, 4, 200)
    study = Study({"relu": Configuration("ReLU", network)}, (data, data), seeds=2, epochs=1, workers=WORKERS)
    study.run(FOLDER).show()
"""


def program(folder, workers):
    return PROGRAM.replace("WORKERS", str(workers)).replace("FOLDER", repr(str(folder)))


def test_a_program_without_a_file_is_told_so_and_the_remedy_works(tmp_path):
    refused = python("-c", program(tmp_path, 2), folder=tmp_path)
    assert "got a function of a program without a file" in refused.stderr
    assert "define functions at the top level of a file, no lambdas, or pass workers=0" in refused.stderr
    done = python("-c", program(tmp_path, 0), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "runs").glob("*.json"))) == 2


def test_a_program_from_standard_input_is_told_so_and_the_remedy_works(tmp_path):
    command = [sys.executable, "-"]
    for workers, status in ((2, 1), (0, 0)):
        done = subprocess.run(
            command, input=program(tmp_path, workers), capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        assert ("save the program as a file, or pass workers=0" in done.stderr) == (workers == 2)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps a folder that is used")
def test_a_working_directory_that_was_deleted_is_named_and_the_remedy_works(tmp_path):
    (tmp_path / "mine.py").write_text(program(tmp_path, 2), encoding="utf-8")
    (tmp_path / "gone").mkdir()
    command = f"cd {tmp_path}/gone && rmdir {tmp_path}/gone && {sys.executable} {tmp_path}/mine.py"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, env=environment)
    assert "expected a working directory, got one that was deleted; change to a folder that exists" in done.stderr
    assert python(tmp_path / "mine.py", folder=tmp_path).returncode == 0
