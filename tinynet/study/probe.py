"""Measure gradients and activations of a network while it trains, without changing any number of the training.

Every few epochs a `Probe` measures both sets in inference mode. On one fixed batch of training examples it records
the gradient norm of the weights of each Dense layer, and for each activation

    slope      the mean of dy/dx, the factor by which it multiplies the gradient
    saturated  the fraction of a sigmoid's outputs within 0.05 of 0 or of 1, where its slope is below 0.05
    dead       the fraction of ReLU units that are 0 for every example of the batch, which get no gradient
"""

from __future__ import annotations

import math
from typing import Any

import tinynet as tn
from tinynet.backend.arrays import Array, array_module
from tinynet.training.callbacks import Callback

BATCH = 1000  # examples of the fixed batch
SAMPLE = 10_000  # training examples measured for a curve, as many as the test set of Fashion-MNIST has


class Probe(Callback):
    """Collect rows of measurements, the first of them before training; none where `every` is 0."""

    def __init__(self, model: tn.Sequential, train: tn.data.Dataset, test: tn.data.Dataset, every: int) -> None:
        self.model, self.every = model, every
        self.sample, self.test = train.subset(slice(0, SAMPLE)), test
        self.rows: list[dict[str, Any]] = []
        if every:
            self.add_row(0)

    def epoch_ends(self, history: tn.History) -> None:
        epoch = int(history.last["epoch"])
        if self.every and epoch % self.every == 0:
            self.add_row(epoch)
            self.rows[-1]["running_accuracy"] = history.last["running_accuracy"]

    def add_row(self, epoch: int) -> None:
        """Measure everything."""
        row: dict[str, Any] = {"epoch": epoch}
        for split, data in (("train", self.sample), ("test", self.test)):
            row |= {f"{split}_{name}": value for name, value in measure(self.model, data).items()}
        x = self.sample.inputs(slice(0, BATCH), self.model.dtype)
        row["gradient"] = gradient_norms(self.model, x, self.sample.labels[:BATCH])
        self.rows.append(row | activation_state(self.model, x))


def measure(model: tn.Sequential, data: tn.data.Dataset, threads: int | None = 1) -> dict[str, float]:
    """Cross-entropy and accuracy in inference mode. Raises DivergenceError if the loss is not finite."""
    loss, accuracy = tn.evaluate(model, data, threads=threads)
    if not math.isfinite(loss):
        raise tn.DivergenceError(f"training diverged: the loss of the held-out examples was {loss}")
    return {"loss": loss, "accuracy": accuracy}


def gradient_norms(model: tn.Sequential, x: Array, labels: Array) -> list[float]:
    """For each Dense layer |dL/dW|, L the mean cross-entropy of the examples x, in inference mode."""
    _, gradient = model.loss_and_gradient(x, labels, context=tn.Context())
    grads = model.views(gradient)
    dense = [number for number, layer in enumerate(model.layers) if isinstance(layer, tn.Dense)]
    return [math.sqrt(float((grads[number]["weight"] ** 2).sum())) for number in dense]


def activation_state(model: tn.Sequential, x: Array) -> dict[str, list[float]]:
    """slope, saturated and dead, a number for each Sigmoid or ReLU of the model."""
    state: dict[str, list[float]] = {"slope": [], "saturated": [], "dead": []}
    for layer in model.layers:
        x = layer(x)
        if isinstance(layer, tn.Sigmoid):
            far = array_module(x).abs(x - 0.5) > 0.45
            numbers = (x * (1 - x)).mean(), far.mean(), 0.0
        elif isinstance(layer, tn.ReLU):
            numbers = (x > 0).mean(), 0.0, (x == 0).all(axis=0).mean()
        else:
            continue
        for values, number in zip(state.values(), numbers):
            values.append(float(number))
    return state
