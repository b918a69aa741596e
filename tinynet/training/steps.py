"""Run the steps of an epoch: eager or recorded.

`EagerSteps` calls the training step for each batch. `RecordedSteps` (recorded.py) replays a CUDA graph of it.
`choose_steps` decides which of the two a run uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinynet.backend.arrays import Array, Device
from tinynet.data.batches import batch_count, shuffled
from tinynet.data.dataset import Dataset
from tinynet.data.transforms import Transform
from tinynet.optimizers import Optimizer
from tinynet.training.callbacks import Callback, ProgressBar
from tinynet.training.state import TrainingState
from tinynet.training.step import TrainingStep

Capture = bool | int | str


class RunConfig(NamedTuple):
    """The settings of a run that stay the same in every epoch: data, batch size, device, transforms, precision."""

    data: Dataset
    batch_size: int
    device: Device
    transforms: Sequence[Transform] = ()
    precision: str = "float32"

    @property
    def steps(self) -> int:
        """The number of steps in an epoch: one for each batch."""
        return batch_count(self.data, self.batch_size)


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
    table[first:] = rows or table[first:]
    return table


def choose_steps(
    step: TrainingStep, config: RunConfig, capture: Capture, callbacks: Sequence[Callback], every_steps: int
) -> Any:
    """Recorded steps if they are asked for and possible; else eager steps, with one log line that says why."""
    eager = EagerSteps(step, config)
    if not check_capture(capture):
        return eager
    try:
        recorder = config.device.recorder(config.precision)
        problem = _why_not_recorded(step.optimizer, config, callbacks, every_steps)
        if recorder is not None and problem is None:
            from tinynet.training.recorded import RecordedSteps  # start-up time: only where steps are recorded

            return RecordedSteps(step, config, recorder, 0 if isinstance(capture, (bool, str)) else int(capture))
    except Exception as error:  # cuBLAS is missing, or a layer does what cannot be recorded
        if capture != "auto":
            raise
        recorder, problem = True, f"the step cannot be recorded ({type(error).__name__}: {error})"
    if capture == "auto":
        if recorder is not None:
            import logging  # start-up time: there is nothing to say on a CPU

            logging.getLogger("tinynet").warning("fit: steps are not captured: %s", problem)
        return eager
    if recorder is None:
        raise ValueError(f"fit: expected capture='auto' or False on {config.device.name}, got {capture!r}; name a GPU")
    raise ValueError(f"fit: expected a run that can be captured, got one where {problem}; use capture='auto'")


def _why_not_recorded(
    optimizer: Optimizer, config: RunConfig, callbacks: Sequence[Callback], every_steps: int
) -> str | None:
    if config.precision == "float16":
        return "float16 checks the gradient in each step to scale the loss; bfloat16 needs no scaling"
    if config.transforms:
        return "transforms change each batch differently"
    if every_steps:
        return "checkpoints are written after a number of steps; every_seconds would do"
    for callback in callbacks:
        if type(callback).batch_ends is not Callback.batch_ends and not isinstance(callback, ProgressBar):
            return f"{type(callback).__name__} is called after each batch"
    if not optimizer.recordable:
        return f"{type(optimizer).__name__} defines update; a recorded step needs scalars and move"
    return None


def check_capture(capture: Capture) -> bool:
    """Whether steps may be captured. Raises ValueError unless `capture` is 'auto', a bool, or a number from 1."""
    if capture == "auto" or isinstance(capture, bool):
        return capture is not False
    if isinstance(capture, int) and capture >= 1:
        return True
    expected = "capture='auto', True, False or a number of steps from 1"
    raise ValueError(f"fit: expected {expected}, got {capture!r}; leave it out")
