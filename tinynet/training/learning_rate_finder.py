"""Find a learning rate: raise it from step to step, and find where the loss falls fastest."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.backend.random import check_seed
from tinynet.data.batches import shuffled
from tinynet.errors import above_zero, mismatch, whole_number
from tinynet.losses import Loss
from tinynet.model import Sequential
from tinynet.optimizers import Optimizer
from tinynet.training.config import checked_loss, checked_model, checked_optimizer
from tinynet.training.state import Meter, TrainingState
from tinynet.training.step import TrainingStep
from tinynet.training.validate import Data, validate_data


@dataclass(frozen=True)
class RateRange:
    """The learning rate of each step, and the smoothed loss in that step."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def steepest(self) -> float:
        """The learning rate at which the loss falls fastest before its minimum: a good first choice.

        The first tenth of the steps is left out, since the average of few losses is not smooth.
        """
        slopes = np.gradient(self.losses, np.log(self.rates))
        first, last = len(self.losses) // 10, int(np.argmin(self.losses))
        return self.rates[first + int(np.argmin(slopes[first : max(last, first) + 1]))]

    def plot(self, path: str | PathLike[str]) -> None:
        """Plot the loss over the learning rate into a file (PNG, SVG or PDF). Needs matplotlib."""
        from tinynet.plots import rate_range  # start-up time: matplotlib is imported where it draws

        rate_range(self.rates, self.losses, self.steepest, path)


def find_learning_rate(
    model: Sequential,
    train: Data,
    *,
    loss: Loss | None = None,
    optimizer: Optimizer | None = None,
    lowest: float = 1e-4,
    highest: float = 10.0,
    steps: int = 100,
    batch_size: int = 128,
    seed: int = 0,
) -> RateRange:
    """Train `model` while the learning rate rises from `lowest` to `highest`, by the same factor in each step.

    The model is then restored. Stops early when the smoothed loss is four times its minimum. `optimizer` (SGD unless
    given) is used with these learning rates in place of its own. Raises ValueError for rates or steps out of range.
    Source: L. Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.
    """
    who, remedy = "find_learning_rate", "leave it out"
    lowest = above_zero(who, "lowest", lowest, remedy=remedy)
    highest = above_zero(who, "highest", highest, remedy=remedy)
    if not lowest < highest:
        raise ValueError(mismatch(who, "lowest below highest", f"{lowest:g} and {highest:g}", "leave both out"))
    steps, seed = whole_number(f"{who}: steps", steps, 10, limit=1_000_000, remedy=remedy), check_seed(seed)
    rates = np.geomspace(lowest, highest, steps)
    optimizer = copy.deepcopy(checked_optimizer(who, optimizer))
    optimizer.learning_rate = lambda step: float(rates[step])
    loss, device = checked_loss(who, loss), checked_model(who, model).device
    losses: list[float] = []
    smooth, whole, epoch = 0.0, 0.0, 0
    with device.active(), _restored(model), np.errstate(over="ignore", invalid="ignore", under="ignore"):
        data = validate_data(train, model, loss, device)
        state = TrainingState.of(model, optimizer, seed)
        step, meter = TrainingStep(model, loss, optimizer, state, nan_guard=False), Meter(steps, device)
        while _goes_on(losses, steps):
            for batch in shuffled(data, batch_size, seed, epoch, model.dtype):
                with step.shards.team.turn():
                    value, _ = step(batch, meter, state.step)
                weight = float(meter.divisors()[len(losses)])
                smooth = 0.9 * smooth + 0.1 * weight * float(value)
                whole = 0.9 * whole + 0.1 * weight
                losses.append(smooth / whole)
                if not _goes_on(losses, steps):
                    break
            epoch += 1
    finite = [(float(rate), value) for rate, value in zip(rates, losses) if math.isfinite(value)]
    return RateRange(tuple(rate for rate, _ in finite), tuple(value for _, value in finite))


def _goes_on(losses: list[float], steps: int) -> bool:
    """Whether steps are left, and the loss is neither NaN nor four times its minimum."""
    return not losses or (len(losses) < steps and losses[-1] < 4 * min(losses))


@contextlib.contextmanager
def _restored(model: Sequential) -> Iterator[None]:
    """Restore the model's parameters and statistics on the way out."""
    vectors: list[Array] = [model.theta, model.statistics_vector]
    before = [vector.copy() for vector in vectors]
    try:
        yield
    finally:
        for vector, values in zip(vectors, before):
            vector[...] = values
