"""Train and measure the network of a job."""

from __future__ import annotations

import base64
import statistics
import string
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.backend.arrays import to_numpy
from tinynet.data.batches import batch_count
from tinynet.study.jobs import TIMES, Data, Job
from tinynet.study.probe import Probe
from tinynet.training.callbacks import Callback
from tinynet.training.checkpoints import Checkpoints

UNITS_SHOWN = 20  # units of the first layer
CLASSES = string.digits + string.ascii_lowercase + string.ascii_uppercase  # a letter for each class


@np.errstate(over="ignore", invalid="ignore", under="ignore")  # a diverging network overflows before its loss says so
def run(
    job: Job, data: Data, callbacks: Sequence[Callback] = (), checkpoint: Checkpoints | None = None
) -> dict[str, Any]:
    """The result of a job: the losses and accuracies, the curve, the predictions; or how it diverged.

    With `checkpoint` an unfinished run is continued from there.
    """
    train, held_out = data.of(job.part)
    configuration = job.configuration
    model = configuration.build(job.seed).to(data.device)
    steps = job.epochs * batch_count(train, job.batch_size)
    optimizer = configuration.make_optimizer(model, job.learning_rate, steps)
    began = time.perf_counter()
    result: dict[str, Any] = {"model": repr(model), "optimizer": repr(optimizer)}
    try:
        probe = Probe(model, train, held_out, job.every)
        history = tn.fit(
            model, train, optimizer=optimizer, epochs=job.epochs, batch_size=job.batch_size, seed=job.seed,
            threads=job.threads, device=data.device, callbacks=[probe, *callbacks], progress=False,
            checkpoint=checkpoint, resume=checkpoint is not None, **configuration.fit,
        )  # fmt: skip
        result |= _measurements(job, model, train, held_out)
    except tn.DivergenceError as error:
        return result | {"diverged": str(error), "seconds": time.perf_counter() - began}
    result["curve"] = probe.rows
    if job.threads is None:
        result["epochs"] = without_times(history)
        result["training_seconds"] = sum(history["seconds"])
    speed = statistics.median(history["samples_per_second"])
    return result | {"seconds": time.perf_counter() - began, "samples_per_second": speed}


def _measurements(job: Job, model: tn.Sequential, train: tn.data.Dataset, held_out: tn.data.Dataset) -> dict[str, Any]:
    """Loss and accuracy; unless the run belongs to the grid, also on the training set, and the predictions."""
    measure, threads = job.configuration.measure, job.threads
    if job.split == "validation":
        return {"validation": measure(model, held_out, threads=threads)}
    probabilities = job.configuration.predict(model, held_out, threads)
    result = {"test": measure(model, held_out, probabilities, threads), "train": measure(model, train, threads=threads)}
    in_full = job.seed == 0 or job.threads is None
    return result | predictions_as_text(probabilities, in_full) | (first_layer_as_text(model) if in_full else {})


def without_times(history: tn.History) -> list[dict[str, Any]]:
    """The rows of a history without what differs between two runs."""
    return [{name: value for name, value in row.items() if name not in TIMES} for row in history]


def predictions_as_text(probabilities: np.ndarray, in_full: bool) -> dict[str, str]:
    """The predicted class of each example as a letter; in full also its probability."""
    text = {"predictions": "".join(CLASSES[label] for label in probabilities.argmax(axis=1))}
    if in_full:
        text["confidence"] = _packed(np.rint(255 * probabilities.max(axis=1)).astype(np.uint8))
    return text


def first_layer_as_text(model: tn.Sequential) -> dict[str, str]:
    """The weights of the units with the largest norms, if the first layer is Dense."""
    if not isinstance(model.layers[0], tn.Dense):
        return {}
    weight = to_numpy(model.parameters["0.weight"]).T  # (units, pixels)
    largest = weight[np.argsort(-np.linalg.norm(weight, axis=1), kind="stable")[:UNITS_SHOWN]]
    limit = float(np.quantile(np.abs(largest), 0.995)) or 1.0
    return {"first_layer": _packed(np.rint(127.5 + 127.5 * np.clip(largest / limit, -1, 1)).astype(np.uint8))}


def _packed(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode()


def unpacked(text: str) -> np.ndarray:
    """Numbers from 0 to 255 that were packed as text."""
    return np.frombuffer(base64.b64decode(text, validate=True), np.uint8)


def predicted_classes(run: Mapping[str, Any]) -> np.ndarray:
    """The class predicted for each example of the test set."""
    numbers = np.full(128, -1)
    numbers[np.frombuffer(CLASSES.encode(), np.uint8)] = np.arange(len(CLASSES))
    return numbers[np.frombuffer(run["predictions"].encode("ascii"), np.uint8)]
