"""What a step is made of, and the gradient of a batch, which is most of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tinynet.backend.arrays import Array, Device, aligned_zeros, array_module
from tinynet.backend.threads import AllReduce, Team
from tinynet.data.batches import Batch
from tinynet.layers.base import Backward, Context
from tinynet.losses import Loss
from tinynet.model import Sequential
from tinynet.optimizers import Optimizer


class Operations(NamedTuple):
    """What a step is made of; each a formula, or a kernel that stands for it."""

    load: Callable[[Batch], tuple[Array, Array]]
    forward: Callable[[Array, Context], tuple[Array, Backward]]
    measure: Callable[[Array, Array, float], tuple[Array, Array | None, Array]]
    move: Callable[..., None]  # (theta, gradient, state, scalars of the step)


def operations_for(model: Sequential, loss: Loss, optimizer: Optimizer, device: Device) -> Operations:
    """The formulas, or on a device with kernels of our own those, where they know model, loss and optimizer."""
    kernels = device.kernels()
    plain = Operations(Batch.load, model.forward, loss.measure, _mover(optimizer))
    if kernels is None:
        return plain
    from tinynet.training.fused import fused  # only where there are kernels

    return fused(model, loss, optimizer, kernels, plain)


class BatchGradient:
    """The gradient of a batch: `vector`, laid out like `theta`. `changes` are those of the model's statistics.

    Each member of the team takes a part of the rows and has vectors of its own; the gradient is then their sum. The
    changes are the same in each.
    """

    def __init__(self, model: Sequential, loss: Loss, team: Team, operations: Operations | None = None) -> None:
        self.operations = operations or Operations(Batch.load, model.forward, loss.measure, Optimizer.move)
        self.team = team
        self.vectors = [_zeros_like(model.theta) for _ in range(team.size)]
        changes = [_zeros_like(model.statistics_vector) for _ in range(team.size)]
        self.vector, self.changes = self.vectors[0], changes[0]
        self.grads = [model.views(*both) for both in zip(self.vectors, changes)]

    def of(self, batch: Batch, context: Context, scale: float = 1.0) -> tuple[Array, Array | None]:
        """Forward and backward. Returns the loss, and how many are right (None: not known); `vector` is the gradient
        of `scale` times the loss."""
        if self.team.size == 1:
            return self.of_part(batch, scale, context, self.grads[0])
        parts = batch.split(min(self.team.size, len(batch)))
        shares = [len(part) / len(batch) for part in parts]
        members = AllReduce(len(parts))

        def of_part(number: int) -> tuple[Array, Array | None]:
            with members.member(number) as all_reduce:
                own = context._replace(all_reduce=all_reduce)
                return self.of_part(parts[number], shares[number] * scale, own, self.grads[number])

        values, hits = zip(*self.team.map(of_part, range(len(parts))))
        for vector in self.vectors[1 : len(parts)]:
            self.vector += vector
        return sum(share * value for share, value in zip(shares, values)), None if hits[0] is None else sum(hits)

    def of_part(self, part: Batch, share: float, context: Context, grads: Any) -> tuple[Array, Array | None]:
        """The same for some rows of a batch, and `share` of its loss. Their gradient is written into `grads`."""
        x, labels = self.operations.load(part)
        context = context._replace(first_row=part.first_row)
        outputs, backward = self.operations.forward(x, context)
        value, hits, gradient = self.operations.measure(outputs, labels, share)
        backward(gradient, grads)
        return value, hits


def _mover(optimizer: Optimizer) -> Callable[..., None]:
    def move(theta: Array, gradient: Array, state: Any, scalars: Any) -> None:
        optimizer.move(theta, gradient, state, *(scalars[number] for number in range(len(scalars))))

    return move


def _zeros_like(vector: Array) -> Array:
    return aligned_zeros(len(vector), vector.dtype, array_module(vector))
