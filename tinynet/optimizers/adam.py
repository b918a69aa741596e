"""Adam and its variants: the running mean of the gradient, divided by its typical size."""

from __future__ import annotations

import math
from typing import Any

from tinynet.backend.arrays import Array, array_module, device_of
from tinynet.backend.plain import plain_array
from tinynet.errors import ShapeError, above_zero, at_least_zero, fraction, mismatch
from tinynet.optimizers.base import LearningRate, Optimizer, State
from tinynet.optimizers.checks import checked_rate, shown


class Adam(Optimizer):
    """Momentum, and steps divided as in RMSprop, both corrected for their start at 0. In step t, from 1,

        m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2
        theta <- theta - learning_rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)

    so that each parameter moves by about the learning rate at first, whatever the size of its gradient. `weight_decay`
    is added to the gradient here (g + weight_decay * theta); AdamW is usually better. PyTorch's definitions.
    Raises ValueError for numbers out of range.
    Source: D. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        who, remedy = type(self).__name__, "leave it out"
        self.learning_rate = checked_rate(self, learning_rate)
        self.beta1 = fraction(who, "beta1", beta1, remedy=remedy)
        self.beta2 = fraction(who, "beta2", beta2, remedy=remedy)
        self.epsilon = above_zero(who, "epsilon", epsilon, remedy=remedy)
        self.weight_decay = at_least_zero(who, "weight_decay", weight_decay, remedy=remedy)

    def start(self, theta: Array) -> State:
        zeros = array_module(theta).zeros_like
        return {"mean": zeros(theta), "square": zeros(theta)}

    def scalars(self, step: int) -> tuple[float, ...]:
        t = step + 1
        return 1 / math.sqrt(1 - self.beta2**t), self.rate(step) / (1 - self.beta1**t)

    def move(self, theta: Array, gradient: Array, state: State, *scalars: Any) -> None:
        if self.weight_decay:
            gradient += self.weight_decay * theta
        self._move(theta, gradient, state, *scalars)

    def _move(self, theta: Array, gradient: Array, state: State, root_factor: Any, rate: Any) -> None:
        """The step itself, after weight decay."""
        mean, root = self._means(gradient, state, root_factor)
        step = array_module(theta).divide(mean, root, out=root)
        step *= rate
        theta -= step

    def _means(self, gradient: Array, state: State, root_factor: Any) -> tuple[Array, Array]:
        """The running mean, and the divisor of the step, which is stored in the memory of the gradient."""
        mean, square = state["mean"], state["square"]
        mean *= self.beta1
        mean += (1 - self.beta1) * gradient
        gradient *= gradient
        gradient *= 1 - self.beta2
        square *= self.beta2
        square += gradient
        root = array_module(gradient).sqrt(square, out=gradient)
        root *= root_factor
        root += self.epsilon
        return mean, root

    def __repr__(self) -> str:
        return shown(self, "beta1", "beta2", "epsilon", "weight_decay")


class AdamW(Adam):
    """Adam with decoupled weight decay: before each step

        theta <- theta - learning_rate weight_decay mask theta

    so that the decay is not divided by the size of the gradients, as it is in Adam. `mask`, a vector laid out like
    theta, says what decays: `mask=model.mask()` leaves out biases and the parameters of norms; None decays everything,
    as PyTorch does. Raises ValueError for numbers out of range.
    Source: I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        mask: Array | None = None,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon, weight_decay)
        self.mask = None if mask is None else plain_array(mask, "AdamW", "mask")

    def start(self, theta: Array) -> State:
        state = super().start(theta)
        if self.mask is not None:
            if self.mask.shape != theta.shape:
                remedy = "take it from the same model: model.mask()"
                raise ShapeError(mismatch("AdamW", f"a mask of shape {theta.shape}", self.mask.shape, remedy))
            state["mask"] = device_of(theta).put(self.mask).astype(theta.dtype)
        return state

    def scalars(self, step: int) -> tuple[float, ...]:
        decay = self.rate(step) * self.weight_decay
        return (1 - decay if self.mask is None else decay, *super().scalars(step))

    def move(self, theta: Array, gradient: Array, state: State, *scalars: Any) -> None:
        decay, *others = scalars
        if "mask" in state:
            theta -= decay * state["mask"] * theta
        elif self.weight_decay:
            theta *= decay
        self._move(theta, gradient, state, *others)


class Nadam(Adam):
    """Adam with Nesterov's momentum: the step uses the mean that the next step will start from. In step t, from 1,

        m and v as in Adam;   n = beta1 m / (1 - beta1^(t + 1)) + (1 - beta1) g / (1 - beta1^t)
        theta <- theta - learning_rate n / (sqrt(v / (1 - beta2^t)) + epsilon)

    which is Dozat's algorithm with a constant beta1. In PyTorch and Keras it grows from beta1 / 2 to beta1 over some
    thousand steps; PyTorch's NAdam with momentum_decay=1e9 is this one. Weight decay is that of Adam.
    Raises ValueError for numbers out of range.
    Source: T. Dozat, "Incorporating Nesterov momentum into Adam", ICLR 2016 workshop, algorithm 8.
    """

    def scalars(self, step: int) -> tuple[float, ...]:
        root_factor, rate = super().scalars(step)
        next_rate = self.rate(step) / (1 - self.beta1 ** (step + 2))
        return root_factor, self.beta1 * next_rate, (1 - self.beta1) * rate

    def _move(self, theta: Array, gradient: Array, state: State, *scalars: Any) -> None:
        root_factor, rate, rate_of_gradient = scalars
        step = rate_of_gradient * gradient
        mean, root = self._means(gradient, state, root_factor)
        step += rate * mean
        theta -= array_module(theta).divide(step, root, out=root)
