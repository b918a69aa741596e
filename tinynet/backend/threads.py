"""Threads that share the work on a batch, each with one BLAS thread.

The matrix products alone would gain nothing: BLAS spreads each of them over all cores by itself. But all that stands
between them (gathering, bias, activation, mask, loss) runs on one core while the others wait; where each thread takes
some rows through the whole network, that is spread, too. Layers are re-entrant, random numbers depend on the row and
not on who draws it, and results come back in the order of the parts, so nothing but rounding tells a shared batch from
a whole one. A thread that must often wait for Python's lock is no help: small batches are better left whole.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.backend.matmul import Multiplier, current_multiplier, multiply_with
from tinynet.errors import mismatch

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Item = TypeVar("Item")
Result = TypeVar("Result")

# With less to do, threads wait for each other longer than they work. Measured on two cores, for networks of 26,000 to
# 1.3 million parameters: docs/design.md.
PRODUCTS_PER_THREAD = 300_000_000


class Team:
    """`size` threads, the caller among them. Inside `with team:` BLAS works on one thread for each of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Team:
        if self.size > 1:
            from concurrent.futures import ThreadPoolExecutor  # here, for one thread need not wait for its import

            self._pool = ThreadPoolExecutor(
                self.size - 1, "tinynet", partial(_begin_helping, np.geterr(), current_multiplier())
            )
            _blas.enter()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            _blas.leave()
            self._pool.shutdown()
            self._pool = None

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """`function` of each item, in order; whoever is free takes the next. An exception ends all of it."""
        if self._pool is None or len(items) < 2:
            return [function(item) for item in items]
        from concurrent.futures import wait

        results: dict[int, Result] = {}
        waiting = iter(range(len(items)))  # shared by all threads: each number is handed out once

        def work() -> None:
            for number in waiting:
                results[number] = function(items[number])

        helpers = [self._pool.submit(work) for _ in range(min(self.size, len(items)) - 1)]
        failed: list[BaseException] = []
        try:
            work()
        except BaseException as error:
            failed.append(error)
        wait(helpers)
        failed += [error for error in (helper.exception() for helper in helpers) if error is not None]
        if failed:  # the cause, rather than what it led to in others
            raise min(failed, key=lambda error: isinstance(error, threading.BrokenBarrierError))
        return [results[number] for number in range(len(items))]


def _begin_helping(errors: Any, multiplier: Multiplier | None) -> None:
    """Treat overflow, and multiply, as the caller does: both are settings of each thread by itself."""
    np.seterr(**errors)
    multiply_with(multiplier)


class Meeting:
    """Sums over `size` threads that each hold a part of a batch. Whoever asks waits for the others' numbers."""

    def __init__(self, size: int) -> None:
        self._barrier = threading.Barrier(size)
        self._brought: list[Any] = [None] * size

    @contextlib.contextmanager
    def member(self, number: int) -> Iterator[Callable[[Array], Array]]:
        """What sums up for this member: total(x). If the member fails inside, the others do not wait for it."""

        def total(x: Array) -> Array:
            self._brought[number] = x
            self._barrier.wait()  # all numbers are there
            result = sum(self._brought[1:], start=self._brought[0])  # by every thread, in the same order
            self._barrier.wait()  # all have read them
            return result

        try:
            yield total
        except threading.BrokenBarrierError:
            raise  # whoever broke it will say why
        except BaseException:
            self._barrier.abort()
            raise


def team_size(threads: int | None, products: float, splittable: bool = True, on_host: bool = True) -> int:
    """How many threads share a batch: `threads`, or where that is None as many as it pays to have.

    `products` counts the multiplications of numbers ahead; `splittable` says whether rows can be told apart. Raises
    ValueError for a number below 1, or for more than 1 where the batch cannot be shared; ImportError where
    threadpoolctl is missing, which alone can tell BLAS to use one thread.
    """
    if threads is None:
        able = splittable and on_host and products >= 2 * PRODUCTS_PER_THREAD
        size = blas_threads() if able else 1
        return size if products >= size * PRODUCTS_PER_THREAD else 1
    if isinstance(threads, bool) or not isinstance(threads, (int, np.integer)) or threads < 1:
        raise ValueError(f"threads: expected a whole number from 1, got {threads!r}; leave it out for a good one")
    if threads > 1 and not on_host:
        raise ValueError(mismatch("threads", "1 on a GPU", threads, "leave it out: a GPU shares its work by itself"))
    if threads > 1 and not splittable:
        remedy = "set splittable = True in your layer or loss, if each row's result depends on that row alone"
        raise ValueError(mismatch("threads", "1 for a model whose rows belong together", threads, remedy))
    if threads > 1:
        _blas.threads()
    return int(threads)


def blas_threads() -> int:
    """How many threads NumPy's products use where no team is at work; 1 where nobody can tell."""
    try:
        return _blas.threads()
    except ImportError:
        return 1


class _Blas:
    """NumPy's BLAS. Its number of threads belongs to the process: while any team is at work it is 1."""

    def __init__(self) -> None:
        self._lock, self._teams, self._usual = threading.Lock(), 0, 1
        self._limit: Any = None

    @cached_property
    def controller(self) -> Any:
        """What finds BLAS among the loaded libraries. Raises ImportError where threadpoolctl is missing."""
        try:
            from threadpoolctl import ThreadpoolController
        except ImportError as error:
            message = (
                f"threads share a batch only with threadpoolctl ({error}); install it with: pip install threadpoolctl"
            )
            raise ImportError(message) from error
        return ThreadpoolController().select(user_api="blas")

    def threads(self) -> int:
        with self._lock:
            if self._teams == 0:
                self._usual = max([pool["num_threads"] for pool in self.controller.info()], default=1)
            return self._usual

    def enter(self) -> None:
        """One thread from here on."""
        self.threads()
        with self._lock:
            self._teams += 1
            if self._teams == 1:
                self._limit = self.controller.limit(limits=1)

    def leave(self) -> None:
        """As many as before, once nobody else is inside."""
        with self._lock:
            self._teams -= 1
            if self._teams == 0:
                self._limit.restore_original_limits()


_blas = _Blas()
