"""Compare an epoch of training with the matrix products that it consists of.

    python benchmarks/step_vs_products.py                  # batch 1000, ReLU, plain SGD, synthetic pixels
    python benchmarks/step_vs_products.py --batch-size 128 --repeats 9 --max-ratio 1.6

It times one epoch of `tinynet.fit` on 784-256-128-10 (gathering, scaling, both passes, SGD, loss and accuracy), and the
eight matrix products of each step alone, which no implementation on this BLAS can beat. The two take turns in one
process, so that a drift of the machine's speed affects both. The ratio of each pair is taken, and medians are printed.
Variables that choose a BLAS kernel are cleared first. With --max-ratio, the exit status is 1 if the ratio is above it.
"""

from __future__ import annotations

import argparse
import collections
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
from pins import KERNEL_PINS, rerun_without

import tinynet as tn
from tinynet.backend import environment

WIDTHS = (784, 256, 128, 10)
EXAMPLES = 60_000


def main() -> int:
    """Measure and print; 1 if the ratio is above --max-ratio."""
    status = rerun_without(KERNEL_PINS)
    if status is not None:
        return status
    options = parse()
    runs = {
        "bare products": epoch_of_products(options.batch_size),
        "an epoch of fit": epoch_of_training(options.batch_size, dropout=0),
        "with dropout 0.2": epoch_of_training(options.batch_size, dropout=0.2),
        "gather and scale": epoch_of_batches(options.batch_size),
    }
    for run in runs.values():
        run()  # warm up
    seconds = [[timed(run) for run in runs.values()] for _ in range(options.repeats)]
    return report(dict(zip(runs, zip(*seconds))), options)


def epoch_of_training(batch_size: int, dropout: float) -> Callable[[], object]:
    """A function that trains a model for one epoch with `fit`."""
    train = synthetic_data()
    layers: list[tn.Layer] = []
    for inputs, outputs in zip(WIDTHS[:-2], WIDTHS[1:-1]):
        layers += [tn.Dense(inputs, outputs), tn.ReLU(), *([tn.Dropout(dropout)] if dropout else [])]
    model = tn.Sequential(*layers, tn.Dense(*WIDTHS[-2:]))
    return lambda: tn.fit(model, train, optimizer=tn.SGD(0.01), epochs=1, batch_size=batch_size, progress=False)


def epoch_of_batches(batch_size: int) -> Callable[[], object]:
    """A function that shuffles, gathers and scales every batch of an epoch, and does nothing with them."""
    train = synthetic_data()
    return lambda: collections.deque(tn.data.batches(train, batch_size, seed=0, epoch=0), maxlen=0)


def epoch_of_products(batch_size: int) -> Callable[[], object]:
    """A function that computes the eight products of a step for each step of an epoch, and nothing else."""
    generator = np.random.default_rng(0)
    weights = [generator.normal(size=shape).astype("float32") for shape in zip(WIDTHS, WIDTHS[1:])]
    activations = [generator.normal(size=(batch_size, width)).astype("float32") for width in WIDTHS]

    def epoch() -> None:
        for _ in range(-(-EXAMPLES // batch_size)):
            for x, weight in zip(activations, weights):
                x @ weight  # forward
            for number in (2, 1, 0):
                activations[number].T @ activations[number + 1]  # the weight's gradient
                if number:
                    activations[number + 1] @ weights[
                        number
                    ].T  # the input's gradient, which the first layer does not need

    return epoch


def synthetic_data() -> tn.data.Dataset:
    """Random pixels and labels."""
    pixels = np.random.default_rng(0).integers(0, 256, (EXAMPLES, WIDTHS[0])).astype("uint8")
    return tn.data.from_arrays(pixels, np.arange(EXAMPLES) % WIDTHS[-1])


def timed(function: Callable[[], object]) -> float:
    """The seconds that a call takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def report(seconds: dict[str, tuple[float, ...]], options: argparse.Namespace) -> int:
    """Print medians and ratios; return the exit status."""
    blas = environment.blas()
    print(f"{environment.cpu_name()}; {blas['library']}, kernel {blas['kernel']}, {blas['threads']} threads")
    print(f"{'-'.join(map(str, WIDTHS))}, batch {options.batch_size}, {options.repeats} repeats, float32, SGD, ReLU")
    print(f"{'':<22} {'median s':>9} {'min':>7} {'max':>7} {'times the products':>19}")
    products, plain, dropout, gathering = seconds.values()
    for name, values in seconds.items():
        row = f"{name:<22} {statistics.median(values):9.3f} {min(values):7.3f} {max(values):7.3f}"
        print(f"{row} {paired_ratio(values, products):19.2f}")
    print(f"dropout adds {paired_ratio(dropout, plain) - 1:.1%} to an epoch")
    print(f"gathering and scaling the batches is {paired_ratio(gathering, plain):.1%} of it")
    return 1 if options.max_ratio and paired_ratio(plain, products) > options.max_ratio else 0


def paired_ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios of the pairs: noise that affects both runs of a pair cancels."""
    return statistics.median(a / b for a, b in zip(values, others))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--max-ratio", type=float, help="exit 1 if an epoch takes more times the products than this")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
