"""Record the training step once as a CUDA graph, and replay it without Python.

A graph repeats its kernel launches with the addresses and numbers of the recording. So everything that changes from
step to step is read from device memory at a fixed address: the clock (the number of the step, on which random numbers
depend, and the index of the batch), the shuffled order of the epoch, the optimizer's scalars, the losses and hits.
Each epoch writes new values there.

The recorder allocates from its own memory pool, which lives as long as the graphs. So no other array gets memory that a
graph writes to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.data.batches import Batch, shuffled_order
from tinynet.training.config import RunConfig
from tinynet.training.eager import scalars_of
from tinynet.training.state import DeviceMeter
from tinynet.training.step import TrainingStep

Launch = Callable[[], None]

STEPS_PER_GRAPH = 128  # at most, unless the caller chooses: a shorter epoch is one launch


class RecordedSteps:
    """Replay graphs of `per_graph` steps each (0: a whole epoch if it has at most STEPS_PER_GRAPH steps, else a part).

    Recording runs the step; what it changes is restored afterwards. Raises what the step raises while it is recorded.
    """

    def __init__(self, step: TrainingStep, config: RunConfig, recorder: Any, per_graph: int = 0) -> None:
        self.step, self.state, self.config, self.recorder = step, step.state, config, recorder
        data, xp = config.data, config.device.module
        self.size = size = min(config.batch_size, len(data) + 1)  # a larger one is no other: one batch that is not full
        self.full, self.rest = divmod(len(data), size)  # full batches; examples in the smaller last one
        self.per_graph = min(per_graph, self.full) or _even_part(self.full)
        self.order = xp.arange(len(data))  # the examples in the shuffled order of the epoch
        self.clock = xp.zeros(2 + size, "int64")  # all counters in one vector: a step adds `tick` to it
        self.tick = config.device.put(np.array([1, 1] + [size] * size))
        self.number = self.clock[:1].view("uint64").reshape(())  # the number of the step, for random numbers
        self.index = self.clock[1:2]  # the index of the batch in its epoch
        self.rows = self.clock[2:]  # the positions of the batch's examples in `order`
        self.table = xp.zeros((config.steps, len(step.optimizer.scalars(self.state.step))), self.state.theta.dtype)
        self.meter = DeviceMeter(config.steps, self.index, xp)
        step.update = self._update
        with self._restored():
            self._record_graphs()

    def epoch(self, number: int, first: int) -> Iterator[int]:
        """Train on the batches of epoch `number`, from batch `first` on; yield the examples of each launch."""
        self._begin_epoch(number, first)
        size, meter = self.size, self.state.meter
        assert meter is not None
        while first < self.config.steps:
            count = self.per_graph if first + self.per_graph <= self.full else 1
            rows = size if first < self.full else self.rest
            self.graphs[count, rows]()
            self.state.step += count
            meter.take(first, [rows] * count, self.meter)
            first += count
            yield count * rows

    def _begin_epoch(self, number: int, first: int) -> None:
        state, size, put = self.state, self.size, self.config.device.put
        self.order[...] = shuffled_order(self.config.data, state.seed, number)
        self.clock[...] = put(np.array([state.step, first, *range(first * size, (first + 1) * size)]))
        self.table[...] = put(scalars_of(self.step.optimizer, state, first, self.config.steps))

    def _record_graphs(self) -> None:
        """Record a graph for each (steps, rows). Run each number of rows twice before: to compile, to fill the pool."""
        size = self.size
        kinds = [(1, size)] if self.full else []
        if self.full and self.per_graph > 1:
            kinds.append((self.per_graph, size))
        if self.rest:
            kinds.append((1, self.rest))
        self.graphs: dict[tuple[int, int], Launch] = {}
        for rows in sorted({rows for _, rows in kinds}):
            for _ in range(2):
                self._rewind()
                self.recorder.run(lambda rows=rows: self._train_on_next(rows))
        for count, rows in kinds:
            self._rewind()
            self.graphs[count, rows] = self.recorder.record(lambda count=count, rows=rows: self._repeat(count, rows))

    def _rewind(self) -> None:
        self.clock[...] = self.config.device.put(np.array([0, 0, *range(self.size)]))

    def _repeat(self, count: int, rows: int) -> None:
        for _ in range(count):
            self._train_on_next(rows)

    def _train_on_next(self, rows: int) -> None:
        """Run the training step on the next `rows` examples; read every number that changes from device memory."""
        chosen = self.config.device.module.take(self.order, self.rows[:rows])
        batch = Batch(self.config.data, chosen, self.state.theta.dtype)
        self.step(batch, self.meter, self.number)
        self.clock += self.tick

    def _update(self, theta: Array, gradient: Array, state: Any, number: Any) -> None:
        """Run the optimizer's update with the scalars of this step from the table."""
        scalars = self.config.device.module.take(self.table, self.index, axis=0).reshape(-1)
        self.step.operations.move(theta, gradient, state, scalars)

    @contextlib.contextmanager
    def _restored(self) -> Iterator[None]:
        """Restore the state of the run on the way out."""
        arrays = [self.state.theta, self.state.statistics, *self.state.optimizer.values()]
        before, step = [array.copy() for array in arrays], self.state.step
        try:
            yield
        finally:
            self.state.step = step
            for array, values in zip(arrays, before):
                array[...] = values


def _even_part(steps: int) -> int:
    """The steps in a graph: an epoch divided into as few equal graphs of at most STEPS_PER_GRAPH as possible."""
    graphs = max(1, -(-steps // STEPS_PER_GRAPH))
    return max(1, steps // graphs)
