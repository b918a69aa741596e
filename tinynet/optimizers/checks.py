"""What optimizers share: the check of a learning rate, and the form of their reprs."""

from __future__ import annotations

from tinynet.errors import above_zero
from tinynet.optimizers.base import LearningRate, Optimizer


def checked_rate(optimizer: Optimizer, rate: LearningRate) -> LearningRate:
    """The learning rate. ValueError for a number that is not above 0; a schedule is taken as it is."""
    if callable(rate):
        return rate
    return above_zero(type(optimizer).__name__, "a learning rate", rate, remedy="try 0.01")


def shown(optimizer: Optimizer, **defaults: float) -> str:
    """The constructor call: the learning rate, and the arguments that are not the defaults."""
    rate = optimizer.learning_rate
    values = {name: getattr(optimizer, name) for name in defaults}
    chosen = [f"{name}={value}" for name, value in values.items() if value != defaults[name]]
    return f"{type(optimizer).__name__}({', '.join([getattr(rate, '__name__', str(rate)), *chosen])})"
