"""Batches: each example once per epoch, in an order that depends only on (seed, epoch)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.backend.plain import checked_dtype
from tinynet.backend.random import Purpose, Stream, check_seed
from tinynet.data.dataset import Dataset, as_dataset, check_scaled
from tinynet.data.transforms import Transform, checked_transforms
from tinynet.errors import ShapeError, mismatch, whole_number


@dataclass(frozen=True)
class Batch:
    """Indices of some examples. `load` gathers them.

    `first_row` is the position of the first of them in the whole batch, where this is a part made by `split`.
    """

    dataset: Dataset
    chosen: Array  # indices of examples, on the device of the data
    dtype: np.dtype
    first_row: int = 0
    change: Callable[[int, Array], Array] | None = None  # (first row, raw images) -> images

    def __len__(self) -> int:
        return len(self.chosen)

    def load(self) -> tuple[Array, Array]:
        """Gather the inputs (n, ...), scaled to `dtype`, and the labels (n,)."""
        change = partial(self.change, self.first_row) if self.change is not None else None
        return self.dataset.inputs(self.chosen, self.dtype, change), self.dataset.labels[self.chosen]

    def split(self, parts: int) -> list[Batch]:
        """Divide the rows into `parts` batches of nearly equal size."""
        ends = [len(self) * part // parts for part in range(parts + 1)]
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
    """Yield the batches of one epoch from step `first_step` on. The last one may be shorter.

    Calls share no state: an interrupted epoch can be resumed at any step with the same batches, and the next epoch is
    complete in any case. `transforms` change the raw pictures before they are scaled.
    """
    transforms = checked_transforms("batches", transforms)
    first_step = whole_number("first_step", first_step, least=0, remedy="leave it out to begin with the first batch")
    order = shuffled_order(
        dataset, check_seed(seed), whole_number("epoch", epoch, least=0, remedy="epochs count from 0")
    )
    size = check_batch_size(size)
    for start in range(first_step * size, len(dataset), size):
        chosen = order[start : start + size]
        change = partial(_transformed, dataset.image_shape, transforms, seed, epoch, start) if transforms else None
        yield Batch(dataset, chosen, np.dtype(dtype), change=change)


def shuffled_order(dataset: Dataset, seed: int, epoch: int) -> Array:
    """The indices of all examples in the order of `epoch`, on the device of the data."""
    return Stream(seed, Purpose.SHUFFLE, step=epoch).permutation(len(dataset), like=dataset.images)


def batches(
    dataset: Dataset | tuple[Any, Any],
    size: int,
    seed: int,
    epoch: int,
    dtype: Any = np.float32,
    transforms: Sequence[Transform] = (),
    first_step: int = 0,
) -> Iterator[tuple[Array, Array]]:
    """Yield the shuffled batches of one epoch as (inputs, labels) on the device of the data. See `shuffled`.

    `dataset` is a Dataset or a pair (images, labels). `dtype` is that of the inputs. Raises DataError or TypeError for
    data that cannot be read, ValueError for a dtype that is not floating, or numbers that are not whole.
    """
    dtype = checked_dtype("batches", dtype, ("float32", "float64", "float16"))  # in integers, pixels would all be 0
    data = as_dataset(dataset)
    check_scaled(data, dtype)
    for batch in shuffled(data, size, seed, epoch, dtype, transforms, first_step):
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
    """Apply every transform to the raw images of a batch. Their shape stays as it is."""
    pictures = raw.reshape(len(raw), *(image_shape or raw.shape[1:]))
    if pictures.ndim not in (3, 4):
        remedy = "give the shape of a picture: from_arrays(images of shape (N, H, W), ..., flatten=True)"
        raise ShapeError(mismatch("transforms", "pictures of shape (N, H, W) or (N, H, W, C)", pictures.shape, remedy))
    for number, transform in enumerate(transforms):
        stream = Stream(seed, Purpose.TRANSFORM, layer=number, step=epoch)
        changed = transform(pictures, partial(_lanes, stream, start + first_row, raw))
        if changed.shape != pictures.shape or changed.dtype != pictures.dtype:
            expected, received = f"{pictures.dtype} of {pictures.shape}", f"{changed.dtype} of {changed.shape}"
            remedy = "return pictures of the same shape and dtype: uint8 from 0 to 255, or floats"
            raise ShapeError(mismatch(f"transform {transform!r}", expected, received, remedy))
        pictures = changed
    return pictures.reshape(raw.shape)


def _lanes(stream: Stream, first_row: int, raw: Array, columns: int) -> Array:
    return stream.lanes((len(raw), columns), first_row, like=raw)


def in_order(dataset: Dataset, size: int) -> list[slice]:
    """The slice of rows of each batch, unshuffled, for evaluation and prediction."""
    size = check_batch_size(size)
    return [slice(start, start + size) for start in range(0, len(dataset), size)]


def batch_count(dataset: Dataset, size: int) -> int:
    """The number of batches in an epoch."""
    return -(-len(dataset) // check_batch_size(size))


def check_batch_size(size: int) -> int:
    """`size`; ValueError unless it is a whole number from 1."""
    return whole_number("batch_size", size, remedy="try batch_size=128")
