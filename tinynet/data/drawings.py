"""Draw a synthetic data set of clothes, for machines without the real data set and without a network.

Each picture shows one garment in 28 x 28 pixels. Random numbers that depend only on (seed, split, index) determine its
pose, proportions and cloth. A shape is a signed distance field (negative inside), as in computer graphics: the union of
two shapes is their minimum, a hole is the maximum with the negative, and the edge is smoothed over one pixel. Up to
CHUNK pictures of a class are drawn together as arrays.

Source of the distance formulas: I. Quilez, "2D distance functions".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from tinynet.backend.random import Purpose, Stream, check_seed
from tinynet.data.catalog import FASHION_MNIST, SYNTHETIC
from tinynet.data.dataset import Dataset
from tinynet.errors import flag, whole_number

SIDE = 28
PARAMETERS = 32  # random numbers per picture, without noise: the shape uses the first, pose and cloth the last
MOST = 10_000_000  # pictures of a split: 8 GB
CHUNK = 250  # pictures drawn together: their arrays fit into the processor's cache
PIXEL = 2 / SIDE  # in units of the drawing, whose coordinates go from -1 to 1

Field = np.ndarray  # (n, 784) float32: one number per pixel
Column = np.ndarray  # (n, 1) float32: one number per picture
Number = Column | float
Point = tuple[Number, Number]
Widths = tuple[Column, Column, Column]  # half widths of a body at its top, middle and bottom
Picture = tuple[Field, Field | None]  # the silhouette, and darker lines on it


def synthetic_fashion(
    train_size: int = 60_000, test_size: int = 10_000, seed: int = 0, flatten: bool = True
) -> tuple[Dataset, Dataset]:
    """Draw (train, test): clothes in the ten classes and the format of Fashion-MNIST.

    The pictures are uint8 rows of 784 pixels, or 28 x 28 with flatten=False. Each depends only on `seed`, its split and
    its index, so a smaller set is the beginning of a larger one. Each ten pictures hold every class once. Accuracies on
    these pictures say nothing about Fashion-MNIST. Raises ValueError for a size below 1.
    """
    check_seed(seed)
    train_size = whole_number("synthetic_fashion: train_size", train_size, limit=MOST, remedy="try 1000")
    test_size = whole_number("synthetic_fashion: test_size", test_size, limit=MOST, remedy="try 1000")
    flatten = flag("synthetic_fashion", "flatten", flatten)
    return _split(train_size, seed, 0, flatten), _split(test_size, seed, 1, flatten)


def _split(size: int, seed: int, split: int, flatten: bool) -> Dataset:
    labels = _labels(size, seed, split)
    shaping = Stream(seed, Purpose.DRAWING, layer=split, step=0).uniform((size, PARAMETERS)).astype(np.float32)
    images = np.empty((size, SIDE * SIDE), np.uint8)
    noise = Stream(seed, Purpose.DRAWING, layer=split, step=1)
    for label, draw in enumerate(GARMENTS):
        members = np.flatnonzero(labels == label)
        for start in range(0, len(members), CHUNK):
            chosen = members[start : start + CHUNK]
            images[chosen] = _paint(draw, Chance(shaping[chosen]))
    _add_noise(images, noise, shaping[:, -1])
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    return Dataset(
        images=images if flatten else images.reshape(-1, SIDE, SIDE),
        labels=labels,
        class_names=FASHION_MNIST.class_names,
        name=SYNTHETIC,
        image_shape=(SIDE, SIDE),
        provenance={"synthetic": True, "source": "drawn by tinynet", "seed": seed, "sha256": [digest]},
    )


def _labels(size: int, seed: int, split: int) -> np.ndarray:
    """Labels in blocks of ten, each with the ten classes in the order of ten random numbers."""
    blocks = -(-size // 10)
    words = Stream(seed, Purpose.DRAWING, layer=split, step=2).words(10 * blocks).reshape(blocks, 10)
    return words.argsort(axis=1, kind="stable").reshape(-1)[:size].astype(np.uint8)


class Chance:
    """The random numbers of n pictures. Each call takes the next column."""

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers, self.used = numbers, 0

    def between(self, low: float, high: float) -> Column:
        """One number per picture, uniform from `low` to `high`."""
        column = self.numbers[:, self.used, None]
        self.used += 1
        return low + (high - low) * column

    def happens(self, probability: float) -> Column:
        """1 with that probability, else 0."""
        return (self.between(0, 1) < probability).astype(np.float32)


# Shapes: signed distances --------------------------------------------------------------------------------------------


def capsule(x: Field, y: Field, start: Point, end: Point, radius: Number, taper: Number = 0) -> Field:
    """Distance to the segment from `start` to `end`, minus a radius that grows by `taper` towards the end."""
    (ax, ay), (bx, by) = start, end
    along_x, along_y = bx - ax, by - ay
    t = ((x - ax) * along_x + (y - ay) * along_y) / (along_x**2 + along_y**2 + 1e-6)  # 0 at start, 1 at end
    np.clip(t, 0, 1, out=t)
    return np.hypot(x - ax - t * along_x, y - ay - t * along_y) - radius - taper * t


def ellipse(x: Field, y: Field, centre: Point, radii: Point) -> Field:
    """Approximate distance to an ellipse; exact for a circle."""
    (cx, cy), (rx, ry) = centre, radii
    return (np.hypot((x - cx) / rx, (y - cy) / ry) - 1) * np.minimum(rx, ry)


def column_of(x: Field, y: Field, top: Column, bottom: Column, widths: Widths) -> Field:
    """Distance to a symmetric body from `top` to `bottom` with the half widths `widths` at top, middle and bottom."""
    t = np.clip((y - top) / (bottom - top), 0, 1)
    upper, middle, lower = widths
    half = upper + (middle - upper) * np.minimum(2 * t, 1) + (lower - middle) * np.maximum(2 * t - 1, 0)
    return np.maximum(np.abs(x) - half, np.maximum(top - y, y - bottom))


def rectangle(x: Field, y: Field, centre: Point, half: Point, rounding: Number) -> Field:
    """Distance to a rectangle with rounded corners."""
    dx = np.abs(x - centre[0]) - half[0] + rounding
    dy = np.abs(y - centre[1]) - half[1] + rounding
    return np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0) - rounding


def union(*shapes: Field) -> Field:
    """The union of the shapes."""
    result = shapes[0]
    for shape in shapes[1:]:
        result = np.minimum(result, shape)
    return result


def without(shape: Field, hole: Field) -> Field:
    """`shape` without `hole`."""
    return np.maximum(shape, -hole)


def ink(shape: Field) -> Field:
    """The covered fraction of each pixel: 1 inside, 0 outside, with a ramp one pixel wide at the edge."""
    return np.clip(0.5 - shape / PIXEL, 0, 1)


# Garments: each maps coordinates (y points down) and random numbers to a picture ------------------------------------


def _top(x: Field, y: Field, c: Chance, sleeve: Column, bottom: Column, widths: Widths, neck: Column) -> Field:
    """A body with two sleeves and a neck, for shirts, pullovers, coats and dresses."""
    top = c.between(-0.85, -0.7)
    body = column_of(x, y, top, bottom, widths)
    shoulder = widths[0] - 0.06
    spread = c.between(0.18, 0.55) * np.minimum(sleeve, 1.2) + 0.02
    thick = c.between(0.13, 0.19)
    arms = capsule(np.abs(x), y, (shoulder, top + thick), (shoulder + spread, top + 0.15 + sleeve), thick, -0.04)
    collar = ellipse(x, y, (0.0, top - 0.02), (neck, neck * c.between(0.4, 1.1)))
    return without(union(body, arms), collar)


def _sides(c: Chance, low: float, high: float) -> Widths:
    """Half widths of an almost straight body."""
    upper = c.between(low, high)
    return upper, upper * c.between(0.82, 1.0), upper * c.between(0.85, 1.08)


def t_shirt(x: Field, y: Field, c: Chance) -> Picture:
    """Short sleeves, a round neck."""
    return _top(x, y, c, c.between(0.12, 0.5), c.between(0.6, 0.9), _sides(c, 0.36, 0.5), c.between(0.12, 0.26)), None


def trouser(x: Field, y: Field, c: Chance) -> Picture:
    """Two legs under a waist."""
    top, bottom, waist = c.between(-0.92, -0.8), c.between(0.75, 0.95), c.between(0.2, 0.36)
    gap, leg = c.between(0.02, 0.14), c.between(0.1, 0.2)
    hips = column_of(x, y, top, top + c.between(0.3, 0.55), (waist, waist * 1.08, waist * 1.1))
    outer = waist * 1.1
    legs = column_of(np.abs(x) - (gap + outer) / 2, y, top + 0.25, bottom, ((outer - gap) / 2, leg, leg * 0.9))
    return union(hips, legs), capsule(x, y, (0.0, top), (0.0, top + 0.35), 0.01)


def pullover(x: Field, y: Field, c: Chance) -> Picture:
    """Long sleeves, a small neck, a seam above the hem."""
    bottom = c.between(0.6, 0.88)
    shape = _top(x, y, c, c.between(0.85, 1.4), bottom, _sides(c, 0.36, 0.5), c.between(0.1, 0.22))
    return shape, np.abs(y - bottom + c.between(0.08, 0.2)) - 0.012


def dress(x: Field, y: Field, c: Chance) -> Picture:
    """A narrow top, a waist and a skirt, mostly with short sleeves."""
    upper = c.between(0.2, 0.34)
    widths = upper, upper * c.between(0.7, 1.0), upper * c.between(0.9, 1.9)
    sleeve = c.between(0.05, 0.4) + c.happens(0.2) * 0.7
    return _top(x, y, c, sleeve, c.between(0.8, 0.97), widths, c.between(0.1, 0.24)), None


def coat(x: Field, y: Field, c: Chance) -> Picture:
    """Long sleeves, a long body, open down the front."""
    shape = _top(x, y, c, c.between(0.9, 1.45), c.between(0.74, 0.96), _sides(c, 0.36, 0.5), c.between(0.08, 0.24))
    front = c.between(0.004, 0.05) - 0.03 * c.happens(0.3)
    return shape, np.abs(x - c.between(-0.05, 0.05)) - front


def sandal(x: Field, y: Field, c: Chance) -> Picture:
    """A thin sole with straps, with or without a heel."""
    heel, thick = c.between(0.0, 0.55), c.between(0.04, 0.1)
    sole = capsule(x, y, (-0.75, 0.45), (0.75, 0.45 - heel), thick)
    post = capsule(x, y, (0.72, 0.45 - heel), (0.72 + 0.05 * heel, 0.5), 0.06)
    height = c.between(0.15, 0.55)
    toe = capsule(x, y, (-0.6, 0.4), (-0.35, 0.35 - 0.6 * height), c.between(0.04, 0.12))
    middle = capsule(x, y, (-0.35, 0.35 - 0.6 * height), (-0.05, 0.42 - 0.4 * heel), c.between(0.04, 0.12))
    back = capsule(x, y, (0.68, 0.4 - heel), (0.45, 0.3 - heel - height), c.between(0.03, 0.1))
    front = capsule(x, y, (0.45, 0.3 - heel - height), (0.2, 0.42 - 0.7 * heel), 0.05)
    return union(sole, post, toe, middle, back, front), None


def shirt(x: Field, y: Field, c: Chance) -> Picture:
    """Sleeves of any length, mostly with buttons."""
    shape = _top(x, y, c, c.between(0.15, 1.4), c.between(0.62, 0.94), _sides(c, 0.35, 0.5), c.between(0.08, 0.25))
    buttons = np.hypot(x, np.mod(y, 0.26) - 0.13) - 0.06 * c.happens(0.75)
    return shape, buttons


def sneaker(x: Field, y: Field, c: Chance) -> Picture:
    """A low shoe on a flat sole."""
    sole = capsule(x, y, (-0.78, 0.4), (0.78, 0.4), c.between(0.07, 0.13))
    upper = capsule(x, y, (-0.55, 0.34), (0.6, 0.3 - c.between(0.02, 0.2)), 0.13, c.between(0.06, 0.16))
    tongue = capsule(x, y, (-0.1, 0.2), (0.15, 0.08 - c.between(0, 0.2)), c.between(0.06, 0.12))
    opening = ellipse(x, y, (0.42, -0.08 - c.between(0, 0.1)), (0.24, 0.17))
    return without(union(sole, upper, tongue), opening), np.abs(y - 0.33) - 0.015 * c.happens(0.7)


def bag(x: Field, y: Field, c: Chance) -> Picture:
    """A box with a handle."""
    centre, wide, high = c.between(0.1, 0.4), c.between(0.45, 0.85), c.between(0.25, 0.55)
    box = rectangle(x, y, (0.0, centre), (wide, high), c.between(0.02, 0.2))
    reach = c.between(0.15, 0.75)
    handle = np.abs(ellipse(x, y, (0.0, centre - high), (wide * c.between(0.35, 0.9), reach))) - c.between(0.02, 0.05)
    return union(box, np.maximum(handle, y - centre + high)), np.abs(y - centre + 0.4 * high) - 0.015 * c.happens(0.6)


def ankle_boot(x: Field, y: Field, c: Chance) -> Picture:
    """A shoe with a shaft, with or without a heel."""
    heel = c.between(0.0, 0.4)
    sole = capsule(x, y, (-0.72, 0.6), (0.6, 0.6 - heel), c.between(0.08, 0.14))
    post = capsule(x, y, (0.6, 0.6 - heel), (0.6, 0.62), c.between(0.06, 0.14))
    toe = ellipse(x, y, (-0.35, 0.55), (0.42, c.between(0.2, 0.36)))
    half = c.between(0.2, 0.32)
    shaft = rectangle(x, y, (0.68 - half, 0.0), (half, c.between(0.45, 0.8)), 0.05)
    return union(sole, post, np.maximum(union(toe, shaft), y - 0.66)), None


Garment = Callable[[Field, Field, Chance], Picture]
GARMENTS: tuple[Garment, ...] = (t_shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, ankle_boot)
SHOES = (sandal, sneaker, ankle_boot)


# From shape to picture -----------------------------------------------------------------------------------------------


def _paint(draw: Garment, chance: Chance) -> np.ndarray:
    """Draw (n, 784) uint8 pictures of one class."""
    pose = Chance(chance.numbers[:, ::-1])  # from the other end of the row, so that no number is used twice
    pose.used = 1
    x, y = _posed(pose, mirrored=0.4 if draw in SHOES else 0.5)
    shape, lines = draw(x, y, chance)
    shade = _cloth(x, y, pose)
    if lines is not None:
        shade *= 1 - pose.between(0.2, 0.7) * ink(lines)
    shade *= ink(shape)
    return np.rint(255 * np.clip(shade, 0, 1)).astype(np.uint8)


def _posed(pose: Chance, mirrored: float) -> tuple[Field, Field]:
    """The coordinates of each pixel, shifted, rotated, sheared, scaled and perhaps mirrored."""
    axis = (np.arange(SIDE, dtype=np.float32) + 0.5) * PIXEL - 1
    y, x = (field.reshape(1, -1) for field in np.meshgrid(axis, axis, indexing="ij"))
    angle, shear = pose.between(-0.09, 0.09), pose.between(-0.1, 0.1)
    x, y = x - pose.between(-0.13, 0.13), y - pose.between(-0.13, 0.13)
    x, y = x + angle * y, y - angle * x
    side = 1 - 2 * pose.happens(mirrored)
    return (x + shear * y) * side * pose.between(0.98, 1.25), y * pose.between(0.98, 1.18)


def _cloth(x: Field, y: Field, pose: Chance) -> Field:
    """Brightness of the cloth: a constant, a gradient, and on some pictures stripes."""
    shade = pose.between(0.3, 1.0) + pose.between(-0.2, 0.2) * y
    direction, width = pose.between(0, np.pi), pose.between(4, 16)
    stripes = np.sin(width * (np.cos(direction) * x + np.sin(direction) * y))
    strength = pose.between(0.1, 0.45) * pose.happens(0.4)
    return shade * (1 - strength * (0.5 + 0.5 * stripes))


def _add_noise(images: np.ndarray, stream: Stream, amount: np.ndarray) -> None:
    """Add noise of up to +-40 of 255 to the garment in place. The background stays black."""
    for start in range(0, len(images), 1000):
        part = images[start : start + 1000]
        noise = stream.lanes(part.shape, first_row=start).view(np.int16) * np.float32(1 / 32768)  # -1 to 1
        noise *= 10 + 30 * amount[start : start + 1000, None]
        noise *= part > 0
        part[...] = np.rint(np.clip(part + noise, 0, 255)).astype(np.uint8)
