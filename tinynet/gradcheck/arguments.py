"""Read and check the arguments of the checks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynet.backend.plain import plain_array
from tinynet.backend.random import Purpose, Stream
from tinynet.errors import DataError, ShapeError, above_zero, mismatch, sequence, shown, whole_number

LARGEST = 2**24  # numbers in an input or in the vectors of an optimizer: more would take minutes and gigabytes


def checked_rtol(who: str, rtol: Any) -> float:
    """`rtol` as a float above 0."""
    return above_zero(who, "rtol", rtol, remedy="leave it out")


def flag(who: str, name: str, value: Any) -> bool:
    """`value` as True or False; TypeError for anything else, such as the text "False"."""
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise TypeError(mismatch(who, f"{name} to be True or False", shown(value), f"write {name}=True or {name}=False"))


def checked_shape(who: str, name: str, shape: Any) -> tuple[int, ...]:
    """`shape` as a tuple of whole numbers from 1 that an array can have."""
    remedy = f"give the shape of a batch, such as {name}=(5, 4)"
    sizes = sequence(f"{who}: {name}", shape, remedy=remedy)
    sizes = tuple(size.item() if isinstance(size, np.generic) else size for size in sizes)
    sizes = tuple(whole_number(f"{who}: each size of {name}", size, remedy=remedy) for size in sizes)
    if not sizes:
        raise ShapeError(mismatch(who, f"{name} with an axis of examples", sizes, remedy))
    if math.prod(sizes) > LARGEST:
        raise ShapeError(mismatch(who, f"{name} of at most {LARGEST} numbers", sizes, "check fewer rows"))
    return sizes


def checked_input(who: str, x: Any, name: str = "x") -> np.ndarray:
    """A copy of `x`: integers as they are, floats in float64. DataError for an empty array, NaN or infinity."""
    array = plain_array(x, "gradcheck", name)
    if not array.size:
        raise DataError(
            mismatch(who, f"{name} with one example at least", f"the shape {array.shape}", "give some rows")
        )
    if array.dtype.kind != "f":
        return np.array(array, order="C")
    array = np.array(array, np.float64, order="C")
    if not np.isfinite(array).all():
        remedy = f"leave them out, as in {name}[np.isfinite({name}).reshape(len({name}), -1).all(axis=1)]"
        raise DataError(mismatch(who, f"finite numbers in {name}", "NaN or infinity", remedy))
    return array


def away_from_zero(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Random numbers of both signs with a magnitude from 0.1 to 1.1."""
    sign, size = Stream(seed, Purpose.CHECK, layer=6).uniform((2, math.prod(shape)))
    return (np.where(sign < 0.5, -1, 1) * (0.1 + size)).reshape(shape)
