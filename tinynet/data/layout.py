"""The axes of pictures: (n, H, W) or (n, H, W, C), and (n, C, H, W) where somebody says so.

A picture has few channels, and most pictures are square. So most shapes tell which axis holds the channels. Shapes that
do not are refused, and so are those that look like (n, C, H, W): a guess would flip pictures upside down.
"""

from __future__ import annotations

import math

from tinynet.backend.arrays import Array
from tinynet.errors import DataError, ShapeError, mismatch, unknown_name

LAYOUTS = ("NHWC", "NCHW")
FEW = 4  # channels: grey, grey and alpha, RGB, RGB and alpha


def check_layout(who: str, layout: str) -> str:
    """`layout`; ValueError unless it is "NHWC", "NCHW" or "", which means that the shape decides."""
    if not isinstance(layout, str) or layout not in ("", *LAYOUTS):
        raise ValueError(f"{who}: {unknown_name('layout', layout, LAYOUTS)}")
    return layout


def check_axes(who: object, shape: tuple[int, ...], layout: str = "") -> None:
    """Raise ShapeError unless `shape` is (n, H, W) or for certain (n, H, W, C), or `layout` says what it is."""
    expected = "pictures (n, H, W) or (n, H, W, C)"
    if len(shape) not in (3, 4):
        remedy = "give the shape of a picture: from_arrays(images of shape (N, H, W), ..., flatten=True)"
        raise ShapeError(mismatch(who, expected, tuple(shape), remedy))
    if len(shape) == 3 or layout or is_picture(shape[1:]):
        return
    if is_picture((shape[2], shape[3], shape[1])):
        received = f"{tuple(shape)}, which looks like (n, C, H, W)"
        remedy = "say layout='NCHW', or give images.transpose(0, 2, 3, 1) and leave ChannelsLast() out of the model"
    else:
        received, remedy = f"{tuple(shape)}, which may be (n, C, H, W) as well", "say layout='NHWC' or layout='NCHW'"
    raise ShapeError(mismatch(who, expected, received, remedy))


def channels_last(who: object, pictures: Array, layout: str = "") -> Array:
    """`pictures` as (n, H, W) or (n, H, W, C), a view. Raises what `check_axes` raises."""
    check_axes(who, pictures.shape, layout)
    return pictures.transpose(0, 2, 3, 1) if layout == "NCHW" and pictures.ndim == 4 else pictures


def is_picture(image_shape: tuple[int, ...]) -> bool:
    """Whether examples of this shape are pictures (H, W) or, for certain, (H, W, C)."""
    if len(image_shape) != 3:
        return len(image_shape) == 2
    height, width, channels = image_shape
    if height == width != channels:
        return channels <= FEW or height > FEW
    return channels <= FEW < height and width != channels


def can_be_drawn(image_shape: tuple[int, ...]) -> bool:
    """Whether these are pictures in grey or RGB, with or without alpha."""
    return is_picture(image_shape) and tuple(image_shape[2:]) in ((), (1,), (3,), (4,))


def check_image_shape(name: str, shape: tuple[int, ...], image_shape: tuple[int, ...]) -> None:
    """Raise DataError unless examples of shape `shape`, flat or not, are pictures of shape `image_shape`."""
    fits = math.prod(shape) == math.prod(image_shape)
    if image_shape and not (fits and (len(shape) == 1 or _longer_axes(shape) == _longer_axes(image_shape))):
        remedy = f"give image_shape={tuple(shape)}" if len(shape) > 1 else "check its numbers"
        raise DataError(mismatch(f"data set {name!r}", f"examples of shape {image_shape}", tuple(shape), remedy))


def _longer_axes(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]
