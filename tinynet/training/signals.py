"""Signals in a training run: finish the step, save, and only then do what the signal would have done otherwise."""

from __future__ import annotations

import contextlib
import signal
import threading
from types import FrameType
from typing import Any

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """Between `start` and `stop`, notes Ctrl-C and SIGTERM instead of acting on them.

    `pending` is the number of a signal that came; the run looks at it after each step, saves, and calls `act`, which
    calls the handler from before. That one may end the process, as Python's own do, or return: then the run goes on. A
    second signal is acted on at once.

    A signal that is ignored stays ignored. Nothing is noted in a thread other than the main one, where Python runs no
    handlers, nor of a signal whose handler was set by code in C (faulthandler.register, a program that embeds Python),
    because Python could not restore it. SIGHUP, SIGQUIT and others are not noted either.

    If a callback of the run starts another run, a signal ends both, and both save: the exception that ends the inner
    run is `ended_inside` of the outer one. A second signal does not wait for the outer one either.
    """

    def __init__(self) -> None:
        self.pending: int | None = None
        self.ended_inside: BaseException | None = None
        self._before: dict[int, Any] = {}
        self._noting = False

    def start(self) -> None:
        """Begin to note signals."""
        self.pending = self.ended_inside = None
        self._noting = True
        if threading.current_thread() is not threading.main_thread():
            return
        for number in NUMBERS:
            handler = signal.getsignal(number)
            if handler is None or handler == signal.SIG_IGN or handler == self._note or _set_in_c(number, handler):
                continue
            try:
                signal.signal(number, self._note)
            except ValueError:  # in a second interpreter of the process
                return
            self._before[number] = handler

    def stop(self) -> None:
        """Restore the handlers, except one that was replaced meanwhile.

        Whoever replaced it may restore ours later. So the handlers from before are remembered, and called then.
        """
        self._noting = False
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._note and not _set_in_c(number, self._note):
                with contextlib.suppress(ValueError):  # this run is in another thread than the one before
                    signal.signal(number, handler)

    def act(self) -> None:
        """Do what the pending signal would have done without the run."""
        if self.pending is not None:
            number, self.pending = self.pending, None
            self._end(number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self._noting:
            self._call(number, frame)
        elif self.pending is None:
            self.pending = number
        else:
            outermost = self
            while (outer := outermost._outer(number)) is not None:
                outermost = outer
            outermost._call(number, frame)

    def _outer(self, number: int) -> Signals | None:
        """The signals of the run around this one, if it notes them."""
        outer = getattr(self._before.get(number), "__self__", None)
        return outer if isinstance(outer, Signals) and outer._noting else None

    def _end(self, number: int) -> None:
        outer = self._outer(number)
        if outer is None:
            self._call(number, None)
            return
        try:
            outer._end(number)
        except BaseException as error:
            outer.pending, outer.ended_inside = number, error
            raise

    def _call(self, number: int, frame: FrameType | None) -> None:
        """Call the handler from before; for the system's own, end the process with the status that shells know."""
        handler = self._before.get(number, signal.SIG_DFL)
        if callable(handler):
            handler(number, frame)
        elif handler == signal.SIG_DFL:
            raise SystemExit(128 + number)


def _set_in_c(number: int, handler: Any) -> bool:
    """Whether code in C has set another handler than `handler`, which is Python's own account."""
    try:
        import ctypes  # only runs with checkpoints need it

        address_of = ctypes.pythonapi.PyOS_getsig
    except (ImportError, AttributeError):  # a Python without them
        return False
    address_of.restype = ctypes.c_void_p  # None for 0
    if not callable(handler):
        return address_of(number) is not None
    for spare in ("SIGURG", "SIGWINCH", "SIGCHLD"):  # ignored by default: shows which function in C calls Python's
        probe = getattr(signal, spare, None)
        if probe is not None and signal.getsignal(probe) == signal.SIG_DFL and address_of(probe) is None:
            try:
                signal.signal(probe, lambda number, frame: None)
            except ValueError:  # in a second interpreter of the process
                return False
            pythons = address_of(probe)
            signal.signal(probe, signal.SIG_DFL)
            return address_of(number) != pythons
    return False
