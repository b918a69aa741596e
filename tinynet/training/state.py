"""A training run as a value: what a checkpoint keeps, and what the epoch that is running adds to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tinynet.backend.arrays import Array, Device, to_numpy
from tinynet.errors import DataError, mismatch
from tinynet.optimizers import State
from tinynet.training.history import History


@dataclass
class TrainingState:
    """A training run is a value: these are all of it. `meter` and `seconds` are of the epoch that is running."""

    theta: Array
    statistics: Array
    optimizer: State
    seed: int
    step: int = 0
    history: History = field(default_factory=History)
    meter: Meter | None = None
    seconds: float = 0.0


class Meter:
    """The losses and hits of up to `steps` batches, kept on the device where they are born until `means` is asked for.

    On the CPU reading is free, so there `diverged` is true as soon as a loss is NaN or infinite.
    """

    def __init__(self, steps: int, device: Device) -> None:
        self.device, self.counts, self.diverged = device, np.zeros(steps), False
        self.losses = device.module.zeros(steps, np.float64)
        self.hits: Array | None = device.module.zeros(steps, np.int64)
        self.done = 0

    def add(self, value: Array, hits: Array | None, count: int) -> None:
        """Take in one batch: the mean loss of its `count` examples, and how many are right (None: not known)."""
        self.losses[self.done], self.counts[self.done] = value, count
        if hits is None or self.hits is None:
            self.hits = None
        else:
            self.hits[self.done] = hits
        self.done += 1
        if self.device.on_host:
            self.diverged = not math.isfinite(value)

    def take(self, first: int, counts: Sequence[int], losses: Array, hits: Array | None) -> None:
        """Take in batches of so many examples each, from number `first` on, out of arrays like its own."""
        some = slice(first, first + len(counts))
        self.losses[some], self.counts[some] = losses[some], counts
        if hits is None or self.hits is None:
            self.hits = None
        else:
            self.hits[some] = hits[some]
        self.done = some.stop

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps of it."""
        arrays = {"losses": to_numpy(self.losses)[: self.done], "counts": self.counts[: self.done]}
        return arrays if self.hits is None else {**arrays, "hits": to_numpy(self.hits)[: self.done]}

    def from_arrays(self, arrays: Mapping[str, np.ndarray], who: object) -> None:
        """The way back. Raises DataError, and changes nothing, where the arrays are not those of a meter like this."""
        losses, counts, hits = arrays.get("losses"), arrays.get("counts"), arrays.get("hits")
        if losses is None or counts is None or losses.ndim != 1 or losses.shape != counts.shape:
            raise DataError(mismatch(who, "the losses of an epoch", "none that fit", "delete it"))
        if len(losses) > len(self.counts) or (hits is not None and hits.shape != losses.shape):
            raise DataError(mismatch(who, f"at most {len(self.counts)} losses", len(losses), "delete it"))
        self.done = len(losses)
        self.losses[: self.done] = self.device.put(losses)
        self.counts[: self.done] = counts
        if hits is None and self.done:
            self.hits = None
        elif hits is not None and self.hits is not None:
            self.hits[: self.done] = self.device.put(hits)

    def means(self) -> dict[str, float]:
        """The loss, and the accuracy where it is known, averaged over the examples so far."""
        total = self.counts.sum()
        numbers = {"loss": float(to_numpy(self.losses) @ self.counts / total)}
        if self.hits is not None:
            numbers["accuracy"] = float(to_numpy(self.hits).sum() / total)
        return numbers

    def first_bad(self) -> int | None:
        """The first batch whose loss was NaN or infinite."""
        bad = np.flatnonzero(~np.isfinite(to_numpy(self.losses)))
        return int(bad[0]) if len(bad) else None
