"""Recipes: configurations trained with AdamW, a one-cycle learning rate and image transforms."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet import metrics
from tinynet.backend.arrays import to_numpy
from tinynet.backend.habits import instance
from tinynet.data.layout import is_picture
from tinynet.data.transforms import Transform, checked_transforms
from tinynet.errors import (
    ShapeError,
    above_zero,
    at_least_zero,
    flag,
    function,
    mismatch,
    sequence,
    shown,
    text,
    unknown_name,
)
from tinynet.study.configuration import Configuration
from tinynet.study.options import count, new_parser, open_for_a_report, whole
from tinynet.study.program import publish
from tinynet.study.study import Study


@dataclass(frozen=True)
class Views:
    """Several views of an image: a prediction is the weighted mean of the network's outputs for them."""

    description: str
    of: Callable[[np.ndarray], Iterable[np.ndarray]]  # images (N, H, W) or (N, H, W, C) -> the same, once for each view
    weights: Sequence[float] | None = None  # of the views; equal if None

    def __post_init__(self) -> None:
        text("Views", "description", self.description)
        function("Views", "of", self.of, remedy="give a function of the images that returns each view")
        if self.weights is not None:
            remedy = "give one number above 0 for each view, or leave them out"
            if not sequence("Views: weights", self.weights, remedy=remedy):
                raise ValueError(mismatch("Views", "a weight for each view", "none", remedy))
            for weight in self.weights:
                above_zero("Views", "each of weights", weight, remedy=remedy)


def five_places(images: np.ndarray) -> Iterable[np.ndarray]:
    """Every image as it is, and shifted by a pixel down, up, right and left; black comes in at the edge."""
    if images.ndim == 4 and not is_picture(images.shape[1:]):
        received = f"{images.shape}, which looks like (n, C, H, W)"
        remedy = "transpose the images of the data set: images.transpose(0, 2, 3, 1)"
        raise ShapeError(mismatch("five_places", "pictures (n, H, W) or (n, H, W, C)", received, remedy))
    height, width = images.shape[1:3]
    framed = np.pad(images, ((0, 0), (1, 1), (1, 1)) + ((0, 0),) * (images.ndim - 3))
    for row, column in ((1, 1), (2, 1), (0, 1), (1, 2), (1, 0)):
        yield framed[:, row : row + height, column : column + width]


def five_places_both_ways(images: np.ndarray) -> Iterable[np.ndarray]:
    """The five places of every image and of its mirror image."""
    yield from five_places(images)
    yield from five_places(images[:, :, ::-1])


AS_IT_IS = Views("each image as it is", lambda images: (images,))
MIDDLE_TWICE = (2, 1, 1, 1, 1)
FIVE_PLACES = Views(
    "the image, counted twice, and its shifts by a pixel up, down, left and right", five_places, MIDDLE_TWICE
)
TEN_VIEWS = Views(FIVE_PLACES.description + ", each also mirrored", five_places_both_ways, MIDDLE_TWICE * 2)


@dataclass(frozen=True, eq=False)
class Recipe(Configuration):
    """A network trained with AdamW (no weight decay on biases and norms), label smoothing and image transforms.

    The learning rate follows one cycle with its peak at the given number, or is `constant`. Predictions are averaged
    over `views`.
    """

    batch_size: int | None = 128
    constant: bool = False
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    transforms: Sequence[Transform] = ()
    views: Views = AS_IT_IS

    def __post_init__(self) -> None:
        transforms = checked_transforms(f"{self.title}", self.transforms)
        if not isinstance(self.fit, Mapping) or set(self.fit) - {"loss", "transforms"}:  # those are made below
            expected, remedy = "no fit, which a recipe makes itself", "leave it out, or write a tn.study.Configuration"
            raise ValueError(mismatch(self.title, expected, shown(self.fit), remedy))
        flag(self.title, "constant", self.constant)
        at_least_zero(self.title, "weight_decay", self.weight_decay, remedy="leave it out")
        instance(f"{self.title}: views", self.views, Views, "leave it out, or write Views(description, of)")
        fit = {"loss": tn.SoftmaxCrossEntropy(self.label_smoothing), "transforms": transforms}
        object.__setattr__(self, "fit", fit)  # the way to set a field of a frozen dataclass
        super().__post_init__()

    def make_optimizer(self, model: tn.Sequential, learning_rate: float, steps: int) -> tn.AdamW:
        rate = learning_rate if self.constant else tn.schedules.one_cycle(learning_rate, steps)
        return tn.AdamW(rate, weight_decay=self.weight_decay, mask=model.mask())

    def predict(self, model: tn.Sequential, data: tn.data.Dataset, threads: int | None = None) -> np.ndarray:
        views = self.views.of(data.pictures(slice(None)))
        sets = (replace(data, images=view.reshape(data.images.shape)) for view in views)
        # in batches as small as in training: a convolution's activations of 1,000 images do not fit the cache
        size = self.batch_size or 128
        return np.average([model.predict(each, size, threads) for each in sets], axis=0, weights=self.views.weights)

    def measure(
        self,
        model: tn.Sequential,
        data: tn.data.Dataset,
        probabilities: np.ndarray | None = None,
        threads: int | None = None,
    ) -> dict[str, float]:
        probabilities = self.predict(model, data, threads) if probabilities is None else probabilities
        return loss_and_accuracy(data, probabilities)

    def describe(self) -> str:
        length = "one epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        changed = " and ".join(map(repr, self.transforms)) or "none"
        rates = ", ".join(f"{rate:g}" for rate in self.learning_rates)
        schedule = f"constant learning rate {rates}" if self.constant else f"one-cycle learning rate up to {rates}"
        averaged = "" if self.views is AS_IT_IS else f", predictions averaged over {self.views.description}"
        return (
            f"{self.title}: {length}, batch {self.batch_size}, AdamW (weight decay {self.weight_decay:g}, "
            f"none on biases and norms), {schedule}, label smoothing {self.label_smoothing:g}, transforms {changed}"
            f"{averaged}"
        )


Recipes = Mapping[str, Recipe]
Ablations = Mapping[str, Mapping[str, Mapping[str, Any]]]  # recipe -> variant -> the fields that it changes


def loss_and_accuracy(data: tn.data.Dataset, probabilities: np.ndarray) -> dict[str, float]:
    """The mean of -log p of the true class, and the fraction of examples whose most probable class is the true one."""
    labels = to_numpy(data.labels)
    true = np.maximum(probabilities[np.arange(len(labels)), labels], np.finfo(probabilities.dtype).tiny)
    loss = -float(np.log(true).mean(dtype=np.float64))
    return {"loss": loss, "accuracy": metrics.accuracy(labels, probabilities.argmax(axis=1))}


# The command line ---------------------------------------------------------------------------------------------------


def recipe_parser(
    description: str | None, files: str, out: str, recipes: Recipes, default: Sequence[str], ablations: Ablations
) -> argparse.ArgumentParser:
    """A parser with the options of every program of recipes."""
    parser = new_parser(description, files, out)
    parser.add_argument(
        "--arms", nargs="+", default=default, metavar="NAME", help=f"the recipes to train, of: {', '.join(recipes)}"
    )
    parser.add_argument("--quick", action="store_true", help="a trial run: one epoch of 2,000 images")
    parser.add_argument("--epochs", type=count, help="number of epochs, instead of each recipe's own")
    parser.add_argument("--examples", type=count, metavar="N", help="train on the first N examples only")
    parser.add_argument("--seeds", type=count, default=1, metavar="N", help="number of seeds of each recipe (1)")
    parser.add_argument("--first-seed", type=whole, default=0, metavar="K", help="the first seed (0)")
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FOLDER", help="keep runs in this folder, also unfinished ones"
    )
    text = "has no effect: kept runs are always continued"
    parser.add_argument("--resume", action="store_true", help=text)
    text = "train on five sixths of the training set, and measure on the rest instead of the test set"
    parser.add_argument("--validate", action="store_true", help=text)
    if ablations:
        first = next(iter(ablations))
        text = f"train variants of a recipe, each with one ingredient changed (default: of {first})"
        parser.add_argument("--ablation", nargs="?", choices=ablations, const=first, help=text)
    return parser


def recipe_options(
    parser: argparse.ArgumentParser, arguments: list[str] | None, recipes: Recipes
) -> argparse.Namespace:
    """The command line, checked."""
    options = parser.parse_args(arguments)
    if options.quick:
        options.epochs, options.examples = options.epochs or 1, options.examples or 2000
    for name in options.arms:
        if name not in recipes:
            parser.error(unknown_name("recipe", name, recipes))
    return options


def chosen_recipes(options: argparse.Namespace, recipes: Recipes, ablations: Ablations) -> dict[str, Recipe]:
    """The recipes to run, or the variants of one of them, each compared with the first."""
    if getattr(options, "ablation", None):
        variants = ablations[options.ablation]
        whole = replace(recipes[options.ablation], views=AS_IT_IS, baseline=next(iter(variants)))
        chosen = {name: replace(whole, **{"title": name, **changes}) for name, changes in variants.items()}
    else:
        chosen = {name: recipes[name] for name in options.arms}
    if options.epochs:
        chosen = {name: replace(recipe, epochs=options.epochs) for name, recipe in chosen.items()}
    return chosen


def run_recipes(
    options: argparse.Namespace, recipes: Recipes, ablations: Ablations | None = None, dataset: str | None = None
) -> int:
    """Train each recipe with each seed, measure it once, print and write the report; 0, or 1 if a run diverged."""
    device, train, test = open_for_a_report(options, dataset)
    train = train.subset(slice(0, options.examples)).standardize()
    if options.validate:
        train, test = train.split(1 / 6, seed=0)
    study = Study(
        chosen_recipes(options, recipes, ablations or {}),
        (train, test.standardize(like=train)),
        seeds=range(options.first_seed, options.first_seed + options.seeds),
        parts=["best"],
        device=device,
        threads=None,
        held_out="validation" if options.validate else "test",
        settings=vars(options),
    )
    return publish(study.run(options.out, runs=options.checkpoint, checkpoints=bool(options.checkpoint)))
