"""SGD, momentum, RMSprop, Adam, each at its own best rate: which trains this network fastest?

    python examples/optimizers.py                 # 20 short runs to choose the rates, then 4 x 3: 5 minutes on 2 cores
    python examples/optimizers.py --seeds 5 --epochs 10
    python examples/optimizers.py --quick         # a minute

784-256-128-10 with ReLU at batch 1000, as in the main example. For each optimizer every rate of a grid is tried on
nine tenths of the training set, and the one with the best accuracy on the last tenth is chosen. At that rate it trains
on all of it, once for each seed; the test set is measured after each epoch of these runs, and nothing is chosen by it.
Writes results.json, results.md, rates.png (accuracy over the rate) and the pictures of the other examples into --out.
Without the data and without a network it runs on drawings of clothes made by tinynet itself, and says so everywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from experiment import Experiment, add_checkpoint_options, count, open_data, write_report

import tinynet as tn
from tinynet import plots
from tinynet.arrays import Device, find_device

ARMS: dict[str, Callable[[float], tn.Optimizer]] = {
    "sgd": tn.SGD,
    "momentum": lambda rate: tn.SGD(rate, momentum=0.9),
    "rmsprop": tn.RMSprop,
    "adam": tn.Adam,
}
RATES = {  # half a decade apart, around where each is known to work
    "sgd": (0.03, 0.1, 0.3, 1.0, 3.0),
    "momentum": (0.01, 0.03, 0.1, 0.3, 1.0),
    "rmsprop": (0.0001, 0.0003, 0.001, 0.003, 0.01),
    "adam": (0.0003, 0.001, 0.003, 0.01, 0.03),
}


def build_model(seed: int) -> tn.Sequential:
    """784-256-128-10 with ReLU."""
    return tn.models.mlp(784, (256, 128), 10, seed=seed)


def try_rates(
    name: str, train: tn.data.Dataset, device: Device, options: argparse.Namespace
) -> dict[float, float | None]:
    """For each rate of the grid the accuracy on the held out tenth; None where training diverged."""
    rest, held_out = train.split(0.1)
    accuracy: dict[float, float | None] = {}
    for rate in RATES[name]:
        settings = dict(epochs=options.epochs, batch_size=options.batch_size, device=device, progress=False)
        try:
            model = build_model(seed=0)
            tn.fit(model, rest, optimizer=ARMS[name](rate), **settings)
            accuracy[rate] = tn.evaluate(model, held_out.to(device)).accuracy
        except tn.DivergenceError:
            accuracy[rate] = None
        shown = "diverged" if accuracy[rate] is None else f"{accuracy[rate]:.2%}"
        print(f"{name:<9} rate {rate:<7g} {shown}", flush=True)
    return accuracy


def main(arguments: list[str] | None = None) -> int:
    """Run it; returns the exit status: 0, 1 if an arm diverged, 2 if it could not start."""
    options = parse(arguments)
    try:
        device = find_device(options.device)
        train, test = open_data(None, options.data, options.source, options.offline)
    except (tn.DeviceError, tn.DataError, ValueError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.quick:
        train = train.subset(slice(0, 10_000))
    options.arms = list(ARMS)
    grids = {name: try_rates(name, train, device, options) for name in ARMS}
    best = {name: max(grid, key=lambda rate: grid[rate] or 0.0) for name, grid in grids.items()}
    protocol = (
        f"{options.epochs} epochs, batch {options.batch_size}, 784-256-128-10 with ReLU; rates chosen on a tenth: "
    )
    protocol += ", ".join(f"{name} {rate:g}" for name, rate in best.items())
    experiment = Experiment(device, train, test, options, protocol)
    print("\n" + experiment.heading(), flush=True)
    for name, rate in best.items():
        for seed in range(options.seeds):
            experiment.run(name, build_model(seed), ARMS[name](rate), seed)
    print("\n" + experiment.table())
    paths = write_report(experiment, options.out)
    paths += [options.out / "rates.json", options.out / "rates.png"]
    paths[-2].write_text(json.dumps(grids, indent=1) + "\n", encoding="utf-8")
    plots.accuracy_over_rate(grids, paths[-1], note=experiment.note)
    for path in paths:
        print(f"wrote {path}")
    return 1 if experiment.diverged else 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line, checked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu, gpu or gpu:N (auto: a GPU if one works)")
    parser.add_argument("--data", type=Path, help="folder with the four files of Fashion-MNIST (or $TINYNET_DATA)")
    parser.add_argument("--source", choices=tn.data.sources.SOURCES, default="auto", help="where the data come from")
    parser.add_argument("--offline", action="store_true", help="open no connection")
    parser.add_argument("--quick", action="store_true", help="10,000 pictures, 3 epochs, one seed")
    parser.add_argument("--epochs", type=count, default=10)
    parser.add_argument("--batch-size", type=count, default=1000)
    parser.add_argument("--seeds", type=count, default=3, metavar="N", help="train each at its best rate so often")
    parser.add_argument("--out", type=Path, default=Path("results/optimizers"), help="folder for the results")
    add_checkpoint_options(parser)
    options = parser.parse_args(arguments)
    if options.resume and not options.checkpoint:
        parser.error("--resume needs --checkpoint FOLDER")
    if options.quick:
        options.epochs, options.seeds = min(options.epochs, 3), 1
    return options


if __name__ == "__main__":
    sys.exit(main())
