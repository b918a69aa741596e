"""How a network is trained, as a value: what the examples beyond plain SGD share."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from experiment import Experiment, write_report
from opening import add_checkpoint_options, count, new_parser

import tinynet as tn
from tinynet.arrays import Device
from tinynet.data.transforms import Transform
from tinynet.errors import unknown_name


@dataclass(frozen=True)
class Recipe:
    """A network, and everything `fit` is told: AdamW under a one-cycle rate, softer targets, changed pictures."""

    title: str
    build: Callable[[int], tn.Sequential]  # seed -> model
    epochs: int
    batch_size: int = 128
    peak: float = 0.004  # of the learning rate
    schedule: str = "one_cycle"  # or "constant", at a quarter of the peak
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    transforms: Sequence[Transform] = ()
    both_ways: bool = False  # predict the mean of what it says to a picture and to its mirror image

    def predict(self, model: tn.Sequential, data: tn.data.Dataset) -> np.ndarray:
        """Class probabilities (N, classes) of the trained model, for every picture as it stands, or both ways round."""
        probabilities = model.predict(data)
        if self.both_ways:
            mirrored = data.pictures(slice(None))[:, :, ::-1].reshape(data.images.shape)
            probabilities += model.predict(dataclasses.replace(data, images=mirrored))
            probabilities /= 2
        return probabilities

    def optimizer(self, model: tn.Sequential, examples: int) -> tn.AdamW:
        """The optimizer of a run over so many examples an epoch."""
        steps = self.epochs * math.ceil(examples / self.batch_size)
        cycle = tn.schedules.one_cycle(self.peak, steps)
        rate = cycle if self.schedule == "one_cycle" else tn.schedules.constant(self.peak / 4)
        return tn.AdamW(rate, weight_decay=self.weight_decay, mask=model.mask())

    @property
    def loss(self) -> tn.SoftmaxCrossEntropy:
        """Cross-entropy against the smoothed labels."""
        return tn.SoftmaxCrossEntropy(self.label_smoothing)

    def words(self) -> str:
        """The recipe in a line."""
        changed = " and ".join(map(repr, self.transforms)) or "none"
        averaged = ", predictions averaged over both ways round" if self.both_ways else ""
        return (
            f"{self.title}: {self.epochs} epochs, batch {self.batch_size}, AdamW (weight decay {self.weight_decay:g}, "
            f"none on biases and norms), {self.schedule.replace('_', '-')} rate of {self.peak:g}, label smoothing "
            f"{self.label_smoothing:g}, transforms {changed}{averaged}"
        )

    def shorter(self, epochs: int | None) -> Recipe:
        """The same for so many epochs; as it is for None."""
        return self if epochs is None else dataclasses.replace(self, epochs=epochs)


def run(
    recipes: Mapping[str, Recipe],
    device: Device,
    train: tn.data.Dataset,
    test: tn.data.Dataset,
    options: argparse.Namespace,
) -> int:
    """Train each recipe with each seed, measure once, print and write; 0, or 1 if one diverged."""
    options.arms = list(recipes)
    protocol = "\n".join(f"- {name}: {recipe.words()}" for name, recipe in recipes.items())
    experiment = Experiment(device, train, test, options, protocol)
    print(experiment.heading(), flush=True)
    try:
        for name, recipe in recipes.items():
            for seed in range(options.seeds):
                train_one(experiment, name, recipe, seed)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_what_is_kept(options)) from None
    print("\n" + experiment.table())
    for path in write_report(experiment, options.out):
        print(f"wrote {path}")
    return 1 if experiment.diverged else 0


def train_one(experiment: Experiment, name: str, recipe: Recipe, seed: int) -> None:
    """One recipe with one seed."""
    model = recipe.build(seed)
    experiment.run(
        name,
        model,
        recipe.optimizer(model, len(experiment.train)),
        seed,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        predict=recipe.predict,
        loss=recipe.loss,
        transforms=recipe.transforms,
    )


def _what_is_kept(options: argparse.Namespace) -> str:
    if options.checkpoint:
        return f"saved in {options.checkpoint}; the same command with --resume goes on from there"
    return "nothing was kept; --checkpoint FOLDER keeps every run"


def parser_of(description: str | None, files: str, arms: Mapping[str, Recipe], out: str) -> argparse.ArgumentParser:
    """The options that all of them have."""
    parser = new_parser(description, files, out)
    parser.add_argument("--arms", nargs="+", default=list(arms), metavar="ARM", help=f"of: {', '.join(arms)}")
    parser.add_argument("--epochs", type=count, help="of every arm, instead of its own")
    parser.add_argument("--examples", type=count, help="train on the first so many pictures only")
    parser.add_argument("--seeds", type=count, default=1, metavar="N", help="repeat each arm with seeds 0 to N-1")
    add_checkpoint_options(parser)
    return parser


def chosen(
    parser: argparse.ArgumentParser, arguments: list[str] | None, arms: Mapping[str, Recipe]
) -> argparse.Namespace:
    """The command line, checked."""
    options = parser.parse_args(arguments)
    if options.resume and not options.checkpoint:
        parser.error("--resume needs --checkpoint FOLDER")
    for name in options.arms:
        if name not in arms:
            parser.error(unknown_name("arm", name, arms))
    return options
