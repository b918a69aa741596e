"""Jobs, side by side: each in a process with one BLAS thread, all of them looking at the same examples in memory.

Whatever ends, ends in a file, so a study that is killed goes on with what is missing. On a GPU jobs run one by one.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.backend.arrays import CPU
from tinynet.study.arms import Arm
from tinynet.study.runs import Data, Job, labelled, read_result, world_of, write_result

# A process with one BLAS thread: the libraries read these once, when they are loaded.
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS"), "1"
)

SHARED = ".images-"  # the folder that all processes map the examples from


class Pool:
    """Runs jobs and keeps their results in `folder`. `workers` 0: in this process, one by one."""

    def __init__(self, data: Data, folder: Path, workers: int) -> None:
        self.data, self.folder = data, folder
        self.workers = workers if data.device.on_host else 0
        self.world = world_of(data.train, data.test, data.device)
        self.executor: ProcessPoolExecutor | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def missing(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs without a result."""
        return [job for job in jobs if read_result(self.path(job)) is None]

    def path(self, job: Job) -> Path:
        """Where the result of a job is, or will be."""
        return self.folder / f"{job.key(self.world)}.json"

    def results(self, jobs: Sequence[Job]) -> list[dict[str, Any]]:
        """The runs, in the order of the jobs, all of which must have ended."""
        return [labelled(job, read_result(self.path(job)) or {}) for job in jobs]

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, dict[str, Any]]]:
        """Each job that has no result yet, as it ends; the longest begin first, so that all end together."""
        unique = {job.key(self.world): job for job in self.missing(jobs)}.values()
        ordered = sorted(unique, key=lambda job: -job.work(1))
        if self.executor is None:
            for job in ordered:
                yield job, write_result(job, self.data, self.world, self.folder)
            return
        futures: dict[Future[dict[str, Any]], Job] = {
            self.executor.submit(_work, job, self.world, self.folder): job for job in ordered
        }
        for future in as_completed(futures):
            yield futures[future], future.result()

    def seconds_per_example(self) -> float:
        """How long a worker takes to train on an example, while all of them are at work."""
        if self.executor is None:
            return calibrate(self.data)
        return max(self.executor.map(_calibrate, range(self.workers)))

    @contextmanager
    def open(self) -> Iterator[Pool]:
        """The processes, for as long as they are needed. They end at once if this one is killed, or told to stop."""
        if self.workers == 0:
            yield self
            return
        for left in self.folder.glob(f"{SHARED}*"):  # by a study that was killed
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=SHARED, dir=self.folder) as shared:
            stripped = _share(self.data, Path(shared))
            context = multiprocessing.get_context("spawn")
            with _environment(ONE_THREAD):
                self.executor = ProcessPoolExecutor(self.workers, context, _begin, (stripped, shared))
                try:
                    yield self
                except BaseException:
                    for process in multiprocessing.active_children():  # nobody waits for what is not wanted any more
                        process.terminate()
                    raise
                finally:
                    self.executor.shutdown(wait=True, cancel_futures=True)
                    self.executor = None


def calibrate(data: Data) -> float:
    """Seconds to train on one example, by a few steps of the common network."""
    few = data.train.subset(slice(0, 4000))
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        model = Arm("").build(few.images.shape[1], (256, 128), len(data.train.class_names), 0)
        tn.fit(model, few, epochs=1, batch_size=1000, threads=1, device=data.device, progress=False)
        seconds.append((time.perf_counter() - began) / len(few))
    return sorted(seconds)[1]


# In a worker --------------------------------------------------------------------------------------------------------

_data: Data


def _begin(stripped: tuple[tn.data.Dataset, tn.data.Dataset], shared: str) -> None:
    global _data
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asked for the work
    threading.Thread(target=_end_with_parent, daemon=True).start()
    train, test = (replace(each, **_mapped(Path(shared), name)) for name, each in zip(("train", "test"), stripped))
    _data = Data(train, test, CPU)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(job: Job, world: str, folder: Path) -> dict[str, Any]:
    return write_result(job, _data, world, folder)


def _calibrate(_: int) -> float:
    return calibrate(_data)


def _share(data: Data, folder: Path) -> tuple[tn.data.Dataset, tn.data.Dataset]:
    """Write the arrays where every process can map them; returns the sets without them."""
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
