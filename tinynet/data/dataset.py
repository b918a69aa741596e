"""A data set in memory: images, labels, class names and provenance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array, Device, array_module, device_of, ignoring, is_finite, to_numpy
from tinynet.backend.plain import plain_array
from tinynet.backend.random import Purpose, Stream, check_seed
from tinynet.data.entry import (
    check_counts,
    check_order,
    check_pairs,
    read_class_names,
    read_images,
    read_indices,
    read_labels,
    read_shape,
)
from tinynet.data.layout import check_image_shape
from tinynet.errors import (
    LARGEST,
    SMALLEST,
    DataError,
    DeviceError,
    above_zero,
    checked_number,
    flag,
    mismatch,
    one_line,
    shown,
    text,
)


@dataclass(frozen=True)
class Dataset:
    """N examples: `images` (N, ...) with `labels` (N,), or with targets (N, K) for regression.

    uint8 images stay uint8 until a batch is gathered, which takes a quarter of the memory of float32. A pixel p then
    becomes (p / 255 - mean) / deviation, which is in [0, 1] without `standardize`. A number p of float images becomes
    (p - mean) / deviation.

    Raises DataError for an empty set, unequal lengths, and NaN or infinity in float images or targets.
    """

    images: Array
    labels: Array
    class_names: tuple[str, ...] = ()
    name: str = "arrays"
    image_shape: tuple[int, ...] = ()  # (H, W) or (H, W, C) of one picture, also where `images` is flat
    provenance: Mapping[str, object] = field(default_factory=dict)
    mean: float = 0.0
    deviation: float = 1.0

    def __post_init__(self) -> None:
        who, mean, deviation = f"data set {shown(self.name)}", self.mean, self.deviation
        text(who, "name", self.name)
        if type(self.provenance) is not dict and not isinstance(self.provenance, Mapping):
            raise TypeError(mismatch(who, "provenance as a dict", shown(self.provenance), "leave it out"))
        if type(mean) is not float or type(deviation) is not float or (mean, deviation) != (0.0, 1.0):
            mean = checked_number(who, "a mean", mean, math.isfinite, remedy="leave it out")
            deviation = above_zero(who, "a deviation", deviation, remedy="leave it out")
        check_pairs(self.images, self.labels, who)
        names = read_class_names(self.class_names, who)
        images, labels = plain_array(self.images, who, "images"), plain_array(self.labels, who, "labels", strings=True)
        check_order(images, labels, who)
        images, labels = read_images(images, who), read_labels(labels, who, names)
        check_counts(images, labels, who)
        image_shape = read_shape(self.image_shape, who, "image_shape")
        check_image_shape(self.name, tuple(images.shape[1:]), image_shape)
        fields = {"images": images, "labels": labels, "class_names": names, "image_shape": image_shape}
        for field_name, value in {**fields, "mean": mean, "deviation": deviation}.items():
            object.__setattr__(self, field_name, value)  # the data set is frozen

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.images.shape[1:]))
        return one_line(f"<Dataset {self.name}: {len(self):,} examples of {shape} {self.images.dtype}>")

    @property
    def is_synthetic(self) -> bool:
        """Whether the images were drawn by `synthetic_fashion`."""
        return bool(self.provenance.get("synthetic", False))

    def inputs(self, chosen: Array | slice, dtype: np.dtype, change: Callable[[Array], Array] | None = None) -> Array:
        """The inputs of the first layer: the images `chosen` by index, passed through `change`, scaled to `dtype`."""
        xp = array_module(self.images)
        if isinstance(chosen, slice):
            raw = self.images[chosen]
        else:
            known = getattr(getattr(chosen, "dtype", None), "kind", None) in ("i", "u")
            raw = xp.take(self.images, chosen if known else read_indices(chosen, self.images, "inputs"), axis=0)
        raw = change(raw) if change is not None else raw
        return scale_pixels(raw, dtype, self.mean, self.deviation)

    def standardize(self, like: Dataset | None = None) -> Dataset:
        """The same data scaled to mean 0 and deviation 1, or with the scale of `like` (the training set).

        DataError if one of the two has uint8 pixels and the other floats outside [0, 1]: their units differ.
        """
        if like is not None:
            if not isinstance(like, Dataset):
                remedy = "give the training set: standardize(like=train)"
                raise TypeError(mismatch("standardize", "like as a Dataset", shown(like), remedy))
            _check_units(self, like)
            return replace(self, mean=like.mean, deviation=like.deviation)
        xp = array_module(self.images)
        unit = 255.0 if self.images.dtype == np.uint8 else 1.0
        with ignoring("over", "invalid", "under"):
            mean = float(self.images.mean(dtype=xp.float64)) / unit
            deviation = float(self.images.std(dtype=xp.float64)) / unit
        low, high = float(self.images.min()), float(self.images.max())
        if low == high:
            deviation = 1.0  # and not what rounding left
        if not (abs(mean) <= LARGEST and SMALLEST <= deviation <= LARGEST):
            expected = "numbers with a mean and a deviation that float32 can hold"
            remedy = "scale them first: images / np.abs(images).max()"
            raise DataError(mismatch("standardize", expected, f"numbers from {low:g} to {high:g}", remedy))
        return replace(self, mean=mean, deviation=deviation)

    def subset(self, chosen: Array | slice) -> Dataset:
        """The examples `chosen` by indices, a slice or a mask, in that order."""
        chosen = read_indices(chosen, self.images, "subset")
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])

    def split(self, fraction: float, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Split at random into (the rest, `fraction` of the examples), with class proportions as equal as can be.

        Example: `train, validation = train.split(0.1)`. The second has round(fraction * N) examples. The result depends
        only on the labels and `seed`. Raises ValueError if one of the two would be empty.
        """
        expected = "a fraction between 0 and 1"
        fraction = checked_number("split", expected, fraction, lambda part: 0 < part < 1, remedy="try 0.1")
        total = round(fraction * len(self))
        if not 0 < total < len(self):
            received = f"{total} of {len(self)} examples in the second"
            remedy = f"try split({(0.5 if len(self) < 4 else 1 / len(self)):.2g})" if len(self) > 1 else "add examples"
            raise ValueError(mismatch("split", "examples in both parts", received, remedy))
        order = Stream(check_seed(seed), Purpose.SPLIT).permutation(len(self))
        mask = np.zeros(len(self), bool)
        mask[_held_out(to_numpy(self.labels), order, fraction, total)] = True
        return self.subset(order[~mask[order]]), self.subset(order[mask[order]])

    def to(self, device: Device) -> Dataset:
        """The same data set with its arrays on `device`. DeviceError, before anything is moved, if they do not fit."""
        moving = [array for array in (self.images, self.labels) if device_of(array).name != device.name]
        needed, free = sum(array.nbytes for array in moving), device.free_memory() if moving else None
        if free is not None and needed > free:
            sizes = f"{free / 2**30:.2f} GiB free on {device.name}", f"{needed / 2**30:.2f} GiB of {self!r}"
            remedy = "take a subset, keep images as uint8, or end other programs on this GPU"
            raise DeviceError(mismatch(f"data set {self.name!r}", f"at most the {sizes[0]}", sizes[1], remedy))
        return replace(self, images=device.put(self.images), labels=device.put(self.labels))

    def pictures(self, chosen: Array | slice) -> Array:
        """The images `chosen` as pictures: (n, H, W) or (n, H, W, C)."""
        chosen = read_indices(chosen, self.images, "pictures")
        return self.images[chosen].reshape(-1, *(self.image_shape or self.images.shape[1:]))


def from_arrays(
    images: Any, labels: Any, class_names: Sequence[str] = (), name: str = "arrays", flatten: bool = False
) -> Dataset:
    """A data set from arrays: `images` (N, ...), uint8 or floating; `labels` (N,) from 0, or targets (N, K).

    Both may also be lists, pandas objects, tensors or memory maps: whatever NumPy reads. Row i of the images belongs to
    row i of the labels, by position. Labels may be names out of `class_names`; they become positions in it.
    """
    who = f"data set {shown(name)}"
    flatten = flag("from_arrays", "flatten", flatten)
    check_pairs(images, labels, who)
    images = plain_array(images, who, "images")
    shape = tuple(images.shape[1:])
    images = images.reshape(len(images), math.prod(shape)) if flatten else images
    return Dataset(images, labels, read_class_names(class_names, who), name, shape)


def as_dataset(data: Dataset | tuple[Array, Array]) -> Dataset:
    """`data` as a Dataset: itself, or made from a pair (images, labels)."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        return from_arrays(*data)
    kind, remedy = type(data).__name__, "give both: (images, labels)"
    if isinstance(data, tuple):
        kind, remedy = f"a tuple of {len(data)}", "give the first two: data[:2]"
    elif isinstance(data, list) and len(data) == 2:
        remedy = "use tuple(data)"
    elif isinstance(data, Mapping) and len(data) == 2:
        one, other = data
        remedy = f"use (data[{one!r}], data[{other!r}]), the images first"
    raise TypeError(mismatch("data", "a Dataset or a pair (images, labels)", kind, remedy))


def _check_units(dataset: Dataset, like: Dataset) -> None:
    """Raise DataError if the images of one are pixels, read as p / 255, and those of the other exceed 1."""
    floats = [each for each in (dataset, like) if each.images.dtype != np.uint8]
    if len(floats) == 1 and float(abs(floats[0].images).max()) > 1:
        which = "images" if floats[0] is dataset else "like.images"
        remedy = f"give both in one form: {which}.astype('uint8') or {which} / 255"
        raise DataError(mismatch("standardize", "uint8 pixels, or floats from 0 to 1", "floats above 1", remedy))


def check_scaled(data: Dataset, dtype: Any, name: str = "images") -> None:
    """Raise DataError unless all images are finite as `inputs` gives them to a model of this dtype.

    Scaling keeps the order of numbers, so the smallest and the largest show it.
    """
    images, dtype = data.images, np.dtype(dtype)
    scaled, wide = (data.mean, data.deviation) != (0, 1), images.dtype.itemsize > dtype.itemsize
    if not scaled and (images.dtype.kind != "f" or not wide):
        return
    ends = array_module(images).stack([images.min(), images.max()])
    with ignoring("over", "under", "invalid", "divide"):
        if is_finite(scale_pixels(ends, dtype, data.mean, data.deviation)):
            return
    low, high = float(ends[0]), float(ends[1])
    expected = f"numbers up to {float(np.finfo(dtype).max):g}, the largest in {dtype}"
    received = str(ends[1] if high > -low else ends[0])  # of long doubles, float() would be infinite
    remedy = f"scale them: np.asarray({name}) / np.abs({name}).max()"
    if scaled:
        expected += f", after scaling by the mean {data.mean:g} and the deviation {data.deviation:g}"
        remedy = "scale them as the training set was, before both are standardized"
    raise DataError(mismatch(name, expected, received, remedy))


def scale_pixels(raw: Array, dtype: np.dtype, mean: float = 0.0, deviation: float = 1.0) -> Array:
    """(p / 255 - mean) / deviation for uint8 pixels p, (p - mean) / deviation for floats, as `dtype`."""
    if raw.dtype == np.uint8:
        scaled = raw.astype(dtype)
        scaled *= dtype.type(1 / (255 * deviation))
    else:
        with ignoring("under"):  # numbers that are 0 in this dtype
            if mean == 0 and deviation == 1:
                return raw.astype(dtype, copy=False)
            scaled = raw.astype(dtype)
            scaled *= dtype.type(1 / deviation)
    if mean != 0:
        scaled -= dtype.type(mean / deviation)
    return scaled


def _held_out(labels: np.ndarray, order: np.ndarray, fraction: float, total: int) -> np.ndarray:
    """The indices of `total` examples: of each class, the first in `order`; all numbers without classes.

    A class with n examples gives the whole part of fraction * n. What is missing to `total` comes from the classes with
    the largest remainders, one from each (the method of largest remainders); where those are equal, from the larger
    class, then from the one that is first in `order`.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        return order[:total]
    by_class = order[np.argsort(labels[order], kind="stable")]  # class after class, each in the order of `order`
    _, first, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    quotas = fraction * sizes
    remainders = np.round(quotas % 1, 9)  # 9 digits: 0.1 * 15 and 0.1 * 25 have equal remainders
    taken = np.floor(quotas + 1e-9).astype(np.int64)
    ranking = np.lexsort((first, -sizes, -np.where(remainders == 1, 0, remainders)))
    taken[ranking[: total - taken.sum()]] += 1
    starts = np.cumsum(sizes) - sizes
    return np.concatenate([by_class[start : start + count] for start, count in zip(starts, taken)])
