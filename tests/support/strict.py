"""A stand-in for CuPy that needs no GPU: its arrays refuse to be mixed with NumPy arrays.

Its module has NumPy's functions, for StrictArrays only. It refuses what CuPy refuses: an operator or a function with a
NumPy array among its arguments, an implicit conversion to NumPy, an `out=` of the other kind. Like CuPy it returns a
0-d array from a reduction, not a number. Reading one back (`float(loss)`) is allowed and counted in `reads`, because on
a GPU each such read waits for the device.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinynet.backend.arrays import Device, register_array_type
from tinynet.backend.matmul import rounding_multiplier

reads = 0
tape: Any = None  # while a step is recorded: functions that repeat its operations in the same memory
functions_used: set[str] = set()


class StrictArray:
    """A device array. Its numbers are in `_host`, which only this module uses."""

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
        return _result(self._host.__getitem__, unwrap(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        key, value = unwrap(key), unwrap(value)
        do(lambda: self._host.__setitem__(key, value))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in _ALLOWED_ATTRIBUTES:
            raise AttributeError(f"CuPy arrays have no {name!r} that tinynet may use")
        found = getattr(self._host, name)
        if callable(found):
            return lambda *args, **kwargs: _result(found, *unwrap(args), **unwrap(kwargs))
        return wrap(found)

    def __deepcopy__(self, memo: Any) -> StrictArray:
        return StrictArray(self._host.copy())


_ALLOWED_ATTRIBUTES = {
    "T", "all", "any", "argmax", "argmin", "astype", "copy", "dtype", "fill", "itemsize", "max", "mean", "min",
    "ndim", "nbytes", "reshape", "shape", "size", "std", "strides", "sum", "transpose", "view",
}  # fmt: skip


def _operator(name: str) -> Any:
    function = getattr(operator, name)
    return lambda self, other: _result(function, self._host, unwrap(other))


def _reflected(name: str) -> Any:
    function = getattr(operator, name)
    return lambda self, other: _result(function, unwrap(other), self._host)


def _unary(name: str) -> Any:
    function = getattr(operator, name)
    return lambda self: _result(function, self._host)


def _in_place(name: str) -> Any:
    function = getattr(operator, name)

    def apply(self: StrictArray, other: Any) -> StrictArray:
        other = unwrap(other)
        do(lambda: function(self._host, other))
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
    """An argument with NumPy arrays in place of device arrays. Raises TypeError for a NumPy array, as CuPy does."""
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
    """A result as a device array; a number becomes a 0-d array, as on a GPU."""
    if isinstance(value, (np.ndarray, np.generic)):
        return StrictArray(np.asarray(value))
    if isinstance(value, (tuple, list)) and value and isinstance(value[0], np.ndarray):
        return type(value)(map(wrap, value))
    return value


def _count_read() -> None:
    global reads
    if tape is not None:
        raise RuntimeError("operation not permitted when stream is capturing: a value was read back")
    reads += 1


def do(call: Any) -> None:
    """Call a function that changes arrays in place, and put it on the tape if one is running."""
    call()
    if tape is not None:
        tape.append(call)


def _result(function: Any, *args: Any, **kwargs: Any) -> Any:
    """The result of `function` on host values, as a device array. A running tape records how to compute it again.

    A view need not be computed again. The tape keeps Python numbers as they were, because a CUDA graph keeps them, too.
    """
    made = function(*args, **kwargs)
    if isinstance(made, np.generic):
        made = np.asarray(made)
    if tape is not None and isinstance(made, np.ndarray):
        inputs = [*args, getattr(function, "__self__", None)]
        is_out = any(made is each for each in (*args, *kwargs.values()))
        if is_out:
            tape.append(lambda: function(*args, **kwargs))
        elif not any(isinstance(each, np.ndarray) and np.shares_memory(made, each) for each in inputs):
            tape.append(lambda: made.__setitem__(..., function(*args, **kwargs)))
    return wrap(made)


class StrictModule:
    """NumPy's functions for StrictArrays; `functions_used` collects the names of those that were used."""

    __name__ = "strict"

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        functions_used.add(name)
        if isinstance(found, type) or not callable(found) or name in ("finfo", "iinfo", "dtype"):
            return found
        return lambda *args, **kwargs: _result(found, *unwrap(args), **unwrap(kwargs))

    class lib:
        """The part of NumPy's `lib` that is used."""

        class stride_tricks:
            @staticmethod
            def as_strided(x: StrictArray, shape: tuple[int, ...], strides: tuple[int, ...]) -> StrictArray:
                return wrap(np.lib.stride_tricks.as_strided(unwrap(x), shape, strides))  # a view: nothing to record

    @staticmethod
    def asarray(value: Any, dtype: Any = None) -> StrictArray:
        """Copy from the host: the only function that accepts NumPy arrays."""
        functions_used.add("asarray")
        if tape is not None and not isinstance(value, StrictArray):
            raise RuntimeError("operation not permitted when stream is capturing: numbers came from the host")
        return value if isinstance(value, StrictArray) else StrictArray(np.array(value, dtype))


class StrictDevice(Device):
    """The device that StrictArrays live on."""

    name = "strict"
    on_host = False
    module = StrictModule()
    own_kernels: Any = None  # a test may set them
    records = False

    def kernels(self) -> Any:
        return self.own_kernels

    def recorder(self, precision: str) -> Any:
        return Recorder() if self.records else None

    def multiplier(self, precision: str) -> Any:
        multiply = rounding_multiplier(precision)
        if multiply is None:
            return None
        return lambda a, b, out=None: wrap(multiply(unwrap(a), unwrap(b), None if out is None else unwrap(out)))

    def put(self, array: Any) -> StrictArray:
        return self.module.asarray(array)


class Recorder:
    """A CUDA graph without CUDA: a tape records operations on arrays and repeats them in the same memory.

    While the tape records, nothing may be read back and nothing copied from the host, as in a capture.
    """

    def __init__(self) -> None:
        self.launches = 0

    def run(self, function: Any) -> None:
        function()

    def record(self, function: Any) -> Any:
        global tape
        tape = calls = []
        try:
            function()
        finally:
            tape = None

        def launch() -> None:
            for call in calls:
                call()
            self.launches += 1

        return launch


device = StrictDevice()
StrictModule.device = device  # type: ignore[attr-defined]
register_array_type(StrictArray, StrictDevice.module)
