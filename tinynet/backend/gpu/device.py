"""The device "gpu": one CUDA device, used through CuPy. The only file that imports CuPy."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from tinynet.backend.arrays import Array, Device
from tinynet.backend.gpu.cublas import CuBLAS
from tinynet.backend.gpu.kernels import Kernels, kernels_on
from tinynet.backend.gpu.recorder import CudaRecorder
from tinynet.backend.matmul import Multiplier, check_precision
from tinynet.errors import DeviceError, mismatch

INSTALL = "pip install cupy-cuda12x (or cupy-cuda13x; the driver's version decides)"


class GPU(Device):
    """One CUDA device, used through CuPy."""

    on_host = False

    def __init__(self, index: int) -> None:
        self.name, self.index = f"gpu:{index}", index
        self.module = import_cupy()

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

    def kernels(self) -> Kernels | None:
        return kernels_on(self)

    def recorder(self, precision: str) -> CudaRecorder:
        return CudaRecorder(self, precision)

    def multiplier(self, precision: str) -> Multiplier | None:
        if check_precision(precision) == "float32" and os.environ.get("CUPY_TF32", "0") == "0":
            return None
        return CuBLAS(self.module.cuda.get_current_stream(), self.module, precision, self.kernels())

    def manifest(self) -> dict[str, str | None]:
        return {"gpu": self.describe(), "cupy": self.module.__version__}

    def capability(self) -> str:
        """The compute capability: "9.0" for an H200."""
        number = self.module.cuda.Device(self.index).compute_capability
        return f"{number[:-1]}.{number[-1]}"

    def describe(self) -> str:
        """The model name that the driver reports."""
        name: Any = self.module.cuda.runtime.getDeviceProperties(self.index)["name"]
        return name.decode()


def gpu_problem(index: int = 0) -> str | None:
    """Why GPU number `index` cannot be used, with the remedy; None if a small computation on it succeeds."""
    try:
        cupy = import_cupy()
    except ImportError as error:
        return f"CuPy is not installed ({error}); install it with: {INSTALL}"
    except Exception as error:  # its import makes a folder, and a broken CuPy may raise anything
        found = f"CuPy cannot be imported ({type(error).__name__}: {error})"
        return f"{found}; set CUPY_CACHE_DIR to a folder of yours, or use the device 'cpu'"
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        found = f"CuPy {cupy.__version__} found no NVIDIA driver or device ({error})"
        return f"{found}; install the NVIDIA driver, or the CuPy that fits it: {INSTALL}; or use the device 'cpu'"
    if not count:
        return f"CuPy {cupy.__version__} found no GPU; use the device 'cpu'"
    if index >= count:
        return f"there is no GPU number {index}, only {count} GPU(s), counted from 0; use 0 to {count - 1}"
    try:
        with cupy.cuda.Device(index):
            ones = cupy.ones((2, 2), cupy.float32)
            if float((ones @ ones).sum()) != 8.0:
                return "it computed a wrong sum; check the GPU"
    except Exception as error:  # a missing header, a broken library, no memory: each makes the GPU unusable
        failed = f"its first kernel and matrix product failed ({type(error).__name__}: {error})"
        return f"{failed}; install the CuPy that fits the driver: {INSTALL}"
    return None


def import_cupy() -> ModuleType:
    """The module `cupy`. This is the project's only import of it. Raises ImportError where it is missing."""
    import cupy  # an optional dependency, and slow to import

    return cupy
