"""CIFAR-10 with a small residual network: colour pictures of 32x32 pixels in ten classes.

    python examples/cifar10.py                              # downloads 170 MB, then trains 20 epochs
    python examples/cifar10.py --quick                      # a trial run
    python examples/cifar10.py --epochs 3 --examples 10000  # a first look
    python examples/cifar10.py --data ~/data/cifar10 --device gpu

A ResNet of three widths (tn.zoo.resnet_small) under AdamW with a one-cycle learning rate; images are flipped and
shifted by up to four pixels. The test set is measured once, after the last epoch. The program prints a table and
writes a report into --out. Without the files of CIFAR-10 and without a network it stops, and says where it looked.
"""

from __future__ import annotations

import argparse
import sys

import tinynet as tn
from tinynet.study.options import program
from tinynet.study.recipes import Recipe, recipe_options, recipe_parser, run_recipes


def resnet(seed: int) -> tn.Sequential:
    """Eight layers with weights: a convolution, three residual blocks of 16, 32 and 64 channels, a Dense layer."""
    return tn.zoo.resnet_small((32, 32, 3), 10, widths=(16, 32, 64), seed=seed)


def lenet(seed: int) -> tn.Sequential:
    """Two convolutions and three Dense layers."""
    return tn.zoo.lenet((32, 32, 3), 10, seed=seed)


MOVED = (tn.data.Shift(4), tn.data.HorizontalFlip())
RECIPES = {
    "lenet": Recipe("LeNet", lenet, epochs=20, learning_rates=(0.003,), transforms=MOVED),
    "resnet": Recipe("small ResNet", resnet, epochs=20, learning_rates=(0.01,), transforms=MOVED),
}


@program
def main(arguments: list[str] | None = None) -> int:
    """Run the experiment; returns the exit status: 0, 1 if a run diverged, 2 if it could not start, 130 at Ctrl-C."""
    return run_recipes(parse(arguments), RECIPES, dataset="cifar10")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    parser = recipe_parser(__doc__, "the archive of CIFAR-10", "results/cifar10", RECIPES, ["resnet"], {})
    return recipe_options(parser, arguments, RECIPES)


if __name__ == "__main__":
    sys.exit(main())
