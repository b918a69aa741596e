"""Eager steps: call the training step for each batch of an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.data.batches import shuffled
from tinynet.optimizers import Optimizer
from tinynet.training.config import RunConfig
from tinynet.training.state import TrainingState
from tinynet.training.step import TrainingStep


class EagerSteps:
    """Call the training step for each batch of an epoch."""

    def __init__(self, step: TrainingStep, config: RunConfig) -> None:
        self.step, self.config = step, config
        self.by_kernel = step.optimizer.recordable and config.device.kernels() is not None

    def epoch(self, number: int, first: int) -> Iterator[int]:
        """Train on the batches of epoch `number`, from batch `first` on; yield the size of each after its update.

        Ends early if the NaN guard is on and the loss became NaN or infinite.
        """
        step, state, (data, size, device, transforms, _) = self.step, self.step.state, self.config
        step.update = step.optimizer.update
        if self.by_kernel:
            table = device.put(scalars_of(step.optimizer, state, first, self.config.steps))
            step.update = self._update_from(table, state.step - first)
        assert state.meter is not None
        for batch in shuffled(data, size, state.seed, number, state.theta.dtype, transforms, first):
            with step.shards.team.turn():  # without callbacks, which may wait for other threads
                step(batch, state.meter, state.step)
            if step.nan_guard and state.meter.diverged:
                return
            yield len(batch)

    def _update_from(self, table: Array, first_step: int) -> Any:
        """An update by a kernel, which reads the optimizer's scalars of the step from `table` on the device."""
        move = self.step.operations.move

        def update(theta: Array, gradient: Array, state: Any, number: int) -> None:
            move(theta, gradient, state, table[number - first_step])

        return update


def scalars_of(optimizer: Optimizer, state: TrainingState, first: int, steps: int) -> np.ndarray:
    """The optimizer's scalars for each step of an epoch, (steps, scalars). The rows before step `first` are zeros."""
    rows = [optimizer.scalars(state.step + number) for number in range(steps - first)]
    table = np.zeros((steps, len(rows[0]) if rows else 1), state.theta.dtype)
    if rows:
        table[first:] = rows
    return table
