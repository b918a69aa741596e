"""Matrix products: the one function through which layers and losses multiply matrices.

NumPy's and CuPy's `matmul` do the work, unless somebody else's is in force: a CUDA graph cannot record CuPy's products,
so while one is recorded a multiplier of our own stands in (backend/gpu/cublas.py), which is also where other precisions
than the arrays' own are chosen. On a CPU, which has no units for these, factors are rounded as a GPU would round them:

    precision   of a float32 factor
    float32     24 bits, as it is
    tf32        11 bits, exponents of float32
    bfloat16    8 bits, exponents of float32
    float16     11 bits, and nothing above 65504 or below 6e-8: `fit` scales the loss (tinynet/scaling.py)

Sums are float32 under each of them; float64 factors are left as they are.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator

import numpy as np

from tinynet.backend.arrays import Array, array_module
from tinynet.errors import mismatch

PRECISIONS = {"float32": 24, "tf32": 11, "bfloat16": 8, "float16": 11}  # and the bits of a factor

Multiplier = Callable[[Array, Array, "Array | None"], Array]


class _Thread(threading.local):
    multiplier: Multiplier | None = None


_thread = _Thread()
_lock, _in_force = threading.Lock(), 0  # how many there are on all threads: nearly always none, which is quickly seen


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """a @ b, for a and b of one or two axes and one dtype; written into `out` where it is given."""
    if _in_force and _thread.multiplier is not None:
        return _thread.multiplier(a, b, out)
    if type(a) is np.ndarray:
        return np.matmul(a, b, out)
    return array_module(a).matmul(a, b, out=out)


@contextlib.contextmanager
def multiplying_with(multiplier: Multiplier | None) -> Iterator[None]:
    """Inside, this thread's `matmul` is `multiplier`; None changes nothing."""
    if multiplier is None:
        yield
        return
    before = _thread.multiplier
    _thread.multiplier = multiplier
    _count(1)
    try:
        yield
    finally:
        _count(-1)
        _thread.multiplier = before


def multiply_with(multiplier: Multiplier | None) -> None:
    """From here on this thread's `matmul` is `multiplier`, as long as it is in force on the thread that it helps."""
    _thread.multiplier = multiplier


def _count(more: int) -> None:
    global _in_force
    with _lock:
        _in_force += more


def current_multiplier() -> Multiplier | None:
    """Whose products this thread's `matmul` are: for threads that help it."""
    return _thread.multiplier


def check_precision(precision: str) -> str:
    """`precision`; ValueError unless it is the name of one."""
    if precision not in PRECISIONS:
        raise ValueError(mismatch("precision", f"one of {', '.join(PRECISIONS)}", repr(precision), "try 'float32'"))
    return precision


def largest_relative_error(precision: str) -> float:
    """Half a unit in the last place of a factor: what one rounding of it may cost."""
    return math.ldexp(1.0, -PRECISIONS[check_precision(precision)])


def rounding_multiplier(precision: str) -> Multiplier | None:
    """Products of NumPy arrays in that precision, at the speed of float32; None for float32 itself."""
    if check_precision(precision) == "float32":
        return None

    def multiply(a: Array, b: Array, out: Array | None = None) -> Array:
        return np.matmul(rounded(a, precision), rounded(b, precision), out)

    return multiply


def rounded(x: np.ndarray, precision: str) -> np.ndarray:
    """x, rounded to the nearest factor of that precision, ties to even; float64 as it is."""
    if x.dtype != np.float32 or precision == "float32":
        return x
    if precision == "float16":
        return x.astype(np.float16).astype(np.float32)  # beyond 65504 infinite, and below 6e-8 it is 0
    dropped = 24 - PRECISIONS[precision]  # low bits
    bits = x.view(np.uint32)
    even = bits >> dropped & 1
    nearest = (bits + ((1 << dropped - 1) - 1) + even) & np.uint32(0xFFFFFFFF << dropped & 0xFFFFFFFF)
    return np.where(np.isfinite(x), nearest.view(np.float32), x)
