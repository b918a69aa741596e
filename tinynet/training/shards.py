"""Threads that share the rows of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tinynet.backend.arrays import Array, aligned_zeros, array_module
from tinynet.backend.threads import Meeting as AllReduce
from tinynet.backend.threads import Team
from tinynet.data.batches import Batch
from tinynet.layers.base import Context

if TYPE_CHECKING:
    from tinynet.training.step import TrainingStep


class RowShards:
    """The first half of a training step, forward and backward, by several threads.

    Each thread takes some rows of the batch through the whole network and has a gradient vector of its own. The
    gradient of the batch is their sum, always added in the same order. The changes of the statistics are the same in
    each thread, since batch norm sums over all of them.
    """

    def __init__(self, step: TrainingStep, team: Team) -> None:
        self.step, self.team = step, team
        others = range(team.size - 1)
        self.gradients = [step.gradient, *(zeros_like(step.gradient) for _ in others)]
        changes = [step.changes, *(zeros_like(step.changes) for _ in others)]
        self.grads = [step.model.views(*vectors) for vectors in zip(self.gradients, changes)]

    def forward_backward(self, batch: Batch, context: Context, scale: float) -> tuple[Array, Array | None]:
        """The mean loss and the hits of the whole batch; its gradient is in the step's `gradient`."""
        parts = batch.split(min(self.team.size, len(batch)))
        fractions = [len(part) / len(batch) for part in parts]
        sums = AllReduce(len(parts))

        def forward_backward_part(number: int) -> tuple[Array, Array | None]:
            part = parts[number]
            with sums.member(number) as all_reduce:
                own = context._replace(first_row=part.first_row, all_reduce=all_reduce)
                return self.step.forward_backward(part, own, fractions[number] * scale, self.grads[number])

        losses, hits = zip(*self.team.map(forward_backward_part, range(len(parts))))
        for gradient in self.gradients[1 : len(parts)]:
            self.step.gradient += gradient
        loss = sum(fraction * loss for fraction, loss in zip(fractions, losses))
        return loss, None if hits[0] is None else sum(hits)


def zeros_like(vector: Array) -> Array:
    """Aligned zeros of the length, dtype and device of `vector`."""
    return aligned_zeros(len(vector), vector.dtype, array_module(vector))
