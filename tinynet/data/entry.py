"""The entry of data: what a caller gives as images, labels, class names and indices is read, or refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set, ValuesView
from numbers import Integral
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array, array_module, device_of
from tinynet.backend.plain import plain_array
from tinynet.errors import DataError, mismatch, sequence, shown, whole_number

FEW = 10  # class names that a message lists; with more of them it says how to find them


def read_images(images: Any, who: object, name: str = "images") -> Array:
    """`images` as a plain array (N, ...), uint8 or floating and finite. DataError for anything else.

    Whole numbers of another dtype are refused, because two readings are possible: pixels, or numbers as they are.
    """
    array = plain_array(images, who, name)
    if array.size and array.dtype != np.uint8 and array.dtype.kind != "f":
        remedy = _remedy_for_whole_numbers(array, name)
        raise DataError(mismatch(who, f"{name} of dtype uint8 or floating", array.dtype, remedy))
    _check_finite(array, who, "")
    return array


def read_labels(labels: Any, who: object, class_names: Sequence[str] = (), name: str = "labels") -> Array:
    """`labels` as a plain array: whole numbers (N,), or targets (N, ...), finite. DataError for anything else.

    Booleans (N,) become 0 and 1. Text (N,) becomes the positions in `class_names`.
    """
    array = plain_array(labels, who, name, strings=True)
    if array.dtype.kind in "UT":
        return _positions(array, who, class_names, name)
    if array.dtype.kind == "b" and array.ndim == 1:
        return array.astype(np.int64)
    _check_finite(array, who, " of the targets")
    return array


def read_class_names(class_names: Any, who: object) -> tuple[str, ...]:
    """`class_names` as a tuple of strings. DataError for text, and for what has no order or can be read only once."""
    if type(class_names) is tuple and all(type(each) is str for each in class_names):
        return class_names  # the usual case first
    if isinstance(class_names, (str, bytes, Mapping, Set, ValuesView, Iterator)):
        remedy = "give the names in the order of the labels: class_names=['first', 'second']"
        raise DataError(mismatch(who, "class_names as a list", f"a {type(class_names).__name__}", remedy))
    remedy = "give the names in the order of the labels: class_names=['first', 'second']"
    one_axis = getattr(class_names, "ndim", 1) == 1
    if isinstance(class_names, type) or not (hasattr(class_names, "__getitem__") and one_axis):
        raise DataError(mismatch(who, "class_names as a list", shown(class_names), remedy))
    for each in class_names:
        if not isinstance(each, (str, Integral)):  # numbers that are names
            raise DataError(mismatch(who, "class_names as text", shown(each), remedy))
    return tuple(str(each) for each in class_names)


def read_shape(shape: Any, who: object, name: str) -> tuple[int, ...]:
    """`shape` as a tuple of whole numbers. DataError for anything else."""
    if type(shape) is tuple and all(type(size) is int and size >= 0 for size in shape):
        return shape  # the usual case first
    try:
        sizes = sequence(f"{who}: {name}", shape, remedy=f"write {name}=(28, 28)")
        return tuple(whole_number(f"{who}: {name}", size, 0, remedy=f"write {name}=(28, 28)") for size in sizes)
    except (TypeError, ValueError) as error:
        raise DataError(str(error)) from error


def read_indices(chosen: Any, like: Array, who: str) -> Any:
    """`chosen` as what selects rows of `like`: a slice, or whole numbers (n,) on its device. A mask (N,) becomes those.

    Raises DataError for anything that NumPy would read as an index of several axes, or not as an index.
    """
    if isinstance(chosen, slice):
        return chosen
    count, name = len(like), "indices"
    if isinstance(chosen, (int, np.integer)) and not isinstance(chosen, bool):
        raise DataError(mismatch(who, name, f"the number {chosen}", f"give a list: [{chosen}]"))
    array = plain_array(chosen, who, name)
    if array.ndim != 1:
        raise DataError(mismatch(who, f"{name} of shape (n,)", tuple(array.shape), f"use np.ravel({name})"))
    if array.dtype.kind == "b":
        if len(array) != count:
            raise DataError(mismatch(who, f"a mask of {count} entries", len(array), "give one for each example"))
        array = array_module(array).flatnonzero(array)
    elif not array.size:
        array = array.astype(np.int64)
    elif array.dtype.kind == "f":
        raise DataError(
            mismatch(who, f"{name} that are whole numbers", array.dtype, f"use np.asarray({name}, 'int64')")
        )
    elif bool((wrong := (array < -count) | (array >= count)).any()):
        received = int(array[int(wrong.argmax())])
        raise DataError(mismatch(who, f"{name} below {count}", received, "take them from the same data set"))
    return device_of(like).put(array)


def check_pairs(images: Any, labels: Any, who: object) -> None:
    """Raise DataError if two pandas objects have the same index in different orders: which rows belong together?"""
    if not all(
        type(each).__module__.partition(".")[0] == "pandas" and hasattr(each, "index") for each in (images, labels)
    ):
        return
    one, other = images.index, labels.index
    if one.is_unique and other.is_unique and not one.equals(other) and set(one) == set(other):
        remedy = "use labels.loc[images.index] to pair them by index, labels.to_numpy() to pair them by position"
        raise DataError(mismatch(who, "images and labels with one index", "two orders of it", remedy))


def check_order(images: Array, labels: Array, who: object) -> None:
    """Raise DataError if the images look like labels, and the labels like images."""
    if images.ndim == 1 and labels.ndim > 1:
        remedy = "give the images first: (images, labels)"
        raise DataError(mismatch(who, "images (N, ...) and their labels", f"images of shape {images.shape}", remedy))


def check_counts(images: Array, labels: Array, who: object) -> None:
    """Raise DataError unless there is one label for each image, and one example at least."""
    if len(images) != len(labels):
        received = f"{len(images)} images and {len(labels)} labels"
        raise DataError(mismatch(who, "as many labels as images", received, _remedy_for_counts(images, labels)))
    if len(images) == 0:
        raise DataError(mismatch(who, "at least one example", "none", "check how it was filtered"))


def _check_finite(array: Array, who: object, where: str) -> None:
    if array.dtype.kind != "f":
        return
    finite = array_module(array).isfinite(array)
    if not bool(finite.all()):
        first = int(finite.reshape(len(array), -1).all(axis=1).argmin())
        raise DataError(
            mismatch(who, "finite numbers", f"NaN or infinity in example {first}{where}", "clean or drop it")
        )


def _conversion(array: Array, name: str, dtype: str) -> str:
    """The call that converts what was given to `dtype`, whatever its container: a list, a table, a tensor."""
    return f"np.asarray({name}, '{dtype}')" if array_module(array) is np else f"{name}.astype('{dtype}')"


def _remedy_for_whole_numbers(array: Array, name: str) -> str:
    """The conversion that gives whole numbers their likely meaning: pixels from 0 to 255, or numbers as they are."""
    if array.dtype.kind != "b" and array.min() >= 0 and 1 < array.max() <= 255:
        return f"convert pixels from 0 to 255 with {_conversion(array, name, 'uint8')}"
    numbers = f"convert with {_conversion(array, name, 'float32')}"
    wide = array.dtype == np.uint16 and array.max() > 255
    return f"{numbers} / 65535 if they are pixels of 16 bits" if wide else numbers


def _remedy_for_counts(images: Array, labels: Array) -> str:
    if labels.size == len(images):
        return "use np.ravel(labels)"
    if labels.ndim == 2 and labels.shape[1] == len(images):
        return "use np.transpose(labels)"
    if images.ndim > 1 and images.shape[-1] == len(labels):
        return "put the examples on the first axis: np.moveaxis(images, -1, 0)"
    return "use images[None] for a single one" if len(labels) == 1 else "check that both come from the same split"


def _positions(text: np.ndarray, who: object, class_names: Sequence[str], name: str) -> np.ndarray:
    """The position of each label in `class_names`. DataError for other shapes, and for names that are not there."""
    expected = f"{name} as numbers, or as names in class_names"
    if text.ndim != 1:
        raise DataError(mismatch(who, expected, f"text of shape {text.shape}", f"use np.ravel({name})"))
    found, which = np.unique(text, return_inverse=True)
    numbers = {each: number for number, each in enumerate(class_names)}
    unknown = [str(each) for each in found if each not in numbers]
    if unknown or len(numbers) < len(class_names):
        remedy = "give each class one name of its own"
        if unknown:
            remedy = _remedy_for_text(found, class_names, name)
        raise DataError(mismatch(who, expected, repr(unknown[0]) if unknown else "a name twice", remedy))
    return np.array([numbers[each] for each in found], np.int64)[which]


def _remedy_for_text(found: np.ndarray, class_names: Sequence[str], name: str) -> str:
    for dtype in ("int64", "float64"):
        try:
            found.astype(dtype)
        except ValueError:
            continue
        return f"use {_conversion(found, name, dtype)}"
    known = [*class_names, *(str(each) for each in found if each not in class_names)]
    names = repr(known) if class_names or len(known) <= FEW else f"sorted(set({name}))"
    return f"name the classes: from_arrays(images, {name}, class_names={names})"
