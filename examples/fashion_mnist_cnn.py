"""Fashion-MNIST beyond plain SGD: how far a multilayer perceptron and a small convolutional network get on a CPU.

    python examples/fashion_mnist_cnn.py --quick                    # does it run? a minute
    python examples/fashion_mnist_cnn.py                            # three recipes, one seed
    python examples/fashion_mnist_cnn.py --arms mlp --seeds 3       # as published in docs/results.md, 12 minutes
    python examples/fashion_mnist_cnn.py --arms cnn cnn-moved --seeds 3     # as published there, 90 minutes
    python examples/fashion_mnist_cnn.py --arms cnn-long --seeds 3          # the longer recipe: an hour a seed and core
    python examples/fashion_mnist_cnn.py --ablation                 # the MLP: what does each ingredient give?
    python examples/fashion_mnist_cnn.py --ablation cnn-moved       # the convolutional recipe, likewise
    python examples/fashion_mnist_cnn.py --arms cnn --validate      # to choose a recipe: the test set is left alone

The recipes, but for cnn-long, were chosen by pictures held out of the training set, as --validate holds them out;
docs/results.md says how, and how --first-seed gives each seed a core of its own. Without --validate they train on all
of it, and the test set is measured once, after the last epoch. Prints a table and writes results.json, results.md,
results.csv and pictures into --out.
Without the data and without a network it runs on drawings of clothes made by tinynet itself, and says so everywhere.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

import tinynet as tn
from tinynet.study.opening import open_device_and_data, program
from tinynet.study.recipes import AS_IT_IS, FIVE_PLACES, TEN_VIEWS, Recipe, chosen, parser_of, run


def mlp(seed: int, dropout: float = 0.3, batch_norm: bool = True) -> tn.Sequential:
    """784-512-512-10 with batch norm and dropout."""
    return tn.zoo.mlp(784, (512, 512), 10, dropout=dropout, batch_norm=batch_norm, seed=seed)


THREE = ((32,), (64,), (128,))  # channels of the convolutions of each block
FIVE = ((32,), (64, 64), (128, 128))


def cnn(
    seed: int, blocks: Sequence[Sequence[int]] = THREE, dropout: float = 0.5, batch_norm: bool = True
) -> tn.Sequential:
    """Blocks of 3x3 convolutions with batch norm and ReLU, each ended by 2x2 maxima; then two Dense layers.

    The maxima are taken before batch norm and ReLU, which then have a quarter of the pixels to go over. Dropout stands
    before the last Dense.
    """

    def norm_and_relu(features: int) -> list[tn.Layer]:
        return [tn.BatchNorm(features), tn.ReLU()] if batch_norm else [tn.ReLU()]

    layers: list[tn.Layer] = [tn.Reshape(28, 28, 1)]
    inputs, size = 1, 28
    for block in blocks:
        for place, outputs in enumerate(block, 1):
            layers.append(tn.Conv2D(inputs, outputs, 3, padding="same"))
            layers += [tn.MaxPool2D(2)] if place == len(block) else []
            layers += norm_and_relu(outputs)
            inputs = outputs
        size //= 2
    layers += [tn.Flatten(), tn.Dense(size * size * inputs, 128, weight="he_normal"), *norm_and_relu(128)]
    return tn.Sequential(*layers, tn.Dropout(dropout), tn.Dense(128, 10), seed=seed)


def moved_cnn(seed: int, dropout: float = 0.3, **changes: Any) -> tn.Sequential:
    """The same with less dropout: pictures that move are harder to learn by heart."""
    return cnn(seed, dropout=dropout, **changes)


def deeper_cnn(seed: int) -> tn.Sequential:
    """Five convolutions."""
    return cnn(seed, FIVE, dropout=0.4)


FLIPPED = (tn.data.HorizontalFlip(),)  # a shoe may look left or right
SHIFTED = (tn.data.Shift(1),)  # and stand a pixel further
MOVED = (*SHIFTED, *FLIPPED)
ERASED = (*MOVED, tn.data.RandomErasing(0.5))  # and be seen in part
ARMS = {
    "mlp": Recipe("MLP", mlp, 50, peak=0.005, weight_decay=0.02, label_smoothing=0.0),
    "cnn": Recipe("CNN", cnn, 14, peak=0.005, weight_decay=0.05, label_smoothing=0.05, views=FIVE_PLACES),
    "cnn-moved": Recipe(
        "CNN, pictures moved",
        moved_cnn,
        20,
        peak=0.005,
        weight_decay=0.05,
        label_smoothing=0.0,
        transforms=MOVED,
        views=TEN_VIEWS,
    ),
    "cnn-long": Recipe(
        "deeper CNN, pictures moved and erased in part",
        deeper_cnn,
        30,
        peak=0.005,
        weight_decay=0.05,
        label_smoothing=0.05,
        transforms=ERASED,
        views=TEN_VIEWS,
    ),
}
LESS: dict[str, dict[str, dict[str, Any]]] = {  # of each ablation: what is left out, or added, one at a time
    "mlp": {
        "as it is": {},
        "and flips": {"transforms": FLIPPED},
        "and flips, shifts": {"transforms": MOVED},
        "and label smoothing": {"label_smoothing": 0.1},
        "no weight decay": {"weight_decay": 0.0},
        "constant rate": {"constant": 0.00125},
        "no dropout": {"build": lambda seed: mlp(seed, dropout=0.0)},
        "no batch norm": {"build": lambda seed: mlp(seed, batch_norm=False), "peak": 0.002},
    },
    "cnn-moved": {
        "as it is": {},
        "and ten views": {"views": TEN_VIEWS},
        "no shifts": {"transforms": FLIPPED},
        "no flips": {"transforms": SHIFTED},
        "no shifts, no flips": {"transforms": ()},
        "and erased in part": {"transforms": ERASED},
        "constant rate": {"constant": 0.00125},
        "no dropout": {"build": lambda seed: moved_cnn(seed, dropout=0.0)},
        "no batch norm": {"build": lambda seed: moved_cnn(seed, batch_norm=False), "peak": 0.002},
        "two convolutions": {"build": lambda seed: moved_cnn(seed, blocks=THREE[:2])},
        "five convolutions": {"build": lambda seed: moved_cnn(seed, blocks=FIVE)},
    },
}


@program
def main(arguments: list[str] | None = None) -> int:
    """Run the experiment; returns the exit status: 0, 1 if an arm diverged, 2 if it could not start, 130 at Ctrl-C."""
    options = parse(arguments)
    device, train, test = open_device_and_data(options)
    train = train.subset(slice(0, options.examples)).standardize()
    if options.validate:
        train, test = train.split(1 / 6, seed=0)
    test = test.standardize(like=train)
    held_out = "validation" if options.validate else "test"
    return run(recipes_of(options), device, train, test, options, held_out)


def recipes_of(options: argparse.Namespace) -> dict[str, Recipe]:
    """What is to be run: the arms, or one of them in all its variants."""
    if not options.ablation:
        return {name: ARMS[name].shorter(options.epochs) for name in options.arms}
    whole = ARMS[options.ablation].shorter(options.epochs)
    whole = dataclasses.replace(whole, views=AS_IT_IS)  # more views are an ingredient, too
    return {name: dataclasses.replace(whole, **changes) for name, changes in LESS[options.ablation].items()}


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    parser = parser_of(__doc__, "the four files of Fashion-MNIST", ARMS, "results/fashion_mnist_cnn")
    parser.set_defaults(arms=["mlp", "cnn", "cnn-moved"])
    words = "that arm, each time with one ingredient left out or added (mlp, unless named)"
    parser.add_argument("--ablation", nargs="?", choices=LESS, const="mlp", help=words)
    words = "train on five sixths of the training set and measure the rest, instead of the test set"
    parser.add_argument("--validate", action="store_true", help=words)
    return chosen(parser, arguments, ARMS)


if __name__ == "__main__":
    sys.exit(main())
