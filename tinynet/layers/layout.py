"""How the arrays of layers are laid out in one vector: one after the other, each aligned, with zeros between."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tinynet.backend.arrays import ALIGNMENT, Array, aligned_zeros, array_module
from tinynet.initializers import Shape

_ALIGNED = ALIGNMENT // 4  # arrays begin at multiples of 16 elements: 64 bytes in float32


def arrays_in(views: Any) -> Iterator[Array]:
    """The arrays in a result of `layer.views`, also of nested models."""
    for part in views.values() if isinstance(views, dict) else views:
        if isinstance(part, (dict, list)):
            yield from arrays_in(part)
        else:
            yield part


def offsets(shapes: Mapping[str, Shape], offset: int) -> dict[str, int]:
    """Where each array begins in a vector that holds them from element `offset` on."""
    found = {}
    for name, shape in shapes.items():
        found[name] = offset
        offset += padded(math.prod(shape))
    return found


def cut(vector: Array, shapes: Mapping[str, Shape], offsets: Mapping[str, int]) -> dict[str, Array]:
    """The named arrays in a vector, as views."""
    return {
        name: vector[offsets[name] : offsets[name] + math.prod(shape)].reshape(shape) for name, shape in shapes.items()
    }


def writable(vector: Array) -> Array:
    """`vector` as a plain array that can be written: a copy if it is read-only, as joblib maps large arrays."""
    vector = array_module(vector).asarray(vector)
    if getattr(vector.flags, "writeable", True):
        return vector
    copy = aligned_zeros(vector.size, vector.dtype)
    copy[...] = vector
    return copy


def padded(count: int) -> int:
    """The elements that an array of `count` elements takes in a vector."""
    return -(-count // _ALIGNED) * _ALIGNED
