"""Run programs and scripts in a Python process of their own, as a user runs them."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")  # Python's own, which outlive a test


@contextlib.contextmanager
def usual_signals():
    """Undo that signals are ignored or blocked, as in the background; also for processes that begin inside."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "pthread_sigmask"):
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    ignored = [number for number in numbers if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


class Process(subprocess.Popen):
    """A process with usual signals and a session of its own. conftest.py ends it after the test, with its children."""

    started = []

    def __init__(self, *arguments, **settings):
        with usual_signals():
            super().__init__(*arguments, start_new_session=True, **settings)
        self.started.append(self)

    def end(self):
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all have ended
            os.killpg(self.pid, signal.SIGKILL) if hasattr(os, "killpg") else self.kill()
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()


def running_children():
    """The processes that this one started and that have not ended: {number: command}. Empty without Linux's /proc."""
    found = {}
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for number in path.read_text().split():
                command = Path("/proc", number, "cmdline").read_bytes()  # empty if it has ended
                text = command.replace(b"\0", b" ").decode(errors="replace").strip()
                if text and not any(name in text for name in KEPT):
                    found[int(number)] = text
    return found


def left_by(before, seconds=5):
    """The running children that are not in `before`, after up to `seconds` in which they may end. Kills them."""
    end = time.monotonic() + seconds
    while left := {number: text for number, text in running_children().items() if number not in before}:
        if time.monotonic() > end:
            for number in left:
                os.kill(number, signal.SIGKILL)
            return sorted(left.values())
        time.sleep(0.01)
    return []


def python(*arguments, folder=None, check=False, **environment):
    """Run `python arguments` in `folder` with this copy of tinynet. Returns its output and exit status.

    `environment` changes the environment variables; None removes one.
    """
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=check,
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
    )
