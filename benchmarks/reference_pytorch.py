"""Repeat the experiment of examples/fashion_mnist.py in PyTorch, to check that the results agree.

    python benchmarks/reference_pytorch.py --data ../shared/data
    python benchmarks/reference_pytorch.py --data ../shared/data --compare results/fashion_mnist/results.json
    python benchmarks/reference_pytorch.py --data ../shared/data --arms relu --seeds 10 --json reference.json

This program does not import tinynet. It reads the files itself, and initial weights, shuffles and dropout masks come
from PyTorch, so the results can agree only in distribution. The protocol: Fashion-MNIST, 784-256-128-10, Glorot uniform
weights and zero biases, SGD with learning rate 0.1, batch size 1000, shuffled every epoch, 10 epochs; then loss and
accuracy on both splits in inference mode.

--compare takes the results.json of examples/fashion_mnist.py (its first table, of 5 seeds). For each configuration it
prints the difference of the mean test accuracies and its standard error. The exit status is 1 if a difference exceeds
two standard errors, and 2 if the program cannot run or compare. Chance alone can cause status 1: with five seeds on
each side, one comparison in twelve exceeds two standard errors, so with three configurations about one run in five has
such a difference. To tell chance from a real difference, use more seeds; do not just run it again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

ARMS: dict[str, Callable[[float], list[nn.Module]]] = {  # the modules after each hidden layer, given the dropout rate
    "sigmoid": lambda rate: [nn.Sigmoid()],
    "relu": lambda rate: [nn.ReLU()],
    "relu-dropout": lambda rate: [nn.ReLU(), nn.Dropout(rate)],
}
PROTOCOL = ("hidden", "epochs", "batch_size", "lr", "dropout")  # settings that must be equal in a comparison
LIMIT = 2.0  # standard errors
CLASSES = 10

Split = tuple[torch.Tensor, torch.Tensor]  # images (N, 784) float32 in [0, 1], labels (N,) int64
Run = dict[str, Any]


def main(arguments: list[str] | None = None) -> int:
    """Train all configurations with all seeds, and print; 1 if --compare finds a large difference, 2 for an error."""
    options = parse(arguments)
    try:
        ours = read_results(options) if options.compare else []  # first, to report an error before training
        train, test = read_split(options.data, "train"), read_split(options.data, "t10k")
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"PyTorch {torch.__version__} on the CPU, {torch.get_num_threads()} threads; {describe(options)}\n")
    runs = [run_once(arm, seed, train, test, options) for arm in options.arms for seed in range(options.seeds)]
    print("\n" + table(runs))
    if options.json:
        settings = {name: getattr(options, name) for name in (*PROTOCOL, "seeds", "arms")}
        record = {"torch": torch.__version__, "settings": settings, "runs": runs}
        options.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return compare(ours, runs) if options.compare else 0


# Data -----------------------------------------------------------------------------------------------------------------


def read_split(folder: Path, prefix: str) -> Split:
    """One split of Fashion-MNIST, "train" or "t10k", from `folder` or its subfolder fashion-mnist."""
    images = read_idx(find(folder, f"{prefix}-images-idx3-ubyte.gz"))
    labels = read_idx(find(folder, f"{prefix}-labels-idx1-ubyte.gz"))
    pixels = images.reshape(len(images), -1).astype(np.float32) / 255
    return torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64))


def find(folder: Path, name: str) -> Path:
    """The path of a file. FileNotFoundError, which names both candidates, if it is in neither folder."""
    candidates = [folder / name, folder / "fashion-mnist" / name]
    for path in candidates:
        if path.is_file():
            return path
    raise FileNotFoundError(f"found neither {candidates[0]} nor {candidates[1]}; name the folder with --data")


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of bytes: 00 00 08, the number of dimensions, their lengths (big-endian), then the data."""
    with gzip.open(path) as file:
        content = file.read()
    dimensions = content[3]
    shape = np.frombuffer(content, ">u4", dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape.astype(int))


# Training -------------------------------------------------------------------------------------------------------------


def run_once(arm: str, seed: int, train: Split, test: Split, options: argparse.Namespace) -> Run:
    """Train one configuration with one seed; measure it, print a line, and return the record of the run."""
    torch.manual_seed(seed)
    model = build_model(arm, train[0].shape[1], options)
    began = time.perf_counter()
    fit(model, train, options)
    seconds = time.perf_counter() - began
    measured = {"train": measure(model, train), "test": measure(model, test)}
    if not math.isfinite(measured["train"]["loss"]):
        print(f"error: the loss of {arm}, seed {seed}, is not finite; try a smaller --lr", file=sys.stderr)
        raise SystemExit(2)
    numbers = [f"{split} {row['loss']:.4f} {row['accuracy']:.2%}" for split, row in measured.items()]
    print(f"{arm:<13} seed {seed}  {'  '.join(numbers)}  {seconds:.1f} s", flush=True)
    return {"arm": arm, "seed": seed, **measured, "seconds": seconds}


def build_model(arm: str, inputs: int, options: argparse.Namespace) -> nn.Sequential:
    """inputs -> hidden[0] -> hidden[1] -> ... -> 10, with Glorot uniform weights and zero biases."""
    modules: list[nn.Module] = []
    for width in options.hidden:
        modules += [glorot(inputs, width), *ARMS[arm](options.dropout)]
        inputs = width
    return nn.Sequential(*modules, glorot(inputs, CLASSES))


def glorot(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer with the initial values of the protocol instead of PyTorch's."""
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def fit(model: nn.Module, train: Split, options: argparse.Namespace) -> None:
    """Train by plain SGD over shuffled batches; the last batch of an epoch may be shorter."""
    images, labels = train
    optimizer = torch.optim.SGD(model.parameters(), lr=options.lr)
    model.train()
    for _ in range(options.epochs):
        order: Any = torch.randperm(len(images))  # Any: PyTorch gives `split` and `backward` no types
        for chosen in order.split(options.batch_size):
            loss: Any = functional.cross_entropy(model(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def measure(model: nn.Module, split: Split) -> dict[str, float]:
    """Mean loss and accuracy in inference mode, without dropout."""
    model.eval()
    with torch.no_grad():
        logits = model(split[0])
    loss = functional.cross_entropy(logits.double(), split[1])  # in float64: a mean over 60,000 examples
    return {"loss": loss.item(), "accuracy": (logits.argmax(dim=1) == split[1]).double().mean().item()}


# The tables -----------------------------------------------------------------------------------------------------------


def table(runs: list[Run]) -> str:
    """A row for each configuration: means over the seeds, and the standard deviation of the test accuracy."""
    titles = f"{'test accuracy':>16} {'test loss':>10} {'train accuracy':>15} {'train loss':>11}"
    lines = [f"{'configuration':<13} {'seeds':>5}  {titles}"]
    for arm in dict.fromkeys(run["arm"] for run in runs):
        chosen = [run for run in runs if run["arm"] == arm]
        means = {
            (split, name): statistics.fmean(run[split][name] for run in chosen)
            for split in ("train", "test")
            for name in ("loss", "accuracy")
        }
        spread = f" ± {statistics.stdev(accuracies(runs, arm)):.2%}" if len(chosen) > 1 else ""
        test = f"{means['test', 'accuracy']:.2%}{spread}"
        train = f"{means['train', 'accuracy']:>15.2%} {means['train', 'loss']:>11.4f}"
        lines.append(f"{arm:<13} {len(chosen):>5}  {test:>16} {means['test', 'loss']:>10.4f} {train}")
    return "\n".join(lines)


def compare(ours: list[Run], theirs: list[Run]) -> int:
    """Print the difference of the mean test accuracies of each configuration; 1 if one exceeds the limit, else 0."""
    titles = f"{'tinynet':>8} {'PyTorch':>8} {'difference':>11} {'standard error':>15} {'in standard errors':>19}"
    print(f"\n{'configuration':<13} {titles}")
    worst = 0.0
    for arm in dict.fromkeys(run["arm"] for run in theirs):
        mine, reference = accuracies(ours, arm), accuracies(theirs, arm)
        means = statistics.fmean(mine), statistics.fmean(reference)
        difference, error = means[0] - means[1], standard_error(mine, reference)
        ratio = difference / error if error else math.copysign(math.inf, difference) if difference else 0.0
        worst = max(worst, abs(ratio))
        print(f"{arm:<13} {means[0]:>8.2%} {means[1]:>8.2%} {difference:>+11.2%} {error:>15.2%} {ratio:>+19.2f}")
    verdict = "within" if worst <= LIMIT else "NOT within"
    print(f"The largest difference is {verdict} {LIMIT:g} standard errors.")
    return 0 if worst <= LIMIT else 1


def accuracies(runs: list[Run], arm: str) -> list[float]:
    """The test accuracies of one configuration."""
    return [run["test"]["accuracy"] for run in runs if run["arm"] == arm]


def standard_error(first: list[float], second: list[float]) -> float:
    """The standard error of the difference between the two means."""
    return math.sqrt(statistics.variance(first) / len(first) + statistics.variance(second) / len(second))


def read_results(options: argparse.Namespace) -> list[Run]:
    """The runs in --compare. ValueError if the protocol differs, or a configuration has fewer than two runs."""
    results = json.loads(options.compare.read_text(encoding="utf-8"))
    settings = results.get("settings", {})
    if results.get("synthetic"):
        raise ValueError(f"{options.compare} was measured on synthetic data; run the example with --data")
    for name in PROTOCOL:
        if settings.get(name, getattr(options, name)) != getattr(options, name):
            raise ValueError(f"{options.compare} has {name} {settings[name]}, this run {getattr(options, name)}")
    runs: list[Run] = [run for run in results["runs"] if run.get("part", "given") == "given"]
    if any("diverged" in run for run in runs if run["arm"] in options.arms):
        raise ValueError(f"{options.compare} contains runs that diverged")
    for arm in options.arms:
        if len(accuracies(runs, arm)) < 2 or options.seeds < 2:
            raise ValueError(f"{arm}: a standard error needs two seeds or more, in {options.compare} and here")
    return runs


# The command line -----------------------------------------------------------------------------------------------------


def describe(options: argparse.Namespace) -> str:
    """The protocol in one line."""
    hidden = "-".join(map(str, options.hidden))
    return (
        f"784-{hidden}-{CLASSES}, {options.epochs} epochs, batch {options.batch_size}, learning rate {options.lr:g}, "
        f"dropout {options.dropout:g} in relu-dropout, {options.seeds} seed(s)"
    )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the four files of Fashion-MNIST, gzipped")
    parser.add_argument(
        "--arms", nargs="+", default=list(ARMS), choices=list(ARMS), help="configurations to train (default: all)"
    )
    parser.add_argument("--hidden", nargs="+", type=int, default=[256, 128], metavar="WIDTH")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=1000)
    parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
    parser.add_argument("--dropout", type=float, default=0.2, help="dropout rate of relu-dropout")
    parser.add_argument(
        "--seeds", type=int, default=5, metavar="N", help="train each configuration with seeds 0 to N-1"
    )
    parser.add_argument("--compare", type=Path, metavar="FILE", help="tinynet's results.json")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to FILE, in the same format")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
