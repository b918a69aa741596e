"""One training run on two devices from one seed: how far they part, step by step.

The same operations in another order of summation round differently, and each step starts from the last one's rounding.
What is not rounding, a wrong mask or a wrong rate, parts them at once and by far more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinynet.arrays import Device, find_device, to_numpy
from tinynet.data.batches import batch_count
from tinynet.data.dataset import Dataset, from_arrays
from tinynet.evaluation import enter
from tinynet.layers.activations import ReLU
from tinynet.layers.dense import Dense
from tinynet.layers.dropout import Dropout
from tinynet.losses import SoftmaxCrossEntropy
from tinynet.model import Sequential
from tinynet.operations import BatchGradient, operations_for
from tinynet.optimizers import SGD
from tinynet.parallel import Team
from tinynet.products import multiplying_with
from tinynet.state import Meter, TrainingState
from tinynet.steps import Course, EagerSteps

LIMITS = {"float32": 1e-4, "float64": 1e-10}  # relative, over 100 steps


@dataclass(frozen=True)
class Settings:
    """The experiment's network and settings, unless told otherwise."""

    widths: tuple[int, ...] = (784, 256, 128, 10)
    steps: int = 100
    batch_size: int = 1000
    rate: float = 0.1
    dropout: float = 0.2
    seed: int = 0
    dtype: str = "float32"
    captured: bool = False  # with graphs of one step, where the device has any

    def model(self) -> Sequential:
        """A new one, of the same parameters each time."""
        layers: list[Dense | ReLU | Dropout] = []
        for inputs, outputs in zip(self.widths, self.widths[1:]):
            layers += [Dense(inputs, outputs), ReLU(), Dropout(self.dropout)]
        return Sequential(*layers[:-2], seed=self.seed, dtype=self.dtype)


def trajectory(device: Device, data: Dataset, settings: Settings) -> Iterator[tuple[float, np.ndarray]]:
    """The loss and theta after each step."""
    loss, optimizer = SoftmaxCrossEntropy(), SGD(settings.rate, momentum=0.9)
    model = settings.model().to(device)
    with device.active(), multiplying_with(device.multiplier("float32")):
        placed = enter(data, model, loss, device)
        state = TrainingState(model.theta, model.statistics_vector, optimizer.start(model.theta), settings.seed)
        gradient = BatchGradient(model, loss, Team(1), operations_for(model, loss, optimizer, device))
        course = Course(placed, settings.batch_size, settings.seed, (), device)
        steps = EagerSteps(gradient, optimizer, state, course)
        recorder = device.recorder("float32") if settings.captured else None
        if recorder is not None:
            from tinynet.gpu.graph import CapturedSteps

            steps = CapturedSteps(steps, recorder, per_graph=1)  # type: ignore[assignment]
        epoch = 0
        while state.step < settings.steps:
            state.meter = Meter(batch_count(placed, settings.batch_size), device)
            for _ in steps.epoch(epoch, 0):
                yield float(to_numpy(state.meter.losses)[state.meter.done - 1]), to_numpy(state.theta).copy()
                if state.step == settings.steps:
                    return
            epoch += 1


def compare(first: str | Device, second: str | Device, data: Dataset, settings: Settings) -> list[tuple[float, float]]:
    """After each step, the relative difference of the loss, and the largest of theta relative to its largest number."""
    devices = find_device(first), find_device(second)
    here, there = (list(trajectory(device, data, settings)) for device in devices)  # one after the other
    differences = []
    for (loss, theta), (other_loss, other_theta) in zip(here, there):
        apart = float(np.abs(theta - other_theta).max() / np.abs(theta).max())
        differences.append((abs(loss - other_loss) / abs(loss), apart))
    return differences


def pixels(settings: Settings, examples: int = 6000) -> Dataset:
    """Pictures of noise around a pattern for each class: enough to train on, and here at once."""
    generator = np.random.default_rng(settings.seed)
    patterns = generator.integers(0, 160, (settings.widths[-1], settings.widths[0]))
    labels = generator.integers(0, settings.widths[-1], examples)
    noise = generator.integers(0, 96, (examples, settings.widths[0]))
    return from_arrays((patterns[labels] + noise).astype("uint8"), labels, name="patterns")
