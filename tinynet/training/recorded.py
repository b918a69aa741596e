"""Captured steps: the step of fit, recorded once as a CUDA graph, and repeated without Python.

What is recorded are launches with the addresses and numbers they had. So everything that changes from step to step
lives in device memory and keeps its place: the clock (the step, which random numbers depend on, and its place in the
epoch), the epoch's shuffled order, the table of the optimizer's scalars, the losses and hits. A new epoch writes new
values there.

Arrays made on the way come from a memory pool of their own, which belongs to the graphs as long as they live: nobody
else can be given an address that a graph will write to.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.data.batches import Batch, batch_count, shuffled_order
from tinynet.layers.base import Context

if TYPE_CHECKING:
    from tinynet.training.steps import EagerSteps

Launch = Callable[[], None]

STEPS_PER_GRAPH = 128  # at most, unless the caller says: an epoch of fewer is one launch


class CapturedSteps:
    """The steps of an epoch by graphs of `per_graph` steps (0: a whole epoch where it is not too long).

    Raises whatever the step raises when it is tried and recorded; everything it changed is then as it was before.
    """

    def __init__(self, eager: EagerSteps, recorder: Any, per_graph: int = 0) -> None:
        self.state, self.gradient, self.optimizer = eager.state, eager.gradient, eager.optimizer
        self.course, self.recorder = eager.course, recorder
        data, size, xp = self.course.data, self.course.batch_size, self.course.device.module
        self.steps = batch_count(data, size)
        self.whole, self.rest = divmod(len(data), size)  # batches of full size, examples in the last one
        self.per_graph = per_graph or _even_part(self.whole)
        self.clock = xp.zeros(2 + size, "int64")  # all that counts, in one vector: a step adds another one to it
        self.step, self.place = self.clock[:1].view("uint64").reshape(()), self.clock[1:2]  # the latter in the epoch
        self.rows = self.clock[2:]  # where the examples of the next batch stand in `order`
        self.tick = self.course.device.put(np.array([1, 1] + [size] * size))
        self.order = xp.arange(len(data))
        width = len(self.optimizer.scalars(self.state.step))
        self.table = xp.zeros((self.steps, width), self.state.theta.dtype)
        self.losses, self.hits = xp.zeros(self.steps, "float64"), xp.zeros(self.steps, "int64")
        self.knows_hits = True
        with self._putting_back():
            self._prepare()

    def epoch(self, number: int, first: int) -> Iterator[int]:
        """Train on the batches of an epoch, from the one numbered `first` on; how many examples each launch took."""
        self._begin(number, first)
        size = self.course.batch_size
        while first < self.steps:
            count = self.per_graph if first + self.per_graph <= self.whole else 1
            rows = size if first < self.whole else self.rest
            self.graphs[count, rows]()
            self.state.step += count
            assert self.state.meter is not None
            hits = self.hits if self.knows_hits else None
            self.state.meter.take(first, [rows] * count, self.losses, hits)
            first += count
            yield count * rows

    def _begin(self, number: int, first: int) -> None:
        from tinynet.training.steps import scalars_of

        put, size = self.course.device.put, self.course.batch_size
        self.order[...] = shuffled_order(self.course.data, self.course.seed, number)
        self.clock[...] = put(np.array([self.state.step, first, *range(first * size, (first + 1) * size)]))
        self.table[...] = put(scalars_of(self.optimizer, self.state, first, self.steps))

    def _prepare(self) -> None:
        """Record the graphs. Each kind of step is done once before, so that all is compiled and the memory is there."""
        kinds = [(1, self.course.batch_size)] if self.whole else []
        if self.whole and self.per_graph > 1:
            kinds.append((self.per_graph, self.course.batch_size))
        if self.rest:
            kinds.append((1, self.rest))
        self.graphs: dict[tuple[int, int], Launch] = {}
        for rows in sorted({rows for _, rows in kinds}):
            for _ in range(2):  # the second time in the memory of the first
                self._rewind()
                self.recorder.run(lambda rows=rows: self._step(rows))
        for count, rows in kinds:
            self._rewind()
            self.graphs[count, rows] = self.recorder.record(lambda count=count, rows=rows: self._several(count, rows))

    def _rewind(self) -> None:
        self.clock[...] = self.course.device.put(np.array([0, 0, *range(self.course.batch_size)]))

    def _several(self, count: int, rows: int) -> None:
        for _ in range(count):
            self._step(rows)

    def _step(self, rows: int) -> None:
        """One step, told by device memory alone which one it is. No number of it may come from Python's side."""
        state, gradient, data, xp = self.state, self.gradient, self.course.data, self.course.device.module
        batch = Batch(data, xp.take(self.order, self.rows[:rows]), np.dtype(state.theta.dtype))
        context = Context(training=True, seed=self.course.seed, step=self.step, input_gradient=False)
        value, hits = gradient.of(batch, context)
        scalars = xp.take(self.table, self.place, axis=0).reshape(-1)
        gradient.operations.move(state.theta, gradient.vector, state.optimizer, scalars)
        state.statistics += gradient.changes
        self.losses[self.place] = value
        if hits is None:
            self.knows_hits = False
        else:
            self.hits[self.place] = hits
        self.clock += self.tick

    @contextlib.contextmanager
    def _putting_back(self) -> Iterator[None]:
        """The run's numbers as they were, whatever is tried inside."""
        numbers = [self.state.theta, self.state.statistics, *self.state.optimizer.values()]
        before = [array.copy() for array in numbers]
        try:
            yield
        finally:
            for array, values in zip(numbers, before):
                array[...] = values


def _even_part(steps: int) -> int:
    """The largest number of steps, up to STEPS_PER_GRAPH, that parts an epoch evenly but for less than a graph."""
    graphs = max(1, -(-steps // STEPS_PER_GRAPH))
    return max(1, steps // graphs)
