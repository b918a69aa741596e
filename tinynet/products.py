"""Matrix products: the one function through which layers and losses multiply matrices.

NumPy's and CuPy's `matmul` do the work, unless somebody else's is in force: a CUDA graph cannot record CuPy's products,
so while one is recorded a multiplier of our own stands in (tinynet/gpu/cublas.py), which is also where other precisions
than the arrays' own are chosen.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import numpy as np

from tinynet.arrays import Array, array_module

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


def _count(more: int) -> None:
    global _in_force
    with _lock:
        _in_force += more
