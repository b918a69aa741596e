"""The exceptions of tinynet, the form of their messages (who, expected, received, remedy), and checks of arguments.

    Dense(784, 10): expected x of shape (N, 784), got (32, 28, 28); put Flatten() before it

Each exception is derived from the built-in one that a caller would expect, so `except ValueError` works. Text from
outside (file names, names in files, answers of servers) is escaped in all messages: Python prints them as they are.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Sequence
from typing import Any


def printable(text: object) -> str:
    """`text` without characters that a terminal obeys or hides: they are spelled as by repr(), line ends stay.

    These are the characters that `str.isprintable` names: control characters such as ESC, marks that reverse the
    direction of text, other line separators, and lone surrogates, which could not be printed at all.
    """
    return "\n".join(map(one_line, str(text).split("\n")))


def one_line(text: object) -> str:
    """`printable(text)` with line ends escaped, too."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def printable_cause(error: BaseException) -> BaseException | None:
    """`error` for `raise ... from`; None if its text, which Python prints as it is, could command a terminal."""
    return error if str(error) == printable(error) else None


class _Printable(Exception):
    """An exception whose message is escaped by `printable`."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(printable(each) if isinstance(each, str) else each for each in arguments))


class ShapeError(_Printable, ValueError):
    """An array has a shape or dtype that the layer, loss or dataset cannot take."""


class DataError(_Printable, ValueError):
    """A data set, file or value cannot be used: missing, damaged, empty, out of range."""


class DataNotFoundError(DataError):
    """A data set is neither on this machine nor could it be downloaded."""


class DeviceError(_Printable, RuntimeError):
    """A device cannot be used, or arrays of two devices met in one operation."""


class SaveError(_Printable, OSError):
    """A file could not be written. The file of that name from before is untouched."""


class DivergenceError(_Printable, ArithmeticError):
    """Training produced NaN or infinity, in a loss or a parameter. `history` holds the epochs completed before it."""

    def __init__(self, message: str, history: Any = None) -> None:
        super().__init__(message)
        self.history = history


def mismatch(who: object, expected: object, received: object, remedy: str) -> str:
    """One error message in the house form, in one line."""
    return one_line(f"{who}: expected {expected}, got {received}; {remedy}")


def whole_number(name: str, value: Any, least: int = 1, most: int | None = None, *, remedy: str) -> int:
    """`value` as an int. ValueError unless it is a whole number, NumPy's included, from `least` to `most`."""

    def allowed(number: int) -> bool:
        return number >= least and (most is None or number <= most)

    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and allowed(int(value)):
        return int(value)  # small integers of NumPy would overflow in products
    bounds = f"from {least}" if most is None else f"from {least} to {most}"
    meant = _meant(value)
    if meant is not None and meant.is_integer() and allowed(int(meant)):
        remedy = f"write {int(meant)}"
    raise ValueError(mismatch(name, f"a whole number {bounds}", shown(value), remedy))


def above_zero(who: object, name: str, value: Any, *, remedy: str) -> float:
    """`value` as a float. ValueError unless it is a number above 0 and finite."""
    finite = " and finite" if _meant(value) == math.inf else ""
    return checked_number(who, f"{name} above 0{finite}", value, lambda given: 0 < given < math.inf, remedy=remedy)


def at_least_zero(who: object, name: str, value: Any, *, remedy: str) -> float:
    """`value` as a float. ValueError unless it is a number of at least 0 and finite."""
    return checked_number(who, f"{name} of at least 0", value, lambda given: 0 <= given < math.inf, remedy=remedy)


def fraction(who: object, name: str, value: Any, *, remedy: str) -> float:
    """`value` as a float. ValueError unless it is a number in [0, 1)."""
    return checked_number(
        who, f"{name} from 0 up to, not including, 1", value, lambda given: 0 <= given < 1, remedy=remedy
    )


def checked_number(who: object, expected: str, value: Any, allowed: Callable[[float], bool], *, remedy: str) -> float:
    """`value` as a float (a NumPy scalar would widen float32 arrays). ValueError unless it is an allowed number."""
    meant = _meant(value)
    if meant is not None and allowed(meant):
        if isinstance(value, numbers.Real):
            return meant
        remedy = f"write {meant!r}"
    raise ValueError(mismatch(who, expected, shown(value), remedy))


def _meant(value: Any) -> float | None:
    """The number that a number, a text such as "0.1", or an array of no axes stands for; None for anything else."""
    if isinstance(value, bool) or str(getattr(value, "dtype", "")) == "bool":
        return None
    if not (isinstance(value, (numbers.Real, str)) or getattr(value, "shape", None) == ()):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def shown(value: Any) -> str:
    """`value` in a message: numbers of NumPy like those of Python, arrays by shape, long values shortened."""
    if getattr(value, "shape", ()) != ():
        return f"an array of shape {tuple(value.shape)}"
    text = str(value) if isinstance(value, numbers.Number) else " ".join(repr(value).split())
    return text if len(text) <= 80 else text[:76] + " ..."


def shape_remedy(values: str, received: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    """What makes an array of shape `wanted` of one of shape `received`, called `values` in the message."""
    if len(wanted) == 2 and received == wanted[::-1]:
        return f"transpose it: {values}.T"
    if [size for size in received if size != 1] == [size for size in wanted if size != 1]:
        return f"reshape it: {values}.reshape{wanted}"
    if received == ():
        return f"repeat it: numpy.full({wanted}, {values})"
    return "give an array of that shape"


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
    close = closest(name, known := sorted(known))
    hint = f"did you mean {close!r}?" if close else "check the spelling."
    return one_line(f"unknown {kind} {name!r}; {hint} Known: {', '.join(known)}")


def closest(name: object, known: Sequence[str]) -> str | None:
    """The known name that a misspelt one is closest to; None if none is close."""
    import difflib  # here, for start-up time: only a misspelt name needs it

    return next(iter(difflib.get_close_matches(str(name), known, n=1)), None)
