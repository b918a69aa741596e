"""The base of all optimizers: vectors in, vectors out. An optimizer knows nothing of layers.

It is an update rule and holds only its hyperparameters. What it remembers between steps is a dict of vectors, its
state, made by `start` and kept by the training loop. So one optimizer may serve any number of runs, and checkpoints
contain all of its state.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from tinynet.backend.arrays import Array
from tinynet.backend.habits import explain_constructor
from tinynet.backend.representation import refuse_unknown_attribute, set_anew
from tinynet.errors import LARGEST, checked_number, mismatch, shown

State = dict[str, Array]
LearningRate = float | Callable[[int], float]  # a number, or a function of the step


class Optimizer:
    """Base of all optimizers: `learning_rate` is a number, or a function of the step that returns one."""

    learning_rate: LearningRate
    elementwise = True  # whether the update of an element depends on its own gradient only

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        explain_constructor(cls)

    def __setattr__(self, name: str, value: Any) -> None:
        """Raises AttributeError for what the optimizer would not read, such as `lr`, ValueError for what it refuses."""
        if name in ("lr", "rate") and not callable(value):
            who, remedy = type(self).__name__, f"set learning_rate = {value!r}"
            raise AttributeError(mismatch(who, "the attribute learning_rate", repr(name), remedy))
        refuse_unknown_attribute(self, name)
        cls: Any = type(self)
        set_anew(self, _arguments(cls), name, value)

    def rate(self, step: int) -> float:
        """The learning rate at `step` (from 0). ValueError if a schedule returns no number from 0 on."""
        if not callable(self.learning_rate):
            return float(self.learning_rate)
        rate = self.learning_rate(step)
        return rate if type(rate) is float and 0 <= rate <= LARGEST else _checked(rate, step, self.learning_rate)

    def start(self, theta: Array) -> State:
        """The state before the first step: the vectors that the rule remembers, by name."""
        return {}

    def update(self, theta: Array, gradient: Array, state: State, step: int) -> None:
        """Move `theta` and `state` by one step, in place.

        `gradient` may be overwritten, except in the gaps between a model's arrays: there it and `theta` are 0, and must
        stay 0, because nothing else writes there.
        """
        self.move(theta, gradient, state, *self.scalars(step))

    def scalars(self, step: int) -> tuple[float, ...]:
        """The numbers that differ between steps, such as the learning rate. Recorded steps read them on the device."""
        return (self.rate(step),)

    def move(self, theta: Array, gradient: Array, state: State, *scalars: Any) -> None:
        """The rule of `update`. `scalars` are those of the step: numbers, or 0-d arrays on the device of theta."""
        raise NotImplementedError(f"{type(self).__name__} must define move(theta, gradient, state, *scalars)")

    @property
    def recordable(self) -> bool:
        """Whether `update` only calls `move`, so that a step can be recorded."""
        return type(self).update is Optimizer.update

    def loss_scale(self, state: State) -> float:
        """The factor of the loss before its gradient is taken: 1, except for LossScaled."""
        return 1.0

    def result(self, theta: Array, state: State) -> Array:
        """The parameters to evaluate and to keep: `theta`, unless the rule has better ones (see Averaged)."""
        return theta


@cache
def _arguments(cls: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(cls).parameters)


def _checked(rate: Any, step: int, schedule: Any) -> float:
    """What a schedule returned, as a float: a number of NumPy, or what is refused."""
    who, expected = shown(schedule), f"a learning rate of at least 0 for step {step}"
    rate = rate.item() if getattr(rate, "shape", None) == () else rate
    return checked_number(who, expected, rate, lambda given: given >= 0, remedy="return a number, such as 0.01")
