"""Matrix products: the one function with which layers and losses multiply matrices.

NumPy's and CuPy's `matmul` do the work by default. A thread can replace them by a multiplier: a function that takes
the same arguments. A GPU does so for two reasons: a CUDA graph cannot record CuPy's products, and cuBLAS offers other
precisions than that of the arrays (backend/gpu/cublas.py). A CPU has no units for these precisions; there the factors
are rounded as a GPU would round them, and multiplied in float32:

    precision   of a float32 factor
    float32     24 bits: unchanged
    tf32        11 bits, with the exponents of float32
    bfloat16    8 bits, with the exponents of float32
    float16     11 bits, from 6e-8 to 65504: `fit` scales the loss (tinynet/optimizers/loss_scaling.py)

Sums are float32 in each of them. float64 factors are never rounded.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator

import numpy as np

from tinynet.backend.arrays import Array, Device, array_module
from tinynet.errors import mismatch, shown

PRECISIONS = {"float32": 24, "tf32": 11, "bfloat16": 8, "float16": 11}  # the bits of a factor

ROWS_IN_ONE_SUM = 1024  # of float32: more are summed in parts

Multiplier = Callable[[Array, Array, "Array | None"], Array]


class _Thread(threading.local):
    multiplier: Multiplier | None = None


_thread = _Thread()
_lock, _in_force = threading.Lock(), 0  # how many multipliers are set: usually 0, which is quick to check


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """a @ b, for a and b of one or two axes and one dtype; written into `out` if it is given."""
    if _in_force and _thread.multiplier is not None:
        return _thread.multiplier(a, b, out)
    if type(a) is np.ndarray:
        return np.matmul(a, b, out)
    return array_module(a).matmul(a, b, out=out)


def column_sums(a: Array) -> Array:
    """The sum of each column of a matrix (M, K), as a product with ones: (K,).

    Many rows are summed in parts, whose sums are added: in one sum of 100,000 float32 numbers of one sign the last four
    of seven digits may be wrong.
    """
    xp, (rows, columns) = array_module(a), a.shape
    if rows <= ROWS_IN_ONE_SUM:
        return matmul(xp.ones(rows, a.dtype), a)
    count = math.isqrt(rows)  # of parts; each is the sum of as many rows, or a few more
    terms = rows // count
    parts = matmul(xp.ones(terms, a.dtype), a[: terms * count].reshape(terms, count * columns))
    total = parts.reshape(count, columns).sum(axis=0)
    if rest := rows - terms * count:
        total += matmul(xp.ones(rest, a.dtype), a[rows - rest :])
    return total


def use_precision(device: Device, precision: str) -> contextlib.AbstractContextManager[None]:
    """Inside `with`, this thread's `matmul` on `device` has that precision. ValueError for an unknown precision."""
    check_precision(precision)
    return use_multiplier(rounding_multiplier(precision) if device.on_host else device.multiplier(precision))


@contextlib.contextmanager
def use_multiplier(multiplier: Multiplier | None) -> Iterator[None]:
    """Inside `with`, this thread's `matmul` calls `multiplier`; None changes nothing."""
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


def set_multiplier(multiplier: Multiplier | None) -> None:
    """Set the multiplier of a helping thread, for as long as the thread that it helps has that multiplier set."""
    _thread.multiplier = multiplier


def _count(change: int) -> None:
    global _in_force
    with _lock:
        _in_force += change


def current_multiplier() -> Multiplier | None:
    """This thread's multiplier, to give to the threads that help it."""
    return _thread.multiplier


def check_precision(precision: str) -> str:
    """Return `precision`; raise ValueError if it is not in PRECISIONS."""
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise ValueError(mismatch("precision", f"one of {', '.join(PRECISIONS)}", shown(precision), "try 'float32'"))
    return precision


def largest_relative_error(precision: str) -> float:
    """The largest relative error of rounding a factor: half a unit in its last place."""
    return math.ldexp(1.0, -PRECISIONS[check_precision(precision)])


def rounding_multiplier(precision: str) -> Multiplier | None:
    """A function that rounds NumPy arrays to `precision` and multiplies them in float32; None for float32 itself."""
    if check_precision(precision) == "float32":
        return None

    def multiply(a: Array, b: Array, out: Array | None = None) -> Array:
        return np.matmul(rounded(a, precision), rounded(b, precision), out)

    return multiply


def rounded(x: np.ndarray, precision: str) -> np.ndarray:
    """x rounded to the nearest number of that precision, ties to even; float64 is returned unchanged."""
    if x.dtype != np.float32 or precision == "float32":
        return x
    if precision == "float16":
        return x.astype(np.float16).astype(np.float32)  # infinite beyond 65504, 0 below 6e-8
    dropped = 24 - PRECISIONS[precision]  # low bits
    bits = x.view(np.uint32)
    even = bits >> dropped & 1
    nearest = (bits + ((1 << dropped - 1) - 1) + even) & np.uint32(0xFFFFFFFF << dropped & 0xFFFFFFFF)
    return np.where(np.isfinite(x), nearest.view(np.float32), x)
