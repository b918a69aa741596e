"""Matrix products: the one function through which layers and losses multiply matrices.

NumPy's and CuPy's `matmul` do the work, unless somebody else's is in force: a CUDA graph cannot record CuPy's products,
so while one is recorded a multiplier of our own stands in (tinynet/gpu/cublas.py), which is also where other precisions
than the arrays' own are chosen.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from tinynet.arrays import Array, array_module

Multiplier = Callable[[Array, Array, "Array | None"], Array]


class _Thread(threading.local):
    multiplier: Multiplier | None = None


_thread = _Thread()


def matmul(a: Array, b: Array, out: Array | None = None) -> Array:
    """a @ b, for a and b of one or two axes and one dtype; written into `out` where it is given."""
    if _thread.multiplier is None:
        return array_module(a).matmul(a, b, out=out)
    return _thread.multiplier(a, b, out)


@contextlib.contextmanager
def multiplying_with(multiplier: Multiplier | None) -> Iterator[None]:
    """Inside, this thread's `matmul` is `multiplier`; None changes nothing."""
    before = _thread.multiplier
    _thread.multiplier = multiplier or before
    try:
        yield
    finally:
        _thread.multiplier = before
