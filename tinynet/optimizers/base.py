"""What an optimizer is: vectors in, vectors out. It knows nothing of layers.

An optimizer is a rule and holds only its settings. What it remembers between steps is a dict of vectors, made by
`start` and kept by whoever trains, so one optimizer may serve any number of runs, and a checkpoint sees everything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynet.backend.arrays import Array

State = dict[str, Array]
LearningRate = float | Callable[[int], float]  # a number, or a function of the step


class Optimizer:
    """Base of all optimizers: `learning_rate` is a number, or a function of the step that returns one."""

    learning_rate: LearningRate
    elementwise = True  # whether each element moves by its own gradient alone

    def rate(self, step: int) -> float:
        """The learning rate at `step` (from 0)."""
        return float(self.learning_rate(step) if callable(self.learning_rate) else self.learning_rate)

    def start(self, theta: Array) -> State:
        """The vectors it remembers, as they are before the first step."""
        return {}

    def update(self, theta: Array, gradient: Array, state: State, step: int) -> None:
        """Move `theta` and `state` by one step, in place.

        `gradient` is owned here and may be overwritten, but is left 0 where it was 0 so far and `theta` is 0: in the
        gaps between a model's arrays, which nobody else writes to.
        """
        self.move(theta, gradient, state, *self.scalars(step))

    def scalars(self, step: int) -> tuple[float, ...]:
        """All that differs between steps, as numbers: a recorded step finds them on the device."""
        return (self.rate(step),)

    def move(self, theta: Array, gradient: Array, state: State, *scalars: Any) -> None:
        """The rule of `update`, given the scalars of a step: numbers, or 0-d arrays where theta is."""
        raise NotImplementedError(f"{type(self).__name__} must define update(theta, gradient, state, step)")

    @property
    def recordable(self) -> bool:
        """Whether a step is `move` and nothing more."""
        return type(self).update is Optimizer.update

    def loss_scale(self, state: State) -> float:
        """What the loss must be multiplied with before its gradient is taken: 1, except for LossScaled."""
        return 1.0

    def result(self, theta: Array, state: State) -> Array:
        """The parameters to measure and to keep: `theta`, unless the rule has better ones (see Averaged)."""
        return theta
