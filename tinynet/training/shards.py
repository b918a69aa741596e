"""Split a batch by rows over threads, and add up their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynet.backend.arrays import Array, aligned_zeros, array_module
from tinynet.backend.threads import AllReduce, Team
from tinynet.data.batches import Batch
from tinynet.layers.base import Context
from tinynet.losses import Loss
from tinynet.model import Sequential

ForwardBackward = Callable[[Batch, Context, float, Any], tuple[Array, "Array | None"]]


class RowShards:
    """Run forward and backward for a batch in the threads of a team; `gradient` and `changes` then hold the results.

    Each thread takes some rows of the batch through the whole network, and has a gradient vector of its own. The
    gradient of the batch is their sum, added in a fixed order; each part counts by its share of the rows, or of their
    weights if the loss has weights. The changes of the statistics are equal in all threads, since batch norm sums over
    all of them.
    """

    def __init__(self, model: Sequential, team: Team, loss: Loss) -> None:
        self.team, self.loss = team, loss
        self.gradients = [_zeros_like(model.theta) for _ in range(team.size)]
        changes = [_zeros_like(model.statistics_vector) for _ in range(team.size)]
        self.gradient, self.changes = self.gradients[0], changes[0]
        self.grads = [model.views(*vectors) for vectors in zip(self.gradients, changes)]  # as named arrays

    def run(self, function: ForwardBackward, batch: Batch, context: Context, scale: float) -> Any:
        """Call `function` for the whole batch, or for the rows of each thread. Return the mean loss, hits and weight.

        The weight is None if the loss has none.
        """
        if self.team.size == 1:
            return (*function(batch, context, scale, self.grads[0]), self._weight(batch))
        parts = batch.split(min(self.team.size, len(batch)))
        weights = [self._weight(part) for part in parts]
        weight = None if weights[0] is None else sum(weights)
        # A loss divides by the weight of its rows, or by their number if the weight is 0.
        fractions = [(own or len(part)) / (weight or len(batch)) for part, own in zip(parts, weights)]
        sums = AllReduce(len(parts))

        def run_part(number: int) -> tuple[Array, Array | None]:
            part = parts[number]
            with sums.member(number) as all_reduce:
                own = context._replace(first_row=part.first_row, all_reduce=all_reduce)
                return function(part, own, fractions[number] * scale, self.grads[number])

        losses, hits = zip(*self.team.map(run_part, range(len(parts)), sums.abort))
        for gradient in self.gradients[1 : len(parts)]:
            self.gradient += gradient
        loss = sum(fraction * loss for fraction, loss in zip(fractions, losses))
        return loss, None if hits[0] is None else sum(hits), weight

    def _weight(self, rows: Batch) -> Any:
        return self.loss.weight(rows.dataset.labels[rows.chosen]) if self.loss.weighted else None


def _zeros_like(vector: Array) -> Array:
    """Aligned zeros of the length, dtype and device of `vector`."""
    return aligned_zeros(len(vector), vector.dtype, array_module(vector))
