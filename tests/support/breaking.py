"""A run that is broken off after some steps."""

import tinynet as tn


class Break(Exception):
    """What stands for a power cut."""


class BreakOff(tn.Callback):
    """Ends the run after so many steps."""

    def __init__(self, steps):
        self.left = steps

    def batch_ends(self, examples, numbers):
        self.left -= 1
        if self.left < 0:
            raise Break
