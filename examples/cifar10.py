"""CIFAR-10 with a small residual network: colour pictures of 32x32 pixels in ten classes.

    python examples/cifar10.py                              # downloads 170 MB, then trains 20 epochs
    python examples/cifar10.py --quick                      # does it run?
    python examples/cifar10.py --epochs 3 --examples 10000  # a first look
    python examples/cifar10.py --data ~/data/cifar10 --device gpu

A ResNet of three widths (tn.zoo.resnet_small) under AdamW with a one-cycle rate; pictures are flipped and shifted by
up to four pixels. The test set is measured once, after the last epoch. Prints a table and writes results.json,
results.md, results.csv and pictures into --out. CIFAR-10 has no stand-in: without its files and without a network it
stops, and says where it looked.
"""

from __future__ import annotations

import argparse
import sys

import tinynet as tn
from tinynet.study.opening import open_device_and_data, program
from tinynet.study.recipes import Recipe, chosen, parser_of, run


def resnet(seed: int) -> tn.Sequential:
    """Eight layers with weights: a convolution, three residual blocks of 16, 32, 64 channels, a Dense."""
    return tn.zoo.resnet_small((32, 32, 3), 10, widths=(16, 32, 64), seed=seed)


def lenet(seed: int) -> tn.Sequential:
    """Two convolutions and three Dense."""
    return tn.zoo.lenet((32, 32, 3), 10, seed=seed)


MOVED = (tn.data.Shift(4), tn.data.HorizontalFlip())
ARMS = {
    "lenet": Recipe("LeNet", lenet, 20, peak=0.003, transforms=MOVED),
    "resnet": Recipe("small ResNet", resnet, 20, peak=0.01, transforms=MOVED),
}


@program
def main(arguments: list[str] | None = None) -> int:
    """Run the experiment; returns the exit status: 0, 1 if an arm diverged, 2 if it could not start, 130 at Ctrl-C."""
    options = parse(arguments)
    device, train, test = open_device_and_data(options, "cifar10")
    train = train.subset(slice(0, options.examples)).standardize()
    test = test.standardize(like=train)
    recipes = {name: ARMS[name].shorter(options.epochs) for name in options.arms}
    return run(recipes, device, train, test, options)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    parser = parser_of(__doc__, "the archive of CIFAR-10", ARMS, "results/cifar10")
    parser.set_defaults(arms=["resnet"])
    return chosen(parser, arguments, ARMS)


if __name__ == "__main__":
    sys.exit(main())
