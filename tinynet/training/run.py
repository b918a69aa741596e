"""The parts of a training run that `fit` calls before, in and after each epoch."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from tinynet.backend.arrays import Array
from tinynet.backend.threads import Team, team_size
from tinynet.data.dataset import Dataset
from tinynet.losses import Loss
from tinynet.model import Sequential
from tinynet.optimizers import Optimizer
from tinynet.training.callbacks import Callback
from tinynet.training.config import Resume, RunConfig
from tinynet.training.evaluate import evaluate_dataset
from tinynet.training.history import History
from tinynet.training.nan_guard import check_run
from tinynet.training.state import Meter, TrainingState
from tinynet.training.step import TrainingStep
from tinynet.training.steps import Capture, choose_steps

if TYPE_CHECKING:
    from tinynet.training.checkpoints import Checkpoints


class TrainingRun:
    """One call of `fit`: `begin`; for each epoch `train_epoch`, `measure`, `keep`, `report`; then `end`."""

    def __init__(
        self,
        model: Sequential,
        loss: Loss,
        optimizer: Optimizer,
        state: TrainingState,
        config: RunConfig,
        *,
        last_epoch: int,
        evaluated: Mapping[str, Dataset],
        callbacks: Sequence[Callback] = (),
        checkpoints: Checkpoints | None = None,
        threads: int | None = None,
        nan_guard: bool = True,
    ) -> None:
        self.model, self.loss, self.optimizer, self.state, self.config = model, loss, optimizer, state, config
        self.last_epoch, self.evaluated, self.callbacks = last_epoch, evaluated, callbacks
        self.checkpoints, self.threads, self.nan_guard = checkpoints, threads, nan_guard
        multiplications = 3 * model.products(config.data) / config.steps  # in a batch: forward once, backward twice
        splittable = model.splittable and loss.splittable
        self.team = Team(team_size(threads, multiplications, splittable, config.device.on_host))
        state.meter, state.seconds = Meter(config.steps, config.device), 0.0

    @property
    def epoch(self) -> int:
        """The number of complete epochs, which is the index of the epoch in progress."""
        return len(self.state.history)

    def begin(self, capture: Capture, resume: Resume) -> None:
        """Restore the newest checkpoint if there is one, and choose eager or recorded steps."""
        every_steps = 0
        if self.checkpoints:
            every_steps = self.checkpoints.every_steps
            from tinynet.training.settings import settings_of  # start-up time: only runs with checkpoints need it

            settings = settings_of(self.model, self.optimizer, self.loss, self.config, self.state.seed)
            self.checkpoints.begin(self.state, settings, resume)
        operations = None  # the step then calls the methods of the model, the loss and the optimizer
        if self.config.device.kernels() is not None:
            from tinynet.training.fused import operations_for  # start-up time: only where there are kernels

            operations = operations_for(self.model, self.loss, self.optimizer, self.config.device)
        step = TrainingStep(
            self.model,
            self.loss,
            self.optimizer,
            self.state,
            operations=operations,
            team=self.team,
            nan_guard=self.nan_guard,
        )
        self.steps = choose_steps(step, self.config, capture, self.callbacks, every_steps)

    def train_epoch(self) -> None:
        """Train on every batch once. Raises DivergenceError if the NaN guard is on and a number is not finite."""
        state, meter, data = self.state, self.state.meter, self.config.data
        assert meter is not None
        began = time.perf_counter() - state.seconds  # a resumed epoch includes its seconds before the stop
        for callback in self.callbacks:
            callback.epoch_begins(self.epoch + 1, self.last_epoch, len(data))
        with self.team.open():
            for examples in self.steps.epoch(self.epoch, meter.done):  # each step: step.py
                for callback in self.callbacks:
                    callback.batch_ends(examples, meter.means() if self.config.device.on_host else {})
                if self.checkpoints:
                    state.seconds = time.perf_counter() - began
                    self.checkpoints.after_step(state)
        running = meter.means()  # waits for a GPU, once an epoch
        seconds = max(time.perf_counter() - began, 1e-9)  # a clock may stand still, or jump
        if self.nan_guard:
            check_run(state, meter, self.epoch, self.optimizer, self.model)
        self.row = {"epoch": self.epoch + 1, **_named("running", running)}
        self.row["learning_rate"] = self.optimizer.rate(state.step - 1)
        self.row.update(seconds=seconds, samples_per_second=len(data) / seconds)

    def measure(self) -> None:
        """Evaluate the training set and the validation set, if the caller asked for them."""
        for split, data in self.evaluated.items():
            self.row.update(_named(split, evaluate_dataset(self.model, data, self.loss, threads=self.threads)))

    def keep(self) -> None:
        """Complete the epoch: add its row to the history, and save the model if it is the best so far."""
        self.state.history.append(self.row)
        self.state.meter, self.state.seconds = Meter(self.config.steps, self.config.device), 0.0
        if self.checkpoints:
            self.checkpoints.after_epoch(self.state, self.model)

    def report(self) -> None:
        """Tell the callbacks that the epoch is complete."""
        for callback in self.callbacks:
            callback.epoch_ends(self.state.history)

    def end(self) -> History:
        """Write the last checkpoint, and leave the optimizer's result in the model (with `Averaged`, the average)."""
        if self.checkpoints:
            self.checkpoints.end(self.state)
        self.state.theta[...] = self.optimizer.result(self.state.theta, self.state.optimizer)
        return self.state.history

    @contextlib.contextmanager
    def best_parameters(self) -> Iterator[None]:
        """Temporarily give the model the parameters that are measured and saved (with `Averaged`, the average)."""
        theta = self.state.theta
        with _replaced(theta, self.optimizer.result(theta, self.state.optimizer)):
            yield


@contextlib.contextmanager
def _replaced(theta: Array, better: Array) -> Iterator[None]:
    """Temporarily replace the values of `theta` by those of `better`."""
    if better is theta:
        yield
        return
    own = theta.copy()
    theta[...] = better
    try:
        yield
    finally:
        theta[...] = own


def _named(split: str, numbers: Mapping[str, float]) -> dict[str, float]:
    return {f"{split}_{name}": value for name, value in numbers.items()}
