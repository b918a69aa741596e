"""Threads that share a batch, each with one BLAS thread.

BLAS can spread each matrix product over all cores, but the work between the products (gathering, bias, activation,
mask, loss) runs on one core. A team splits the batch by rows instead, and each thread takes its rows through the whole
network. Layers are re-entrant, random numbers depend on a row's index in the batch, and results are combined in a fixed
order, so a shared batch differs from a whole one by rounding only. Threads wait for Python's lock between array
operations; small batches are therefore faster on one thread.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.backend.matmul import Multiplier, current_multiplier, set_multiplier
from tinynet.errors import mismatch, whole_number

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

MOST_THREADS = 1024  # of a team, each with vectors of its own
Item = TypeVar("Item")
Result = TypeVar("Result")

# With fewer multiplications for each thread, threads wait longer than they save. Measured on two cores, for networks of
# 26,000 to 1.3 million parameters: docs/performance.md.
PRODUCTS_PER_THREAD = 300_000_000


class Team:
    """`size` threads, including the caller's. Inside `with team:` BLAS uses one thread for each of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Team:
        if self.size > 1:
            from concurrent.futures import ThreadPoolExecutor  # here, to keep `import tinynet` quick

            start = partial(_start_helper, np.geterr(), current_multiplier())
            self._pool = ThreadPoolExecutor(self.size - 1, "tinynet", start)
            _blas.limit_to_one_thread()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._pool is not None:
            _blas.restore_threads()
            self._pool.shutdown()
            self._pool = None

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Apply `function` to each item; return the results in order.

        Each free thread takes the next item. If a call raises, the exception is raised here once all threads are done.
        """
        if self._pool is None or len(items) < 2:
            return [function(item) for item in items]
        from concurrent.futures import wait  # here, to keep `import tinynet` quick

        results: dict[int, Result] = {}
        waiting = iter(range(len(items)))  # shared by all threads: each index is handed out once

        def work() -> None:
            for index in waiting:
                results[index] = function(items[index])

        helpers = [self._pool.submit(work) for _ in range(min(self.size, len(items)) - 1)]
        failed: list[BaseException] = []
        try:
            work()
        except BaseException as error:
            failed.append(error)
        wait(helpers)
        failed += [error for error in (helper.exception() for helper in helpers) if error is not None]
        if failed:  # raise the cause, not the BrokenBarrierError that it led to in other threads
            raise min(failed, key=lambda error: isinstance(error, threading.BrokenBarrierError))
        return [results[index] for index in range(len(items))]


def _start_helper(errors: Any, multiplier: Multiplier | None) -> None:
    """Give a helping thread the caller's settings for floating-point errors and products; both belong to a thread."""
    np.seterr(**errors)
    set_multiplier(multiplier)


class AllReduce:
    """Sums values over `size` threads that each hold a part of a batch. Each thread waits for the values of all."""

    def __init__(self, size: int) -> None:
        self._barrier = threading.Barrier(size)
        self._values: list[Any] = [None] * size

    @contextlib.contextmanager
    def member(self, index: int) -> Iterator[Callable[[Array], Array]]:
        """The all-reduce function of member `index`. If the body raises, the other members do not wait for it."""

        def all_reduce(x: Array) -> Array:
            self._values[index] = x
            self._barrier.wait()  # until every member has stored its value
            total = sum(self._values[1:], start=self._values[0])  # each member adds in the same order
            self._barrier.wait()  # until every member has read the values
            return total

        try:
            yield all_reduce
        except threading.BrokenBarrierError:
            raise  # another member failed first
        except BaseException:
            self._barrier.abort()
            raise


def team_size(threads: int | None, products: float, splittable: bool = True, on_host: bool = True) -> int:
    """How many threads share a batch: `threads`, or for None the number that is fastest.

    `products` is the number of multiplications for the batch; `splittable` says whether its rows are independent.
    Raises ValueError for a number below 1, or above 1 where the batch cannot be split; ImportError if threadpoolctl is
    missing, which limits BLAS to one thread.
    """
    if threads is None:
        useful = splittable and on_host and products >= 2 * PRODUCTS_PER_THREAD
        size = blas_threads() if useful else 1
        return size if products >= size * PRODUCTS_PER_THREAD else 1
    threads = whole_number("threads", threads, limit=MOST_THREADS, remedy="leave it out for a good number")
    if threads > 1 and not on_host:
        raise ValueError(mismatch("threads", "1 on a GPU", threads, "leave it out: a GPU shares its work by itself"))
    if threads > 1 and not splittable:
        remedy = "leave it out; a layer or loss of your own may set splittable = True if it treats each row by itself"
        raise ValueError(mismatch("threads", "1 where the rows of a batch depend on each other", threads, remedy))
    if threads > 1:
        _blas.threads()
    return threads


def blas_threads() -> int:
    """The number of threads that BLAS uses outside teams; 1 if threadpoolctl is missing, so that it is unknown."""
    try:
        return _blas.threads()
    except ImportError:
        return 1


class _Blas:
    """NumPy's BLAS. Its number of threads is one setting of the whole process; it is 1 while any team is at work."""

    def __init__(self) -> None:
        self._lock, self._teams, self._usual = threading.Lock(), 0, 1
        self._limit: Any = None

    @cached_property
    def controller(self) -> Any:
        """The controller of the BLAS libraries in this process. Raises ImportError if threadpoolctl is missing."""
        try:
            from threadpoolctl import ThreadpoolController  # an optional dependency
        except ImportError as error:
            message = (
                f"threads share a batch only with threadpoolctl ({error}); install it with: pip install threadpoolctl"
            )
            raise ImportError(message) from error
        return ThreadpoolController().select(user_api="blas")

    def threads(self) -> int:
        """The number of BLAS threads outside teams."""
        with self._lock:
            if self._teams == 0:
                self._usual = max([pool["num_threads"] for pool in self.controller.info()], default=1)
            return self._usual

    def limit_to_one_thread(self) -> None:
        """Limit BLAS to one thread when the first team enters."""
        self.threads()
        with self._lock:
            self._teams += 1
            if self._teams == 1:
                self._limit = self.controller.limit(limits=1)

    def restore_threads(self) -> None:
        """Restore the number of BLAS threads when the last team exits."""
        with self._lock:
            self._teams -= 1
            if self._teams == 0:
                self._limit.restore_original_limits()


_blas = _Blas()
