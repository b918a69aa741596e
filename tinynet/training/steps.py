"""The steps of an epoch: the plain way, one after the other; and how it is decided who does them.

A step is gather, forward, backward, update (tinynet/training/step.py), and the numbers for the meter. `EagerSteps` does
them batch by batch, on every device. On a GPU the very same operations may be recorded once and repeated instead:
tinynet/training/recorded.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinynet.backend.arrays import Device
from tinynet.data.batches import batch_count, shuffled
from tinynet.data.dataset import Dataset
from tinynet.data.transforms import Transform
from tinynet.layers.base import Context
from tinynet.optimizers import Optimizer
from tinynet.optimizers.loss_scaling import scale_of
from tinynet.training.callbacks import Callback, ProgressBar
from tinynet.training.state import TrainingState
from tinynet.training.step import BatchGradient

Capture = bool | int | str


class Course(NamedTuple):
    """What a run goes over, and how: the same for every epoch."""

    data: Dataset
    batch_size: int
    seed: int
    transforms: Sequence[Transform]
    device: Device
    nan_guard: bool = True


class EagerSteps:
    """Each step when it is asked for."""

    def __init__(self, gradient: BatchGradient, optimizer: Optimizer, state: TrainingState, course: Course) -> None:
        self.gradient, self.optimizer, self.state, self.course = gradient, optimizer, state, course
        self.plain = not optimizer.recordable or course.device.kernels() is None

    def epoch(self, number: int, first: int) -> Iterator[int]:
        """Train on the batches of an epoch, from the one numbered `first` on; the examples in each, when it is done."""
        state, gradient, (data, size, seed, transforms, device, guarded) = self.state, self.gradient, self.course
        table = None if self.plain else device.put(scalars_of(self.optimizer, state, first, batch_count(data, size)))
        dtype = state.theta.dtype
        for place, batch in enumerate(shuffled(data, size, seed, number, dtype, transforms, first), first):
            context = Context(training=True, seed=seed, step=state.step, input_gradient=False)
            value, hits = gradient.of(batch, context, scale_of(state.optimizer))
            assert state.meter is not None
            state.meter.add(value, hits, len(batch))
            if guarded and state.meter.diverged:
                return  # before the parameters move
            if table is None:
                self.optimizer.update(state.theta, gradient.vector, state.optimizer, state.step)
            else:
                gradient.operations.move(state.theta, gradient.vector, state.optimizer, table[place])
            state.statistics += gradient.changes
            state.step += 1
            yield len(batch)


def scalars_of(optimizer: Optimizer, state: TrainingState, first: int, steps: int) -> np.ndarray:
    """The optimizer's scalars for each of an epoch's steps, of which `first` are done; the rows of those stay 0."""
    rows = [optimizer.scalars(state.step + number) for number in range(steps - first)]
    table = np.zeros((steps, len(rows[0]) if rows else 1), state.theta.dtype)
    table[first:] = rows or table[first:]
    return table


def choose_steps(
    capture: Capture,
    gradient: BatchGradient,
    optimizer: Optimizer,
    state: TrainingState,
    course: Course,
    callbacks: Sequence[Callback],
    every_steps: int,
    precision: str,
) -> Any:
    """Recorded steps where they are wanted and possible, else plain ones, with one line about why."""
    eager = EagerSteps(gradient, optimizer, state, course)
    if not check_capture(capture):
        return eager
    try:
        recorder = course.device.recorder(precision)
        problem = _why_not(optimizer, course, callbacks, every_steps, precision)
        if recorder is not None and problem is None:
            from tinynet.training.recorded import CapturedSteps

            return CapturedSteps(eager, recorder, 0 if isinstance(capture, (bool, str)) else int(capture))
    except Exception as error:  # no cuBLAS; or what a layer of one's own does there, which nobody can know
        if capture != "auto":
            raise
        recorder, problem = True, f"the step cannot be recorded ({type(error).__name__}: {error})"
    if capture == "auto":
        if recorder is not None:
            import logging  # here, for on a CPU nothing is to be said

            logging.getLogger("tinynet").warning("fit: steps are not captured: %s", problem)
        return eager
    if recorder is None:
        raise ValueError(f"fit: expected capture='auto' or False on {course.device.name}, got {capture!r}; name a GPU")
    raise ValueError(f"fit: expected a run that can be captured, got one where {problem}; use capture='auto'")


def _why_not(
    optimizer: Optimizer, course: Course, callbacks: Sequence[Callback], every_steps: int, precision: str
) -> str | None:
    if precision == "float16":
        return "gradients in float16 are looked at before each step, to scale the loss; bfloat16 needs no scaling"
    if course.transforms:
        return "transforms change each batch in a way of its own"
    if every_steps:
        return "checkpoints are wanted every so many steps; every_seconds would do"
    for callback in callbacks:
        if type(callback).batch_ends is not Callback.batch_ends and not isinstance(callback, ProgressBar):
            return f"{type(callback).__name__} is to be called after each batch"
    if not optimizer.recordable:
        return f"{type(optimizer).__name__} defines update, where scalars and move would say what changes"
    return None


def check_capture(capture: Capture) -> bool:
    """Whether steps may be captured; ValueError for what is neither 'auto', a bool, nor a number from 1."""
    if capture == "auto" or isinstance(capture, bool):
        return capture is not False
    if isinstance(capture, int) and capture >= 1:
        return True
    expected = "capture='auto', True, False or a number of steps from 1"
    raise ValueError(f"fit: expected {expected}, got {capture!r}; leave it out")
