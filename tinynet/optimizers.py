"""Optimizers: vectors in, vectors out. They know nothing of layers.

An optimizer is a rule and holds only its settings. What it remembers between steps is a dict of vectors, made by
`start` and kept by whoever trains, so one optimizer may serve any number of runs, and a checkpoint sees everything.
"""

from __future__ import annotations

from collections.abc import Callable

from tinynet.arrays import Array, array_module

State = dict[str, Array]
LearningRate = float | Callable[[int], float]  # a number, or a function of the step


class Optimizer:
    """Base of all optimizers: `learning_rate` is a number, or a function of the step that returns one."""

    learning_rate: LearningRate

    def rate(self, step: int) -> float:
        """The learning rate at `step` (from 0)."""
        return float(self.learning_rate(step) if callable(self.learning_rate) else self.learning_rate)

    def start(self, theta: Array) -> State:
        """The vectors it remembers, as they are before the first step."""
        return {}

    def update(self, theta: Array, gradient: Array, state: State, step: int) -> None:
        """Move `theta` and `state` by one step, in place. `gradient` is owned here, and overwritten."""
        raise NotImplementedError(f"{type(self).__name__} must define update(theta, gradient, state, step)")


class SGD(Optimizer):
    """Stochastic gradient descent. With g = gradient + weight_decay * theta, each step is

        plain:     theta <- theta - learning_rate g
        momentum:  v <- momentum v + g;   theta <- theta - learning_rate v
        Nesterov:  v <- momentum v + g;   theta <- theta - learning_rate (g + momentum v)

    v starts at 0. These are PyTorch's definitions: the rate multiplies the velocity when it is used, not when it is
    gathered, and weight decay is added to the gradient, biases included. Raises ValueError for settings out of range.
    Source: I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
    """

    def __init__(
        self, learning_rate: LearningRate, momentum: float = 0.0, nesterov: bool = False, weight_decay: float = 0.0
    ) -> None:
        if not callable(learning_rate) and not 0 < learning_rate < float("inf"):
            raise ValueError(f"SGD: expected a learning rate above 0, got {learning_rate}; try SGD(0.1)")
        if not 0 <= momentum < 1:
            raise ValueError(f"SGD: expected momentum from 0 up to, not including, 1, got {momentum}; try 0.9")
        if nesterov and momentum == 0:
            raise ValueError("SGD: expected momentum above 0 with nesterov=True, got 0; try momentum=0.9")
        if not 0 <= weight_decay < float("inf"):
            raise ValueError(f"SGD: expected weight_decay of at least 0, got {weight_decay}; try 1e-4")
        self.learning_rate = learning_rate if callable(learning_rate) else float(learning_rate)
        self.momentum, self.nesterov = float(momentum), nesterov  # NumPy's scalars would widen float32 vectors
        self.weight_decay = float(weight_decay)

    def start(self, theta: Array) -> State:
        return {"velocity": array_module(theta).zeros_like(theta)} if self.momentum else {}

    def update(self, theta: Array, gradient: Array, state: State, step: int) -> None:
        direction = gradient
        if self.weight_decay:
            direction += self.weight_decay * theta
        if self.momentum:
            velocity = state["velocity"]
            velocity *= self.momentum
            velocity += direction
            direction = direction + self.momentum * velocity if self.nesterov else velocity
        theta -= array_module(theta).multiply(direction, self.rate(step), out=gradient)  # it is free by now

    def __repr__(self) -> str:
        rate = self.learning_rate
        settings = [getattr(rate, "__name__", str(rate))]
        settings += [f"momentum={self.momentum}"] if self.momentum else []
        settings += ["nesterov=True"] if self.nesterov else []
        settings += [f"weight_decay={self.weight_decay}"] if self.weight_decay else []
        return f"SGD({', '.join(settings)})"
