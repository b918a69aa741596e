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
    handlers, nor of a signal whose handler was not set from Python, because Python could not restore it.

    If a callback of the run starts another run, a signal ends both, and both save: the exception that ends the inner
    run is `ended_inside` of the outer one.
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
            if handler is None or handler == signal.SIG_IGN or handler == self._note:
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
            if signal.getsignal(number) == self._note:
                with contextlib.suppress(ValueError):  # this run is in another thread than the one before
                    signal.signal(number, handler)

    def act(self) -> None:
        """Do what the pending signal would have done without the run."""
        if self.pending is not None:
            number, self.pending = self.pending, None
            self._end(number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._noting and self.pending is None:
            self.pending = number
        else:
            self._call(number, frame)

    def _end(self, number: int) -> None:
        outer = getattr(self._before.get(number), "__self__", None)
        if not (isinstance(outer, Signals) and outer._noting):
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
