"""Settings of an optimizer: refused where they are out of range, and shown."""

from __future__ import annotations

import math

from tinynet.optimizers.base import LearningRate, Optimizer


def checked_rate(optimizer: Optimizer, rate: LearningRate) -> LearningRate:
    return rate if callable(rate) else above_zero(optimizer, "a learning rate", rate)


def above_zero(optimizer: Optimizer, name: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"{type(optimizer).__name__}: expected {name} above 0, got {value}")
    return float(value)  # NumPy's scalars would widen float32 vectors


def at_least_zero(optimizer: Optimizer, name: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise ValueError(f"{type(optimizer).__name__}: expected {name} of at least 0, got {value}")
    return float(value)


def share(optimizer: Optimizer, name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{type(optimizer).__name__}: expected {name} from 0 up to, not including, 1, got {value}")
    return float(value)


def shown(optimizer: Optimizer, **usual: float) -> str:
    """As it would be written: its name, the rate, and whatever differs from what is usual."""
    rate = optimizer.learning_rate
    settings = {name: getattr(optimizer, name) for name in usual}
    chosen = [f"{name}={value}" for name, value in settings.items() if value != usual[name]]
    return f"{type(optimizer).__name__}({', '.join([getattr(rate, '__name__', str(rate)), *chosen])})"
