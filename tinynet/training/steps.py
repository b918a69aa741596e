"""Choose eager steps (eager.py), or steps recorded as a CUDA graph and replayed (recorded.py)."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np

from tinynet.optimizers import Optimizer
from tinynet.training.callbacks import Callback, ProgressBar
from tinynet.training.config import RunConfig
from tinynet.training.eager import EagerSteps
from tinynet.training.step import TrainingStep

Capture = bool | int | str


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

            return RecordedSteps(
                step, config, recorder, 0 if isinstance(capture, (bool, np.bool_, str)) else int(capture)
            )
    except Exception as error:  # cuBLAS is missing, or an operation of a layer cannot be recorded
        if capture != "auto":
            raise
        recorder, problem = True, f"the step cannot be recorded ({type(error).__name__}: {error})"
    if capture == "auto":
        if recorder is not None:
            import logging  # start-up time: there is nothing to say on a CPU

            logging.getLogger("tinynet").warning("fit: steps are not captured: %s", problem)
        return eager
    if recorder is None:
        raise ValueError(f"fit: expected capture='auto' or False on {config.device.name}, got {capture!r}; use 'auto'")
    raise ValueError(f"fit: expected a run that can be captured, got one where {problem}; use capture='auto'")


def _why_not_recorded(
    optimizer: Optimizer, config: RunConfig, callbacks: Sequence[Callback], every_steps: int
) -> str | None:
    """Why the steps of this run cannot be recorded, with a remedy where there is one; None if they can."""
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
    if isinstance(capture, (bool, np.bool_)):
        return bool(capture)
    if isinstance(capture, str) and capture == "auto":
        return True
    if isinstance(capture, Integral) and capture >= 1:
        return True
    expected = "capture='auto', True, False or a number of steps from 1"
    raise ValueError(f"fit: expected {expected}, got {capture!r}; leave it out")
