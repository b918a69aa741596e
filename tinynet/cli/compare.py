"""`tinynet compare`: train on two devices from one seed, and compare loss and parameters step by step.

Devices add numbers in different orders, so they round differently, and the differences grow from step to step. A real
error, such as a wrong dropout mask or learning rate, causes a far larger difference at once.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynet.backend.arrays import Device, find_device, to_numpy
from tinynet.backend.matmul import use_precision
from tinynet.backend.terminal import say
from tinynet.data.dataset import Dataset, from_arrays
from tinynet.data.sources import fashion_mnist
from tinynet.errors import DeviceError
from tinynet.layers.activations import ReLU
from tinynet.layers.dense import Dense
from tinynet.layers.dropout import Dropout
from tinynet.model import Sequential
from tinynet.optimizers import SGD
from tinynet.training.config import RunConfig
from tinynet.training.eager import EagerSteps
from tinynet.training.fused import operations_for
from tinynet.training.recorded import RecordedSteps
from tinynet.training.state import Meter
from tinynet.training.step import TrainingStep
from tinynet.training.trainer import Trainer
from tinynet.training.validate import validate_data

LIMITS = {"float32": 1e-4, "float64": 1e-10}  # relative, over 100 steps


@dataclass(frozen=True)
class Settings:
    """The network and the settings of the run."""

    widths: tuple[int, ...] = (784, 256, 128, 10)
    steps: int = 100
    batch_size: int = 1000
    rate: float = 0.1
    dropout: float = 0.2
    seed: int = 0
    dtype: str = "float32"
    captured: bool = False  # record the step as a CUDA graph, if the device can

    def model(self) -> Sequential:
        """A new model, always with the same parameters."""
        layers: list[Dense | ReLU | Dropout] = []
        for inputs, outputs in zip(self.widths, self.widths[1:]):
            layers += [Dense(inputs, outputs), ReLU(), Dropout(self.dropout)]
        return Sequential(*layers[:-2], seed=self.seed, dtype=self.dtype)


def add_to(commands: Any) -> None:
    """Add the command `compare` to the parser's commands."""
    parser = commands.add_parser("compare", help="train on two devices from one seed and compare the numbers")
    parser.add_argument(
        "--devices", nargs=2, default=("cpu", "gpu"), metavar="DEVICE", help="the two devices (default: cpu gpu)"
    )
    parser.add_argument("--dtype", choices=LIMITS, default="float32", help="(default: %(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="number of updates (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=1000, help="examples in a batch (default: %(default)s)")
    parser.add_argument("--captured", action="store_true", help="record the step as a CUDA graph, if the device can")
    parser.add_argument("--data", help="folder with Fashion-MNIST (default: random patterns)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the differences; 1 if they are larger than rounding explains, 2 if a device cannot be used."""
    settings = Settings(
        steps=options.steps, batch_size=options.batch_size, dtype=options.dtype, captured=options.captured
    )
    if options.data:
        data = fashion_mnist(os.fspath(options.data))[0]
    else:
        data = pixels(settings)
    try:
        first, second = options.devices
        differences = compare(first, second, data, settings)
    except DeviceError as error:
        say(error, "stderr")
        return 2
    say(f"{' and '.join(options.devices)}, {settings.dtype}, batch {settings.batch_size}: relative differences")
    say(f"{'step':>6} {'loss':>10} {'theta':>10}")
    for step, (loss, theta) in enumerate(differences, 1):
        if step in (1, 2, 5) or step % 10 == 0 or step == len(differences):
            say(f"{step:>6} {loss:>10.2e} {theta:>10.2e}")
    largest, limit = float(np.max(differences)), LIMITS[settings.dtype]  # NaN if any difference is
    say(f"largest {largest:.2e}, limit {limit:.0e}: {'ok' if largest <= limit else 'TOO FAR'}")
    return int(not largest <= limit)


def trajectory(device: Device, data: Dataset, settings: Settings) -> Iterator[tuple[float, np.ndarray]]:
    """The loss and theta after each step."""
    optimizer = SGD(settings.rate, momentum=0.9)
    trainer = Trainer(settings.model(), optimizer=optimizer, seed=settings.seed, device=device)
    model, loss, state = trainer.model, trainer.loss, trainer.state
    with device.active(), use_precision(device, "float32"):
        config = RunConfig(validate_data(data, model, loss, device), settings.batch_size, device)
        operations = operations_for(model, loss, optimizer, device)
        step = TrainingStep(model, loss, optimizer, state, operations=operations, nan_guard=False)
        recorder = device.recorder("float32") if settings.captured else None
        steps = EagerSteps(step, config) if recorder is None else RecordedSteps(step, config, recorder, per_graph=1)
        epoch = 0
        while state.step < settings.steps:
            state.meter = Meter(config.steps, device)
            for _ in steps.epoch(epoch, 0):
                yield float(to_numpy(state.meter.losses)[state.meter.done - 1]), to_numpy(state.theta).copy()
                if state.step == settings.steps:
                    return
            epoch += 1


def compare(first: str | Device, second: str | Device, data: Dataset, settings: Settings) -> list[tuple[float, float]]:
    """The relative difference of the loss, and the largest of theta relative to its largest number, after each step."""
    devices = find_device(first), find_device(second)
    here, there = (list(trajectory(device, data, settings)) for device in devices)  # one after the other
    differences = []
    for (loss, theta), (other_loss, other_theta) in zip(here, there):
        apart = float(np.abs(theta - other_theta).max() / np.abs(theta).max())
        differences.append((abs(loss - other_loss) / abs(loss), apart))
    return differences


def pixels(settings: Settings, examples: int = 6000) -> Dataset:
    """Pictures of noise around a pattern for each class: enough to train on, without a download."""
    generator = np.random.default_rng(settings.seed)
    patterns = generator.integers(0, 160, (settings.widths[-1], settings.widths[0]))
    labels = generator.integers(0, settings.widths[-1], examples)
    noise = generator.integers(0, 96, (examples, settings.widths[0]))
    return from_arrays((patterns[labels] + noise).astype("uint8"), labels, name="patterns")
