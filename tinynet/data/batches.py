"""Batches: every example once an epoch, in an order that is a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet.arrays import Array, device_of
from tinynet.data.dataset import Dataset
from tinynet.random import Purpose, Stream

Batch = tuple[Array, Array]  # inputs (n, ...) in a floating dtype, labels (n,)


def batches(dataset: Dataset, size: int, seed: int, epoch: int, dtype: Any = np.float32) -> Iterator[Batch]:
    """The shuffled batches of one epoch; the last may be shorter. They live where the data set lives.

    Nothing is remembered between calls: breaking off an epoch loses no example of the next one.
    """
    order = Stream(seed, Purpose.SHUFFLE, step=epoch).permutation(len(dataset))
    order = device_of(dataset.images).put(order)
    for start in range(0, len(dataset), check_batch_size(size)):
        chosen = order[start : start + size]
        yield dataset.inputs(chosen, np.dtype(dtype)), dataset.labels[chosen]


def in_order(dataset: Dataset, size: int, dtype: Any = np.float32) -> Iterator[Batch]:
    """The same, unshuffled: for evaluation and prediction."""
    for start in range(0, len(dataset), check_batch_size(size)):
        chosen = slice(start, start + size)
        yield dataset.inputs(chosen, np.dtype(dtype)), dataset.labels[chosen]


def batch_count(dataset: Dataset, size: int) -> int:
    """How many batches an epoch has."""
    return -(-len(dataset) // check_batch_size(size))


def check_batch_size(size: int) -> int:
    """`size`; ValueError unless it is a whole number from 1."""
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1:
        raise ValueError(f"batch_size: expected a whole number from 1, got {size!r}; try batch_size=128")
    return int(size)
