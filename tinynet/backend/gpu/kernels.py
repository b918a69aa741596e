"""Kernels of our own, in CUDA: what they are called with. Each stands beside the array formula that it replaces.

    activations.cu   Dense's bias, the activation and the mask after it   layers/dense, activations, dropout
    gather.cu        a batch out of pictures of bytes, scaled             Dataset.inputs
    loss.cu          softmax cross-entropy, its gradient, hits            losses.py
    optimizers.cu    a rule over theta                                    optimizers/
    random.cu        Philox words, keys of a shuffle                      random.py
    bfloat16.cu      factors of a product in bfloat16

TINYNET_KERNELS=0 turns them off: then array operations do everything. They are compiled without contraction of
a * b + c, so that what has no exp or log in it gives the very bits of the formula.
"""

from __future__ import annotations

import os
import re
import warnings
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array, Device, array_module

FOLDER = Path(__file__).parent
SOURCES = ("activations", "bfloat16", "gather", "loss", "optimizers", "random")
OPTIONS = ("-std=c++14", "-fmad=false")
THREADS = 256  # in a block


def source(name: str) -> str:
    """The text of NAME.cu with what it includes in it: a compiler then needs no folder, and a cache sees all of it."""
    text = (FOLDER / f"{name}.cu").read_text(encoding="utf-8")
    return re.sub(r'#include "(\w+\.cuh)"', lambda found: (FOLDER / found[1]).read_text(encoding="utf-8"), text)


def signatures(name: str) -> dict[str, str]:
    """The kernels in NAME.cu, with their parameters as they stand there."""
    found = re.findall(r'extern "C" __global__ void (\w+)\(([^)]*)\)', source(name))
    return {kernel: " ".join(parameters.split()) for kernel, parameters in found}


@cache
def file_of(kernel: str) -> str:
    """The source that a kernel is in."""
    return next(name for name in SOURCES if kernel in signatures(name))


def enabled() -> bool:
    """Whether the kernels are wanted: unless TINYNET_KERNELS is 0."""
    return os.environ.get("TINYNET_KERNELS", "1") != "0"


class Kernels:
    """What launches a kernel. Whole numbers go there as 64 bits, others in the dtype of the run, None as no address."""

    def launch(self, kernel: str, threads: int, dtype: Any, *arguments: Any) -> None:
        """At least `threads` threads of `kernel`, compiled for numbers of `dtype`, on the current stream."""
        raise NotImplementedError

    # Random numbers ---------------------------------------------------------------------------------------------------

    def words(self, count: int, start: int, key: tuple[int, int], step: Any, like: Array) -> Array:
        """Stream.words."""
        out = array_module(like).empty(count, "uint64")
        blocks = -(-(start % 4 + count) // 4)
        self.launch("words", blocks, "float32", out, count, start, *key, *step_arguments(step))
        return out

    def shuffle_keys(self, count: int, low_bits: int, key: tuple[int, int], step: int, like: Array) -> Array:
        """What Stream.permutation sorts."""
        out = array_module(like).empty(count, "uint64")
        self.launch("shuffle_keys", -(-count // 4), "float32", out, count, low_bits, *key, step)
        return out

    # Batches ----------------------------------------------------------------------------------------------------------

    def gather(self, images: Array, chosen: Array, dtype: Any, mean: float, deviation: float) -> Array:
        """Dataset.inputs of uint8 images."""
        out = array_module(images).empty((len(chosen), *images.shape[1:]), dtype)
        numbers = (1 / (255 * deviation), mean / deviation, int(mean != 0))
        columns = images.size // len(images)
        self.launch("gather_pixels", out.size, dtype, out, images, chosen, len(chosen), columns, *numbers)
        return out

    # Products ---------------------------------------------------------------------------------------------------------

    def to_bfloat16(self, x: Array) -> Array:
        """A float32 matrix rounded to bfloat16, as uint16, laid out as it was where its elements stand side by side."""
        if rows_first(x):
            return self._rounded(x)
        if rows_first(x.T):
            return self._rounded(x.T).T
        return self._rounded(array_module(x).array(x, order="C"))

    def _rounded(self, x: Array) -> Array:
        out = array_module(x).empty(x.shape, "uint16")
        self.launch("to_bfloat16", x.size, "float32", out, x, x.size)
        return out


def rows_first(x: Array) -> bool:
    """Whether the elements stand in memory without gaps, the last axis the nearest."""
    expected = x.itemsize
    for size, stride in zip(reversed(x.shape), reversed(x.strides)):
        if size > 1 and stride != expected:
            return False
        expected *= size
    return True


def step_arguments(step: Any) -> tuple[Any, int]:
    """A step as kernels take it: where it stands on the device, and what is added to that."""
    return (step, 0) if hasattr(step, "dtype") and step.ndim == 0 and not isinstance(step, np.generic) else (None, step)


class CudaKernels(Kernels):
    """The kernels on one GPU, compiled by CuPy when they are first asked for, and kept by it in a folder."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self._functions: dict[tuple[str, str], Any] = {}

    def launch(self, kernel: str, threads: int, dtype: Any, *arguments: Any) -> None:
        if threads:
            dtype = np.dtype(dtype)
            values = tuple(_as_argument(value, dtype) for value in arguments)
            self.function(kernel, dtype)((-(-threads // THREADS),), (THREADS,), values)

    def function(self, kernel: str, dtype: np.dtype) -> Any:
        """A kernel, ready to be launched."""
        key = (kernel, dtype.name)
        if key not in self._functions:
            real = "float" if dtype == np.float32 else "double"
            raw = self.module.RawModule(code=source(file_of(kernel)), options=(*OPTIONS, f"-DREAL={real}"))
            for name in signatures(file_of(kernel)):
                self._functions[name, dtype.name] = raw.get_function(name)
        return self._functions[key]

    @cached_property
    def problem(self) -> str | None:
        """Why they cannot be used; None if a kernel compiles and computes what it should."""
        try:
            out = self.words(4, 0, (0, 0), 0, self.module.empty(0))
            expected = np.random.Philox(key=[0, 0]).random_raw(4)
            return None if (out.get() == expected).all() else "a kernel computed wrong random numbers"
        except Exception as error:  # no compiler, no headers, no memory: all of it means "without them"
            return f"{type(error).__name__}: {error}"


def _as_argument(value: Any, dtype: np.dtype) -> Any:
    if value is None:
        return np.uint64(0)
    if isinstance(value, (int, np.integer)):
        return np.uint64(value)
    return dtype.type(value) if isinstance(value, float) else value


_tried: dict[str, tuple[CudaKernels, str | None]] = {}  # by the device's name


def _try(device: Device) -> tuple[CudaKernels, str | None]:
    kernels = CudaKernels(device.module)
    try:
        with device.active():
            return kernels, kernels.problem
    except Exception as error:  # no driver, no such device
        return kernels, f"{type(error).__name__}: {error}"


def kernels_on(device: Device) -> CudaKernels | None:
    """The kernels for `device`, a GPU; None if they are turned off, or if they fail, which a warning says once."""
    if not enabled():
        return None
    if device.name not in _tried:
        _tried[device.name] = _try(device)
    kernels, problem = _tried[device.name]
    if problem:
        _warn_once(problem)
        return None
    return kernels


@cache
def _warn_once(problem: str) -> None:
    warnings.warn(
        f"tinynet's own kernels cannot be used ({problem:.300}); array operations do their work", stacklevel=2
    )
