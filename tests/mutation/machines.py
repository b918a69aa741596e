"""Copies of the repository, each with a process that has collected the tests and one that imports tinynet anew."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import queue
import shutil
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.mutation import session

WARM = [  # what the tests import, where it is installed
    *("numpy", "numpy.testing", "numpy.random", "scipy.stats", "scipy.special", "scipy.optimize", "scipy.signal"),
    *("torch", "hypothesis", "safetensors", "safetensors.numpy", "filelock", "PIL.Image", "pooch", "tqdm", "coverage"),
    *("threadpoolctl", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "sklearn.metrics", "http.server"),
    *("concurrent.futures", "multiprocessing.spawn", "pickle", "tarfile", "zipfile"),
]


class Machine:
    """A copy of the repository. It answers one request at a time."""

    def __init__(self, tree: Path, folder: Path, files: list[str]) -> None:
        ignored = shutil.ignore_patterns("__pycache__", ".*", "results", "build", "dist", "*.egg-info")
        shutil.copytree(tree, folder, ignore=ignored)
        self.imports = started(lambda connection: session.serve_imports(folder, connection))
        self.collected = started(lambda connection: session.serve(folder, files, connection))
        self.tests = set(self.read(self.collected)["tests"])

    def read(self, stream: Any) -> dict[str, Any]:
        line = stream.readline()
        if not line:
            raise RuntimeError("the process that runs the tests has ended")
        return json.loads(line)

    def ask(self, request: dict[str, Any], anew: bool = False) -> dict[str, Any]:
        """The answer to a request; `anew`: after a new import."""
        stream = self.imports if anew else self.collected
        stream.write(json.dumps(request) + "\n")
        stream.flush()
        return self.read(stream)


def started(serve: Callable[[socket.socket], None]) -> Any:
    """Start a process that serves at a socket. Returns the stream to it."""
    here, there = socket.socketpair()
    if os.fork():
        there.close()
        return here.makefile("rw", encoding="utf-8")
    here.close()
    try:
        serve(there)
    finally:
        os._exit(1)


def machines(tree: Path, folder: Path, count: int, files: list[str]) -> list[Machine]:
    """As many copies as tests may run at the same time."""
    for name in WARM:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    return [Machine(tree, folder / f"copy-{number}", files) for number in range(count)]


def share(jobs: Iterable[Any], all_machines: list[Machine], do: Callable[[Machine, Any], None]) -> None:
    """Do the jobs, each on a machine that is free."""
    waiting: queue.Queue = queue.Queue()
    errors: list[BaseException] = []
    for job in jobs:
        waiting.put(job)

    def work(machine: Machine) -> None:
        with contextlib.suppress(queue.Empty):
            while not errors:
                job = waiting.get_nowait()
                try:
                    do(machine, job)
                except BaseException as error:
                    errors.append(error)
                    raise

    threads = [threading.Thread(target=work, args=(machine,), daemon=True) for machine in all_machines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
