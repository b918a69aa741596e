"""`Trainer`: train a model, and keep the state of training between calls."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from numbers import Integral
from typing import TYPE_CHECKING

import numpy as np

from tinynet.backend.arrays import Array, Device
from tinynet.backend.habits import explained
from tinynet.backend.matmul import check_precision, use_precision
from tinynet.backend.memory import keep_freed_memory
from tinynet.backend.random import check_seed
from tinynet.data.batches import Batch, check_batch_size
from tinynet.data.preprocessing import Preprocessing
from tinynet.data.transforms import Transform, checked_transforms
from tinynet.errors import DeviceError, DivergenceError, flag, mismatch, shown, whole_number
from tinynet.losses import Loss
from tinynet.model import Sequential
from tinynet.optimizers import Optimizer
from tinynet.training.callbacks import Callback, checked_callbacks, default_callbacks
from tinynet.training.config import Resume, RunConfig, checked_loss, checked_model, checked_optimizer
from tinynet.training.evaluate import Evaluation
from tinynet.training.history import History
from tinynet.training.nan_guard import divergence
from tinynet.training.run import TrainingRun
from tinynet.training.state import Meter, TrainingState
from tinynet.training.step import TrainingStep
from tinynet.training.steps import Capture
from tinynet.training.validate import Data, validate_data

if TYPE_CHECKING:
    from tinynet.backend.files import PathLike
    from tinynet.training.checkpoints import Checkpoints


class Trainer:
    """Train a model. Owns the state: parameters, statistics, optimizer vectors, step number, history.

        trainer = Trainer(model, optimizer=Adam(), seed=0)
        loss, accuracy = trainer.step(x, targets)      # one update
        trainer.fit(train, epochs=5)                   # five epochs
        trainer.fit(train, epochs=5)                   # five more, from where the first five ended

    Both use the training step of step.py. The step number counts all updates, so each has its own dropout masks and
    learning rate. The model trains in place; `trainer.state` is a TrainingState.

    loss, optimizer     SoftmaxCrossEntropy() and SGD(0.1) unless given
    seed                of the shuffles and dropout; the model has its own seed for the initial weights
    device              "cpu", "gpu", "gpu:N", "auto"; the model moves there. None trains where the model is
    precision           of the factors of matrix products: "float32", "tf32", "bfloat16" or "float16"; see `tn.fit`

    Raises ValueError for an invalid seed or precision, TypeError for a loss or optimizer that is none, DeviceError for
    a device that cannot be used.
    """

    @explained
    def __init__(
        self,
        model: Sequential,
        *,
        loss: Loss | None = None,
        optimizer: Optimizer | None = None,
        seed: int = 0,
        device: str | Device | None = None,
        precision: str = "float32",
    ) -> None:
        model = checked_model("fit", model)
        self.model = model.to(device) if device is not None else model
        self.device = self.model.device
        self.loss: Loss = checked_loss("fit", loss)
        self.optimizer: Optimizer = checked_optimizer("fit", optimizer)
        self.precision = check_precision(precision)
        if precision == "float16":
            from tinynet.optimizers.loss_scaling import LossScaled  # start-up time: only float16 needs it

            self.optimizer = LossScaled(self.optimizer)
        with self.device.active():
            self.state = TrainingState.of(self.model, self.optimizer, check_seed(seed))
        self._step: TrainingStep | None = None
        self._left: tuple[Array, Array] | None = None  # theta to continue from, and the average that replaced it

    def step(self, x: Array, targets: Array) -> Evaluation:
        """Train on one batch; return its loss and accuracy (NaN for a regression), as they were before the update.

        x (N, ...) and targets are checked and scaled as in `fit`: uint8 pixels are divided by 255, floats are not
        changed. Raises DataError or ShapeError for data that do not fit the model, DivergenceError if the loss is NaN
        or infinite (on the CPU the parameters are then unchanged).
        """
        with self._computing():
            data = validate_data((x, targets), self.model, self.loss, self.device)
            rows = self.device.module.arange(len(data))
            meter, number = Meter(1, self.device), self.state.step
            if self._step is None:
                self.model._trained = True
                self._step = TrainingStep(self.model, self.loss, self.optimizer, self.state)
                known = self.model.preprocessing or Preprocessing.of(data, self.loss.predicts, whole=False)
                self.model.preprocessing = replace(known, output=self.loss.predicts)
            with self._step.shards.team:
                self._step(Batch(data, rows, self.model.dtype), meter, number)
            means = meter.means()
        if meter.first_bad() is not None:
            what = f"the loss was {means['loss']} in step {number}"
            raise DivergenceError(divergence(what, self.optimizer.rate(number), self.model), self.state.history)
        return Evaluation(means["loss"], means.get("accuracy", float("nan")))

    @explained
    def fit(
        self,
        train: Data,
        *,
        validation: Data | None = None,
        epochs: int = 10,
        batch_size: int = 128,
        threads: int | None = None,
        transforms: Sequence[Transform] = (),
        capture: Capture = "auto",
        measure_train: bool = False,
        progress: bool = True,
        callbacks: Sequence[Callback] = (),
        checkpoint: PathLike | Checkpoints | None = None,
        resume: Resume = False,
        nan_guard: bool = True,
    ) -> History:
        """Train for `epochs` more epochs; return the history of all epochs so far. The arguments are those of `tn.fit`.

        Several calls give the same bits as one call with the sum of their epochs.
        """
        batch_size = check_batch_size(batch_size)
        last_epoch = len(self.state.history) + whole_number("epochs", epochs, remedy="try epochs=10")
        transforms, callbacks = checked_transforms("fit", transforms), checked_callbacks(callbacks)
        measure_train, progress = flag("fit", "measure_train", measure_train), flag("fit", "progress", progress)
        nan_guard = flag("fit", "nan_guard", nan_guard)
        checkpoints = _checkpoints(checkpoint, resume)
        if self.device.on_host:
            keep_freed_memory()
        with self._computing(), checkpoints or contextlib.nullcontext():
            data = validate_data(train, self.model, self.loss, self.device)
            self.model.preprocessing = Preprocessing.of(data, self.loss.predicts)
            evaluated = {"train": data} if measure_train else {}
            if validation is not None:
                evaluated["validation"] = validate_data(
                    validation, self.model, self.loss, self.device, self.model.preprocessing
                )
            run = TrainingRun(
                self.model,
                self.loss,
                self.optimizer,
                self.state,
                RunConfig(data, batch_size, self.device, transforms, self.precision),
                last_epoch=last_epoch,
                evaluated=evaluated,
                callbacks=[*callbacks, *default_callbacks(progress)],
                checkpoints=checkpoints,
                threads=threads,
                nan_guard=nan_guard,
            )
            run.begin(capture, resume)
            self.model._trained = True
            while run.epoch < last_epoch:
                run.train_epoch()
                with run.best_parameters():
                    run.measure()
                    run.keep()
                run.report()
            return self._end(run)

    def _end(self, run: TrainingRun) -> History:
        """End the run. If it leaves an average in the model, remember the parameters to continue from."""
        current = self.state.theta.copy() if self._averages else None
        history = run.end()
        if current is not None:
            self._left = current, self.state.theta.copy()
        return history

    @property
    def _averages(self) -> bool:
        """Whether the optimizer's result is other than theta (see Averaged)."""
        return self.optimizer.result(self.state.theta, self.state.optimizer) is not self.state.theta

    @contextlib.contextmanager
    def _computing(self) -> Iterator[None]:
        """Compute on the trainer's device and in its precision; restore the parameters that an average replaced."""
        if self.model.device.name != self.device.name:
            remedy = "make a new Trainer after model.to(...)"
            raise DeviceError(mismatch("Trainer", f"the model on {self.device.name}", self.model.device.name, remedy))
        # NumPy's errors are off: the meter finds a loss that is not finite, and its step; underflow is rounding.
        with (
            self.device.active(),
            use_precision(self.device, self.precision),
            np.errstate(over="ignore", invalid="ignore", under="ignore"),
        ):
            if self._left is not None:
                current, average = self._left
                if bool((self.state.theta == average).all()):  # unless the user has loaded other parameters
                    self.state.theta[...] = current
                self._left = None
            yield


def _checkpoints(checkpoint: PathLike | Checkpoints | None, resume: Resume) -> Checkpoints | None:
    """The checkpoints to write, or None."""
    boolean = isinstance(resume, (Integral, np.bool_)) and resume in (0, 1)
    if not boolean and not (isinstance(resume, str) and resume == "trust"):
        raise ValueError(mismatch("fit: resume", 'True, False or "trust"', shown(resume), "try resume=True"))
    if checkpoint is None:
        if resume:
            raise ValueError("fit: expected a checkpoint to resume, got None; name its folder: checkpoint='runs/a'")
        return None
    from tinynet.training.checkpoints import Checkpoints  # start-up time: only runs with checkpoints need it

    return checkpoint if isinstance(checkpoint, Checkpoints) else Checkpoints(checkpoint)
