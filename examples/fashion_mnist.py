"""Fashion-MNIST with two hidden layers: sigmoid, then ReLU, then dropout. What does each change do?

    python examples/fashion_mnist.py                       # the three arms on the best device there is
    python examples/fashion_mnist.py --device gpu          # on a GPU, or an error that says why not
    python examples/fashion_mnist.py --arms relu --seeds 5 --data ~/data/fashion-mnist

Trains each arm for 10 epochs at batch 1000, prints as it goes, ends with a table, and writes into --out:
results.json, results.md, learning_curves.png, comparison.png, confusion_matrix.png, predictions.png.
Without the data and without a network it runs on drawings of clothes made by tinynet itself, and says so everywhere.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from experiment import Experiment, add_checkpoint_options, count, fraction, open_data, positive, write_report

import tinynet as tn
from tinynet.arrays import find_device
from tinynet.data.catalog import CATALOG, SYNTHETIC
from tinynet.errors import unknown_name


@dataclass(frozen=True)
class Arm:
    """One way to build the network: what follows each hidden Dense layer."""

    title: str
    activation: Callable[[], tn.Layer]
    dropout: bool = False


NAMES = (*CATALOG, SYNTHETIC)
ARMS = {
    "sigmoid": Arm("sigmoid", tn.Sigmoid),
    "relu": Arm("ReLU", tn.ReLU),
    "relu-dropout": Arm("ReLU + dropout", tn.ReLU, dropout=True),
}


def build_model(arm: Arm, inputs: int, hidden: list[int], classes: int, dropout: float, seed: int) -> tn.Sequential:
    """inputs -> hidden[0] -> hidden[1] -> ... -> classes, with the arm's activation between them."""
    layers: list[tn.Layer] = []
    for width in hidden:
        layers += [tn.Dense(inputs, width), arm.activation()]
        layers += [tn.Dropout(dropout)] if arm.dropout else []
        inputs = width
    return tn.Sequential(*layers, tn.Dense(inputs, classes), seed=seed)


def main(arguments: list[str] | None = None) -> int:
    """Run the experiment; returns the exit status: 0, 1 if an arm diverged, 2 if it could not start."""
    options = parse(arguments)
    try:
        device = find_device(options.device)
        train, test = open_data(options.dataset, options.data, options.source, options.offline)
    except (tn.DeviceError, tn.DataError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    protocol = (
        f"{options.epochs} epochs, batch {options.batch_size}, SGD at learning rate {options.lr:g}, hidden layers "
        f"{' and '.join(map(str, options.hidden))}, dropout rate {options.dropout:g} where there is dropout."
    )
    experiment = Experiment(device, train, test, options, protocol)
    print(experiment.heading())
    for name in options.arms:
        for seed in range(options.seeds):
            arm = ARMS[name]
            inputs, classes = train.images.shape[1], len(train.class_names)
            model = build_model(arm, inputs, options.hidden, classes, options.dropout, seed)
            experiment.run(name, model, tn.SGD(options.lr), seed)
    print("\n" + experiment.table())
    for path in write_report(experiment, options.out):
        print(f"wrote {path}")
    return 1 if experiment.diverged else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu, gpu or gpu:N (auto: a GPU if one works)")
    parser.add_argument("--dataset", metavar="NAME", help=f"of: {', '.join(NAMES)}; named, it must be there")
    parser.add_argument("--data", type=Path, help="folder with the four files of Fashion-MNIST (or $TINYNET_DATA)")
    parser.add_argument("--source", choices=tn.data.sources.SOURCES, default="auto", help="where the data come from")
    parser.add_argument("--offline", action="store_true", help="open no connection")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), metavar="ARM", help=f"of: {', '.join(ARMS)}")
    parser.add_argument("--hidden", nargs="+", type=count, default=[256, 128], metavar="WIDTH")
    parser.add_argument("--epochs", type=count, default=10)
    parser.add_argument("--batch-size", type=count, default=1000)
    parser.add_argument("--lr", type=positive, default=0.1, help="learning rate")
    parser.add_argument("--dropout", type=fraction, default=0.2, help="rate, of the arms that have dropout")
    parser.add_argument("--seeds", type=count, default=1, metavar="N", help="repeat each arm with seeds 0 to N-1")
    parser.add_argument("--out", type=Path, default=Path("results/fashion_mnist"), help="folder for the results")
    add_checkpoint_options(parser)
    options = parser.parse_args(arguments)
    if options.resume and not options.checkpoint:
        parser.error("--resume needs --checkpoint FOLDER")
    for name in options.arms:
        if name not in ARMS:
            parser.error(unknown_name("arm", name, ARMS))
    return options


if __name__ == "__main__":
    sys.exit(main())
