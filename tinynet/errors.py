"""The exceptions of tinynet, the form of their messages (who, expected, received, remedy), and checks of arguments.

    Dense(784, 10): expected x of shape (N, 784), got (32, 28, 28); put Flatten() before it

Each exception is derived from the built-in one that a caller would expect, so `except ValueError` works. Text from
outside (file names, names in files, answers of servers) is escaped in all messages: Python prints them as they are.
"""

from __future__ import annotations

import math
import numbers
import os
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


MOST_WHOLE = 2**63 - 1  # no array has more elements
SMALLEST, LARGEST = 2.0**-126, float.fromhex("0x1.fffffep127")  # the normal numbers of float32, except 0


def whole_number(
    name: str, value: Any, least: int = 1, most: int | None = None, *, remedy: str, limit: int = MOST_WHOLE
) -> int:
    """`value` as an int. ValueError unless it is a whole number, NumPy's included, from `least` to `most`.

    `limit` is the largest that can be computed with; a message names it only where it is exceeded.
    """

    def allowed(number: int) -> bool:
        return least <= number <= (limit if most is None else most)

    if type(value) is int and allowed(value):  # the usual case first: the check of an abstract class takes longer
        return value
    whole = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if whole and allowed(int(value)):
        return int(value)  # small integers of NumPy would overflow in products
    bounds = f"from {least}"
    if most is not None or (whole and int(value) > limit):
        bounds += f" to {limit if most is None else most}"
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
    """`value` as a float (a NumPy scalar would widen float32 arrays). ValueError unless it is an allowed number.

    Nor may it be out of range in float32, in which models compute: 1e50 is infinite there, and 1e-50 is 0.
    """
    meant = _meant(value)
    if meant is not None and allowed(meant):
        held = abs(meant) <= LARGEST and (abs(meant) >= SMALLEST or allowed(0.0))
        if held and isinstance(value, numbers.Real):
            return meant
        if held:
            remedy = f"write {meant!r}"
        elif math.isfinite(meant):
            expected = f"{expected} in float32, whose numbers go from {SMALLEST:.2g} to {LARGEST:.2g}"
    raise ValueError(mismatch(who, expected, shown(value), remedy))


def _meant(value: Any) -> float | None:
    """The number that a number, a text such as "0.1", or an array of no axes stands for; None for anything else."""
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "f") in "bcMm":
        return None
    if not (isinstance(value, (numbers.Real, str)) or getattr(value, "shape", None) == ()):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def flag(who: object, name: str, value: Any) -> bool:
    """`value` as a bool. TypeError unless it is True or False, or 1 or 0: "no" and "False" would be true."""
    if value is True or value is False:
        return value
    boolean = getattr(getattr(value, "dtype", None), "kind", "") == "b" and value.shape == ()
    if boolean or (isinstance(value, numbers.Integral) and value in (0, 1)):
        return bool(value)
    remedy = f"write {name}={'False' if _is_no(value) else 'True'}"
    raise TypeError(mismatch(who, f"{name} as True or False", shown(value), remedy))


def _is_no(value: Any) -> bool:
    empty = value is None or (isinstance(value, (str, bytes, list, tuple, dict, set)) and not value)
    return empty or (isinstance(value, str) and value.lower() in ("no", "false", "0", "off", "none"))


def text(who: object, name: str, value: Any) -> str:
    """`value`; TypeError unless it is text."""
    if isinstance(value, str):
        return value
    raise TypeError(mismatch(who, f"{name} as text", shown(value), f"write {name}={str(shown(value))[:20]!r}"))


def function(who: object, name: str, value: Any, *, remedy: str) -> Any:
    """`value`; TypeError unless it is a function, or a class or object that can be called like one; a model cannot."""
    if callable(value) and (isinstance(value, type) or not hasattr(value, "forward")):
        return value
    raise TypeError(mismatch(who, f"{name} as a function", shown(value), remedy))


def one_of(who: object, name: str, value: Any, known: Iterable[str]) -> str:
    """`value`; ValueError, which names the closest, unless it is one of the `known` words."""
    known = tuple(known)
    if isinstance(value, str) and value in known:
        return value
    raise ValueError(f"{who}: {unknown_name(name, value, known)}")


def file_name(who: object, value: Any) -> Any:
    """`value`; TypeError or ValueError unless it is text or a path that can name a file.

    Python's `open` also takes a number, of a file that is open already, and closes that in the end.
    """
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(mismatch(who, "the name of a file or folder", shown(value), "give text or a pathlib.Path"))
    name = os.fspath(value)
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(mismatch(who, "the name of a file or folder", shown(name), "give a name such as 'data/a'"))
    return value


def shown(value: Any) -> str:
    """`value` in a message: numbers of NumPy like those of Python, arrays by shape, long values shortened."""
    if type(value) is str and len(value) < 60:
        return repr(value)
    if getattr(value, "shape", ()) != ():
        return f"an array of shape {tuple(value.shape)}"
    if isinstance(value, numbers.Integral) and abs(int(value)) > 2**256:
        return f"a number of {int(value).bit_length()} bits"  # Python refuses to print the largest
    if isinstance(value, (str, bytes)):
        value = value[:100]
    shown_as = str(value) if isinstance(value, numbers.Number) else " ".join(repr(value).split())
    return shown_as if len(shown_as) <= 80 else shown_as[:76] + " ..."


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
    return one_line(f"unknown {kind} {shown(name)}; {hint} Known: {', '.join(known)}")


def closest(name: object, known: Sequence[str]) -> str | None:
    """The known name that a misspelt one is closest to; None if none is close."""
    import difflib  # here, for start-up time: only a misspelt name needs it

    return next(iter(difflib.get_close_matches(shown(name).strip("'"), known, n=1)), None)
