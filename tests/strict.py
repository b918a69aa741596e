"""A stand-in for CuPy that needs no GPU: arrays that refuse to meet plain NumPy ones.

Its module offers NumPy's functions by name, but only on StrictArrays. Whatever CuPy would refuse, it refuses: an
operator or a function that mixes in a NumPy array, an implicit conversion to NumPy, an `out=` of the other kind. Like
CuPy it answers a reduction with a 0-d array, not a number. Reading one back (`float(loss)`) is allowed and counted in
`reads`, because on a GPU each one waits for the device.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinynet.arrays import Device, register_array_type

reads = 0
functions_used: set[str] = set()


class StrictArray:
    """A device array: the numbers are in `_host`, and nothing but this module looks there."""

    __array_ufunc__ = None  # NumPy's operators give way to ours
    __hash__ = None

    def __init__(self, host: np.ndarray) -> None:
        self._host = host

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("implicit conversion of a device array to NumPy; use .get()")

    def get(self) -> np.ndarray:
        """A copy on the host."""
        _count_read()
        return self._host.copy()

    def __float__(self) -> float:
        _count_read()
        return float(self._host)

    def __int__(self) -> int:
        _count_read()
        return int(self._host)

    def __bool__(self) -> bool:
        _count_read()
        return bool(self._host)

    def __index__(self) -> int:
        raise TypeError("a device array cannot be used as an index of Python")

    def __iter__(self) -> Any:
        raise TypeError("iterating over a device array reads it element by element")

    def __len__(self) -> int:
        return len(self._host)

    def __getitem__(self, key: Any) -> StrictArray:
        return wrap(self._host[unwrap(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self._host[unwrap(key)] = unwrap(value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in _ALLOWED_ATTRIBUTES:
            raise AttributeError(f"CuPy arrays have no {name!r} that tinynet may use")
        found = getattr(self._host, name)
        if callable(found):
            return lambda *args, **kwargs: wrap(found(*unwrap(args), **unwrap(kwargs)))
        return wrap(found)

    def __deepcopy__(self, memo: Any) -> StrictArray:
        return StrictArray(self._host.copy())


_ALLOWED_ATTRIBUTES = {
    "T", "all", "any", "argmax", "argmin", "astype", "copy", "dtype", "fill", "itemsize", "max", "mean", "min",
    "ndim", "nbytes", "reshape", "shape", "size", "std", "strides", "sum", "transpose", "view",
}  # fmt: skip


def _operator(name: str) -> Any:
    function = getattr(operator, name)
    return lambda self, other: wrap(function(self._host, unwrap(other)))


def _reflected(name: str) -> Any:
    function = getattr(operator, name)
    return lambda self, other: wrap(function(unwrap(other), self._host))


def _unary(name: str) -> Any:
    function = getattr(operator, name)
    return lambda self: wrap(function(self._host))


def _in_place(name: str) -> Any:
    function = getattr(operator, name)

    def apply(self: StrictArray, other: Any) -> StrictArray:
        function(self._host, unwrap(other))
        return self

    return apply


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor", "rshift",
              "lshift"):  # fmt: skip
    _plain = _name.rstrip("_")
    setattr(StrictArray, f"__{_plain}__", _operator(_name))
    setattr(StrictArray, f"__r{_plain}__", _reflected(_name))
    setattr(StrictArray, f"__i{_plain}__", _in_place("i" + _plain))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(StrictArray, f"__{_name}__", _operator(_name))
for _name in ("neg", "invert", "abs"):
    setattr(StrictArray, f"__{_name}__", _unary(_name))


def unwrap(value: Any) -> Any:
    """The host side of device arrays in an argument. TypeError for a NumPy array, which CuPy would refuse."""
    if isinstance(value, StrictArray):
        return value._host
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>: a NumPy array met a device array")
    if isinstance(value, tuple):
        return tuple(map(unwrap, value))
    if isinstance(value, list):
        return list(map(unwrap, value))
    if isinstance(value, dict):
        return {name: unwrap(part) for name, part in value.items()}
    return value


def wrap(value: Any) -> Any:
    """A result as a device array; a number becomes a 0-d one, as on a GPU."""
    if isinstance(value, (np.ndarray, np.generic)):
        return StrictArray(np.asarray(value))
    if isinstance(value, (tuple, list)) and value and isinstance(value[0], np.ndarray):
        return type(value)(map(wrap, value))
    return value


def _count_read() -> None:
    global reads
    reads += 1


class StrictModule:
    """NumPy's functions for StrictArrays; `functions_used` remembers which were asked for."""

    __name__ = "strict"

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        functions_used.add(name)
        if isinstance(found, type) or not callable(found) or name in ("finfo", "iinfo", "dtype"):
            return found
        return lambda *args, **kwargs: wrap(found(*unwrap(args), **unwrap(kwargs)))

    class lib:
        """NumPy's `lib`, as much of it as is used."""

        class stride_tricks:
            @staticmethod
            def as_strided(x: StrictArray, shape: tuple[int, ...], strides: tuple[int, ...]) -> StrictArray:
                return wrap(np.lib.stride_tricks.as_strided(unwrap(x), shape, strides))

    @staticmethod
    def asarray(value: Any, dtype: Any = None) -> StrictArray:
        """The one door from the host."""
        functions_used.add("asarray")
        return value if isinstance(value, StrictArray) else StrictArray(np.array(value, dtype))


class StrictDevice(Device):
    """The device that StrictArrays live on."""

    name = "strict"
    on_host = False
    module = StrictModule()

    def put(self, array: Any) -> StrictArray:
        return self.module.asarray(array)


device = StrictDevice()
StrictModule.device = device  # type: ignore[attr-defined]
register_array_type(StrictArray, StrictDevice.module)
