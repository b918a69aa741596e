"""One run of a study as a job, and its result as a file named after everything that the numbers depend on.

A job whose file exists is not run again. The name is a hash of the network, the optimizer and all settings, of the
examples, of tinynet's own code, and of NumPy, the BLAS kernel and the device.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import tinynet as tn
from tinynet.backend import environment
from tinynet.backend.arrays import CPU, Device
from tinynet.backend.files import read_regular, write_atomically
from tinynet.study.configuration import Configuration
from tinynet.training.identity import identify
from tinynet.training.settings import fingerprint

VERSION = 2  # of the content of a result; after a change of it all jobs run again
LARGEST = 16 << 20  # bytes of a result; those of the default study have some kB
VALIDATION_FRACTION = 0.1  # of the training set, held out to choose learning rates
TIMES = ("seconds", "training_seconds", "samples_per_second")  # these may differ between two runs of the same job


@dataclass(frozen=True)
class Job:
    """One network to train. The probe measures it every `every` epochs; 0: never.

    With one thread the bits do not depend on what else runs; None: as many threads as make it faster.
    """

    part: str
    name: str
    configuration: Configuration
    learning_rate: float
    seed: int
    epochs: int
    batch_size: int
    every: int = 0
    threads: int | None = 1

    @cached_property
    def content(self) -> list[Any]:
        """Everything that its numbers depend on except the data and the machine. Part and name are left out."""
        configuration = self.configuration
        optimizer = configuration.make_optimizer(configuration.example, self.learning_rate, self.epochs)
        numbers = [self.seed, self.epochs, self.batch_size, self.every, self.split, self.threads]
        return [VERSION, configuration.description, identify(optimizer), *numbers]

    def key(self, surroundings: str) -> str:
        """The name of its result, given the hash of its surroundings."""
        return hashlib.sha256(json.dumps([surroundings, *self.content]).encode()).hexdigest()[:32]

    @property
    def split(self) -> str:
        """The set it is measured on."""
        return "validation" if self.part == "grid" else "test"

    def __str__(self) -> str:
        return f"{self.part:<5} {self.name:<16} learning rate {self.learning_rate:<6g} seed {self.seed}"

    def work(self, examples: int) -> float:
        """Its cost, in examples trained on. Measuring an example costs a third of training on it."""
        measurements = self.epochs // self.every + 1 if self.every else 0
        return examples * (self.epochs * (0.9 if self.part == "grid" else 1) + 0.1 * measurements + 0.3)


@dataclass(frozen=True)
class Data:
    """The training and test set on their device, and the two parts of the training set."""

    train: tn.data.Dataset
    test: tn.data.Dataset
    device: Device

    def of(self, part: str) -> tuple[tn.data.Dataset, tn.data.Dataset]:
        """The sets to train on and to measure on."""
        return self._split if part == "grid" else (self.train, self.test)

    @cached_property
    def _split(self) -> tuple[tn.data.Dataset, tn.data.Dataset]:
        rest, validation = self.train.to(CPU).split(VALIDATION_FRACTION)
        return rest.to(self.device), validation.to(self.device)


def hash_of_surroundings(data: Data) -> str:
    """A hash of everything outside the job that its numbers depend on."""
    digest = hashlib.sha256("".join(map(fingerprint, (data.train, data.test))).encode())
    package = Path(tn.__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    digest.update(json.dumps(machine_kind(environment.describe(data.device))).encode())
    return digest.hexdigest()


def machine_kind(manifest: dict[str, Any]) -> list[Any]:
    """What the bits depend on: on two machines of the same kind, runs are equal bit for bit."""
    blas = manifest.get("blas") or {}
    return [manifest.get("numpy"), blas.get("library"), blas.get("kernel"), manifest.get("gpu"), manifest.get("cupy")]


def read_result(path: Path) -> dict[str, Any] | None:
    """A result, or None if it is missing or cannot be read; then the job runs again."""
    try:
        result = json.loads(read_regular(path, LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    return result if isinstance(result, dict) and result.get("key") == path.stem else None


def write_result(path: Path, result: dict[str, Any]) -> dict[str, Any]:
    """Write a result under the name that is its key; returns what `read_result` would read."""
    result = {"key": path.stem, **result}
    write_atomically(path, json.dumps(result, allow_nan=False).encode())
    return result


def as_run(job: Job, result: dict[str, Any]) -> dict[str, Any]:
    """A result with its job: a run of results.json."""
    settings = {"epochs": job.epochs, "batch_size": job.batch_size, "every": job.every}
    settings |= {name: repr(value) for name, value in job.configuration.fit.items()} | dict(job.configuration.record)
    return {
        "part": job.part,
        "arm": job.name,
        "seed": job.seed,
        "learning_rate": job.learning_rate,
        "settings": settings,
        **result,
    }


def without_times(run: dict[str, Any]) -> dict[str, Any]:
    """What must be equal when the same job is run again."""
    return {name: value for name, value in run.items() if name not in TIMES}
