"""CUDA kernels that replace several array operations by one launch. Each computes what a formula elsewhere computes:

    activations.cu   Dense's bias, then the activation, then Dropout       layers/dense, activations, dropout
    gather.cu        a batch of uint8 images, scaled                       Dataset.inputs
    loss.cu          softmax cross-entropy, its gradient, correct rows     losses.py
    optimizers.cu    an optimizer's update of theta                        optimizers/
    random.cu        Philox random words, and sorting keys of a shuffle    backend/random.py
    bfloat16.cu      factors of a product, rounded to bfloat16             backend/matmul.py

TINYNET_KERNELS=0 turns them off; array operations then do everything. They are compiled without fused multiply-add, so
kernels without exp or log give the same bits as the formulas.
"""

from __future__ import annotations

import math
import os
import re
import warnings
from enum import IntEnum
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinynet.backend.arrays import Array, Device, array_module
from tinynet.errors import printable

FOLDER = Path(__file__).parent
SOURCES = ("activations", "bfloat16", "gather", "loss", "optimizers", "random")
OPTIONS = ("-std=c++14", "-fmad=false")
THREADS = 256  # in a block


def source(name: str) -> str:
    """The text of NAME.cu with its includes inserted: the compiler needs no folder, and CuPy's cache sees all of it."""
    text = (FOLDER / f"{name}.cu").read_text(encoding="utf-8")
    return re.sub(r'#include "(\w+\.cuh)"', lambda found: (FOLDER / found[1]).read_text(encoding="utf-8"), text)


def signatures(name: str) -> dict[str, str]:
    """The kernels in NAME.cu, each with its parameters as written there."""
    found = re.findall(r'extern "C" __global__ void (\w+)\(([^)]*)\)', source(name))
    return {kernel: " ".join(parameters.split()) for kernel, parameters in found}


@cache
def file_of(kernel: str) -> str:
    """The name of the source that holds a kernel."""
    return next(name for name in SOURCES if kernel in signatures(name))


def enabled() -> bool:
    """Whether the kernels may be used: yes, unless TINYNET_KERNELS is 0."""
    return os.environ.get("TINYNET_KERNELS", "1") != "0"


class Activation(IntEnum):
    """The activations that `bias_activation` computes, by their numbers in activations.cu."""

    NONE = 0
    RELU = 1
    SIGMOID = 2


class Mask(NamedTuple):
    """The mask of Dropout. The kernels compute it from random words, once in each direction, and do not store it."""

    threshold: int  # of 16 random bits: below it an element becomes 0
    scale: float  # of the other elements
    key: tuple[int, int]  # of the random stream
    step: Any  # a number, or a 0-d uint64 array on the device


class Kernels:
    """The kernels as methods. A subclass says in `_launch` how one is launched."""

    def _launch(self, kernel: str, threads: int, dtype: Any, *arguments: Any) -> None:
        """Run a kernel compiled for numbers of `dtype`, with at least `threads` threads, on the current stream.

        It is given whole numbers as 64-bit integers, floats in `dtype`, arrays as their addresses, None as address 0.
        """
        raise NotImplementedError

    # Random numbers ---------------------------------------------------------------------------------------------------

    def words(self, count: int, start: int, key: tuple[int, int], step: Any, like: Array) -> Array:
        """The random words that Stream.words returns."""
        out = array_module(like).empty(count, "uint64")
        blocks = -(-(start % 4 + count) // 4)
        self._launch("words", blocks, "float32", out, count, start, *key, *_step_arguments(step))
        return out

    def shuffle_keys(self, count: int, low_bits: int, key: tuple[int, int], step: int, like: Array) -> Array:
        """The keys that Stream.permutation sorts."""
        out = array_module(like).empty(count, "uint64")
        self._launch("shuffle_keys", -(-count // 4), "float32", out, count, low_bits, *key, step)
        return out

    # Batches ----------------------------------------------------------------------------------------------------------

    def gather_pixels(self, images: Array, chosen: Array, dtype: Any, mean: float, deviation: float) -> Array:
        """The rows `chosen` of uint8 images as numbers: (images[chosen] / 255 - mean) / deviation."""
        out = array_module(images).empty((len(chosen), *images.shape[1:]), dtype)
        scale, shift, shifted = 1 / (255 * deviation), mean / deviation, int(mean != 0)
        columns = images.size // len(images)
        sizes = len(chosen), columns
        self._launch("gather_pixels", out.size, dtype, out, images, chosen, *sizes, scale, shift, shifted)
        return out

    # Layers and losses ------------------------------------------------------------------------------------------------

    def bias_activation(self, y: Array, bias: Array, activation: Activation, mask: Mask | None) -> Array:
        """Set y to activation(y + bias), in place. Returns y, or a new array y * mask if there is a mask."""
        dropped = None if mask is None else array_module(y).empty_like(y)
        largest = math.log(np.finfo(y.dtype).max) - 1  # argument of exp: see Sigmoid
        numbers = y.size, y.shape[1], activation, largest, *_mask_arguments(mask)
        self._launch("bias_activation", -(-y.size // 4), y.dtype, y, dropped, bias, *numbers)
        return y if dropped is None else dropped

    def bias_activation_backward(self, dy: Array, y: Array, activation: Activation, mask: Mask | None) -> None:
        """Set dy to dy * mask * activation'(...), in place; y is the output of the activation."""
        numbers = y.size, activation, *_mask_arguments(mask)
        self._launch("bias_activation_backward", -(-y.size // 4), y.dtype, dy, y, *numbers)

    def softmax_cross_entropy(self, logits: Array, labels: Array, scale: float) -> tuple[Array, Array]:
        """Two results: for each row its part of the mean loss, and 1 if it is correct (2, N); and the gradient (N, C).

        The gradient is scale * (softmax(logits) - one_hot(labels)).
        """
        xp, (rows, classes) = array_module(logits), logits.shape
        gradient, measured = xp.empty_like(logits), xp.empty((2, rows), logits.dtype)
        arrays, numbers = (gradient, measured, logits, labels), (labels.dtype.itemsize, rows, classes, float(scale))
        self._launch("softmax_cross_entropy", rows, logits.dtype, *arrays, *numbers)
        return measured, gradient

    # Optimizers: each updates theta and the vectors of its state in place ---------------------------------------------

    def sgd(
        self,
        theta: Array,
        gradient: Array,
        velocity: Array | None,
        scalars: Array,
        *,
        momentum: float,
        nesterov: bool,
        weight_decay: float,
    ) -> None:
        """The rule of optimizers/sgd.py; `scalars` are those of SGD.scalars."""
        numbers = theta.size, float(momentum), int(nesterov), float(weight_decay)
        self._launch("sgd", theta.size, theta.dtype, theta, gradient, velocity, *numbers, scalars)

    def rmsprop(
        self,
        theta: Array,
        gradient: Array,
        square: Array,
        velocity: Array | None,
        scalars: Array,
        *,
        decay: float,
        momentum: float,
        epsilon: float,
    ) -> None:
        """The rule of optimizers/rmsprop.py; `scalars` are those of RMSprop.scalars."""
        numbers = theta.size, float(decay), float(1 - decay), float(momentum), float(epsilon)
        self._launch("rmsprop", theta.size, theta.dtype, theta, gradient, square, velocity, *numbers, scalars)

    def adam(
        self,
        theta: Array,
        gradient: Array,
        mean: Array,
        square: Array,
        mask: Array | None,
        scalars: Array,
        *,
        beta1: float,
        beta2: float,
        epsilon: float,
        weight_decay: float,
        decoupled: bool,
    ) -> None:
        """The rules Adam and, with `decoupled`, AdamW of optimizers/adam.py; `scalars` are those of the rule."""
        betas = float(beta1), float(1 - beta1), float(beta2), float(1 - beta2)
        numbers = theta.size, *betas, float(epsilon), float(weight_decay), int(decoupled)
        self._launch("adam", theta.size, theta.dtype, theta, gradient, mean, square, mask, *numbers, scalars)

    # Products ---------------------------------------------------------------------------------------------------------

    def to_bfloat16(self, x: Array) -> Array:
        """A float32 matrix rounded to bfloat16, as uint16, in the memory layout of x if that is contiguous."""
        if is_c_contiguous(x):
            return self._rounded(x)
        if is_c_contiguous(x.T):
            return self._rounded(x.T).T
        return self._rounded(array_module(x).array(x, order="C"))

    def _rounded(self, x: Array) -> Array:
        out = array_module(x).empty(x.shape, "uint16")
        self._launch("to_bfloat16", x.size, "float32", out, x, x.size)
        return out


def is_c_contiguous(x: Array) -> bool:
    """Whether the elements lie in memory without gaps, in row-major order."""
    expected = x.itemsize
    for size, stride in zip(reversed(x.shape), reversed(x.strides)):
        if size > 1 and stride != expected:
            return False
        expected *= size
    return True


def _step_arguments(step: Any) -> tuple[Any, int]:
    """A step as two arguments, which the kernel adds: an address on the device (or None), and a number."""
    return (step, 0) if hasattr(step, "dtype") and step.ndim == 0 and not isinstance(step, np.generic) else (None, step)


def _mask_arguments(mask: Mask | None) -> tuple[Any, ...]:
    """threshold, scale, the two words of the key, and the step; a threshold of 0 means no mask."""
    if mask is None:
        return 0, 1.0, 0, 0, None, 0
    return mask.threshold, float(mask.scale), *mask.key, *_step_arguments(mask.step)


class CudaKernels(Kernels):
    """The kernels on one GPU. CuPy compiles each source at its first use, and caches the result in a folder."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self._functions: dict[tuple[str, str], Any] = {}

    def _launch(self, kernel: str, threads: int, dtype: Any, *arguments: Any) -> None:
        if threads:
            dtype = np.dtype(dtype)
            values = tuple(_as_argument(value, dtype) for value in arguments)
            self._function(kernel, dtype)((-(-threads // THREADS),), (THREADS,), values)

    def _function(self, kernel: str, dtype: np.dtype) -> Any:
        """The compiled kernel."""
        key = (kernel, dtype.name)
        if key not in self._functions:
            real = "float" if dtype == np.float32 else "double"
            raw = self.module.RawModule(code=source(file_of(kernel)), options=(*OPTIONS, f"-DREAL={real}"))
            for name in signatures(file_of(kernel)):
                self._functions[name, dtype.name] = raw.get_function(name)
        return self._functions[key]

    @cached_property
    def problem(self) -> str | None:
        """Why the kernels cannot be used; None if one of them compiles and gives the right numbers."""
        try:
            out = self.words(4, 0, (0, 0), 0, self.module.empty(0))
            expected = np.random.Philox(key=[0, 0]).random_raw(4)
            return None if (out.get() == expected).all() else "a kernel computed wrong random numbers"
        except Exception as error:  # no compiler, no headers, no memory: each makes the kernels unusable
            return f"{type(error).__name__}: {error}"


def _as_argument(value: Any, dtype: np.dtype) -> Any:
    if value is None:
        return np.uint64(0)
    if isinstance(value, (int, np.integer)):
        return np.uint64(value)
    return dtype.type(value) if isinstance(value, float) else value


_tried: dict[str, tuple[CudaKernels, str | None]] = {}  # by the device's name


def _try(device: Device) -> tuple[CudaKernels, str | None]:
    """The kernels for a device, and why they cannot be used there (None if they can)."""
    kernels = CudaKernels(device.module)
    try:
        with device.active():
            return kernels, kernels.problem
    except Exception as error:  # no driver, no such device
        return kernels, f"{type(error).__name__}: {error}"


def kernels_on(device: Device) -> CudaKernels | None:
    """The kernels for a GPU; None if they are turned off, or if they fail, which one warning reports."""
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
        f"tinynet's own kernels cannot be used ({printable(problem):.300}); array operations do their work",
        stacklevel=2,
    )
