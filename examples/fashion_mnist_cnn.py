"""Fashion-MNIST beyond plain SGD: how far a multilayer perceptron and a small convolutional network get on a CPU.

    python examples/fashion_mnist_cnn.py --quick                    # a trial run; a minute
    python examples/fashion_mnist_cnn.py                            # three recipes, one seed
    python examples/fashion_mnist_cnn.py --arms mlp --seeds 3       # as published in docs/results.md, 12 minutes
    python examples/fashion_mnist_cnn.py --arms cnn cnn-moved --seeds 3     # as published there, 90 minutes
    python examples/fashion_mnist_cnn.py --arms cnn-long --seeds 3          # an hour for each seed, on one core
    python examples/fashion_mnist_cnn.py --ablation                 # the MLP with one ingredient changed at a time
    python examples/fashion_mnist_cnn.py --ablation cnn-moved       # the same for the convolutional recipe
    python examples/fashion_mnist_cnn.py --arms cnn --validate      # choose a recipe without looking at the test set

Without --validate a recipe trains on the whole training set, and the test set is measured once, after the last epoch.
All recipes but cnn-long were chosen with --validate, on images held out of the training set; docs/results.md says how.
The program prints a table and writes a report into --out. Without the data and without a network it uses drawings made
by tinynet, and says so in every table and picture.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import tinynet as tn
from tinynet.study.options import program
from tinynet.study.recipes import FIVE_PLACES, TEN_VIEWS, Recipe, recipe_options, recipe_parser, run_recipes


def mlp(seed: int, dropout: float = 0.3, batch_norm: bool = True) -> tn.Sequential:
    """784-512-512-10 with batch norm and dropout."""
    return tn.zoo.mlp(784, (512, 512), 10, dropout=dropout, batch_norm=batch_norm, seed=seed)


Blocks = Sequence[Sequence[int]]
THREE = ((32,), (64,), (128,))  # channels of the convolutions of each block
FIVE = ((32,), (64, 64), (128, 128))


def cnn(seed: int, blocks: Blocks = THREE, dropout: float = 0.5, batch_norm: bool = True) -> tn.Sequential:
    """Blocks of 3x3 convolutions with batch norm and ReLU, each ended by 2x2 maxima; then two Dense layers.

    Pooling comes before batch norm and ReLU, which then process a quarter of the pixels.
    """

    def norm_and_relu(features: int) -> list[tn.Layer]:
        return [tn.BatchNorm(features), tn.ReLU()] if batch_norm else [tn.ReLU()]

    layers: list[tn.Layer] = [tn.Reshape(28, 28, 1)]
    inputs, size = 1, 28
    for block in blocks:
        for number, outputs in enumerate(block, 1):
            layers.append(tn.Conv2D(inputs, outputs, 3, padding="same"))
            layers += [tn.MaxPool2D(2)] if number == len(block) else []
            layers += norm_and_relu(outputs)
            inputs = outputs
        size //= 2
    layers += [tn.Flatten(), tn.Dense(size * size * inputs, 128, weight="he_normal"), *norm_and_relu(128)]
    return tn.Sequential(*layers, tn.Dropout(dropout), tn.Dense(128, 10), seed=seed)


moved_cnn = partial(cnn, dropout=0.3)  # less dropout: shifted and flipped images are harder to memorise
FLIPPED = (tn.data.HorizontalFlip(),)
SHIFTED = (tn.data.Shift(1),)
MOVED = (*SHIFTED, *FLIPPED)
ERASED = (*MOVED, tn.data.RandomErasing(0.5))
PEAK = (0.005,)  # of the one-cycle learning rate
RECIPES = {
    "mlp": Recipe("MLP", mlp, learning_rates=PEAK, epochs=50, weight_decay=0.02, label_smoothing=0.0),
    "cnn": Recipe("CNN", cnn, learning_rates=PEAK, epochs=14, views=FIVE_PLACES),
    "cnn-moved": Recipe("CNN, shifts and flips", moved_cnn, learning_rates=PEAK, epochs=20, label_smoothing=0.0,
                        transforms=MOVED, views=TEN_VIEWS),
    "cnn-long": Recipe("deeper CNN, shifts, flips and erasing", partial(cnn, blocks=FIVE, dropout=0.4),
                       learning_rates=PEAK, epochs=30, transforms=ERASED, views=TEN_VIEWS),
}  # fmt: skip
CONSTANT = {"constant": True, "learning_rates": (0.00125,)}
ABLATIONS: dict[str, dict[str, dict[str, Any]]] = {  # one ingredient left out or added at a time
    "mlp": {
        "unchanged": {},
        "with flips": {"transforms": FLIPPED},
        "with flips, shifts": {"transforms": MOVED},
        "with label smoothing": {"label_smoothing": 0.1},
        "no weight decay": {"weight_decay": 0.0},
        "constant learning rate": CONSTANT,
        "no dropout": {"build": partial(mlp, dropout=0.0)},
        "no batch norm": {"build": partial(mlp, batch_norm=False), "learning_rates": (0.002,)},
    },
    "cnn-moved": {
        "unchanged": {},
        "with ten views": {"views": TEN_VIEWS},
        "no shifts": {"transforms": FLIPPED},
        "no flips": {"transforms": SHIFTED},
        "no shifts, no flips": {"transforms": ()},
        "with erasing": {"transforms": ERASED},
        "constant learning rate": CONSTANT,
        "no dropout": {"build": partial(cnn, dropout=0.0)},
        "no batch norm": {"build": partial(moved_cnn, batch_norm=False), "learning_rates": (0.002,)},
        "two convolutions": {"build": partial(moved_cnn, blocks=THREE[:2])},
        "five convolutions": {"build": partial(moved_cnn, blocks=FIVE)},
    },
}


@program
def main(arguments: list[str] | None = None) -> int:
    """Run the experiment; returns the exit status: 0, 1 if a run diverged, 2 if it could not start, 130 at Ctrl-C."""
    return run_recipes(parse(arguments), RECIPES, ABLATIONS)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    files, out, names = "the four files of Fashion-MNIST", "results/fashion_mnist_cnn", ["mlp", "cnn", "cnn-moved"]
    parser = recipe_parser(__doc__, files, out, RECIPES, names, ABLATIONS)
    return recipe_options(parser, arguments, RECIPES)


if __name__ == "__main__":
    sys.exit(main())
