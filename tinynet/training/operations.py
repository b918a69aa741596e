"""The four calls that a training step is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tinynet.backend.arrays import Array
from tinynet.data.batches import Batch
from tinynet.layers.base import Backward, Context
from tinynet.losses import Loss
from tinynet.model import Sequential
from tinynet.optimizers import Optimizer


class Operations(NamedTuple):
    """The four functions that a step calls."""

    load: Callable[[Batch], tuple[Array, Array]]
    forward: Callable[[Array, Context], tuple[Array, Backward]]
    measure: Callable[[Array, Array, float], tuple[Array, Array | None, Array]]
    move: Callable[..., None]  # (theta, gradient, optimizer state, scalars of the step)


def plain_operations(model: Sequential, loss: Loss, optimizer: Optimizer) -> Operations:
    """The methods of the batch, the model, the loss and the optimizer."""

    def move(theta: Array, gradient: Array, state: Any, scalars: Any) -> None:
        optimizer.move(theta, gradient, state, *(scalars[number] for number in range(len(scalars))))

    return Operations(Batch.load, model.forward, loss.measure, move)
