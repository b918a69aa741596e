"""How the arrays of layers are laid out in one vector: one after the other, each aligned, with zeros between.

And the shapes of a residual block and its shortcut, which must fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from tinynet.backend.arrays import ALIGNMENT, Array, aligned_zeros, array_module
from tinynet.errors import ShapeError, mismatch
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


def refuse_shapes(who: str, before: Any, after: Any, around: Any) -> None:
    """Raise the ShapeError for a residual block of x of shape `before`, and a shortcut, whose outputs differ."""
    expected = f"a block whose output has the shape {tuple(around)}, like that of the shortcut"
    raise ShapeError(mismatch(who, expected, tuple(after), _shortcut_remedy(tuple(before), tuple(after))))


def _shortcut_remedy(before: tuple[int, ...], after: tuple[int, ...]) -> str:
    """The shortcut that turns the shape `before` the block into the one `after` it."""
    if len(before) == len(after) == 2:
        return f"write shortcut=Dense({before[1]}, {after[1]})"
    if len(before) == len(after) == 4:
        stride = tuple(-(-size // left) for size, left in zip(before[1:3], after[1:3]))
        if tuple(-(-size // step) for size, step in zip(before[1:3], stride)) == after[1:3]:
            return f"write shortcut=Conv2D({before[3]}, {after[3]}, 1, {stride})"
    return "let the block keep the shape of x"
