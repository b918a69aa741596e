"""Threads that share a batch, each with one BLAS thread.

BLAS can spread each matrix product over all cores, but the work between the products (gathering, bias, activation,
mask, loss) runs on one core. A team splits the batch by rows instead, and each thread takes its rows through the whole
network. Layers are re-entrant, random numbers depend on a row's index in the batch, and results are combined in a fixed
order, so a shared batch differs from a whole one by rounding only. Threads wait for Python's lock between array
operations; small batches are therefore faster on one thread.

The number of BLAS threads is one setting of the whole process, and it decides how products are rounded. Therefore
computations with the usual number and those of teams, with one, take turns: a step of training, or a call of `predict`
or `evaluate`, is a turn.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.backend.blas import BLAS, TURNS, Turn
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
    """`size` threads, including the caller's. `with team:` is a turn, in which BLAS uses one thread for each of them.

    `with team.open():` only starts the threads, for several turns: `with team.turn():`.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._pool: ThreadPoolExecutor | None = None
        self._process = self._depth = 0

    def __enter__(self) -> Team:
        self._start()
        self.turn().__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Start the threads, and stop them at the end."""
        self._start()
        try:
            yield
        finally:
            self._stop()

    def _start(self) -> None:
        self._depth = BLAS.thread.depth
        if self.size > 1:
            from concurrent.futures import ThreadPoolExecutor  # here, to keep `import tinynet` quick

            BLAS.threads()  # raises ImportError if threadpoolctl is missing
            start = partial(_start_helper, np.geterr(), current_multiplier())
            self._pool, self._process = ThreadPoolExecutor(self.size - 1, "tinynet", start), os.getpid()

    def _stop(self) -> None:
        BLAS.leave(self._depth)  # also if Ctrl-C broke off the end of a turn
        if self._pool is not None:
            if self._process == os.getpid():  # a forked process has none of the threads
                self._pool.shutdown()
            self._pool = None

    def turn(self) -> Turn:
        """Wait until no computation needs another number of BLAS threads than this team, and keep the number so."""
        return TURNS[self._pool is not None]

    def map(
        self,
        function: Callable[[Item], Result],
        items: Sequence[Item],
        failed: Callable[[], object] = lambda: None,
    ) -> list[Result]:
        """Apply `function` to each item, in a turn; return the results in order.

        Each free thread takes the next item. If a call raises, the exception is raised here once all threads are done.
        `failed` is called if the caller's thread raises, and must end the other calls if they wait for its own.
        """
        with self.turn():
            if self._pool is None or len(items) < 2:
                return [function(item) for item in items]
            if self._process != os.getpid():  # forked: the threads are in the parent
                self._start()
            return self._share(function, items, failed)

    def _share(
        self, function: Callable[[Item], Result], items: Sequence[Item], failed: Callable[[], object]
    ) -> list[Result]:
        from concurrent.futures import Future, wait  # here, to keep `import tinynet` quick

        assert self._pool is not None
        results: dict[int, Result] = {}
        waiting = iter(range(len(items)))  # shared by all threads: each index is handed out once

        def work() -> None:
            for index in waiting:
                results[index] = function(items[index])

        helpers: list[Future[None]] = []
        errors: list[BaseException] = []
        try:
            for _ in range(min(self.size, len(items)) - 1):
                helpers.append(self._pool.submit(work))
            work()
        except BaseException as error:
            errors.append(error)
            failed()
        wait(helpers)
        errors += [error for error in (helper.exception() for helper in helpers) if error is not None]
        if errors:  # raise the cause, not the BrokenBarrierError that it led to in other threads
            raise min(errors, key=lambda error: isinstance(error, threading.BrokenBarrierError))
        return [results[index] for index in range(len(items))]


def _start_helper(errors: Any, multiplier: Multiplier | None) -> None:
    """Give a helping thread the caller's settings for errors, products and BLAS; they may belong to a thread."""
    BLAS.help()
    np.seterr(**errors)
    set_multiplier(multiplier)


class AllReduce:
    """Sums values over `size` threads that each hold a part of a batch. Each thread waits for the values of all."""

    def __init__(self, size: int) -> None:
        self._barrier = threading.Barrier(size)
        self._values: list[Any] = [None] * size

    def abort(self) -> None:
        """End the calls of all members with BrokenBarrierError."""
        self._barrier.abort()

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
            self.abort()
            raise


def team_size(threads: int | None, products: float, splittable: bool = True, on_host: bool = True) -> int:
    """How many threads share a batch: `threads`, or for None the number that is fastest.

    `products` is the number of multiplications for the batch; `splittable` says whether its rows are independent.
    Raises ValueError for a number below 1, or above 1 where the batch cannot be split; ImportError if threadpoolctl,
    which limits BLAS to one thread, is missing or too old.
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
        BLAS.threads()
    return threads


def blas_threads() -> int:
    """The number of threads that BLAS uses outside teams; 1 if threadpoolctl is missing, so that it is unknown."""
    try:
        return BLAS.threads()
    except ImportError:
        return 1
