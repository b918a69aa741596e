"""Stochastic gradient descent, with or without momentum."""

from __future__ import annotations

from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.errors import at_least_zero, flag, fraction, mismatch
from tinynet.optimizers.base import LearningRate, Optimizer, State
from tinynet.optimizers.checks import checked_rate, shown


class SGD(Optimizer):
    """Stochastic gradient descent. With g = gradient + weight_decay * theta, each step is

        plain:     theta <- theta - learning_rate g
        momentum:  v <- momentum v + g;   theta <- theta - learning_rate v
        Nesterov:  v <- momentum v + g;   theta <- theta - learning_rate (g + momentum v)

    v starts at 0. These are PyTorch's definitions: the learning rate multiplies the velocity when it is used, not when
    it is accumulated, and weight decay applies to biases, too. Raises ValueError for numbers out of range.
    Source: I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
    """

    def __init__(
        self, learning_rate: LearningRate, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0
    ) -> None:
        self.learning_rate = checked_rate(self, learning_rate)
        self.momentum = fraction("SGD", "momentum", momentum, remedy="try 0.9")
        self.nesterov = flag("SGD", "nesterov", nesterov)
        self.weight_decay = at_least_zero("SGD", "weight_decay", weight_decay, remedy="leave it out")
        if self.nesterov and self.momentum == 0:
            raise ValueError(mismatch("SGD", "momentum above 0 with nesterov=True", 0, "try momentum=0.9"))

    def start(self, theta: Array) -> State:
        return {"velocity": array_module(theta).zeros_like(theta)} if self.momentum else {}

    def move(self, theta: Array, gradient: Array, state: State, *scalars: Any) -> None:
        (rate,) = scalars
        direction = gradient
        if self.weight_decay:
            direction += self.weight_decay * theta
        if self.momentum:
            velocity = state["velocity"]
            velocity *= self.momentum
            velocity += direction
            direction = direction + self.momentum * velocity if self.nesterov else velocity
        step = array_module(theta).multiply(direction, rate, out=gradient)  # reuses the memory of the gradient
        theta -= step

    def __repr__(self) -> str:
        return shown(self, "momentum", "nesterov", "weight_decay")
