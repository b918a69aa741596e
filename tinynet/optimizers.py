"""Optimizers: vectors in, vectors out. They know nothing of layers.

An optimizer is a rule and holds only its settings. What it remembers between steps is a dict of vectors, made by
`start` and kept by whoever trains, so one optimizer may serve any number of runs, and a checkpoint sees everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tinynet.arrays import Array, array_module, device_of
from tinynet.errors import ShapeError, mismatch

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
        """Move `theta` and `state` by one step, in place. `gradient` is owned here, and overwritten."""
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

    def result(self, theta: Array, state: State) -> Array:
        """The parameters to measure and to keep: `theta`, unless the rule has better ones (see Averaged)."""
        return theta


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
        self.learning_rate = _checked_rate(self, learning_rate)
        self.momentum, self.nesterov = _share(self, "momentum", momentum), nesterov
        self.weight_decay = _at_least_zero(self, "weight_decay", weight_decay)
        if nesterov and momentum == 0:
            raise ValueError("SGD: expected momentum above 0 with nesterov=True, got 0; try momentum=0.9")

    def start(self, theta: Array) -> State:
        return {"velocity": array_module(theta).zeros_like(theta)} if self.momentum else {}

    def move(self, theta: Array, gradient: Array, state: State, *scalars: Any) -> None:
        (rate,), direction = scalars, gradient
        if self.weight_decay:
            direction += self.weight_decay * theta
        if self.momentum:
            velocity = state["velocity"]
            velocity *= self.momentum
            velocity += direction
            direction = direction + self.momentum * velocity if self.nesterov else velocity
        theta -= array_module(theta).multiply(direction, rate, out=gradient)  # it is free by now

    def __repr__(self) -> str:
        return f"SGD({_settings(self, momentum=0.0, nesterov=False, weight_decay=0.0)})"


class RMSprop(Optimizer):
    """Each parameter's step divided by the root of a running mean of its squared gradients. With g the gradient,

        v <- decay v + (1 - decay) g^2;   d = g / (sqrt(v) + epsilon)
        plain:     theta <- theta - learning_rate d
        momentum:  b <- momentum b + d;   theta <- theta - learning_rate b

    v and b start at 0. PyTorch's definitions: epsilon is added to the root, not under it as in TensorFlow's.
    Raises ValueError for settings out of range. Source: T. Tieleman, G. Hinton, Coursera lecture 6e, 2012.
    """

    def __init__(
        self, learning_rate: LearningRate = 0.01, decay: float = 0.99, momentum: float = 0.0, epsilon: float = 1e-8
    ) -> None:
        self.learning_rate = _checked_rate(self, learning_rate)
        self.decay, self.momentum = _share(self, "decay", decay), _share(self, "momentum", momentum)
        self.epsilon = _above_zero(self, "epsilon", epsilon)

    def start(self, theta: Array) -> State:
        zeros = array_module(theta).zeros_like
        return {"square": zeros(theta), **({"velocity": zeros(theta)} if self.momentum else {})}

    def move(self, theta: Array, gradient: Array, state: State, *scalars: Any) -> None:
        xp, square, (rate,) = array_module(theta), state["square"], scalars
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
        return f"RMSprop({_settings(self, decay=0.99, momentum=0.0, epsilon=1e-8)})"


class Adam(Optimizer):
    """Momentum, and steps divided as in RMSprop, both freed from their start at 0. In step t, from 1,

        m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2
        theta <- theta - learning_rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)

    so that each parameter moves by about the learning rate at first, whatever the size of its gradient. `weight_decay`
    is added to the gradient here (g + weight_decay * theta); see AdamW for the better way. PyTorch's definitions.
    Raises ValueError for settings out of range.
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
        self.learning_rate = _checked_rate(self, learning_rate)
        self.beta1, self.beta2 = _share(self, "beta1", beta1), _share(self, "beta2", beta2)
        self.epsilon = _above_zero(self, "epsilon", epsilon)
        self.weight_decay = _at_least_zero(self, "weight_decay", weight_decay)

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
        """The step itself, once weight decay has been seen to."""
        xp, mean, square = array_module(theta), state["mean"], state["square"]
        mean *= self.beta1
        mean += (1 - self.beta1) * gradient
        gradient *= gradient
        gradient *= 1 - self.beta2
        square *= self.beta2
        square += gradient
        root = xp.sqrt(square, out=gradient)  # from here on in the gradient's memory
        root *= root_factor
        root += self.epsilon
        xp.divide(mean, root, out=root)
        root *= rate
        theta -= root

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_settings(self, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0)})"


class AdamW(Adam):
    """Adam with decoupled weight decay: before each step

        theta <- theta - learning_rate weight_decay mask theta

    so that the decay is not divided by the size of the gradients, as it is in Adam. `mask`, a vector laid out like
    theta, says what decays: `mask=model.mask()` spares biases and the parameters of norms; None decays everything, as
    PyTorch does. Raises ValueError for settings out of range.
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
        self.mask = mask

    def start(self, theta: Array) -> State:
        state = super().start(theta)
        if self.mask is not None:
            if self.mask.shape != theta.shape:
                remedy = "take it from the same model: model.mask()"
                raise ShapeError(mismatch("AdamW", f"a mask of shape {theta.shape}", self.mask.shape, remedy))
            state["mask"] = device_of(theta).put(self.mask).astype(theta.dtype)
        return state

    def scalars(self, step: int) -> tuple[float, ...]:
        lost = self.rate(step) * self.weight_decay
        return (1 - lost if self.mask is None else lost, *super().scalars(step))

    def move(self, theta: Array, gradient: Array, state: State, *scalars: Any) -> None:
        decay, *others = scalars
        if "mask" in state:
            theta -= decay * state["mask"] * theta
        elif self.weight_decay:
            theta *= decay
        self._move(theta, gradient, state, *others)


class Wrapper(Optimizer):
    """Another optimizer, and something beside it: its rate and its vectors are the other's."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer

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
        """Do the other's `step`, and what is to be done before and after it."""
        raise NotImplementedError(f"{type(self).__name__} must define around(theta, gradient, state, step)")

    @property
    def recordable(self) -> bool:
        return type(self).update is Wrapper.update and self.optimizer.recordable

    def result(self, theta: Array, state: State) -> Array:
        return self.optimizer.result(theta, state)


class Clipped(Wrapper):
    """Another optimizer, fed gradients whose length is at most `norm`: g <- g min(1, norm / (|g| + 1e-6)).

    The length is that of the whole vector, over all layers, as in PyTorch's clip_grad_norm_. Raises ValueError for a
    norm that is not above 0.
    Source: R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
    """

    elementwise = False

    def __init__(self, optimizer: Optimizer, norm: float = 1.0) -> None:
        super().__init__(optimizer)
        self.norm = _above_zero(self, "norm", norm)

    def around(self, theta: Array, gradient: Array, state: State, step: Callable[[], None]) -> None:
        xp = array_module(gradient)
        length = xp.sqrt((gradient * gradient).sum())
        gradient *= xp.minimum(self.norm / (length + 1e-6), 1)
        step()

    def __repr__(self) -> str:
        return f"Clipped({self.optimizer}, norm={self.norm:g})"


class Averaged(Wrapper):
    """Another optimizer, and a moving average of its parameters: a <- a + (1 - decay) (theta - a).

    a starts as theta does. `fit` measures a and leaves it in the model: steps that jump about a valley average to its
    floor. Raises ValueError for a decay outside [0, 1).
    Source: B. Polyak, A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
    """

    def __init__(self, optimizer: Optimizer, decay: float = 0.999) -> None:
        super().__init__(optimizer)
        self.elementwise, self.decay = optimizer.elementwise, _share(self, "decay", decay)

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
        return f"Averaged({self.optimizer}, decay={self.decay:g})"


def _checked_rate(optimizer: Optimizer, rate: LearningRate) -> LearningRate:
    return rate if callable(rate) else _above_zero(optimizer, "a learning rate", rate)


def _above_zero(optimizer: Optimizer, name: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"{type(optimizer).__name__}: expected {name} above 0, got {value}")
    return float(value)  # NumPy's scalars would widen float32 vectors


def _at_least_zero(optimizer: Optimizer, name: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise ValueError(f"{type(optimizer).__name__}: expected {name} of at least 0, got {value}")
    return float(value)


def _share(optimizer: Optimizer, name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{type(optimizer).__name__}: expected {name} from 0 up to, not including, 1, got {value}")
    return float(value)


def _settings(optimizer: Any, **usual: float) -> str:
    """The rate, and whatever differs from what is usual."""
    rate = optimizer.learning_rate
    settings = {name: getattr(optimizer, name) for name in usual}
    chosen = [f"{name}={value}" for name, value in settings.items() if value != usual[name]]
    return ", ".join([_name_of(rate), *chosen])


def _name_of(rate: LearningRate) -> str:
    return getattr(rate, "__name__", str(rate))
