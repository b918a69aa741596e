"""Which learning rate? Train a few steps while the rate rises, and look at where the loss falls fastest."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike

import numpy as np

from tinynet.backend.arrays import Array
from tinynet.backend.threads import Team
from tinynet.data.batches import shuffled
from tinynet.layers.base import Context
from tinynet.losses import Loss, SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.optimizers import SGD, Optimizer
from tinynet.training.evaluate import Data, enter
from tinynet.training.step import BatchGradient


@dataclass(frozen=True)
class RateRange:
    """The loss of each step, smoothed, beside the rate it was made with."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]

    @property
    def steepest(self) -> float:
        """The rate at which the loss falls fastest before it is lowest: a good first choice.

        The first tenth is left out: the smoothed loss of few steps is not smooth.
        """
        slopes = np.gradient(self.losses, np.log(self.rates))
        first, last = len(self.losses) // 10, int(np.argmin(self.losses))
        return self.rates[first + int(np.argmin(slopes[first : max(last, first) + 1]))]

    def plot(self, path: str | PathLike[str]) -> None:
        """Draw the loss over the rate into a picture (PNG, SVG or PDF). Needs matplotlib."""
        from tinynet.plots import rate_range

        rate_range(self.rates, self.losses, self.steepest, path)


@contextlib.contextmanager
def _put_back(theta: Array) -> Iterator[None]:
    """`theta` as it was, however it is left."""
    before = theta.copy()
    try:
        yield
    finally:
        theta[...] = before


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
    """Train `model` while the rate rises from `lowest` to `highest`, each step by the same factor; then put it back.

    Stops early when the smoothed loss is four times its lowest. `optimizer` lends its rule (SGD unless given), not its
    rate. Raises ValueError for rates or steps out of range.
    Source: L. Smith, "Cyclical learning rates for training neural networks", WACV 2017, section 3.3.
    """
    if not 0 < lowest < highest < math.inf or steps < 10:
        expected = "expected 0 < lowest < highest and 10 steps or more"
        raise ValueError(f"find_learning_rate: {expected}, got {lowest}, {highest} and {steps}; leave them out")
    rates = np.geomspace(lowest, highest, steps)
    rule = copy.deepcopy(optimizer or SGD(lowest))
    rule.learning_rate = lambda step: float(rates[step])
    loss, device = loss or SoftmaxCrossEntropy(), model.device
    theta, losses = model.theta, list[float]()
    with device.active(), _put_back(theta), np.errstate(over="ignore", invalid="ignore"):
        data = enter(train, model, loss, device)
        state, gradient = rule.start(theta), BatchGradient(model, loss, Team(1))
        smooth, epoch = 0.0, 0
        while len(losses) < steps and not (losses and not losses[-1] < 4 * min(losses)):
            for batch in shuffled(data, batch_size, seed, epoch, model.dtype):
                step = len(losses)
                context = Context(training=True, seed=seed, step=step, input_gradient=False)
                value, _ = gradient.of(batch, context)
                rule.update(theta, gradient.vector, state, step)
                smooth = 0.9 * smooth + 0.1 * float(value)
                losses.append(smooth / (1 - 0.9 ** (step + 1)))
                if len(losses) == steps or not losses[-1] < 4 * min(losses):
                    break
            epoch += 1
    kept = [number for number, each in enumerate(losses) if math.isfinite(each)]
    return RateRange(tuple(float(rates[n]) for n in kept), tuple(losses[n] for n in kept))
