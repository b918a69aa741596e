"""How a network is trained, as a value: what the examples beyond plain SGD share."""

from __future__ import annotations

import argparse
import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

import tinynet as tn
from tinynet.backend.arrays import Device
from tinynet.data.transforms import Transform
from tinynet.errors import unknown_name
from tinynet.study.experiment import Experiment, seeds_of, write_report
from tinynet.study.opening import add_checkpoint_options, count, new_parser, whole


@dataclass(frozen=True)
class Views:
    """Ways to look at a picture: a prediction is the weighted mean of what the network says to each."""

    words: str
    of: Callable[[np.ndarray], Iterable[np.ndarray]]  # pictures (N, H, W) or (N, H, W, C) -> the same, once a view
    weights: Sequence[float] | None = None  # of the views; all the same unless given


def five_places(pictures: np.ndarray) -> Iterable[np.ndarray]:
    """Every picture where it is, and a pixel up, down, left and right; what comes in at an edge is black."""
    height, width = pictures.shape[1:3]
    framed = np.pad(pictures, ((0, 0), (1, 1), (1, 1)) + ((0, 0),) * (pictures.ndim - 3))
    for row, column in ((1, 1), (2, 1), (0, 1), (1, 2), (1, 0)):
        yield framed[:, row : row + height, column : column + width]


def five_places_both_ways(pictures: np.ndarray) -> Iterable[np.ndarray]:
    """Those, and those of the mirror image."""
    yield from five_places(pictures)
    yield from five_places(pictures[:, :, ::-1])


AS_IT_IS = Views("each picture as it is", lambda pictures: (pictures,))
MIDDLE_TWICE = (2, 1, 1, 1, 1)
FIVE_PLACES = Views("five places a pixel apart, the middle one twice", five_places, MIDDLE_TWICE)
TEN_VIEWS = Views(FIVE_PLACES.words + ", both ways round", five_places_both_ways, MIDDLE_TWICE * 2)


@dataclass(frozen=True)
class Recipe:
    """A network, and everything `fit` is told: AdamW under a one-cycle rate, softer targets, changed pictures."""

    title: str
    build: Callable[[int], tn.Sequential]  # seed -> model
    epochs: int
    batch_size: int = 128
    peak: float = 0.004  # of the learning rate
    constant: float | None = None  # a learning rate that stays, instead
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    transforms: Sequence[Transform] = ()
    views: Views = AS_IT_IS

    def predict(self, model: tn.Sequential, data: tn.data.Dataset) -> np.ndarray:
        """Class probabilities (N, classes) of the trained model, their weighted mean over the views."""
        views = self.views.of(data.pictures(slice(None)))
        seen = (dataclasses.replace(data, images=view.reshape(data.images.shape)) for view in views)
        # in batches as small as those of training: a convolution's activations of 1,000 pictures leave the cache
        return np.average([model.predict(each, self.batch_size) for each in seen], axis=0, weights=self.views.weights)

    def optimizer(self, model: tn.Sequential, examples: int) -> tn.AdamW:
        """The optimizer of a run over so many examples an epoch."""
        steps = self.epochs * math.ceil(examples / self.batch_size)
        rate = tn.schedules.one_cycle(self.peak, steps) if self.constant is None else self.constant
        return tn.AdamW(rate, weight_decay=self.weight_decay, mask=model.mask())

    @property
    def loss(self) -> tn.SoftmaxCrossEntropy:
        """Cross-entropy against the smoothed labels."""
        return tn.SoftmaxCrossEntropy(self.label_smoothing)

    def words(self) -> str:
        """The recipe in a line."""
        length = f"{self.epochs} epochs" if self.epochs > 1 else "one epoch"
        changed = " and ".join(map(repr, self.transforms)) or "none"
        rate = f"one-cycle rate of {self.peak:g}" if self.constant is None else f"rate of {self.constant:g}"
        averaged = "" if self.views is AS_IT_IS else f", predictions averaged over {self.views.words}"
        return (
            f"{self.title}: {length}, batch {self.batch_size}, AdamW (weight decay {self.weight_decay:g}, "
            f"none on biases and norms), {rate}, label smoothing {self.label_smoothing:g}, transforms {changed}"
            f"{averaged}"
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
    held_out: str = "test",
) -> int:
    """Train each recipe with each seed, measure once, print and write; 0, or 1 if one diverged."""
    options.arms = list(recipes)
    protocol = "\n".join(f"- {name}: {recipe.words()}" for name, recipe in recipes.items())
    experiment = Experiment(device, train, test, options, protocol, held_out)
    print(experiment.heading(), flush=True)
    try:
        for name, recipe in recipes.items():
            for seed in seeds_of(options):
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
    parser.add_argument("--quick", action="store_true", help="one epoch of 2,000 pictures: does it run?")
    parser.add_argument("--epochs", type=count, help="of every arm, instead of its own")
    parser.add_argument("--examples", type=count, help="train on the first so many pictures only")
    parser.add_argument("--seeds", type=count, default=1, metavar="N", help="each arm with so many seeds, from 0 on")
    parser.add_argument("--first-seed", type=whole, default=0, metavar="K", help="from K on: others run the rest")
    add_checkpoint_options(parser)
    return parser


def chosen(
    parser: argparse.ArgumentParser, arguments: list[str] | None, arms: Mapping[str, Recipe]
) -> argparse.Namespace:
    """The command line, checked."""
    options = parser.parse_args(arguments)
    if options.quick:
        options.epochs, options.examples = options.epochs or 1, options.examples or 2000
    if options.resume and not options.checkpoint:
        parser.error("--resume needs --checkpoint FOLDER")
    for name in options.arms:
        if name not in arms:
            parser.error(unknown_name("arm", name, arms))
    return options
