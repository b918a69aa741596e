"""Fashion-MNIST with two hidden layers: do ReLU, dropout and the optimizer make a significant difference?

    python examples/fashion_mnist.py                    # the whole study; it first prints how long it will take
    python examples/fashion_mnist.py --quick            # a first look, in less than a minute
    python examples/fashion_mnist.py --as-given --arms sigmoid relu relu-dropout      # one table, three configurations
    python examples/fashion_mnist.py --verify results/fashion_mnist/results.json      # reproduce the numbers

There are two tables. In the first, all configurations have the same learning rate; in the second, each has the one that
is best on a held-out tenth of the training set. Seeds are paired; differences come with confidence intervals and tests.
Several runs train side by side, each is saved when it ends, and the same command continues a study that was stopped.
The program writes report.html, results.json, results.md, results.csv and pictures into --out. Without the data and
without a network it uses drawings of clothes made by tinynet itself, and says so in every table and picture.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import tinynet as tn
from tinynet.study import Configuration
from tinynet.study.options import count, fraction, program
from tinynet.study.program import run_study, study_options, study_parser


def network(
    seed: int,
    inputs: int,
    hidden: Sequence[int],
    classes: int,
    activation: Callable[[], tn.Layer],
    dropout: float = 0.0,
) -> tn.Sequential:
    """inputs -> hidden[0] -> ... -> classes, with activation and dropout after each hidden layer.

    A Dropout(0.0) does nothing, but it keeps the positions of the layers, so the same seed gives all configurations
    the same initial weights and shuffles.
    """
    layers: list[tn.Layer] = []
    for width in hidden:
        layers += [tn.Dense(inputs, width), activation(), tn.Dropout(dropout)]
        inputs = width
    return tn.Sequential(*layers, tn.Dense(inputs, classes), seed=seed)


# The learning rates to try. With momentum 0.9 the steps become ten times as long, so its grid is a tenth of plain
# SGD's. RMSprop and Adam divide by the size of the gradient, so the same learning rate gives another step size.
SGD_GRID = (0.1, 0.3, 1.0, 3.0, 10.0)
MOMENTUM_GRID = (0.01, 0.03, 0.1, 0.3, 1.0)
ADAPTIVE_GRID = (0.0003, 0.001, 0.003, 0.01, 0.03)


def configurations(
    hidden: Sequence[int] = (256, 128), dropout: float = 0.2, inputs: int = 784, classes: int = 10
) -> dict[str, Configuration]:
    """What is compared: network, optimizer, learning rates, baseline. To add a configuration, add an entry."""
    sigmoid = partial(network, inputs=inputs, hidden=tuple(hidden), classes=classes, activation=tn.Sigmoid)
    relu = partial(network, inputs=inputs, hidden=tuple(hidden), classes=classes, activation=tn.ReLU)
    relu_dropout, sigmoid_dropout = partial(relu, dropout=dropout), partial(sigmoid, dropout=dropout)
    entries = {
        # 1. sigmoid, 2. ReLU, 3. ReLU and dropout
        "sigmoid": Configuration("sigmoid", sigmoid, tn.SGD, SGD_GRID),
        "relu": Configuration("ReLU", relu, tn.SGD, SGD_GRID, "sigmoid", long=True),
        "relu-dropout-0.1": Configuration("ReLU + dropout 0.1", partial(relu, dropout=0.1), tn.SGD, SGD_GRID, "relu"),
        "relu-dropout": Configuration(f"ReLU + dropout {dropout:g}", relu_dropout, tn.SGD, SGD_GRID, "relu", long=True),
        "relu-dropout-0.5": Configuration("ReLU + dropout 0.5", partial(relu, dropout=0.5), tn.SGD, SGD_GRID, "relu"),
        "sigmoid-dropout": Configuration(
            f"sigmoid + dropout {dropout:g}", sigmoid_dropout, tn.SGD, SGD_GRID, "sigmoid"
        ),
        # other optimizers; not in the first table, whose learning rate is that of plain SGD
        "momentum": Configuration(
            "ReLU + momentum", relu, partial(tn.SGD, momentum=0.9), MOMENTUM_GRID, "relu", shared=False
        ),
        "rmsprop": Configuration("ReLU + RMSprop", relu, tn.RMSprop, ADAPTIVE_GRID, "relu", shared=False),
        "adam": Configuration("ReLU + Adam", relu, tn.Adam, ADAPTIVE_GRID, "relu", shared=False),
    }
    return {name: replace(each, record={"hidden": list(hidden)}) for name, each in entries.items()}


@program
def main(arguments: list[str] | None = None) -> int:
    """Run the study; returns the exit status: 0, 1 if a run diverged or a number was not reproduced, 2 if it
    could not start, 130 at Ctrl-C."""
    return run_study(parse(arguments), configurations, parameters=("hidden", "dropout"))


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    names = configurations()
    parser = study_parser(__doc__, "the four files of Fashion-MNIST", "results/fashion_mnist", names)
    parser.add_argument(
        "--hidden", nargs="+", type=count, default=[256, 128], metavar="WIDTH", help="widths of the hidden layers"
    )
    parser.add_argument(
        "--dropout", type=fraction, default=0.2, help="dropout rate of relu-dropout and sigmoid-dropout (0.2)"
    )
    return study_options(parser, arguments, names, quick=("sigmoid", "relu", "relu-dropout"))


if __name__ == "__main__":
    sys.exit(main())
