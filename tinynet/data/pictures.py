"""Read pictures, from files or as objects of Pillow, in the shape that a model was trained on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.data.decoding import decode, pillow, read_picture
from tinynet.data.folders import DARKEST
from tinynet.data.preprocessing import Preprocessing
from tinynet.errors import DataError, ShapeError, mismatch, whole_number

LARGEST_ENLARGED = 1 << 22  # pixels to which a picture of less than a sixteenth of them is resized


def read_pictures(given: Sequence[Any], record: Preprocessing | None, background: int | None) -> np.ndarray:
    """The pixels (N, *image_shape), uint8, of file names or pictures. Grey or in colour, as the training set was.

    A picture of another size is resized if its form (height to width) is that of training. Raises ShapeError for
    another form and for a model that does not know its pictures, FileNotFoundError, or DataError for a file that is
    no picture.
    """
    if background is not None:
        whole_number("predict: background", background, 0, 255, remedy="try background=255, white")
    shape = record.image_shape if record is not None else ()
    height, width, channels, channels_first = _layout(shape)
    stack = []
    for each in given:
        who, colour = _name(each), channels == 3
        read = _read if isinstance(each, (str, os.PathLike)) else decode
        pixels = _in_size(read(each, colour, background, who), height, width, who)
        stack.append(pixels.transpose(2, 0, 1) if channels_first and colour else pixels)
    return np.stack(stack).reshape(len(stack), *shape)


def _read(file: str | os.PathLike[str], colour: bool, background: int | None, who: str) -> np.ndarray:
    try:
        pixels, largest = read_picture(file, colour, background, who)
    except PermissionError:
        raise
    except OSError as error:  # it does not exist, is longer than names can be, is a link in a circle
        message = mismatch(who, "the file of a picture", "no such file", "check the path")
        raise FileNotFoundError(message) from error
    if 0 < largest < DARKEST:
        remedy = f"multiply its numbers by {65535 // largest}, so that white is near 65535"
        received = f"numbers up to {largest} only"
        raise DataError(mismatch(who, "a 16-bit picture whose white is 65535", received, remedy))
    return pixels


def _name(picture: Any) -> str:
    """A picture in a message."""
    if not isinstance(picture, (str, os.PathLike)):
        return f"predict: picture of mode {picture.mode}"
    return f"predict: {os.fsdecode(picture)}"


def _layout(shape: tuple[int, ...]) -> tuple[int, int, int, bool]:
    """(height, width, channels, whether the channels stand first) of a shape of pictures."""
    if len(shape) == 2:
        return (*shape, 1, False)
    if len(shape) == 3 and shape[2] in (1, 3):
        return (*shape, False)
    if len(shape) == 3 and shape[0] in (1, 3):
        return (shape[1], shape[2], shape[0], True)
    expected = "a model trained on pictures (H, W), (H, W, 1) or (H, W, 3)"
    received = f"one trained on examples of shape {shape}" if shape else "one that does not know its pictures"
    remedy = "give an array of the shape that the model takes"
    raise ShapeError(mismatch("predict", expected, received, remedy))


def _in_size(pixels: np.ndarray, height: int, width: int, who: str) -> np.ndarray:
    """The pixels resized to (height, width), as `from_folder(size=)` resizes them."""
    if pixels.shape[:2] == (height, width):
        return pixels
    if pixels.shape[0] * width != pixels.shape[1] * height:
        expected = f"a picture of the form {height} x {width} (height x width), as in training"
        remedy = f"crop it, or resize it: predict(PIL.Image.open(path).resize(({width}, {height})))"
        raise ShapeError(mismatch(who, expected, f"{pixels.shape[0]} x {pixels.shape[1]}", remedy))
    if height * width > max(LARGEST_ENLARGED, 16 * pixels.shape[0] * pixels.shape[1]):  # a file may claim any size
        expected = f"a picture of nearly {height} x {width} pixels, as in training"
        remedy = f"enlarge it: predict(PIL.Image.open(path).resize(({width}, {height})))"
        raise ShapeError(mismatch(who, expected, f"{pixels.shape[0]} x {pixels.shape[1]}", remedy))
    image_module = pillow()
    resized = image_module.fromarray(pixels).resize((width, height), image_module.Resampling.BILINEAR)
    return np.asarray(resized, np.uint8)
