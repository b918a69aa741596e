"""The training step: load a batch, forward, loss, backward, update.

`fit`, `Trainer.step` and `find_learning_rate` all call `TrainingStep`. On a GPU, `fit` may record these calls once as a
CUDA graph and replay them (recorded.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinynet.backend.arrays import Array
from tinynet.backend.threads import Team
from tinynet.data.batches import Batch
from tinynet.layers.base import Context
from tinynet.losses import Loss
from tinynet.model import Sequential
from tinynet.optimizers import Optimizer
from tinynet.training.operations import Operations, plain_operations
from tinynet.training.shards import RowShards
from tinynet.training.state import DeviceMeter, Meter, TrainingState


class TrainingStep:
    """Train on one batch: step(batch, meter, number) updates the parameters, the optimizer and the statistics.

    `load`, `forward`, `measure` and `update` are the methods of the batch, the model, the loss and the optimizer, or
    the fused kernels that replace them (fused.py). `shards` runs the step up to the gradient, either once for the whole
    batch or in several threads, each for some of its rows (shards.py).
    """

    def __init__(
        self,
        model: Sequential,
        loss: Loss,
        optimizer: Optimizer,
        state: TrainingState,
        *,
        operations: Operations | None = None,
        team: Team | None = None,
        nan_guard: bool = True,
    ) -> None:
        self.optimizer, self.state, self.nan_guard = optimizer, state, nan_guard
        self.operations = operations or plain_operations(model, loss, optimizer)
        self.load, self.forward, self.measure, _ = self.operations
        self.update: Callable[..., None] = optimizer.update  # eager.py and recorded.py replace it on a GPU
        self.shards = RowShards(model, team or Team(1), loss)
        self.gradient, self.changes = self.shards.gradient, self.shards.changes  # of theta; of the statistics

    def __call__(self, batch: Batch, meter: Meter | DeviceMeter, number: Any) -> tuple[Array, Array | None]:
        """Return the mean loss, and how many outputs are right (None if the loss does not define that).

        `number` counts the steps from 0: an int, or a 0-d array on the device while a step is recorded. With
        `nan_guard`, nothing is updated if the meter finds that the loss is NaN or infinite (`meter.diverged`).
        """
        state = self.state
        context = Context(training=True, seed=state.seed, step=number, input_gradient=False)
        scale = self.optimizer.loss_scale(state.optimizer)  # 1, except in float16

        def forward_backward(rows: Batch, context: Context, scale: float, grads: Any) -> tuple[Array, Array | None]:
            x, targets = self.load(rows)  # x (N, ...), targets (N,) or (N, K)
            outputs, backward = self.forward(x, context)  # outputs (N, K)
            loss, hits, gradient = self.measure(outputs, targets, scale)  # gradient (N, K), of scale times the loss
            backward(gradient, grads)  # fills self.gradient and self.changes
            return loss, hits

        loss, hits, weight = self.shards.run(forward_backward, batch, context, scale)
        meter.add(loss, hits, len(batch), weight)
        if self.nan_guard and meter.diverged:
            return loss, hits
        self.update(state.theta, self.gradient, state.optimizer, number)
        state.statistics += self.changes
        state.step += 1
        return loss, hits
