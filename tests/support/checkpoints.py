"""Checkpoints without a training: a state of a small model, saved and restored."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.training.checkpoints import Checkpoints
from tinynet.training.settings import Settings
from tinynet.training.state import Meter, TrainingState

pytest.importorskip("safetensors", reason="checkpoints are files of safetensors, which is not installed")
pytest.importorskip("filelock", reason="checkpoints need filelock, which is not installed")

SETTINGS = Settings({"seed": 0}, {}, {"seed": 0})


def state_of(seed=0, steps=6):
    """The state of a run before its first step; an epoch has 6."""
    model = tn.Sequential(tn.Dense(3, 2), seed=seed)
    state = TrainingState.of(model, tn.SGD(0.1, momentum=0.9), 0)
    state.meter = Meter(steps, model.device)
    return state


def saved(folder, *steps, best=False):
    """A run that saved checkpoints at these steps. At each, all parameters are the step."""
    keeper, state = Checkpoints(folder, keep=10), state_of()
    keeper.folder.mkdir(exist_ok=True)
    keeper._settings = SETTINGS
    for step in steps:
        state.step = step
        state.theta[...] = step
        rows = [{"epoch": number, "validation_loss": 0.5, "running_loss": 0.25} for number in range(1, step // 6 + 1)]
        state.history.rows = rows
        state.meter = Meter(6, state.meter.device)
        for _ in range(step % 6):
            state.meter.add(np.float64(0.5), np.int64(3), 10, np.float64(10))
        if best:
            keeper._best = -0.5
        keeper.save(state)
    if best:
        tn.Sequential(tn.Dense(3, 2)).save(folder / "best.safetensors")
    return keeper


def resumed(folder, settings=SETTINGS):
    """(the step that a new run continues from, or 0; its state). Every parameter is checked."""
    state = state_of(seed=1)
    with Checkpoints(folder) as keeper:
        keeper.begin(state, settings, resume=True)
    if state.step:
        assert (state.theta == state.step).all()
    return state.step, state
