"""Arrays and devices: the one file that knows there is more than NumPy.

Layers and losses ask `xp = array_module(x)` and work in that module; the array decides the device. `find_device`
turns a name ("cpu", "gpu", "gpu:1", "auto") into a `Device`, which moves arrays there and back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from tinynet.backend.memory import keep_freed_memory
from tinynet.errors import DeviceError, mismatch

Array = Any  # a NumPy array, or a CuPy one: both speak the same language, and no type covers the two

ALIGNMENT = 64  # bytes: a cache line, and a full AVX-512 register

_modules: dict[type, Any] = {np.ndarray: np}


def array_module(x: Array) -> Any:
    """The module (`numpy` or `cupy`) whose functions work on `x`. TypeError if `x` is no array."""
    module = _modules.get(type(x))
    return module if module is not None else _look_up_module(x)


def register_array_type(array_type: type, module: Any) -> None:
    """Let arrays of `array_type` be used everywhere, with the functions of `module` (NumPy's names and meaning)."""
    _modules[array_type] = module


def _look_up_module(x: Array) -> Any:
    if isinstance(x, (np.ndarray, np.generic)):
        return np
    if type(x).__module__.partition(".")[0] == "cupy":
        register_array_type(type(x), _import_cupy())
        return _modules[type(x)]
    raise TypeError(f"expected a NumPy or CuPy array, got {type(x).__name__}; convert it with numpy.asarray(...)")


class Device:
    """A place where arrays live. This base class is the CPU; `GPU` overrides what differs there."""

    name = "cpu"
    module: Any = np
    on_host = True  # reading a number back costs nothing

    def put(self, array: Array) -> Array:
        """`array` on this device: itself if it is here already, else a copy."""
        return to_numpy(array)

    def active(self) -> contextlib.AbstractContextManager[Any]:
        """A context in which new arrays are made on this device."""
        keep_freed_memory()
        return contextlib.nullcontext()

    def synchronize(self) -> None:
        """Wait until everything asked of this device is done."""

    def free_memory(self) -> int | None:
        """How many bytes are to be had here; None where the system sees to it."""
        return None

    def kernels(self) -> Any:
        """Kernels of our own for this device (see backend/gpu/kernels.py); None: array operations do everything."""
        return None

    def recorder(self, precision: str) -> Any:
        """What records a training step to repeat it (see training/recorded.py); None where that would gain nothing."""
        return None

    def multiplier(self, precision: str) -> Any:
        """What `matmul` is to multiply with in that precision; None: the array module's own products have it."""
        from tinynet.backend.matmul import rounding_multiplier  # here, for products are of arrays

        return rounding_multiplier(precision)

    def __repr__(self) -> str:
        return f"<device {self.name}>"


class GPU(Device):
    """One CUDA device, through CuPy."""

    on_host = False

    def __init__(self, index: int) -> None:
        self.name, self.index = f"gpu:{index}", index
        self.module = _import_cupy()

    def put(self, array: Array) -> Array:
        with self.active():
            return self.module.asarray(array)

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        with self.module.cuda.Device(self.index):
            try:
                yield
            except self.module.cuda.memory.OutOfMemoryError as error:
                remedy = "lower batch_size, keep images as uint8, or end what else uses this GPU"
                raise DeviceError(mismatch(self.name, "enough memory", f"too little ({error})", remedy)) from error

    def synchronize(self) -> None:
        with self.active():
            self.module.cuda.get_current_stream().synchronize()

    def free_memory(self) -> int | None:
        with self.active():
            free: int = self.module.cuda.runtime.memGetInfo()[0]
            return free + int(self.module.get_default_memory_pool().free_bytes())

    def kernels(self) -> Any:
        from tinynet.backend.gpu.kernels import kernels_on  # nobody else needs them

        return kernels_on(self.index)

    def recorder(self, precision: str) -> Any:
        from tinynet.training.recorded import CudaRecorder

        return CudaRecorder(self, precision)

    def multiplier(self, precision: str) -> Any:
        from tinynet.backend.gpu.cublas import CuBLAS
        from tinynet.backend.matmul import check_precision

        if check_precision(precision) == "float32" and os.environ.get("CUPY_TF32", "0") == "0":
            return None
        return CuBLAS(self.module.cuda.get_current_stream(), self.module, precision, self.kernels())

    def capability(self) -> str:
        """Its compute capability: "9.0" of an H200."""
        number = self.module.cuda.Device(self.index).compute_capability
        return f"{number[:-1]}.{number[-1]}"

    def describe(self) -> str:
        """The GPU's own name, as its driver tells it."""
        return self.module.cuda.runtime.getDeviceProperties(self.index)["name"].decode()


CPU = Device()


def find_device(device: str | Device) -> Device:
    """The device named "cpu", "gpu" (the first), "gpu:N", or "auto" (a GPU if one works, else the CPU).

    DeviceError says why a GPU cannot be used: no CuPy, no driver, no device, or one that fails at its first sum.
    """
    if isinstance(device, Device):
        return device
    kind, colon, index = device.partition(":")
    if device == "cpu":
        return CPU
    if device == "auto":
        return CPU if gpu_problem() else GPU(0)
    if kind != "gpu" or (colon and not index.isdecimal()):
        raise DeviceError(f"device: expected 'auto', 'cpu', 'gpu' or 'gpu:N', got {device!r}; use 'cpu' if in doubt")
    problem = gpu_problem(int(index or 0))
    if problem:
        raise DeviceError(f"device {device!r} cannot be used: {problem}")
    return GPU(int(index or 0))


def device_of(array: Array) -> Device:
    """The device on which `array` lives."""
    module = array_module(array)
    if module is np:
        return CPU
    if module.__name__ == "cupy":
        return GPU(array.device.id)
    device: Device = module.device
    return device


def kernels_for(array: Array) -> Any:
    """The kernels of our own where `array` lives; None: array operations do everything."""
    return None if type(array) is np.ndarray else device_of(array).kernels()


def gpu_problem(index: int = 0) -> str | None:
    """Why GPU number `index` cannot be used, with the remedy; None if it works, which is tried, not assumed."""
    install = "install it with: pip install 'tinynet[gpu-cuda12]' (or gpu-cuda13; the driver's version decides)"
    try:
        cupy = _import_cupy()
    except ImportError as error:
        return f"CuPy is not installed ({error}); {install}"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        found = f"CuPy {cupy.__version__} found no NVIDIA driver or device ({error})"
        fitting = install.replace("install it with", "or the CuPy that fits it")
        return f"{found}; install the NVIDIA driver, {fitting}; or use the device 'cpu'"
    if index >= count:
        return f"there is no GPU number {index}, only {count} GPU(s), counted from 0; use gpu:{count - 1} or lower"
    try:
        with cupy.cuda.Device(index):
            ones = cupy.ones((2, 2), cupy.float32)
            if float((ones @ ones).sum()) != 8.0:
                return "it computed a wrong sum; check the GPU"
    except Exception as error:  # a missing header, a broken library, no memory: all of it means "not usable"
        return f"its first kernel and matrix product failed ({type(error).__name__}: {error}); {install}"
    return None


def is_finite(array: Array) -> bool:
    """Whether there is neither NaN nor infinity in it."""
    return bool(array_module(array).isfinite(array).all())


def to_numpy(array: Array) -> np.ndarray:
    """`array` as a NumPy array on the host; no copy if it is one already."""
    if hasattr(array, "get") and not isinstance(array, np.ndarray):
        return np.asarray(array.get())
    return np.asarray(array)


def aligned_zeros(count: int, dtype: Any, module: Any = np) -> Array:
    """A vector of zeros that begins on a 64-byte boundary (CuPy's allocator always does)."""
    if module is not np:
        return module.zeros(count, dtype)
    dtype = np.dtype(dtype)
    memory = np.zeros(count * dtype.itemsize + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + count * dtype.itemsize].view(dtype)


def _import_cupy() -> ModuleType:
    import cupy  # the only import of CuPy in the project

    return cupy
