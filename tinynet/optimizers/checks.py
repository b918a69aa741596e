"""What optimizers share: the check of a learning rate, and the form of their reprs."""

from __future__ import annotations

import numbers

from tinynet.errors import above_zero
from tinynet.optimizers.base import LearningRate, Optimizer


def checked_rate(optimizer: Optimizer, rate: LearningRate) -> LearningRate:
    """The learning rate. ValueError for a number that is not above 0; a schedule is taken as it is."""
    who, remedy = type(optimizer).__name__, "try 0.01"
    model = isinstance(rate, dict) or hasattr(rate, "forward")  # or its parameters
    if isinstance(rate, type):
        remedy = f"call the schedule with its arguments, such as {who}(tn.schedules.cosine(0.1, steps=600))"
    elif callable(rate) and not model:
        return rate
    elif not isinstance(rate, (numbers.Real, str)):
        remedy = f"write {who}(0.1): fit gives the optimizer its parameters"
    return above_zero(who, "a learning rate", rate, remedy=remedy)


def shown(optimizer: Optimizer, **defaults: float) -> str:
    """The constructor call: the learning rate, and the arguments that are not the defaults."""
    rate = optimizer.learning_rate
    values = {name: getattr(optimizer, name) for name in defaults}
    chosen = [f"{name}={value}" for name, value in values.items() if value != defaults[name]]
    return f"{type(optimizer).__name__}({', '.join([getattr(rate, '__name__', str(rate)), *chosen])})"
