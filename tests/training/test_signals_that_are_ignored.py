"""A signal that the process ignores stays ignored during a run, as nohup and shells in the background ask for."""

import os
import signal

import pytest

from tinynet.training.signals import NUMBERS, Signals


@pytest.mark.skipif(os.name != "posix", reason="a matter of Unix")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_that_is_ignored_stays_ignored(number):
    before = signal.signal(number, signal.SIG_IGN)
    signals = Signals()
    try:
        signals.start()
        assert signal.getsignal(number) == signal.SIG_IGN
        os.kill(os.getpid(), number)
        assert signals.pending is None
        signals.stop()
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)
