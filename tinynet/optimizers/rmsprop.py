"""RMSprop: each parameter's gradient divided by its own typical size."""

from __future__ import annotations

from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.errors import above_zero, fraction
from tinynet.optimizers.base import LearningRate, Optimizer, State
from tinynet.optimizers.checks import checked_rate, shown


class RMSprop(Optimizer):
    """Each parameter's step divided by the root of a running mean of its squared gradients. With g the gradient,

        v <- decay v + (1 - decay) g^2;   d = g / (sqrt(v) + epsilon)
        plain:     theta <- theta - learning_rate d
        momentum:  b <- momentum b + d;   theta <- theta - learning_rate b

    v and b start at 0. PyTorch's definitions: epsilon is added to the root, not under it as in TensorFlow's.
    Raises ValueError for numbers out of range. Source: T. Tieleman, G. Hinton, Coursera lecture 6e, 2012.
    """

    def __init__(
        self, learning_rate: LearningRate = 0.01, decay: float = 0.99, momentum: float = 0.0, epsilon: float = 1e-8
    ) -> None:
        self.learning_rate = checked_rate(self, learning_rate)
        self.decay = fraction("RMSprop", "decay", decay, remedy="leave it out")
        self.momentum = fraction("RMSprop", "momentum", momentum, remedy="try 0.9")
        self.epsilon = above_zero("RMSprop", "epsilon", epsilon, remedy="leave it out")

    def start(self, theta: Array) -> State:
        zeros = array_module(theta).zeros_like
        return {"square": zeros(theta), **({"velocity": zeros(theta)} if self.momentum else {})}

    def move(self, theta: Array, gradient: Array, state: State, *scalars: Any) -> None:
        xp, square = array_module(theta), state["square"]
        (rate,) = scalars
        square *= self.decay
        square += (1 - self.decay) * gradient * gradient
        root = xp.sqrt(square)
        root += self.epsilon
        gradient /= root
        if self.momentum:
            velocity = state["velocity"]
            velocity *= self.momentum
            velocity += gradient
            gradient = velocity
        theta -= rate * gradient

    def __repr__(self) -> str:
        return shown(self, "decay", "momentum", "epsilon")
