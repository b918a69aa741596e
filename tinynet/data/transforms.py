"""Changes of pictures that leave their class what it was: more to learn from the same examples.

A transform is called with raw pictures (n, H, W) or (n, H, W, C) and a function that gives it random numbers, and
returns pictures of the same shape and dtype; what it moves out of the frame is lost, what it uncovers is 0. The
numbers depend on (seed, epoch, the example's place in the epoch) alone: they are the same on a CPU and a GPU, and for
every batch size. To standardise pixels, see `Dataset.standardize`.
"""

from __future__ import annotations

from collections.abc import Callable

from tinynet.backend.arrays import Array, array_module

Lanes = Callable[[int], Array]  # lanes(k) -> (n, k) uint16 random numbers, a row for each picture
Transform = Callable[[Array, Lanes], Array]


class Shift:
    """Moves each picture by a whole number of pixels, from -most to most, in both directions independently."""

    def __init__(self, most: int = 2) -> None:
        if most < 1:
            raise ValueError(f"Shift: expected at least 1 pixel, got {most}; try Shift(2)")
        self.most = most

    def __call__(self, pictures: Array, lanes: Lanes) -> Array:
        xp = array_module(pictures)
        count, height, width = pictures.shape[:3]
        offset = _whole(lanes(2), 2 * self.most + 1)  # (n, 2), from 0 to 2 * most
        frame = ((0, 0), (self.most, self.most), (self.most, self.most)) + ((0, 0),) * (pictures.ndim - 3)
        padded = xp.pad(pictures, frame)
        rows = offset[:, :1] + xp.arange(height)  # (n, H)
        columns = offset[:, 1:] + xp.arange(width)  # (n, W)
        return padded[xp.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]

    def __repr__(self) -> str:
        return f"Shift({self.most})"


class HorizontalFlip:
    """Mirrors left and right, with a probability (rounded to 1/65536)."""

    def __init__(self, probability: float = 0.5) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"HorizontalFlip: expected a probability from 0 to 1, got {probability}; try 0.5")
        self.probability = probability

    def __call__(self, pictures: Array, lanes: Lanes) -> Array:
        xp = array_module(pictures)
        flipped = _column(lanes(1)[:, 0] < round(self.probability * 65536), pictures)
        return xp.where(flipped, pictures[:, :, ::-1], pictures)

    def __repr__(self) -> str:
        return f"HorizontalFlip({self.probability})"


class RandomErasing:
    """Blackens a rectangle in some of the pictures: each side from a quarter to half of the picture's, anywhere.

    Source: Z. Zhong et al., "Random erasing data augmentation", AAAI 2020 (there the area and shape are drawn).
    """

    def __init__(self, probability: float = 0.5) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"RandomErasing: expected a probability from 0 to 1, got {probability}; try 0.5")
        self.probability = probability

    def __call__(self, pictures: Array, lanes: Lanes) -> Array:
        numbers = lanes(5)
        rows = _interval(numbers[:, 1], numbers[:, 2], pictures.shape[1])  # (n, H)
        columns = _interval(numbers[:, 3], numbers[:, 4], pictures.shape[2])  # (n, W)
        chosen = numbers[:, 0] < round(self.probability * 65536)  # (n,)
        erased = chosen[:, None, None] & rows[:, :, None] & columns[:, None, :]  # (n, H, W)
        return pictures * ~erased.reshape(*erased.shape, *[1] * (pictures.ndim - 3))

    def __repr__(self) -> str:
        return f"RandomErasing({self.probability})"


def _whole(lanes: Array, count: Array | int) -> Array:
    """Whole numbers from 0 to count - 1 from 16-bit ones: count / 65536 from even at most."""
    return (lanes.astype("int64") * count) >> 16


def _interval(length_lane: Array, first_lane: Array, size: int) -> Array:
    """For each picture, which of `size` places an interval covers: a quarter to half of them, anywhere."""
    length = size // 4 + _whole(length_lane, size // 4 + 1)
    first = _whole(first_lane, size - length + 1)
    place = array_module(length).arange(size)
    return (place >= first[:, None]) & (place < (first + length)[:, None])


def _column(values: Array, pictures: Array) -> Array:
    """One value for each picture, in a shape that spreads over its pixels."""
    return values.reshape(-1, *[1] * (pictures.ndim - 1))
