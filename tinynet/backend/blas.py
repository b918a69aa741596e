"""The number of threads of NumPy's BLAS, and whose turn it is to compute with it.

The number is one setting of the whole process, and it decides how products are rounded. Therefore computations with the
usual number and those of teams (threads.py), with one, take turns: a step of training, or a call of `predict` or
`evaluate`, is a turn.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

PATIENCE = 60  # seconds to wait for a turn: a turn that takes longer may itself be waiting for this thread
Numbers = Sequence[tuple[Any, int]]  # libraries and their numbers of threads


class _Thread(threading.local):
    depth = 0  # how many turns of this thread are open: those inside the first are part of it
    before: Numbers = ()


class Blas:
    """The number of threads of NumPy's BLAS, and whose turn it is.

    Turns of one kind run side by side, those of the two kinds one after the other: of kind 0 with the usual number of
    BLAS threads, of kind 1 with one. While a turn of the other kind is waited for, no further ones begin, so both kinds
    get on. Where BLAS has one thread anyway, all turns are of kind 0.

    OpenBLAS with OpenMP has OpenMP's number, one for each thread. The thread of a turn and its helpers set their own.
    """

    def __init__(self) -> None:
        self._reset()
        if hasattr(os, "register_at_fork"):
            acquire, release = (lambda: self._lock.acquire()), (lambda: self._lock.release())
            os.register_at_fork(before=acquire, after_in_parent=release, after_in_child=self._forked)

    def _reset(self) -> None:
        self._lock = threading.RLock()  # used directly where speed matters: each step of training takes a turn
        self._changed = threading.Condition(self._lock)
        self._kind = 0  # of the turns in progress
        self._inside: set[int] = set()  # the threads that have a turn
        self._waiting: list[set[int]] = [set(), set()]  # those that wait for a turn, of each kind
        self._before: Numbers = ()  # in turns of kind 1, the usual numbers that are not 1
        self.thread = _Thread()

    def _forked(self) -> None:
        """In a forked process: its one thread has no turn, and the number is the usual one."""
        before = [*self._before, *self.thread.before]
        self._reset()
        _set_numbers(before, instead_of=1)

    @cached_property
    def libraries(self) -> list[Any]:
        """The controllers of the numbers of threads; NumPy's BLAS has one. Libraries that are loaded later lack it."""
        return self.find_libraries()

    def find_libraries(self) -> list[Any]:
        """Look for the libraries in this process. Raises ImportError if threadpoolctl is missing."""
        try:
            import threadpoolctl  # an optional dependency

            if [int(part) for part in re.findall(r"\d+", threadpoolctl.__version__)[:2]] < [3, 5]:
                raise ImportError(f"version {threadpoolctl.__version__} does not know the BLAS of NumPy 2")
        except ImportError as error:
            message = f"threads share a batch only with threadpoolctl 3.5 or later ({error}); install it with: "
            raise ImportError(message + "pip install --upgrade threadpoolctl") from error
        found = threadpoolctl.ThreadpoolController()
        blas = found.select(user_api="blas").lib_controllers
        with_openmp = [each for each in blas if each.internal_api == "openblas" and each.threading_layer == "openmp"]
        openmp = found.select(user_api="openmp").lib_controllers if with_openmp else []
        return [each for each in blas if each not in with_openmp] + openmp

    def threads(self) -> int:
        """The number of BLAS threads outside teams."""
        with self._lock:
            numbers = [library.get_num_threads() for library in self.libraries]
            before = [number for _, number in (*self._before, *self.thread.before)]
            return max([*numbers, *before], default=1)

    def enter(self, kind: int) -> None:
        """Wait for a turn of `kind`. Inside a turn of this thread nothing changes."""
        thread = self.thread
        thread.depth += 1
        if thread.depth > 1:
            return
        try:
            self._take(kind)
            if kind:
                thread.before = _limited(self._with_a_number_for(each_thread=True))
        except BaseException:
            self.leave(0)
            raise

    def leave(self, depth: int) -> None:
        """Return to `depth` open turns of this thread. When all threads have ended their turns, others begin."""
        thread, was = self.thread, self.thread.depth
        if was <= depth:
            return
        thread.depth = depth
        if depth > 0:
            return
        if thread.before:
            _set_numbers(thread.before, instead_of=1)
            thread.before = ()
        with self._lock:
            self._inside.discard(threading.get_ident())
            if not self._inside and (self._kind or self._waiting[0] or self._waiting[1]):
                self._begin(1 - self._kind if self._waiting[1 - self._kind] else self._kind)

    def help(self) -> None:
        """Make this thread a helper in the turns of another one."""
        self.thread.depth = 1
        _limited(self._with_a_number_for(each_thread=True))

    def _take(self, kind: int) -> None:
        own = threading.get_ident()
        with self._lock:
            if kind and not self._before and self.threads() == 1:
                kind = 0
            if self._inside and (kind != self._kind or self._waiting[1 - kind]):
                self._wait(kind, own)
            elif self._inside or kind == 0:
                self._inside.add(own)
                self._kind = kind
            else:
                self._waiting[kind].add(own)
                self._begin(kind)

    def _wait(self, kind: int, own: int) -> None:
        self._waiting[kind].add(own)
        try:
            if not self._changed.wait_for(lambda: own in self._inside, PATIENCE):
                text = f"threads: waited {PATIENCE} s for computations with another number of BLAS threads, and goes on"
                warnings.warn(f"{text} beside them; results may differ by rounding", stacklevel=6)
                self._begin(kind)
        finally:
            self._waiting[kind].discard(own)

    def _begin(self, kind: int) -> None:
        """Give a turn to all threads that wait for one of `kind`."""
        _set_numbers(self._before, instead_of=1)
        self._before = ()
        self._kind, self._inside, self._waiting[kind] = kind, self._waiting[kind], set()
        if kind and self._inside:
            self._before = _limited(self._with_a_number_for(each_thread=False))
        self._changed.notify_all()

    def _with_a_number_for(self, each_thread: bool) -> list[Any]:
        """The libraries that have a number of threads for each thread, or those with one for the process."""
        return [each for each in self.libraries if _is_for_each_thread(each) == each_thread]


class Turn:
    """A turn of a kind, for `with`."""

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def __enter__(self) -> None:
        BLAS.enter(self.kind)

    def __exit__(self, *exception: object) -> None:
        BLAS.leave(max(BLAS.thread.depth - 1, 0))  # 0 in a process that was forked in a turn


def _is_for_each_thread(library: Any) -> bool:
    return library.user_api == "openmp"


def _limited(libraries: Sequence[Any]) -> Numbers:
    """Give `libraries` one thread; return the numbers that they had, where that was another one."""
    before = tuple((each, number) for each in libraries if (number := each.get_num_threads()) != 1)
    _set_numbers([(library, 1) for library, _ in before])
    return before


def _set_numbers(numbers: Iterable[tuple[Any, int]], instead_of: int | None = None) -> None:
    """Set the number of threads of each library, unless somebody has changed it from `instead_of`."""
    for library, number in numbers:
        if instead_of is None or library.get_num_threads() == instead_of:
            # From 3.8 on, threadpoolctl ignores all threads but the first that has set OpenBLAS's number.
            free = getattr(library, "clear_controlling_thread", lambda force: None)
            free(force=True)
            library.set_num_threads(number)
            free(force=True)


BLAS = Blas()
TURNS = Turn(0), Turn(1)


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Give BLAS one thread in the whole process, between turns too. Does nothing if threadpoolctl is missing."""
    try:
        libraries = BLAS.find_libraries()
    except ImportError:
        yield
        return
    with TURNS[0]:  # no team has changed the number
        before = _limited(libraries)
    try:
        yield
    finally:
        with TURNS[0]:
            _set_numbers(before, instead_of=1)
