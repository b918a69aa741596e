"""Data augmentation: random changes of pictures that keep their class.

A transform takes raw pictures (n, H, W) or (n, H, W, C) and a function that returns random numbers. It returns pictures
of the same shape and dtype. Pixels that move out of the frame are lost; uncovered pixels are 0. The random numbers
depend only on (seed, epoch, the example's position in the epoch), so they are the same on CPU and GPU and for every
batch size. To standardize pixels, see `Dataset.standardize`.

`layout` is needed where the shape does not tell the axes, and for channels first: "NHWC" is (n, H, W, C), "NCHW" is
(n, C, H, W). Without it, such pictures are refused with ShapeError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.data.layout import channels_last, check_layout
from tinynet.errors import checked_number, function, mismatch, sequence, shown, whole_number

Lanes = Callable[[int], Array]  # lanes(k) -> (n, k) random uint16 numbers, a row for each picture
Transform = Callable[[Array, Lanes], Array]


def checked_transforms(who: str, transforms: Any) -> tuple[Transform, ...]:
    """`transforms` as a tuple. TypeError unless they are a list of functions."""
    remedy = "give a list: transforms=[tn.data.Shift(2)]"
    listed = sequence(f"{who}: transforms", transforms, remedy=remedy)
    for each in listed:
        if isinstance(each, type):
            raise TypeError(
                mismatch(f"{who}: transforms", "functions of pictures", shown(each), f"call it: {each.__name__}()")
            )
        function(who, "each of transforms", each, remedy=remedy)
    return listed


class PictureTransform:
    """The base class: finds the axes of the pictures. `change` gets them as (n, H, W) or (n, H, W, C)."""

    layout = ""

    def __call__(self, pictures: Array, lanes: Lanes) -> Array:
        """The changed pictures, in the layout of `pictures`. ShapeError if their axes are not known."""
        changed = self.change(channels_last(self, pictures, self.layout), lanes)
        if self.layout == "NCHW" and pictures.ndim == 4:
            changed = array_module(changed).ascontiguousarray(changed.transpose(0, 3, 1, 2))
        return changed

    def change(self, pictures: Array, lanes: Lanes) -> Array:
        raise NotImplementedError

    def _show(self, argument: float) -> str:
        told = f", layout={self.layout!r}" if self.layout else ""
        return f"{type(self).__name__}({argument}{told})"


class Shift(PictureTransform):
    """Shift each picture by a random number of pixels from -most to most, independently in both directions."""

    def __init__(self, most: int = 2, layout: str = "") -> None:
        self.most = whole_number("Shift: most", most, limit=1000, remedy="try Shift(2)")
        self.layout = check_layout("Shift", layout)

    def change(self, pictures: Array, lanes: Lanes) -> Array:
        xp = array_module(pictures)
        count, height, width = pictures.shape[:3]
        offset = _whole(lanes(2), 2 * self.most + 1)  # (n, 2), from 0 to 2 * most
        frame = ((0, 0), (self.most, self.most), (self.most, self.most)) + ((0, 0),) * (pictures.ndim - 3)
        padded = xp.pad(pictures, frame)
        rows = offset[:, :1] + xp.arange(height)  # (n, H)
        columns = offset[:, 1:] + xp.arange(width)  # (n, W)
        return padded[xp.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]

    def __repr__(self) -> str:
        return self._show(self.most)


class HorizontalFlip(PictureTransform):
    """Mirror each picture horizontally with the given probability (rounded to a multiple of 1/65536)."""

    def __init__(self, probability: float = 0.5, layout: str = "") -> None:
        self.probability = _probability("HorizontalFlip", probability)
        self.layout = check_layout("HorizontalFlip", layout)

    def change(self, pictures: Array, lanes: Lanes) -> Array:
        xp = array_module(pictures)
        flipped = _column(lanes(1)[:, 0] < round(self.probability * 65536), pictures)
        return xp.where(flipped, pictures[:, :, ::-1], pictures)

    def __repr__(self) -> str:
        return self._show(self.probability)


class RandomErasing(PictureTransform):
    """Set a random rectangle to 0 with the given probability. Its sides are 1/4 to 1/2 of the picture's.

    Source: Z. Zhong et al., "Random erasing data augmentation", AAAI 2020, where area and aspect ratio are random.
    """

    def __init__(self, probability: float = 0.5, layout: str = "") -> None:
        self.probability = _probability("RandomErasing", probability)
        self.layout = check_layout("RandomErasing", layout)

    def change(self, pictures: Array, lanes: Lanes) -> Array:
        numbers = lanes(5)
        rows = _interval(numbers[:, 1], numbers[:, 2], pictures.shape[1])  # (n, H)
        columns = _interval(numbers[:, 3], numbers[:, 4], pictures.shape[2])  # (n, W)
        chosen = numbers[:, 0] < round(self.probability * 65536)  # (n,)
        erased = chosen[:, None, None] & rows[:, :, None] & columns[:, None, :]  # (n, H, W)
        return pictures * ~erased.reshape(*erased.shape, *[1] * (pictures.ndim - 3))

    def __repr__(self) -> str:
        return self._show(self.probability)


def _probability(who: str, value: float) -> float:
    """`value` as a float. ValueError unless it is a number from 0 to 1."""
    return checked_number(who, "a probability from 0 to 1", value, lambda given: 0 <= given <= 1, remedy="try 0.5")


def _whole(lanes: Array, count: Array | int) -> Array:
    """Map random uint16 numbers to whole numbers below `count`, uniform up to a relative error of count / 65536."""
    return (lanes.astype("int64") * count) >> 16


def _interval(length_lane: Array, first_lane: Array, size: int) -> Array:
    """For each picture, a mask (n, size) of a random interval with a length from size / 4 to size / 2."""
    length = size // 4 + _whole(length_lane, size // 4 + 1)
    first = _whole(first_lane, size - length + 1)
    position = array_module(length).arange(size)
    return (position >= first[:, None]) & (position < (first + length)[:, None])


def _column(values: Array, pictures: Array) -> Array:
    """One value per picture, in a shape that broadcasts over its pixels."""
    return values.reshape(-1, *[1] * (pictures.ndim - 1))
