"""One run of the study as a job: what it is decides its key, and its result is a file of that name.

A result that is there is not computed again. The key holds everything the numbers depend on: the model, the optimizer
and the settings, the examples, tinynet's own code, NumPy, the BLAS kernel and the device. Every run computes on one
thread, so its bits do not depend on how many run side by side.
"""

from __future__ import annotations

import base64
import hashlib
import json
import statistics
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.backend import environment
from tinynet.backend.arrays import CPU, Device, to_numpy
from tinynet.backend.files import write_atomically
from tinynet.study.arms import Arm
from tinynet.study.insight import Probe, measure
from tinynet.training.checkpoints import Checkpoints

VERSION = 1  # of what a result holds; a change of it forgets all results
HELD_OUT = 0.1  # of the training set, to choose rates by
SHOWN = 20  # units of the first layer
CLASSES = string.digits + string.ascii_lowercase + string.ascii_uppercase  # a letter for each class
TIMES = ("seconds", "samples_per_second")  # what may differ between two runs of the same job


@dataclass(frozen=True)
class Job:
    """One network to train. `every` so many epochs it is looked at; 0: only after the last."""

    part: str
    name: str
    arm: Arm
    rate: float
    seed: int
    epochs: int
    batch_size: int
    hidden: tuple[int, ...]
    every: int = 0

    def key(self, world: str) -> str:
        """The name of its result among those of one `world`. The part and the arm's name are not in it."""
        model, optimizer = self.arm.build(1, self.hidden, 1, self.seed), self.arm.optimizer(self.rate)
        content = [repr(model), repr(optimizer), self.seed, self.epochs, self.batch_size, self.every, self.on]
        return hashlib.sha256(json.dumps([VERSION, world, *content]).encode()).hexdigest()[:32]

    @property
    def on(self) -> str:
        """What it is measured on."""
        return "validation" if self.part == "grid" else "test"

    def words(self) -> str:
        """Which run of the study it is."""
        return f"{self.part:<5} {self.name:<16} rate {self.rate:<6g} seed {self.seed}"

    def work(self, examples: int) -> float:
        """How many examples it trains on or measures, measuring being a third of the work."""
        looks = self.epochs // self.every + 1 if self.every else 0
        return examples * (self.epochs * (0.9 if self.part == "grid" else 1) + 0.1 * looks + 0.3)


@dataclass(frozen=True)
class Data:
    """The two sets on their device, and the training set's two parts."""

    train: tn.data.Dataset
    test: tn.data.Dataset
    device: Device

    def of(self, part: str) -> tuple[tn.data.Dataset, tn.data.Dataset]:
        """What the runs of a part train on, and what they are measured on."""
        return self._parts if part == "grid" else (self.train, self.test)

    @cached_property
    def _parts(self) -> tuple[tn.data.Dataset, tn.data.Dataset]:
        rest, held_out = self.train.to(CPU).split(HELD_OUT)
        return rest.to(self.device), held_out.to(self.device)


def world_of(train: tn.data.Dataset, test: tn.data.Dataset, device: Device) -> str:
    """Everything but the job that numbers depend on, as a hash."""
    digest = hashlib.sha256("".join(map(Checkpoints.fingerprint, (train, test))).encode())
    package = Path(tn.__file__).parent
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    digest.update(json.dumps(machine_kind(environment.describe(device))).encode())
    return digest.hexdigest()


def machine_kind(manifest: dict[str, Any]) -> list[Any]:
    """What bits depend on: where two manifests agree in it, runs are equal bit for bit."""
    blas = manifest.get("blas") or {}
    return [manifest.get("numpy"), blas.get("library"), blas.get("kernel"), manifest.get("gpu"), manifest.get("cupy")]


def read_result(path: Path) -> dict[str, Any] | None:
    """A result, or None where it is not there or cannot be read: it is then computed again."""
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) and result.get("key") == path.stem else None


def write_result(job: Job, data: Data, world: str, folder: Path) -> dict[str, Any]:
    """Run the job and keep its result."""
    result = {"key": job.key(world), **run(job, data)}
    text = json.dumps(result, allow_nan=False)
    write_atomically(folder / f"{result['key']}.json", text.encode())
    return result


@np.errstate(over="ignore", invalid="ignore")  # of a network that is about to diverge; the loss says so
def run(job: Job, data: Data) -> dict[str, Any]:
    """Train and measure."""
    train, held_out = data.of(job.part)
    inputs, classes = train.images.shape[1], len(data.train.class_names)
    model = job.arm.build(inputs, job.hidden, classes, job.seed).to(data.device)
    optimizer = job.arm.optimizer(job.rate)
    began = time.perf_counter()
    result: dict[str, Any] = {"model": repr(model), "optimizer": repr(optimizer)}
    settings: dict[str, Any] = dict(
        epochs=job.epochs, batch_size=job.batch_size, seed=job.seed, threads=1, progress=False
    )
    try:
        probe = Probe(model, train, held_out, job.every)
        history = tn.fit(model, train, optimizer=optimizer, device=data.device, callbacks=[probe], **settings)
        measured = measure(model, held_out)
        on_train = measure(model, train) if job.on == "test" else {}
    except tn.DivergenceError as error:
        return result | {"diverged": str(error), "seconds": time.perf_counter() - began}
    result |= {job.on: measured, "curve": probe.rows}
    if job.on == "test":
        result |= {"train": on_train} | _shown(model, held_out, job.seed == 0)
    speeds = statistics.median(history["samples_per_second"])
    return result | {"seconds": time.perf_counter() - began, "samples_per_second": speeds}


def labelled(job: Job, result: dict[str, Any]) -> dict[str, Any]:
    """A result as a run of the study: which arm of which part it is."""
    settings = {"epochs": job.epochs, "batch_size": job.batch_size, "hidden": list(job.hidden), "every": job.every}
    return {
        "part": job.part,
        "arm": job.name,
        "seed": job.seed,
        "learning_rate": job.rate,
        "settings": settings,
        **result,
    }


def without_times(run: dict[str, Any]) -> dict[str, Any]:
    """What must be equal when the same is run again."""
    return {name: value for name, value in run.items() if name not in TIMES}


# Pictures and predictions, as text ----------------------------------------------------------------------------------


def _shown(model: tn.Sequential, test: tn.data.Dataset, in_full: bool) -> dict[str, Any]:
    """The predicted classes; in full also how sure of each, and what the first units look for."""
    probabilities = model.predict(test, threads=1)
    shown: dict[str, Any] = {"predictions": "".join(CLASSES[label] for label in probabilities.argmax(axis=1))}
    if in_full:
        shown["confidence"] = _packed(np.rint(255 * probabilities.max(axis=1)).astype(np.uint8))
        weight = to_numpy(model.parameters["0.weight"]).T  # (units, pixels)
        largest = weight[np.argsort(-np.linalg.norm(weight, axis=1), kind="stable")[:SHOWN]]
        limit = float(np.quantile(np.abs(largest), 0.995)) or 1.0
        shown["first_layer"] = _packed(np.rint(127.5 + 127.5 * np.clip(largest / limit, -1, 1)).astype(np.uint8))
    return shown


def _packed(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode()


def unpacked(text: str) -> np.ndarray:
    """Numbers from 0 to 255, as they were packed."""
    return np.frombuffer(base64.b64decode(text, validate=True), np.uint8)


def predicted_classes(run: Mapping[str, Any]) -> np.ndarray:
    """The class predicted for each example of the test set."""
    numbers = np.full(128, -1)
    numbers[np.frombuffer(CLASSES.encode(), np.uint8)] = np.arange(len(CLASSES))
    return numbers[np.frombuffer(run["predictions"].encode("ascii"), np.uint8)]
