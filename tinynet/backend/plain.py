"""Read what a caller gives as an array: lists, tables and tensors become plain arrays, or are refused by name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Set, ValuesView
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array, array_module, ignoring
from tinynet.errors import DataError, mismatch, shown

_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)
_MISSING = {"NoneType", "NAType", "NaTType"}  # the types of None, pandas.NA and pandas.NaT


def plain_array(x: Any, who: object, name: str = "x", strings: bool = False) -> Array:
    """`x` as a plain NumPy array in native byte order; an array on a device is returned as it is.

    Values and order are those of `numpy.asarray(x)`: rows of a pandas object are counted by position, whatever its
    index. An array that is plain already is not copied. The result has one axis at least, and numbers or booleans;
    with `strings`, possibly text. Raises DataError, with the call that makes an array, for anything else: masked or
    missing values, sets, dicts, iterators, rows of unequal length, complex numbers, dates, records.
    """
    array = x if type(x) is np.ndarray or _on_device(x) else _read(x, who, name)
    if array.ndim == 0:
        remedy = f"give one entry for each example: [{name}] for a single one"
        raise DataError(mismatch(who, f"{name} with an axis of examples", f"the single value {array!s}", remedy))
    if array.dtype.kind == "O":
        array = _from_objects(array, who, name)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind in "biuf" or (strings and array.dtype.kind in "UT"):
        return array
    raise DataError(mismatch(who, f"{name} of numbers", _received(array), _remedy(array, name)))


def converted(array: Array, dtype: Any, who: object, name: str) -> Array:
    """`array` as `dtype`. DataError if a finite number becomes infinite by it, as 1e300 does in float32."""
    with ignoring("over", "under"):
        new = array.astype(dtype)
    if array.dtype.kind == "f" and array.dtype.itemsize > new.dtype.itemsize:
        xp = array_module(array)
        lost = xp.isfinite(array) & ~xp.isfinite(new)
        if bool(lost.any()):
            most = float(xp.finfo(new.dtype).max)
            largest = abs(array[lost]).max()  # of long doubles, float() would be infinite
            expected = f"numbers up to {most:g}, the largest in {new.dtype}"
            remedy = f"scale them: np.asarray({name}) / np.abs({name}).max()"
            raise DataError(mismatch(who, expected, str(largest), remedy))
    return new


def checked_dtype(who: object, dtype: Any, known: tuple[str, ...]) -> np.dtype:
    """`dtype` as NumPy's. ValueError unless it is one of the `known` ones. None, NumPy's float64, is not."""
    given = dtype
    with contextlib.suppress(TypeError, ValueError):  # what NumPy raises for no dtype
        given = np.dtype(dtype) if isinstance(dtype, (str, type, np.dtype)) else dtype
        if isinstance(given, np.dtype) and given in known:
            return np.dtype(given.name)
    expected = f"dtype {' or '.join(repr(each) for each in known)}"
    received = repr(given.name) if isinstance(given, np.dtype) else shown(dtype)
    raise ValueError(mismatch(who, expected, received, "leave it out for float32"))


def _on_device(x: Any) -> bool:
    try:
        return array_module(x) is not np
    except TypeError:
        return False


def _read(x: Any, who: object, name: str) -> np.ndarray:
    """NumPy's own reading of `x`. DataError for what has no order, and for what NumPy cannot read or reads in part."""
    kind, expected = type(x).__name__, f"{name} as an array or a list"
    if isinstance(x, Mapping):
        raise DataError(mismatch(who, expected, f"a {kind}", f"give its values in order: list({name}.values())"))
    if isinstance(x, (Set, ValuesView, Iterator)):
        remedy = f"give a list in the order of the examples{'' if isinstance(x, Set) else f': list({name})'}"
        raise DataError(mismatch(who, expected, f"a {kind}", remedy))
    if isinstance(x, np.ma.MaskedArray) and np.any(x.mask):
        remedy = f"fill them, {name}.filled(0), or leave out those examples"
        raise DataError(mismatch(who, f"{name} without masked values", f"{np.count_nonzero(x.mask)} of them", remedy))
    try:
        array = np.asarray(x)
    except Exception as error:  # any package's arrays can raise anything
        received = f"a {kind} that NumPy cannot read ({error})"
        raise DataError(mismatch(who, expected, received, _remedy_for_unreadable(x, name))) from error
    if array.ndim == 0 and array.dtype.kind == "O":
        remedy = f"use {name}.toarray()" if hasattr(x, "toarray") else f"convert it: np.asarray({name})"
        raise DataError(mismatch(who, expected, f"{x!r:.40}" if x is None else f"a {kind}", remedy))
    if array.dtype.kind in "US" and isinstance(x, (list, tuple)):
        array = np.asarray(x, object)  # np.asarray([1, "a"]) would make text of the number
    return array


def _remedy_for_unreadable(x: Any, name: str) -> str:
    if type(x).__module__.partition(".")[0] != "torch":
        return "give rows of equal length"
    dense = "" if str(x.layout) == "torch.strided" else ".to_dense()"
    number = ".float()" if str(x.dtype) in ("torch.bfloat16", "torch.float8_e4m3fn", "torch.float8_e5m2") else ""
    return f"use {name}.detach().cpu(){dense}{number}.numpy()"


def _from_objects(array: np.ndarray, who: object, name: str) -> np.ndarray:
    """An array of Python objects as an array of numbers, of booleans, of text or of bytes."""
    values = array.ravel().tolist()
    if values and any(all(isinstance(value, kind) for value in values) for kind in (str, bytes)):
        return np.array(values).reshape(array.shape)
    if all(isinstance(value, _NUMBERS) for value in values):
        numbers = np.array(values, float if not values else None).reshape(array.shape)
        if numbers.dtype.kind in "biuf":
            return numbers
    raise _objects_refused(array, values, who, name)


def _objects_refused(array: np.ndarray, values: list[Any], who: object, name: str) -> DataError:
    """The error for objects that are neither all numbers nor all text."""
    for number, value in enumerate(values):
        if type(value).__name__ in _MISSING or (isinstance(value, float) and value != value):
            example = number * len(array) // len(values)
            received = f"{value} in example {example}"
            return DataError(mismatch(who, f"{name} without missing values", received, "clean or drop it"))
    other = next((value for value in values if not isinstance(value, _NUMBERS)), values[0])
    remedy = "give numbers, all in one form"
    if np.ndim(other) > 0:
        remedy = f"use np.stack({name})" if _works(np.stack, values) else "make all of one shape"
    elif not any(isinstance(value, (str, bytes)) for value in values) and _works(np.asarray, array, "float64"):
        remedy = f"use np.asarray({name}, 'float64')"
    return DataError(mismatch(who, f"{name} of numbers", f"objects such as {other!r:.40}", remedy))


def _works(function: Any, *arguments: Any) -> bool:
    """Whether the call that a message would advise works here."""
    try:
        function(*arguments)
    except Exception:  # any object can raise anything
        return False
    return True


def _received(array: np.ndarray) -> str:
    return f"text such as {array.flat[0]!r:.40}" if array.dtype.kind in "UT" and array.size else str(array.dtype)


def _remedy(array: np.ndarray, name: str) -> str:
    """How to make numbers of an array of this dtype."""
    kind, days = array.dtype.kind, "np.timedelta64(1, 'D')"
    if kind in "UT":
        dtype = next((each for each in ("int64", "float64") if _works(np.asarray, array, each)), None)
        return f"use np.asarray({name}, '{dtype}')" if dtype else "give numbers"
    if kind == "V" and array.dtype.names:
        return f"use numpy.lib.recfunctions.structured_to_unstructured({name})"
    if kind == "V" and array.dtype.type is not np.void:  # bfloat16 and the like, of the package ml_dtypes
        return f"use np.asarray({name}, 'float32')"
    return {
        "c": f"use np.real({name}) or np.abs({name})",
        "M": f"count days: (np.asarray({name}) - np.datetime64('1970-01-01')) / {days}",
        "m": f"count days: np.asarray({name}) / {days}",
        "S": f"decode it: np.char.decode(np.asarray({name}, 'S'))",
    }.get(kind, f"use np.asarray({name}).view('uint8').reshape(len({name}), -1)")
