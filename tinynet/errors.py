"""The exceptions of tinynet, the form of their messages (who, expected, received, remedy), and checks of arguments.

    Dense(784, 10): expected x of shape (N, 784), got (32, 28, 28); put Flatten() before it

Each exception is derived from the built-in one that a caller would expect, so `except ValueError` works.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any


class ShapeError(ValueError):
    """An array has a shape or dtype that the layer, loss or dataset cannot take."""


class DataError(ValueError):
    """A data set, file or value cannot be used: missing, damaged, empty, out of range."""


class DataNotFoundError(DataError):
    """A data set is neither on this machine nor could it be downloaded."""


class DeviceError(RuntimeError):
    """A device cannot be used, or arrays of two devices met in one operation."""


class SaveError(OSError):
    """A file could not be written. The file of that name from before is untouched."""


class DivergenceError(ArithmeticError):
    """Training produced NaN or infinity, in a loss or a parameter. `history` holds the epochs completed before it."""

    def __init__(self, message: str, history: Any = None) -> None:
        super().__init__(message)
        self.history = history


def mismatch(who: object, expected: object, received: object, remedy: str) -> str:
    """One error message in the house form."""
    return f"{who}: expected {expected}, got {received}; {remedy}"


def whole_number(name: str, value: Any, least: int = 1, most: int | None = None, *, remedy: str) -> int:
    """`value` as an int. ValueError unless it is a whole number, NumPy's included, from `least` to `most`."""
    try:
        number = operator.index(value)
    except TypeError:  # a float, a string, None
        number = None
    if number is None or isinstance(value, bool) or number < least or (most is not None and number > most):
        bounds = f"from {least}" if most is None else f"from {least} to {most}"
        raise ValueError(mismatch(name, f"a whole number {bounds}", repr(value), remedy))
    return number


def above_zero(who: object, name: str, value: float, *, remedy: str) -> float:
    """`value` as a float. ValueError unless it is above 0 and finite."""
    if not 0 < value < math.inf:
        raise ValueError(mismatch(who, f"{name} above 0{' and finite' if value > 0 else ''}", value, remedy))
    return float(value)  # a NumPy scalar would widen float32 arrays


def at_least_zero(who: object, name: str, value: float, *, remedy: str) -> float:
    """`value` as a float. ValueError unless it is at least 0 and finite."""
    if not 0 <= value < math.inf:
        raise ValueError(mismatch(who, f"{name} of at least 0", value, remedy))
    return float(value)


def fraction(who: object, name: str, value: float, *, remedy: str) -> float:
    """`value` as a float. ValueError unless it is in [0, 1)."""
    if not 0 <= value < 1:
        raise ValueError(mismatch(who, f"{name} from 0 up to, not including, 1", value, remedy))
    return float(value)


def sequence(name: str, values: Any, *, remedy: str) -> tuple[Any, ...]:
    """`values` as a tuple. TypeError unless they have an order of their own: a list, a tuple, an array of one axis.

    A set has no order, that of a dict is not that of its keys, an iterator can be read only once, and a string is not
    meant as its characters.
    """
    listed = isinstance(values, Sequence) and not isinstance(values, (str, bytes))
    array = getattr(values, "ndim", None) == 1 and not hasattr(values, "keys")  # a pandas Series has labels: no order
    if not listed and not array:
        received = " ".join(f"{type(values).__name__} {values!r:.60}".split())
        raise TypeError(mismatch(name, "a list or tuple", received, remedy))
    return tuple(values)


def unknown_name(kind: str, name: object, known: Iterable[str]) -> str:
    """The message for a misspelt name: the closest match if there is one, and all known names."""
    import difflib  # here, for start-up time: only a misspelt name needs it

    close = difflib.get_close_matches(str(name), known := sorted(known), n=1)
    hint = f"did you mean {close[0]!r}?" if close else "check the spelling."
    return f"unknown {kind} {name!r}; {hint} Known: {', '.join(known)}"
