"""What tinynet raises, and the one form its messages have: who, expected, received, remedy.

    Dense(784, 10): expected x of shape (N, 784), got (32, 28, 28); put Flatten() before it

Each class is also the built-in exception that a caller would look for, so `except ValueError` keeps working.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any


class ShapeError(ValueError):
    """An array has another shape or dtype than the layer, loss or dataset can take."""


class DataError(ValueError):
    """A data set, file or value cannot be used: missing, damaged, empty, out of range."""


class DataNotFoundError(DataError):
    """A data set is neither here nor to be had from anywhere."""


class DeviceError(RuntimeError):
    """A device cannot be used, or arrays of two devices met in one operation."""


class SaveError(OSError):
    """A file could not be written. What stood under its name before is untouched."""


class DivergenceError(ArithmeticError):
    """Training produced a loss that is NaN or infinite. `history` holds the epochs completed before it."""

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


def unknown_name(kind: str, name: object, known: Iterable[str]) -> str:
    """The message for a misspelt name: the close match if there is one, and every name that is known."""
    import difflib  # only a misspelt name needs it

    close = difflib.get_close_matches(str(name), known := sorted(known), n=1)
    hint = f"did you mean {close[0]!r}?" if close else "check the spelling."
    return f"unknown {kind} {name!r}; {hint} Known: {', '.join(known)}"
