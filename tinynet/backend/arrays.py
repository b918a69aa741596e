"""Arrays and devices.

Layers and losses ask `xp = array_module(x)` and call its functions, so the array decides where the computation runs.
`find_device` turns a name ("cpu", "gpu", "gpu:1", "auto") into a `Device`, which moves arrays to itself. This file
holds the CPU; other kinds of device register themselves (see backend/gpu/__init__.py).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinynet.errors import DeviceError, mismatch, shown

Array = Any  # a NumPy or a CuPy array: they share one interface, but no type covers both

ALIGNMENT = 64  # bytes: a cache line, and a full AVX-512 register

_modules: dict[type, Any] = {np.ndarray: np}


def array_module(x: Array) -> Any:
    """The module (`numpy` or `cupy`) whose functions work on `x`. Raises TypeError if `x` is not an array."""
    module = _modules.get(type(x))
    return module if module is not None else _look_up_module(x)


@contextlib.contextmanager
def ignoring(*errors: str) -> Iterator[None]:
    """A context, or a decorator, in which NumPy ignores these errors ("under", "over", "all", ...).

    It undoes the caller's np.seterr(all="raise"). Networks rely on underflow: exp of a far smaller logit is 0.
    """
    settings: Any = dict.fromkeys(errors, "ignore")
    with np.errstate(**settings):
        yield


def register_array_type(array_type: type, module: Any) -> None:
    """Let arrays of `array_type` be used everywhere; `module` has NumPy's functions for them."""
    _modules[array_type] = module


def _look_up_module(x: Array) -> Any:
    if isinstance(x, np.ma.MaskedArray):  # NumPy's functions would use what the mask hides
        raise TypeError("expected a NumPy or CuPy array, got MaskedArray; convert it with x.filled(0)")
    if isinstance(x, (np.ndarray, np.generic)) and not isinstance(
        x, np.matrix
    ):  # a matrix has its own product and axes
        return np
    package = type(x).__module__.partition(".")[0]
    if package in _packages:
        register_array_type(type(x), sys.modules[package])  # already imported, since this is an array of it
        return _modules[type(x)]
    raise TypeError(f"expected a NumPy or CuPy array, got {type(x).__name__}; convert it with numpy.asarray(...)")


class Device:
    """Where arrays live and are computed on. This base class is the CPU; other devices override what differs there."""

    name = "cpu"
    module: Any = np
    on_host = True  # whether Python can read numbers of its arrays without a transfer

    def put(self, array: Array) -> Array:
        """Return `array` on this device: the same array if it is there already, else a copy."""
        return to_numpy(array)

    def active(self) -> contextlib.AbstractContextManager[Any]:
        """A context in which new arrays are made on this device."""
        return contextlib.nullcontext()

    def synchronize(self) -> None:
        """Wait until the device has finished everything it was asked to do."""

    def free_memory(self) -> int | None:
        """The number of free bytes on the device; None for the CPU, where the operating system manages memory."""
        return None

    def kernels(self) -> Any:
        """The fused kernels for this device (backend/gpu/kernels.py); None if array operations do all the work."""
        return None

    def recorder(self, precision: str) -> Any:
        """A recorder for training steps (backend/gpu/recorder.py); None if the device has none."""
        return None

    def multiplier(self, precision: str) -> Any:
        """The device's function for products in `precision` (see backend/matmul.py); None: its module's `matmul`."""
        return None

    def manifest(self) -> dict[str, str | None]:
        """The GPU's model and the version of CuPy, for the record of a run's environment."""
        return {"gpu": None, "cupy": None}

    def __repr__(self) -> str:
        return f"<device {self.name}>"


CPU = Device()

_devices: dict[str, tuple[Callable[[int], Device], Callable[[int], str | None]]] = {}
_packages: dict[str, Callable[[Array], Device]] = {}


def register_device(kind: str, make: Callable[[int], Device], problem: Callable[[int], str | None]) -> None:
    """Let `find_device` find "KIND" and "KIND:N".

    make(N) returns the device with that number; problem(N) says why it cannot be used, or returns None if it can.
    """
    _devices[kind] = make, problem


def register_array_package(package: str, device_of_array: Callable[[Array], Device]) -> None:
    """Let the arrays of a Python package be used everywhere; `device_of_array` returns the device of one of them."""
    _packages[package] = device_of_array


def find_device(device: str | Device) -> Device:
    """The device named "cpu", "gpu" (the first), "gpu:N", or "auto" (a GPU if one works, else the CPU).

    Raises DeviceError, with the reason, for a GPU that cannot be used: no CuPy, no driver, no such device, or a
    failure in its first computation.
    """
    if isinstance(device, Device):
        return device
    if not isinstance(device, str):
        expected, remedy = "'auto', 'cpu', 'gpu' or 'gpu:N'", "use 'cpu' if in doubt"
        raise TypeError(mismatch("device", expected, shown(device), remedy))
    if device == "cpu":
        return CPU
    if device == "auto":
        return next((make(0) for make, problem in _devices.values() if problem(0) is None), CPU)
    kind, colon, number = device.partition(":")
    if kind not in _devices or (colon and not (number.isdecimal() and len(number) < 5)):
        expected, remedy = "'auto', 'cpu', 'gpu' or 'gpu:N'", "use 'cpu' if in doubt"
        raise DeviceError(mismatch("device", expected, shown(device), remedy))
    make, problem = _devices[kind]
    reason = problem(int(number or 0))
    if reason is not None:
        raise DeviceError(f"device {device!r} cannot be used: {reason}")
    return make(int(number or 0))


def device_of(array: Array) -> Device:
    """The device on which `array` lives."""
    module = array_module(array)
    if module is np:
        return CPU
    if module.__name__ in _packages:
        return _packages[module.__name__](array)
    device: Device = module.device  # an array type registered without a package brings its device
    return device


def kernels_for(array: Array) -> Any:
    """The fused kernels of the device on which `array` lives; None if array operations do all the work there."""
    return None if type(array) is np.ndarray else device_of(array).kernels()


def is_finite(array: Array) -> bool:
    """Whether the array holds neither NaN nor infinity."""
    return bool(array_module(array).isfinite(array).all())


def to_numpy(array: Array) -> np.ndarray:
    """`array` as a NumPy array on the host; a NumPy array is returned without a copy."""
    if hasattr(array, "get") and not isinstance(array, np.ndarray):
        return np.asarray(array.get())
    return np.asarray(array)


def check_memory(who: object, needed: int) -> None:
    """Raise MemoryError if `needed` bytes are more than the memory of this machine, before any is allocated."""
    if needed > _memory():
        raise out_of_memory(who, needed)


def out_of_memory(who: object, needed: int) -> MemoryError:
    """The error for arrays of `needed` bytes that the system cannot give."""
    return MemoryError(mismatch(who, "arrays that fit into memory", f"{needed / 1e9:,.1f} GB", "choose smaller sizes"))


def _memory() -> int:
    """The bytes of memory of this machine; where that is unknown, of any."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 2**48


def aligned_zeros(count: int, dtype: Any, module: Any = np) -> Array:
    """A vector of zeros that begins on a 64-byte boundary (as all memory from CuPy does)."""
    if module is not np:
        return module.zeros(count, dtype)
    dtype = np.dtype(dtype)
    memory = np.zeros(count * dtype.itemsize + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + count * dtype.itemsize].view(dtype)
