"""Optimizers that wrap another one: gradient clipping, and averages of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynet.backend.arrays import Array, array_module
from tinynet.backend.habits import instance
from tinynet.errors import above_zero, fraction
from tinynet.optimizers.base import LearningRate, Optimizer, State
from tinynet.optimizers.checks import in_short


class Wrapper(Optimizer):
    """Base of optimizers that wrap another one. Learning rate and vectors are those of the wrapped optimizer."""

    def __init__(self, optimizer: Optimizer) -> None:
        who = type(self).__name__
        self.optimizer = instance(who, optimizer, Optimizer, f"wrap one: {who}(tn.SGD(0.1))")

    @property
    def learning_rate(self) -> LearningRate:
        return self.optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: LearningRate) -> None:
        self.optimizer.learning_rate = rate

    def start(self, theta: Array) -> State:
        return self.optimizer.start(theta)

    def scalars(self, step: int) -> tuple[float, ...]:
        return self.optimizer.scalars(step)

    def update(self, theta: Array, gradient: Array, state: State, step: int) -> None:
        self.around(theta, gradient, state, lambda: self.optimizer.update(theta, gradient, state, step))

    def move(self, theta: Array, gradient: Array, state: State, *scalars: Any) -> None:
        self.around(theta, gradient, state, lambda: self.optimizer.move(theta, gradient, state, *scalars))

    def around(self, theta: Array, gradient: Array, state: State, step: Callable[[], None]) -> None:
        """Call `step`, which updates theta with the wrapped optimizer, and do what comes before and after it."""
        raise NotImplementedError(f"{type(self).__name__} must define around(theta, gradient, state, step)")

    @property
    def recordable(self) -> bool:
        return type(self).update is Wrapper.update and self.optimizer.recordable

    def loss_scale(self, state: State) -> float:
        return self.optimizer.loss_scale(state)

    def result(self, theta: Array, state: State) -> Array:
        return self.optimizer.result(theta, state)


class Clipped(Wrapper):
    """Gradient clipping: the wrapped optimizer gets g min(1, norm / (|g| + 1e-6)), whose norm is at most `norm`.

    |g| is the norm of the whole vector, over all layers, as in PyTorch's clip_grad_norm_. Raises ValueError for a
    `norm` that is not above 0.
    Source: R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
    """

    elementwise = False

    def __init__(self, optimizer: Optimizer, norm: float = 1.0) -> None:
        super().__init__(optimizer)
        self.norm = above_zero("Clipped", "norm", norm, remedy="try 1.0")

    def around(self, theta: Array, gradient: Array, state: State, step: Callable[[], None]) -> None:
        xp = array_module(gradient)
        gradient_norm = xp.sqrt((gradient * gradient).sum())
        gradient *= xp.minimum(self.norm / (gradient_norm + 1e-6), 1)
        step()

    def __repr__(self) -> str:
        return f"Clipped({self.optimizer}, norm={in_short(self.norm)})"


class Averaged(Wrapper):
    """A moving average of the parameters that the wrapped optimizer trains: a <- a + (1 - decay) (theta - a).

    a starts equal to theta. `fit` evaluates a and leaves it in the model. Where theta jumps from side to side of a
    valley of the loss, a is near the bottom. Raises ValueError for a decay outside [0, 1).
    Source: B. Polyak, A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
    """

    def __init__(self, optimizer: Optimizer, decay: float = 0.999) -> None:
        super().__init__(optimizer)
        self.elementwise = optimizer.elementwise
        self.decay = fraction("Averaged", "decay", decay, remedy="try 0.999")

    def start(self, theta: Array) -> State:
        return {**self.optimizer.start(theta), "average": theta.copy()}

    def around(self, theta: Array, gradient: Array, state: State, step: Callable[[], None]) -> None:
        step()
        difference = array_module(theta).subtract(theta, state["average"], out=gradient)
        difference *= 1 - self.decay
        state["average"] += difference

    def result(self, theta: Array, state: State) -> Array:
        return state["average"]

    def __repr__(self) -> str:
        return f"Averaged({self.optimizer}, decay={in_short(self.decay)})"
