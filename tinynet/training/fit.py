"""Training: the loop, in the open."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.backend.arrays import Array, Device
from tinynet.backend.matmul import multiplying_in
from tinynet.backend.memory import keep_freed_memory
from tinynet.backend.random import check_seed
from tinynet.backend.threads import Team, team_size
from tinynet.data.batches import batch_count
from tinynet.data.dataset import as_dataset
from tinynet.data.transforms import Transform
from tinynet.losses import Loss, SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.optimizers import SGD, Optimizer
from tinynet.optimizers.loss_scaling import LossScaled
from tinynet.training.callbacks import Callback, default_callbacks
from tinynet.training.evaluate import Data, enter, measure
from tinynet.training.history import History
from tinynet.training.nan_guard import check_run
from tinynet.training.state import Meter, TrainingState
from tinynet.training.step import BatchGradient, operations_for
from tinynet.training.steps import Capture, Course, choose_steps

if TYPE_CHECKING:
    from tinynet.backend.files import PathLike
    from tinynet.training.checkpoints import Checkpoints


def fit(
    model: Sequential,
    train: Data,
    *,
    validation: Data | None = None,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    epochs: int = 10,
    batch_size: int = 128,
    seed: int = 0,
    device: str | Device | None = None,
    threads: int | None = None,
    transforms: Sequence[Transform] = (),
    capture: Capture = "auto",
    precision: str = "float32",
    measure_train: bool = False,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    checkpoint: PathLike | Checkpoints | None = None,
    resume: bool = False,
    nan_guard: bool = True,
) -> History:
    """Train `model` in place, and return what was measured, a row an epoch (see History).

    train, validation   a Dataset, or a pair (images, labels)
    loss, optimizer     SoftmaxCrossEntropy() and SGD(0.1) unless given
    epochs, batch_size  whole numbers from 1; the last batch of an epoch may be shorter, and is used
    seed                of shuffles and dropout; the model's own seed is that of its initial weights
    device              "cpu", "gpu", "gpu:N", "auto"; None trains where the model is. Model and data move there.
    threads             that share each batch, by rows; None: as many as it pays to have. The result is the same but
                        for rounding, and the same to the bit for the same number (see tinynet/parallel.py)
    transforms          change the training pictures at random: Shift(2), HorizontalFlip(), ... of tn.data
    capture             record the step as a CUDA graph and repeat it: "auto" where that is possible on a GPU, True or a
                        number of steps for each graph to insist, False never; the numbers are the same (docs/gpu.md)
    precision           of the factors of products: "float32", "tf32", "bfloat16", or "float16", under which the loss
                        is scaled (tinynet/scaling.py). Parameters and sums are float32 under each. On a GPU they make
                        products faster; on a CPU they only round, to see what a GPU would learn.
    measure_train       also measure the training set after each epoch in inference mode
    progress            show a bar on a terminal (needs tqdm)
    checkpoint          a folder in which the run is kept, or Checkpoints(folder, ...): see docs/reliability.md
    resume              go on from the newest checkpoint there, if there is one, to the same bits as without a break
    nan_guard           stop where a loss or a parameter becomes NaN or infinite (see tinynet/guard.py); False goes on

    Raises DivergenceError, with the history so far, where the NaN guard stops it; DataError and ShapeError
    for data that do not fit the model; DeviceError where the device cannot be used.
    """
    loss, optimizer = loss or SoftmaxCrossEntropy(), optimizer or SGD(0.1)
    if precision == "float16":
        optimizer = LossScaled(optimizer)
    place = model.to(device).device if device is not None else model.device
    if place.on_host:
        keep_freed_memory()
    steps = batch_count(as_dataset(train), batch_size)
    callbacks = [*callbacks, *default_callbacks(progress)]
    keeper = _keeper(checkpoint, resume)
    with (
        place.active(),
        multiplying_in(place, precision),
        keeper or contextlib.nullcontext(),
        np.errstate(over="ignore", invalid="ignore"),
    ):  # the meter says where it diverged
        data = enter(train, model, loss, place)
        measured = {"train": data} if measure_train else {}
        if validation is not None:
            measured["validation"] = enter(validation, model, loss, place)
        course = Course(data, batch_size, seed, transforms, place, nan_guard)
        state = TrainingState(model.theta, model.statistics_vector, optimizer.start(model.theta), check_seed(seed))
        state.meter = Meter(steps, place)
        if keeper:
            keeper.begin(state, _settings(model, optimizer, loss, course, precision, keeper), resume)
        products = 3 * model.products(data) / steps  # of a batch: once forward, twice backward
        team = Team(team_size(threads, products, model.splittable and loss.splittable, place.on_host))
        gradient = BatchGradient(model, loss, team, operations_for(model, loss, optimizer, place))
        every_steps = keeper.every_steps if keeper else 0
        steps_of = choose_steps(capture, gradient, optimizer, state, course, callbacks, every_steps, precision)

        for epoch in range(len(state.history), check_epochs(epochs)):
            meter, began = state.meter, time.perf_counter() - state.seconds
            for callback in callbacks:
                callback.epoch_begins(epoch + 1, epochs, len(data))
            with team:
                first = state.step - epoch * steps  # above 0 in an epoch that was broken off
                for examples in steps_of.epoch(epoch, first):  # each step: tinynet/training/steps.py
                    for callback in callbacks:
                        callback.batch_ends(examples, meter.means() if place.on_host else {})
                    if keeper:
                        state.seconds = time.perf_counter() - began
                        keeper.after_step(state)
            running = meter.means()  # where a GPU is waited for, once an epoch
            seconds = time.perf_counter() - began
            if nan_guard:
                check_run(state, meter, epoch, optimizer, model)
            row = {"epoch": epoch + 1, **_named("running", running), "learning_rate": optimizer.rate(state.step - 1)}
            row.update(seconds=seconds, samples_per_second=len(data) / seconds)
            with _holding(state.theta, optimizer.result(state.theta, state.optimizer)):
                for split, examples_of in measured.items():
                    row.update(_named(split, measure(model, examples_of, loss, threads=threads)))
                state.history.append(row)
                state.meter, state.seconds = Meter(steps, place), 0.0
                if keeper:
                    keeper.after_epoch(state, model)
            for callback in callbacks:
                callback.epoch_ends(state.history)
        if keeper:
            keeper.end(state)
        state.theta[...] = optimizer.result(state.theta, state.optimizer)
    return state.history


def _keeper(checkpoint: PathLike | Checkpoints | None, resume: bool) -> Checkpoints | None:
    """Who keeps the run, if anybody does."""
    if checkpoint is None:
        if resume:
            raise ValueError("fit: expected a checkpoint to resume, got None; name its folder: checkpoint='runs/a'")
        return None
    from tinynet.training.checkpoints import Checkpoints  # here, for who keeps no run need not wait for its import

    return checkpoint if isinstance(checkpoint, Checkpoints) else Checkpoints(checkpoint)


def _settings(
    model: Sequential, optimizer: Optimizer, loss: Loss, course: Course, precision: str, keeper: Checkpoints
) -> dict[str, Any]:
    """What has to be the same for a run to go on from a checkpoint; how long it shall be is none of it."""
    return {
        "model": repr(model),
        "optimizer": repr(optimizer),
        "loss": repr(loss),
        "seed": int(course.seed),
        "precision": precision,
        "batch_size": int(course.batch_size),
        "transforms": repr(list(course.transforms)),
        "data": keeper.fingerprint(course.data),
    }


@contextlib.contextmanager
def _holding(theta: Array, better: Array) -> Iterator[None]:
    """`theta` with the values of `better` inside, and with its own again after."""
    if better is theta:
        yield
        return
    own = theta.copy()
    theta[...] = better
    try:
        yield
    finally:
        theta[...] = own


def check_epochs(epochs: int) -> int:
    """`epochs`; ValueError unless it is a whole number from 1."""
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 1:
        raise ValueError(f"epochs: expected a whole number from 1, got {epochs!r}; try epochs=10")
    return int(epochs)


def _named(split: str, numbers: dict[str, float]) -> dict[str, float]:
    return {f"{split}_{name}": value for name, value in numbers.items()}
