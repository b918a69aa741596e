"""Fashion-MNIST with two hidden layers: what do ReLU, dropout and the optimizer change, and is it more than chance?

    python examples/fashion_mnist.py                    # the whole study; it says at its start how long it will take
    python examples/fashion_mnist.py --quick            # a look at all of it in a minute
    python examples/fashion_mnist.py --as-given --arms sigmoid relu relu-dropout      # one table, three arms
    python examples/fashion_mnist.py --verify results/fashion_mnist/results.json      # the same numbers again?

Two questions, two tables. As given: every arm at one learning rate. At its best: every arm at the rate that did best on
a tenth of the training set. Seeds are paired; differences come with intervals and tests. Runs go side by side, each is
kept as it ends, and the same command goes on where it was broken off. Writes into --out: report.html, results.json,
results.md, results.csv and pictures. Without the data and without a network it runs on drawings of clothes made by
tinynet itself, and says so everywhere.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path

import tinynet as tn
from tinynet.data.catalog import CATALOG, SYNTHETIC
from tinynet.errors import unknown_name
from tinynet.study.arms import ADAPTIVE_RATES, MOMENTUM_RATES, Arm
from tinynet.study.opening import count, fraction, new_parser, open_device_and_data, positive, program
from tinynet.study.plan import PARTS, QUICK, Plan
from tinynet.study.progress import carry_out
from tinynet.study.verify import verify

NAMES = (*CATALOG, SYNTHETIC)
ARMS = {  # an arm of your own is an entry here: what it changes, and against which other arm it is to be seen
    "sigmoid": Arm("sigmoid", tn.Sigmoid, as_given=True, against=""),
    "relu": Arm("ReLU", as_given=True, long=True, against="sigmoid"),
    "relu-dropout-0.1": Arm("ReLU + dropout 0.1", dropout=0.1, as_given=True),
    "relu-dropout": Arm("ReLU + dropout 0.2", dropout=0.2, as_given=True, long=True),
    "relu-dropout-0.5": Arm("ReLU + dropout 0.5", dropout=0.5, as_given=True),
    "sigmoid-dropout": Arm("sigmoid + dropout 0.2", tn.Sigmoid, dropout=0.2, as_given=True, against="sigmoid"),
    "momentum": Arm("ReLU + momentum", optimizer=partial(tn.SGD, momentum=0.9), rates=MOMENTUM_RATES),
    "rmsprop": Arm("ReLU + RMSprop", optimizer=tn.RMSprop, rates=ADAPTIVE_RATES),
    "adam": Arm("ReLU + Adam", optimizer=tn.Adam, rates=ADAPTIVE_RATES),
}


@program
def main(arguments: list[str] | None = None) -> int:
    """Run the study; returns the exit status: 0, 1 if an arm diverged as given or a number is not the same again,
    2 if it could not start, 130 at Ctrl-C."""
    options = parse(arguments)
    if options.verify:
        return verify(options, ARMS)
    device, train, test = open_device_and_data(options, options.dataset)
    train = train.subset(slice(0, QUICK["examples"])) if options.quick else train
    return carry_out(Plan.of(options, ARMS), train, test, device, options)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    parser = new_parser(__doc__, "the four files of Fashion-MNIST", "results/fashion_mnist")
    parser.add_argument("--dataset", metavar="NAME", help=f"of: {', '.join(NAMES)}; named, it must be there")
    parser.add_argument("--quick", action="store_true", help="3 arms, 2 seeds, 3 epochs, 3 rates, 10,000 pictures")
    parser.add_argument("--tables", nargs="+", choices=PARTS, default=list(PARTS), help="which parts (all)")
    parser.add_argument("--as-given", dest="tables", action="store_const", const=["given"], help="--tables given")
    parser.add_argument("--arms", nargs="+", metavar="ARM", help=f"of: {', '.join(ARMS)} (all)")
    parser.add_argument("--hidden", nargs="+", type=count, default=[256, 128], metavar="WIDTH")
    parser.add_argument("--epochs", type=count, help="10, and five times as many for the long runs")
    parser.add_argument("--batch-size", type=count, default=1000)
    parser.add_argument("--lr", type=positive, default=0.1, help="the learning rate of the first table")
    parser.add_argument("--dropout", type=fraction, default=0.2, help="rate, of relu-dropout and sigmoid-dropout")
    parser.add_argument("--seeds", type=count, metavar="N", help="each arm with seeds 0 to N-1 (5)")
    parser.add_argument("--jobs", type=count, metavar="N", help="runs side by side (as many as there are cores)")
    parser.add_argument("--checkpoint", type=Path, metavar="FOLDER", help="keep finished runs there, not in OUT/runs")
    parser.add_argument("--fresh", action="store_true", help="begin anew, whatever has been kept")
    parser.add_argument("--verify", type=Path, metavar="FILE", help="run again what a results.json says, and compare")
    parser.add_argument("--sample", type=count, metavar="N", help="of --verify: so many runs only, spread over all")
    options = parser.parse_args(arguments)
    options.arms = options.arms or list(QUICK["arms"] if options.quick else ARMS)
    options.seeds = options.seeds or (QUICK["seeds"] if options.quick else 5)
    options.epochs = options.epochs or (QUICK["epochs"] if options.quick else 10)
    for name in options.arms:
        if name not in ARMS:
            parser.error(unknown_name("arm", name, ARMS))
    options.jobs = options.jobs or os.cpu_count() or 1
    return options


if __name__ == "__main__":
    sys.exit(main())
