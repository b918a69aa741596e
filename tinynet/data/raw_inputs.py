"""What `model.predict` is given, as a Dataset in the shape, the units and the scale of the training set."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.backend.plain import plain_array
from tinynet.data.dataset import Dataset, from_arrays
from tinynet.data.preprocessing import Preprocessing
from tinynet.errors import DataError, ShapeError, mismatch, whole_number

Shape = tuple[int, ...]

WHO = "predict"
FAR = 0.5  # widths of the training range: standardized pictures leave it, since their deviation is half of it at most
TINY = 0.05  # of the largest number in training: no picture is so dark and has negative numbers, too


def prepare(x: Any, record: Preprocessing | None, scaled: bool, background: int | None, first: Shape | None) -> Dataset:
    """`x`, an argument of `predict`, as a Dataset whose `inputs` are those of the network.

    `record` is None for a model that was not trained; `first` is then the shape that its first layer takes, if known.
    """
    if background is not None:
        whole_number("predict: background", background, 0, 255, remedy="try background=255, white")
    pictures = _is_picture(x) or (isinstance(x, (list, tuple)) and len(x) > 0 and all(map(_is_picture, x)))
    if scaled and (pictures or isinstance(x, Dataset)):
        what = "pictures" if pictures else "a data set"
        raise ValueError(mismatch(WHO, "scaled=True with an array", what, "leave scaled out: they are scaled here"))
    if isinstance(x, Dataset):
        return _data_set(x, record)
    if isinstance(x, (bytes, bytearray)):
        remedy = "open them as a picture: PIL.Image.open(io.BytesIO(x)), or make an array: np.frombuffer(x, 'uint8')"
        raise DataError(mismatch(WHO, "an array, a Dataset, a file name or a picture", type(x).__name__, remedy))
    if pictures:
        from tinynet.data.pictures import read_pictures  # start-up time: only pictures need it

        x = read_pictures(list(x) if isinstance(x, (list, tuple)) else [x], record, background)
    images = plain_array(x, WHO, "x")
    images = _in_shape(images, record, first)
    if record is None or scaled:
        if scaled and images.dtype == np.uint8:
            remedy = "leave scaled out: they are scaled here"
            raise DataError(mismatch(WHO, "scaled=True with floats", "uint8 pixels", remedy))
        return _plain(images)
    return _in_units(images, record)


def _is_picture(x: Any) -> bool:
    """Whether `x` is a file name, or a picture of Pillow (which is not imported to find out)."""
    made_by_pillow = any((base.__module__, base.__name__) == ("PIL.Image", "Image") for base in type(x).__mro__)
    return made_by_pillow or isinstance(x, (str, os.PathLike))


def _plain(images: Array, mean: float = 0.0, deviation: float = 1.0) -> Dataset:
    data = from_arrays(images, np.zeros(len(images), np.uint8), name="x")
    return replace(data, mean=mean, deviation=deviation) if (mean, deviation) != (0, 1) else data


def _data_set(data: Dataset, record: Preprocessing | None) -> Dataset:
    """A Dataset with its own scale. One that was not standardized is raw, and gets that of the training set."""
    if record is None:
        return data
    images = _in_shape(data.images, record, None)
    if images is not data.images:
        data = replace(data, images=images)
    if images.dtype.kind == "f" and record.value_range is not None:
        _check_range(images, record, record.unit, "images")
    return scaled_as(data, record)


def scaled_as(data: Dataset, record: Preprocessing, name: str = "x") -> Dataset:
    """`data` in the units and the scale of the training set, unless `data` were standardized and have their own.

    Raises DataError for images that the caller has plainly scaled already, or not yet; `name` is that of the images.
    """
    if (data.mean, data.deviation) != (0, 1):
        return data
    if record.value_range is not None:
        if data.images.dtype == np.uint8 and not record.pixels:
            data = replace(data, images=_pixels_as_floats(data.images, record.value_range, name))
        elif data.images.dtype.kind == "f":
            _check_scale(data.images, record, record.value_range, name)
    return replace(data, mean=record.mean, deviation=record.deviation) if record.standardizes else data


def _check_scale(images: Array, record: Preprocessing, known: tuple[float, float], name: str) -> None:
    """Raise DataError for floats that were standardized already, or from 0 to 255 where the network has 0 to 1."""
    least, most = (number / record.unit for number in known)
    low, high = float(images.min()), float(images.max())
    if not (_is_far(low, high, least, most) or _is_signed(low, high, least, most, record)):
        return
    unscaled = low * record.deviation + record.mean, high * record.deviation + record.mean
    if record.standardizes and _within(*unscaled, least, most):
        received = f"numbers from {low:g} to {high:g}, standardized already"
        remedy = f"give {name} * {record.deviation!r} + {record.mean!r}"
    elif record.pixels and _within(low / 255, high / 255, least, most):
        received, remedy = f"numbers from {low:g} to {high:g}", f"for pixels from 0 to 255, give {name} / 255, or uint8"
    else:
        return
    raise DataError(mismatch(name, f"numbers like those of training, from {least:g} to {most:g}", received, remedy))


# The shape ------------------------------------------------------------------------------------------------------------


def _in_shape(images: Array, record: Preprocessing | None, first: Shape | None) -> Array:
    """Examples (N, ...) in the shape that training gave the first layer.

    They may have it already, or the shape of the pictures, or be flat rows of them. Axes of length 1 do not matter.
    Examples of another size are left to the layers: some networks take pictures of any size. Raises ShapeError for a
    missing axis of examples, and for the right number of elements in another order of axes.
    """
    given, inner = tuple(images.shape), tuple(images.shape[1:])
    wanted = record.input_shape if record is not None else first or ()
    if not wanted or inner == wanted:
        return images
    picture = record.image_shape if record is not None and record.image_shape else wanted
    known, same_size = {_squeezed(wanted), _squeezed(picture)}, math.prod(inner) == math.prod(wanted)
    if record is not None and same_size:
        grey = len(picture) == 1 and len(_squeezed(inner)) == 2  # of rows: grey pictures have but one order of axes
        if grey or _squeezed(inner) in {*known, (math.prod(wanted),)}:
            return images.reshape(len(images), *wanted)
    if _squeezed(given) in known - {()}:
        remedy = "give it an axis of examples: x[None]"
        raise ShapeError(mismatch(WHO, f"x of shape {_batch(picture)}", given, remedy))
    if record is None or not same_size:
        return images
    remedy = "bring the axes into that order, with np.transpose(x, ...)"
    raise ShapeError(mismatch(WHO, f"x of shape {_batch(picture)}, as in training", given, remedy))


def _squeezed(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def _batch(shape: Shape) -> str:
    return f"({', '.join(['N', *map(str, shape)])})"


# The units ------------------------------------------------------------------------------------------------------------


def _in_units(images: Array, record: Preprocessing) -> Dataset:
    """Numbers in the units of the training array. uint8 are raw pixels, whatever training was given."""
    mean, deviation = record.mean, record.deviation
    if images.dtype == np.uint8:
        if record.pixels or record.value_range is None:
            return _plain(images, mean, deviation)
        images = _pixels_as_floats(images, record.value_range)
    elif record.value_range is not None and images.dtype.kind in "biu":
        images = images.astype(np.float64)
    data = _plain(images, mean * record.unit, deviation * record.unit)
    if record.value_range is not None:
        _check_range(images, record, 1.0, "x")
    return data


def _pixels_as_floats(images: Array, known: tuple[float, float], who: str = WHO) -> Array:
    """Pixels for a model that was trained on floats: divided by 255 if these were from 0 to 1."""
    low, high = known
    brightest = int(images.max()) if len(images) else 0
    if low < 0 or high > 255:
        remedy = "make them floats, scaled as those of the training set were"
        raise DataError(mismatch(who, f"floats from {low:g} to {high:g}, as in training", "uint8 pixels", remedy))
    if high > 1.001:
        return images.astype(np.float32)
    if brightest == 1:
        remedy = "if they are not pixels, convert them: x.astype('float32')"
        raise DataError(mismatch(who, "uint8 pixels from 0 to 255", "numbers of at most 1", remedy))
    return images.astype(np.float64) / 255


def _check_range(images: Array, record: Preprocessing, unit: float, name: str) -> None:
    """Raise DataError for numbers far outside the range of training, or that are plainly in other units.

    `unit` is what the range has to be divided by, to be that of `images`.
    """
    assert record.value_range is not None
    least, most = (number / unit for number in record.value_range)
    low, high = float(images.min()), float(images.max())
    far = _is_far(low, high, least, most)
    dark = _of_pictures(record) and most > 1 and 0 <= low < high <= 1.01 * most / 255
    if not (far or dark or _is_signed(low, high, least, most, record)):
        return
    mean, deviation = record.mean * record.unit / unit, record.deviation * record.unit / unit
    unscaled = low * deviation + mean, high * deviation + mean
    if record.standardizes and name == "x" and low < 0 and _within(*unscaled, least, most):
        remedy = "for numbers that are standardized already, pass scaled=True"
    elif far and _within(low / 255, high / 255, least, most):
        remedy = f"for pixels from 0 to 255, give {name} / 255, or uint8"
    elif dark:
        remedy = f"for pixels divided by 255, give {name} * 255"
    else:
        remedy = "check their units; predict(x, scaled=True) takes numbers as the network sees them"
    expected = f"numbers like those of training, from {least:g} to {most:g}"
    raise DataError(mismatch(WHO, expected, f"numbers from {low:g} to {high:g}", remedy))


def _within(low: float, high: float, least: float, most: float) -> bool:
    """Whether a range lies within another, up to a tenth of its width."""
    margin = 0.1 * (most - least)
    return least - margin <= low and high <= most + margin


def _is_far(low: float, high: float, least: float, most: float) -> bool:
    """Whether a range leaves another by more than half of its width."""
    return low < least - FAR * (most - least) or high > most + FAR * (most - least)


def _is_signed(low: float, high: float, least: float, most: float, record: Preprocessing) -> bool:
    """Whether numbers are far too small for pictures of training, which had no negative numbers, and have some."""
    return _of_pictures(record) and low < 0 <= least and max(-low, high) < TINY * most


def _of_pictures(record: Preprocessing) -> bool:
    return record.pixels or len(record.image_shape) > 1
