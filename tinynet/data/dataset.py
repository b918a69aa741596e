"""A data set in memory: images, labels, class names and provenance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tinynet.backend.arrays import Array, Device, array_module, device_of
from tinynet.backend.random import Purpose, Stream, check_seed
from tinynet.errors import DataError, DeviceError, checked_number, mismatch


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
        if len(self.images) != len(self.labels):
            raise DataError(
                mismatch(
                    f"data set {self.name!r}",
                    "as many labels as images",
                    f"{len(self.images)} images and {len(self.labels)} labels",
                    "check that both come from the same split",
                )
            )
        if len(self.images) == 0:
            raise DataError(
                mismatch(f"data set {self.name!r}", "at least one example", "none", "check how it was filtered")
            )
        _check_finite(self.images, self.name, "")
        _check_finite(self.labels, self.name, " of the targets")

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.images.shape[1:]))
        return f"<Dataset {self.name}: {len(self):,} examples of {shape} {self.images.dtype}>"

    @property
    def is_synthetic(self) -> bool:
        """Whether the images were drawn by `synthetic_fashion`."""
        return bool(self.provenance.get("synthetic", False))

    def inputs(self, chosen: Array | slice, dtype: np.dtype, change: Callable[[Array], Array] | None = None) -> Array:
        """The inputs of the first layer: the images `chosen` by index, passed through `change`, scaled to `dtype`."""
        xp = array_module(self.images)
        raw = self.images[chosen] if isinstance(chosen, slice) else xp.take(self.images, chosen, axis=0)
        raw = change(raw) if change is not None else raw
        return scale_pixels(raw, dtype, self.mean, self.deviation)

    def standardize(self, like: Dataset | None = None) -> Dataset:
        """The same data scaled to mean 0 and deviation 1, or with the scale of `like` (the training set)."""
        if like is not None:
            return replace(self, mean=like.mean, deviation=like.deviation)
        xp = array_module(self.images)
        unit = 255.0 if self.images.dtype == np.uint8 else 1.0
        mean = float(self.images.mean(dtype=xp.float64)) / unit
        deviation = float(self.images.std(dtype=xp.float64)) / unit
        return replace(self, mean=mean, deviation=deviation or 1.0)

    def subset(self, chosen: Array | slice) -> Dataset:
        """The examples `chosen` by indices or a slice, in that order."""
        return replace(self, images=self.images[chosen], labels=self.labels[chosen])

    def split(self, fraction: float, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Split at random into (the rest, `fraction` of the examples), with equal class proportions in both.

        Example: `train, validation = train.split(0.1)`. The result depends only on the labels and `seed`.
        """
        expected = "a fraction between 0 and 1"
        fraction = checked_number("split", expected, fraction, lambda part: 0 < part < 1, remedy="try 0.1")
        labels = np.asarray(self.labels)
        order = Stream(check_seed(seed), Purpose.SPLIT).permutation(len(self))
        groups = [order[labels[order] == label] for label in np.unique(labels)] if labels.ndim == 1 else [order]
        held_out = np.concatenate([group[: round(fraction * len(group))] for group in groups])
        mask = np.zeros(len(self), bool)
        mask[held_out] = True
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
        return self.images[chosen].reshape(-1, *(self.image_shape or self.images.shape[1:]))


def from_arrays(
    images: Array, labels: Array, class_names: Sequence[str] = (), name: str = "arrays", flatten: bool = False
) -> Dataset:
    """A data set from arrays: `images` (N, ...), uint8 or floating; `labels` (N,) from 0, or targets (N, K)."""
    images = images if hasattr(images, "dtype") else np.asarray(images)
    labels = labels if hasattr(labels, "dtype") else np.asarray(labels)
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise DataError(
            mismatch(name, "images of dtype uint8 or floating", images.dtype, "convert with images.astype('float32')")
        )
    shape = tuple(images.shape[1:])
    images = images.reshape(len(images), -1) if flatten else images
    return Dataset(images, labels, tuple(class_names), name, shape)


def as_dataset(data: Dataset | tuple[Array, Array]) -> Dataset:
    """`data` as a Dataset: itself, or made from a pair (images, labels)."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        return from_arrays(*data)
    raise TypeError(f"data: expected a Dataset or a pair (images, labels), got {type(data).__name__}; see from_arrays")


def scale_pixels(raw: Array, dtype: np.dtype, mean: float = 0.0, deviation: float = 1.0) -> Array:
    """(p / 255 - mean) / deviation for uint8 pixels p, (p - mean) / deviation for floats, as `dtype`."""
    if raw.dtype == np.uint8:
        scaled = raw.astype(dtype)
        scaled *= dtype.type(1 / (255 * deviation))
    elif mean == 0 and deviation == 1:
        return raw.astype(dtype, copy=False)
    else:
        scaled = raw.astype(dtype)
        scaled *= dtype.type(1 / deviation)
    if mean != 0:
        scaled -= dtype.type(mean / deviation)
    return scaled


def _check_finite(images: Array, name: str, where: str) -> None:
    if images.dtype.kind != "f":
        return
    finite = array_module(images).isfinite(images)
    if not bool(finite.all()):
        first = int(finite.reshape(len(images), -1).all(axis=1).argmin())
        raise DataError(
            mismatch(
                f"data set {name!r}", "finite numbers", f"NaN or infinity in example {first}{where}", "clean or drop it"
            )
        )
