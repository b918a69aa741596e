"""What optimizers share: the check of a learning rate, and the form of their reprs."""

from __future__ import annotations

import inspect
import numbers
from typing import Any

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


def shown(optimizer: Optimizer, *names: str, **defaults: Any) -> str:
    """The constructor call: the learning rate, and the arguments of these names that are not the defaults.

    `defaults` stand for those of the class.
    """
    rate = optimizer.learning_rate
    values = {name: getattr(optimizer, name) for name in names}
    defaults = {name: _default(type(optimizer), name) for name in names} | defaults
    chosen = [f"{name}={value}" for name, value in values.items() if value != defaults[name]]
    return f"{type(optimizer).__name__}({', '.join([getattr(rate, '__name__', str(rate)), *chosen])})"


def _default(optimizer: type, name: str) -> Any:
    """The default of an argument, in the class or in the nearest base that names it."""
    for cls in optimizer.__mro__:
        if name in (parameters := inspect.signature(cls.__init__).parameters):  # type: ignore[misc]
            return parameters[name].default
    return inspect.Parameter.empty


def in_short(number: float) -> str:
    """A number in six digits, or in all that it needs: 1 and not 1.0, but 0.9999999 and not 1."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)
