"""Batches: every example once an epoch, in an order that is a pure function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.backend.random import Purpose, Stream
from tinynet.data.dataset import Dataset
from tinynet.data.transforms import Transform
from tinynet.errors import ShapeError, mismatch, whole_number


@dataclass(frozen=True)
class Batch:
    """Some examples by number, not gathered yet; the first of them is row `first_row` of what was a batch."""

    dataset: Dataset
    chosen: Array  # the numbers, on the device of the data
    dtype: np.dtype
    first_row: int = 0
    change: Callable[[int, Array], Array] | None = None  # (first row, raw images) -> images

    def __len__(self) -> int:
        return len(self.chosen)

    def load(self) -> tuple[Array, Array]:
        """The inputs (n, ...), scaled, in a floating dtype, and the labels (n,)."""
        change = partial(self.change, self.first_row) if self.change is not None else None
        return self.dataset.inputs(self.chosen, self.dtype, change), self.dataset.labels[self.chosen]

    def split(self, parts: int) -> list[Batch]:
        """The same rows in `parts` batches of nearly equal size."""
        ends = [len(self) * number // parts for number in range(parts + 1)]
        return [
            replace(self, chosen=self.chosen[start:end], first_row=self.first_row + start)
            for start, end in zip(ends, ends[1:])
        ]


def shuffled(
    dataset: Dataset,
    size: int,
    seed: int,
    epoch: int,
    dtype: Any = np.float32,
    transforms: Sequence[Transform] = (),
    first_step: int = 0,
) -> Iterator[Batch]:
    """The batches of one epoch, from `first_step` on, not gathered yet; the last may be shorter.

    Nothing is remembered between calls: breaking off an epoch loses no example of the next one, and an epoch goes on
    from any step with the batches it would have had. `transforms` change the raw pictures before they are scaled.
    """
    order = shuffled_order(dataset, seed, epoch)
    for start in range(first_step * check_batch_size(size), len(dataset), size):
        chosen = order[start : start + size]
        change = partial(_transformed, dataset.image_shape, transforms, seed, epoch, start) if transforms else None
        yield Batch(dataset, chosen, np.dtype(dtype), change=change)


def shuffled_order(dataset: Dataset, seed: int, epoch: int) -> Array:
    """The numbers of all examples in the order of that epoch, where the data live."""
    return Stream(seed, Purpose.SHUFFLE, step=epoch).permutation(len(dataset), like=dataset.images)


def batches(
    dataset: Dataset,
    size: int,
    seed: int,
    epoch: int,
    dtype: Any = np.float32,
    transforms: Sequence[Transform] = (),
    first_step: int = 0,
) -> Iterator[tuple[Array, Array]]:
    """The shuffled batches of one epoch as arrays, (inputs, labels), where the data lives: see `shuffled`."""
    for batch in shuffled(dataset, size, seed, epoch, dtype, transforms, first_step):
        yield batch.load()


def _transformed(
    image_shape: tuple[int, ...],
    transforms: Sequence[Transform],
    seed: int,
    epoch: int,
    start: int,
    first_row: int,
    raw: Array,
) -> Array:
    """The raw images of a batch after every transform, in the shape they came in."""
    pictures = raw.reshape(len(raw), *(image_shape or raw.shape[1:]))
    if pictures.ndim not in (3, 4):
        remedy = "name the shape of a picture: from_arrays(images of shape (N, H, W), ..., flatten=True)"
        raise ShapeError(mismatch("transforms", "pictures of shape (N, H, W) or (N, H, W, C)", pictures.shape, remedy))
    for number, transform in enumerate(transforms):
        stream = Stream(seed, Purpose.TRANSFORM, layer=number, step=epoch)
        pictures = transform(pictures, partial(_lanes, stream, start + first_row, raw))
    return pictures.reshape(raw.shape)


def _lanes(stream: Stream, first_row: int, raw: Array, columns: int) -> Array:
    return stream.lanes((len(raw), columns), first_row, like=raw)


def in_order(dataset: Dataset, size: int) -> list[slice]:
    """The rows of each batch, unshuffled: for evaluation and prediction."""
    return [slice(start, start + size) for start in range(0, len(dataset), check_batch_size(size))]


def batch_count(dataset: Dataset, size: int) -> int:
    """How many batches an epoch has."""
    return -(-len(dataset) // check_batch_size(size))


def check_batch_size(size: int) -> int:
    """`size`; ValueError unless it is a whole number from 1."""
    return whole_number("batch_size", size, remedy="try batch_size=128")
