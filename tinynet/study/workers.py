"""Run jobs side by side, each in a process with one BLAS thread; all processes map one copy of the examples.

Every result is a file, so a study that is killed continues with the missing jobs. On a GPU jobs run one by one.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.backend.arrays import CPU
from tinynet.backend.blas import one_blas_thread
from tinynet.backend.terminal import say
from tinynet.errors import mismatch
from tinynet.study.jobs import Data, Job, as_run, hash_of_surroundings, read_result, write_result
from tinynet.study.runs import run
from tinynet.training.callbacks import Callback
from tinynet.training.checkpoints import Checkpoints

# The BLAS libraries read these once, when they are loaded.
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS"), "1"
)
SHARED = ".images-"  # the folder that all processes map the examples from


class EpochPrinter(Callback):
    """Print a line for each epoch."""

    def __init__(self, title: str, epochs: int) -> None:
        self.title, self.epochs = title, epochs

    def epoch_ends(self, history: tn.History) -> None:
        row = history.last
        measured = f"training loss {row['running_loss']:.4f}, accuracy {row['running_accuracy']:.2%}"
        speed = f"{row['samples_per_second']:,.0f} images/s"
        say(f"{self.title}  epoch {row['epoch']:>2}/{self.epochs}  {measured}  {speed}")


class Workers:
    """Run jobs and keep their results in `folder`, on `count` processes; 0: in this process, one by one.

    `checkpoints` also keeps unfinished runs of this process, each in a subfolder.
    """

    def __init__(self, data: Data, folder: Path, count: int, checkpoints: bool = False, verbose: bool = True) -> None:
        self.data, self.folder, self.checkpoints, self.verbose = data, folder, checkpoints, verbose
        self.count = count if data.device.on_host else 0
        self.surroundings = hash_of_surroundings(data)
        self.executor: ProcessPoolExecutor | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, job: Job) -> Path:
        """The file of a job's result."""
        return self.folder / f"{job.key(self.surroundings)}.json"

    def missing(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs without a result."""
        return [job for job in jobs if read_result(self.path(job)) is None]

    def results(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        """The runs of finished jobs, in order."""
        return [as_run(job, read_result(self.path(job)) or {}) for job in jobs]

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, dict[str, Any]]]:
        """Yield each job that had no result yet when it ends. The longest start first, so that all end together."""
        unique = {self.path(job): job for job in self.missing(jobs)}
        ordered = list(unique.items())
        if self.executor is not None:
            ordered.sort(key=lambda item: -item[1].work(1))
        if self.executor is None:
            for path, job in ordered:
                yield job, write_result(path, self._run_here(path, job))
            return
        with _interrupts_held():  # the first job starts the processes
            futures: dict[Future[dict[str, Any]], Job] = {
                self.executor.submit(_work, *item): item[1] for item in ordered
            }
        for future in as_completed(futures):
            yield futures[future], future.result()

    def _run_here(self, path: Path, job: Job) -> dict[str, Any]:
        """Run a job in this process; a long one, on all cores, prints its epochs."""
        shown = self.verbose and job.threads is None
        callbacks = [EpochPrinter(f"{job.name:<13} seed {job.seed}", job.epochs)] if shown else []
        # With one BLAS thread, the bits are those of a worker.
        with one_blas_thread() if job.threads == 1 and self.data.device.on_host else nullcontext():
            if not self.checkpoints:
                return run(job, self.data, callbacks)
            kept = path.with_suffix("")
            result = run(job, self.data, callbacks, Checkpoints(kept))
        shutil.rmtree(kept, ignore_errors=True)
        return result

    def seconds_per_example(self, job: Job) -> float:
        """The seconds that a worker needs to train the network of `job` on an example, while all of them work."""
        if self.executor is None:
            return seconds_per_example(job, self.data)
        with _interrupts_held():
            seconds = self.executor.map(_seconds_per_example, [job] * self.count)
        return max(seconds)

    @contextmanager
    def open(self) -> Iterator[Workers]:
        """Start the processes and stop them at the end; they stop at once if this process fails or is killed."""
        if self.count == 0:
            yield self
            return
        for left in self.folder.glob(f"{SHARED}*"):  # by a study that was killed
            shutil.rmtree(left, ignore_errors=True)
        _check_working_folder()
        with tempfile.TemporaryDirectory(prefix=SHARED, dir=self.folder) as shared:
            stripped = _write_arrays(self.data, Path(shared))
            context = multiprocessing.get_context("spawn")  # a fork of a process whose BLAS has threads may hang
            others = multiprocessing.active_children()  # of the caller
            with _environment(ONE_THREAD):
                self.executor = ProcessPoolExecutor(self.count, context, _begin, (stripped, shared))
                try:
                    yield self
                except BaseException as error:
                    for process in multiprocessing.active_children():
                        if process not in others:  # its result is not wanted any more
                            process.terminate()
                    if isinstance(error, BrokenProcessPool):
                        remedy = "call run() under `if __name__ == '__main__':`, or pass workers=0"
                        raise RuntimeError(
                            mismatch("Study", "worker processes that keep running", "one that ended", remedy)
                        ) from error
                    raise
                finally:
                    self.executor.shutdown(wait=True, cancel_futures=True)
                    self.executor = None


def check_that_they_travel(jobs: Sequence[Job]) -> None:
    """Raise ValueError if a configuration cannot be sent to another process."""
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    no_file = getattr(main, "__spec__", None) is None and file is None  # python -c, a notebook
    if file is not None and not os.path.exists(file):  # each process would run it again
        remedy = "save the program as a file, or pass workers=0"
        raise ValueError(mismatch("Study", "a program that worker processes can import", repr(file), remedy))
    for configuration in {job.configuration for job in jobs}:
        try:
            if b"__main__" in pickle.dumps(configuration) and no_file:
                raise pickle.PicklingError("a function of a program without a file, which no other process can import")
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            remedy = "define functions at the top level of a file, no lambdas, or pass workers=0"
            expected = "build, optimizer and fit that can be pickled"
            raise ValueError(mismatch(f"Study: {configuration.title}", expected, error, remedy)) from error


def _check_working_folder() -> None:
    """Raise RuntimeError if the working directory was deleted: a process cannot be started from there."""
    try:
        os.getcwd()
    except OSError as error:
        remedy = "change to a folder that exists, or pass workers=0"
        raise RuntimeError(mismatch("Study", "a working directory", "one that was deleted", remedy)) from error


def seconds_per_example(job: Job, data: Data) -> float:
    """The seconds to train on one example, measured on a few steps of the job's network."""
    few, seconds = data.train.subset(slice(0, 4 * job.batch_size)), []
    short = replace(job, epochs=1, every=0, learning_rate=min(job.configuration.learning_rates))
    for _ in range(3):
        began = time.perf_counter()
        model = job.configuration.build(0)
        optimizer = job.configuration.make_optimizer(model, short.learning_rate, 4)
        settings: dict[str, Any] = {"device": data.device, "threads": 1, "progress": False, "nan_guard": False}
        settings |= job.configuration.fit
        tn.fit(model, few, optimizer=optimizer, epochs=1, batch_size=job.batch_size, **settings)
        seconds.append((time.perf_counter() - began) / len(few))
    return sorted(seconds)[1]


# In a worker --------------------------------------------------------------------------------------------------------

_data: Data


def _begin(stripped: tuple[tn.data.Dataset, tn.data.Dataset], shared: str) -> None:
    global _data
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent process
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    train, test = (replace(each, **_mapped(Path(shared), name)) for name, each in zip(("train", "test"), stripped))
    _data = Data(train, test, CPU)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(path: Path, job: Job) -> dict[str, Any]:
    return write_result(path, run(job, _data))


def _seconds_per_example(job: Job) -> float:
    return seconds_per_example(job, _data)


def _write_arrays(data: Data, folder: Path) -> tuple[tn.data.Dataset, tn.data.Dataset]:
    """Write the arrays where every process can map them; returns the sets with one example each."""
    stripped = []
    for name, dataset in (("train", data.train), ("test", data.test)):
        np.save(folder / f"{name}-images.npy", dataset.images)
        np.save(folder / f"{name}-labels.npy", dataset.labels)
        stripped.append(dataset.subset(slice(0, 1)))
    return stripped[0], stripped[1]


def _mapped(folder: Path, name: str) -> dict[str, Any]:
    """The arrays, in memory that the system holds once for all processes."""
    return {which: np.asarray(np.load(folder / f"{name}-{which}.npy", mmap_mode="r")) for which in ("images", "labels")}


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold back Ctrl-C. A process that is started meanwhile does not get it before `_begin` ignores it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # now: it lets Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
