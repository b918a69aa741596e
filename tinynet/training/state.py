"""The state of a training run, and the losses of the epoch in progress."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array, Device, to_numpy
from tinynet.errors import DataError, mismatch
from tinynet.model import Sequential
from tinynet.optimizers import Optimizer, State
from tinynet.training.history import History


@dataclass
class TrainingState:
    """A training run as a value: everything that the next step depends on. A checkpoint holds it.

    `meter` and `seconds` belong to the epoch in progress.
    """

    theta: Array
    statistics: Array
    optimizer: State
    seed: int
    step: int = 0
    history: History = field(default_factory=History)
    meter: Meter | None = None
    seconds: float = 0.0

    @classmethod
    def of(cls, model: Sequential, optimizer: Optimizer, seed: int) -> TrainingState:
        """The state before the first step. `theta` and `statistics` are the model's own vectors."""
        return cls(model.theta, model.statistics_vector, optimizer.start(model.theta), seed)

    def vectors(self) -> dict[str, Array]:
        """All vectors of the run, by their names in a checkpoint."""
        optimizer = {f"optimizer.{name}": values for name, values in self.optimizer.items()}
        return {"theta": self.theta, "statistics": self.statistics, **optimizer}


class Meter:
    """The losses and hits (numbers of correct outputs) of up to `steps` batches, kept on the device until `means`.

    `weights` are those of the batches in the mean of a loss whose examples have weights; None: their sizes, `counts`.
    On the CPU, where reading costs nothing, `diverged` is True as soon as a loss is NaN or infinite.
    """

    def __init__(self, steps: int, device: Device) -> None:
        self.device, self.counts, self.diverged = device, np.zeros(steps), False
        self.losses = device.module.zeros(steps, np.float64)
        self.hits: Array | None = device.module.zeros(steps, np.int64)
        self.weights: Array | None = device.module.zeros(steps, np.float64)
        self.done = 0  # the number of batches so far

    def add(self, loss: Array, hits: Array | None, count: int, weight: Array | None = None) -> None:
        """Add a batch of `count` examples: its mean loss, how many are right (None: not known), and its weight."""
        self.losses[self.done], self.counts[self.done] = loss, count
        if weight is None or self.weights is None:
            self.weights = None
        else:
            self.weights[self.done] = weight
        if hits is None or self.hits is None:
            self.hits = None
        else:
            self.hits[self.done] = hits
        self.done += 1
        if self.device.on_host:
            self.diverged = not math.isfinite(loss)

    def take(self, first: int, counts: Sequence[int], other: DeviceMeter) -> None:
        """Copy the batches from index `first` on, of `counts` examples each, from `other`."""
        some = slice(first, first + len(counts))
        self.losses[some], self.counts[some] = other.losses[some], counts
        if other.hits is None or self.hits is None:
            self.hits = None
        else:
            self.hits[some] = other.hits[some]
        if other.weights is None or self.weights is None:
            self.weights = None
        else:
            self.weights[some] = other.weights[some]
        self.done = some.stop

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The losses, sizes, hits and weights of the batches so far, for a checkpoint."""
        arrays = {"losses": self.losses, "counts": self.counts, "hits": self.hits, "weights": self.weights}
        return {name: to_numpy(values)[: self.done] for name, values in arrays.items() if values is not None}

    def from_arrays(self, arrays: Mapping[str, np.ndarray], who: object) -> None:
        """Restore what `to_arrays` returned. Raises DataError, and changes nothing, for arrays that do not fit."""
        losses, counts, hits, weights = (arrays.get(name) for name in ("losses", "counts", "hits", "weights"))
        if losses is None or counts is None or losses.ndim != 1 or losses.shape != counts.shape:
            raise DataError(mismatch(who, "the losses of an epoch", "none that fit", "delete it"))
        shapes = {values.shape for values in (losses, hits, weights) if values is not None}
        if len(losses) > len(self.counts) or len(shapes) > 1:
            raise DataError(mismatch(who, f"at most {len(self.counts)} losses", len(losses), "delete it"))
        least = {"counts": 1, "hits": 0, "weights": 0}
        if any(name in arrays and not (_finite(arrays[name]) >= smallest).all() for name, smallest in least.items()):
            raise DataError(mismatch(who, "numbers of examples, hits and weights", "others", "delete it"))
        self.done = len(losses)
        self.losses[: self.done] = self.device.put(losses)
        self.counts[: self.done] = counts
        if hits is None and self.done:
            self.hits = None
        elif hits is not None and self.hits is not None:
            self.hits[: self.done] = self.device.put(hits)
        if weights is None and self.done:  # version 0.1.0 wrote none
            self.weights = None
        elif weights is not None and self.weights is not None:
            self.weights[: self.done] = self.device.put(weights)

    def divisors(self) -> np.ndarray:
        """What the loss of each batch was divided by: its weight; where that is 0, its size (see Loss.weight)."""
        if self.weights is None:
            return self.counts
        weights = to_numpy(self.weights)
        return np.where(weights > 0, weights, self.counts)

    def means(self) -> dict[str, float]:
        """The loss, and the accuracy if it is known, averaged over the examples so far.

        The loss is NaN, which is 0 / 0, if the weights of all examples so far are 0.
        """
        total = self.counts.sum()
        whole = total if self.weights is None else to_numpy(self.weights).sum()
        numbers = {"loss": float(to_numpy(self.losses) @ self.divisors() / whole) if whole > 0 else math.nan}
        if self.hits is not None:
            numbers["accuracy"] = float(to_numpy(self.hits).sum() / total)
        return numbers

    def first_bad(self) -> int | None:
        """The index of the first batch whose loss is NaN or infinite; None if there is none."""
        bad = np.flatnonzero(~np.isfinite(to_numpy(self.losses)))
        return int(bad[0]) if len(bad) else None


class DeviceMeter:
    """The losses, hits and weights of an epoch in device memory. A recorded step writes them there."""

    diverged = False  # not known before the epoch ends: reading a loss would wait for the device

    def __init__(self, steps: int, index: Array, module: Any) -> None:
        self.index = index
        self.losses = module.zeros(steps, "float64")
        self.hits: Array | None = module.zeros(steps, "int64")
        self.weights: Array | None = module.zeros(steps, "float64")

    def add(self, loss: Array, hits: Array | None, count: int, weight: Array | None = None) -> None:
        """Write the loss, the hits and the weight of batch `index`."""
        if weight is None or self.weights is None:
            self.weights = None
        else:
            self.weights[self.index] = weight
        self.losses[self.index] = loss
        if hits is None or self.hits is None:
            self.hits = None
        else:
            self.hits[self.index] = hits


def _finite(values: np.ndarray) -> np.ndarray:
    """The values, with -1 for those that are not finite."""
    return np.where(np.isfinite(values), values, -1)
