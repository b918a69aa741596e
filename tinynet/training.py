"""Training: the loop, in the open."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinynet.arrays import Array, Device, aligned_zeros, array_module, to_numpy
from tinynet.callbacks import Callback, default_callbacks
from tinynet.data.batches import Batch, batch_count, in_order
from tinynet.data.dataset import Dataset, as_dataset
from tinynet.data.transforms import Transform
from tinynet.errors import DataError, mismatch
from tinynet.guard import check_run
from tinynet.history import History
from tinynet.layers.base import Run
from tinynet.losses import Loss, SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.optimizers import SGD, Optimizer, State
from tinynet.parallel import Meeting, Team, team_size
from tinynet.products import multiplying_with
from tinynet.random import check_seed
from tinynet.scaling import LossScaled
from tinynet.steps import Capture, Course, Operations, choose_steps, operations_for

if TYPE_CHECKING:
    from tinynet.checkpoints import Checkpoints
    from tinynet.files import PathLike

Data = Dataset | tuple[Array, Array]


@dataclass
class TrainingState:
    """A training run is a value: these are all of it. `meter` and `seconds` are of the epoch that is running."""

    theta: Array
    statistics: Array
    optimizer: State
    seed: int
    step: int = 0
    history: History = field(default_factory=History)
    meter: Meter | None = None
    seconds: float = 0.0


class Evaluation(NamedTuple):
    """The mean loss and, for a classifier, the share of examples it got right (else NaN)."""

    loss: float
    accuracy: float


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
    steps = batch_count(as_dataset(train), batch_size)
    callbacks = [*callbacks, *default_callbacks(progress)]
    keeper = _keeper(checkpoint, resume)
    with (
        place.active(),
        multiplying_with(place.multiplier(precision)),
        keeper or contextlib.nullcontext(),
        np.errstate(over="ignore", invalid="ignore"),
    ):  # the meter says where it diverged
        data = enter(train, model, loss, place)
        held_out = enter(validation, model, loss, place) if validation is not None else None
        state = TrainingState(model.theta, model.statistics_vector, optimizer.start(model.theta), check_seed(seed))
        state.meter = Meter(steps, place)
        if keeper:
            settings = {"model": repr(model), "optimizer": repr(optimizer), "loss": repr(loss), "seed": int(seed)}
            settings |= {
                "precision": precision,
                "batch_size": int(batch_size),
                "transforms": repr(list(transforms)),
                "data": keeper.fingerprint(data),
            }
            keeper.begin(state, settings, resume)
        products = 3 * model.products(data) / steps  # of a batch: once forward, twice backward
        team = Team(team_size(threads, products, model.splittable and loss.splittable, place.on_host))
        gradient = BatchGradient(model, loss, team, operations_for(model, loss, optimizer, place))
        course = Course(data, batch_size, seed, transforms, place, nan_guard)
        every_steps = keeper.every_steps if keeper else 0
        steps_of = choose_steps(capture, gradient, optimizer, state, course, callbacks, every_steps, precision)

        for epoch in range(len(state.history), check_epochs(epochs)):
            meter, began = state.meter, time.perf_counter() - state.seconds
            for callback in callbacks:
                callback.epoch_begins(epoch + 1, epochs, len(data))
            with team:
                first = state.step - epoch * steps  # above 0 in an epoch that was broken off
                for examples in steps_of.epoch(epoch, first):  # each step: tinynet/steps.py
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
                if measure_train:
                    row.update(_named("train", _measure(model, data, loss, threads=threads)))
                if held_out is not None:
                    row.update(_named("validation", _measure(model, held_out, loss, threads=threads)))
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


def evaluate(
    model: Sequential,
    data: Data,
    loss: Loss | None = None,
    batch_size: int = 1000,
    device: str | Device | None = None,
    threads: int | None = None,
) -> Evaluation:
    """The loss and accuracy of `model` on `data` in inference mode: dropout off, nothing changed.

    `threads` share the batches, None: as many as it pays to have. Raises what `fit` raises for data that do not fit.
    """
    loss = loss or SoftmaxCrossEntropy()
    place = model.to(device).device if device is not None else model.device
    with place.active():
        measured = _measure(model, enter(data, model, loss, place), loss, batch_size, threads)
    return Evaluation(measured["loss"], measured.get("accuracy", math.nan))


class BatchGradient:
    """The gradient of a batch: `vector`, laid out like `theta`. `changes` are those of the model's statistics.

    Each member of the team takes a part of the rows and has vectors of its own; the gradient is then their sum. The
    changes are the same in each.
    """

    def __init__(self, model: Sequential, loss: Loss, team: Team, operations: Operations | None = None) -> None:
        self.operations = operations or Operations(Batch.load, model.forward, loss.measure, Optimizer.move)
        self.team = team
        self.vectors = [_zeros_like(model.theta) for _ in range(team.size)]
        changes = [_zeros_like(model.statistics_vector) for _ in range(team.size)]
        self.vector, self.changes = self.vectors[0], changes[0]
        self.grads = [model.views(*both) for both in zip(self.vectors, changes)]

    def of(self, batch: Batch, run: Run, scale: float = 1.0) -> tuple[Array, Array | None]:
        """Forward and backward. Returns the loss, and how many are right (None: not known); `vector` is the gradient
        of `scale` times the loss."""
        if self.team.size == 1:
            return self.of_part(batch, scale, run, self.grads[0])
        parts = batch.split(min(self.team.size, len(batch)))
        shares = [len(part) / len(batch) for part in parts]
        meeting = Meeting(len(parts))

        def of_part(number: int) -> tuple[Array, Array | None]:
            with meeting.member(number) as total:
                own = run._replace(total=total)
                return self.of_part(parts[number], shares[number] * scale, own, self.grads[number])

        values, hits = zip(*self.team.map(of_part, range(len(parts))))
        for vector in self.vectors[1 : len(parts)]:
            self.vector += vector
        return sum(share * value for share, value in zip(shares, values)), None if hits[0] is None else sum(hits)

    def of_part(self, part: Batch, share: float, run: Run, grads: Any) -> tuple[Array, Array | None]:
        """The same for some rows of a batch, and `share` of its loss. Their gradient is written into `grads`."""
        x, labels = self.operations.load(part)
        run = run._replace(first_row=part.first_row)
        outputs, backward = self.operations.forward(x, run)
        value, hits, gradient = self.operations.measure(outputs, labels, share)
        backward(gradient, grads)
        return value, hits


class Meter:
    """The losses and hits of up to `steps` batches, kept on the device where they are born until `means` is asked for.

    On the CPU reading is free, so there `diverged` is true as soon as a loss is NaN or infinite.
    """

    def __init__(self, steps: int, device: Device) -> None:
        self.device, self.counts, self.diverged = device, np.zeros(steps), False
        self.losses = device.module.zeros(steps, np.float64)
        self.hits: Array | None = device.module.zeros(steps, np.int64)
        self.done = 0

    def add(self, value: Array, hits: Array | None, count: int) -> None:
        """Take in one batch: the mean loss of its `count` examples, and how many are right (None: not known)."""
        self.losses[self.done], self.counts[self.done] = value, count
        if hits is None or self.hits is None:
            self.hits = None
        else:
            self.hits[self.done] = hits
        self.done += 1
        if self.device.on_host:
            self.diverged = not math.isfinite(value)

    def take(self, first: int, counts: Sequence[int], losses: Array, hits: Array | None) -> None:
        """Take in batches of so many examples each, from number `first` on, out of arrays like its own."""
        some = slice(first, first + len(counts))
        self.losses[some], self.counts[some] = losses[some], counts
        if hits is None or self.hits is None:
            self.hits = None
        else:
            self.hits[some] = hits[some]
        self.done = some.stop

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What a checkpoint keeps of it."""
        arrays = {"losses": to_numpy(self.losses)[: self.done], "counts": self.counts[: self.done]}
        return arrays if self.hits is None else {**arrays, "hits": to_numpy(self.hits)[: self.done]}

    def from_arrays(self, arrays: Mapping[str, np.ndarray], who: object) -> None:
        """The way back. Raises DataError, and changes nothing, where the arrays are not those of a meter like this."""
        losses, counts, hits = arrays.get("losses"), arrays.get("counts"), arrays.get("hits")
        if losses is None or counts is None or losses.ndim != 1 or losses.shape != counts.shape:
            raise DataError(mismatch(who, "the losses of an epoch", "none that fit", "delete it"))
        if len(losses) > len(self.counts) or (hits is not None and hits.shape != losses.shape):
            raise DataError(mismatch(who, f"at most {len(self.counts)} losses", len(losses), "delete it"))
        self.done = len(losses)
        self.losses[: self.done] = self.device.put(losses)
        self.counts[: self.done] = counts
        if hits is None and self.done:
            self.hits = None
        elif hits is not None and self.hits is not None:
            self.hits[: self.done] = self.device.put(hits)

    def means(self) -> dict[str, float]:
        """The loss, and the accuracy where it is known, averaged over the examples so far."""
        total = self.counts.sum()
        numbers = {"loss": float(to_numpy(self.losses) @ self.counts / total)}
        if self.hits is not None:
            numbers["accuracy"] = float(to_numpy(self.hits).sum() / total)
        return numbers

    def first_bad(self) -> int | None:
        """The first batch whose loss was NaN or infinite."""
        bad = np.flatnonzero(~np.isfinite(to_numpy(self.losses)))
        return int(bad[0]) if len(bad) else None


def _measure(
    model: Sequential, data: Dataset, loss: Loss, batch_size: int = 1000, threads: int | None = None
) -> dict[str, float]:
    """Loss and accuracy in inference mode, of data that are checked and in place."""
    parts = in_order(data, batch_size)
    size = team_size(threads, model.products(data) if len(parts) > 1 else 0, on_host=model.device.on_host)

    def measure(rows: slice) -> tuple[Array, Array | None, int]:
        outputs, labels = model(data.inputs(rows, model.dtype)), data.labels[rows]
        return loss.forward(outputs, labels)[0], loss.hits(outputs, labels), len(labels)

    meter = Meter(batch_count(data, batch_size), model.device)
    with Team(size) as team:
        for measured in team.map(measure, parts):
            meter.add(*measured)
    return meter.means()


def _keeper(checkpoint: PathLike | Checkpoints | None, resume: bool) -> Checkpoints | None:
    """Who keeps the run, if anybody does."""
    if checkpoint is None:
        if resume:
            raise ValueError("fit: expected a checkpoint to resume, got None; name its folder: checkpoint='runs/a'")
        return None
    from tinynet.checkpoints import Checkpoints  # here, for who keeps no run need not wait for its import

    return checkpoint if isinstance(checkpoint, Checkpoints) else Checkpoints(checkpoint)


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


def _zeros_like(vector: Array) -> Array:
    return aligned_zeros(len(vector), vector.dtype, array_module(vector))


def _named(split: str, numbers: dict[str, float]) -> dict[str, float]:
    return {f"{split}_{name}": value for name, value in numbers.items()}


def enter(data: Data, model: Sequential, loss: Loss, device: Device) -> Dataset:
    """The data set on the device, once it is sure that the model can take it and the loss its labels."""
    dataset = as_dataset(data).to(device)
    if dataset.labels.dtype.kind == "f":  # targets of a regression
        dataset = replace(dataset, labels=dataset.labels.astype(model.dtype))
    outputs = model(dataset.inputs(slice(0, 1), model.dtype))
    loss.check_targets(dataset.labels, outputs.shape)
    return dataset


def check_epochs(epochs: int) -> int:
    """`epochs`; ValueError unless it is a whole number from 1."""
    if isinstance(epochs, bool) or not isinstance(epochs, (int, np.integer)) or epochs < 1:
        raise ValueError(f"epochs: expected a whole number from 1, got {epochs!r}; try epochs=10")
    return int(epochs)
