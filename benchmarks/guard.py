"""Has a step of training become slower? Exit 1 if by more than LIMIT allows.

    python benchmarks/guard.py                  # what CI runs; 20 seconds
    python benchmarks/guard.py --repeats 12     # the noise, before a limit is set

The time of a step depends on the machine, its neighbours and the minute. So each step of `tinynet.fit` is followed at
once by one of a yardstick, the same network written by hand in plain NumPy, and the ratio of the two is taken: the
median over some hundred pairs. What both suffer cancels, and a faster processor moves both. One that is found too slow
is measured a second time, since a neighbour may have come in between.

Measured: 12 runs on a busy 2-core machine (AMD EPYC, AVX2, NumPy 2.4) gave the ratios in USUAL, with the spread beside
them. LIMIT lies above the highest of them by more than they differ, and below 1.15, which must not pass, times the
lowest.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
USUAL = {  # batch size -> time of a step of fit, the yardstick's being 1
    32: 1.125,  # from 1.071 to 1.141
    128: 1.068,  # from 1.045 to 1.089
    1000: 0.998,  # from 0.992 to 1.006
}
LIMIT = 1.08  # times the usual ratio
WIDTHS = (784, 256, 128, 10)
RATE = 0.01

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402

import tinynet as tn  # noqa: E402
from tinynet.layers.base import Backward  # noqa: E402
from tinynet.training.callbacks import Callback  # noqa: E402
from tinynet.training.history import History  # noqa: E402


class Yardstick:
    """One step of SGD on 784-256-128-10 with ReLU, by hand. Do not improve it: it is what tinynet is measured by."""

    def __init__(self, batch_size: int, pixels: np.ndarray, labels: np.ndarray) -> None:
        generator = np.random.default_rng(0)
        shapes = list(zip(WIDTHS, WIDTHS[1:]))
        self.weights = [(generator.normal(size=shape) * (2 / shape[0]) ** 0.5).astype("float32") for shape in shapes]
        self.biases = [np.zeros(shape[1], "float32") for shape in shapes]
        self.pixels, self.labels, self.batch_size = pixels, labels, batch_size
        self.order, self.rows, self.at = generator.permutation(len(pixels)), np.arange(batch_size), 0

    def step(self) -> None:
        """Gather, forward, softmax cross-entropy, backward, update."""
        if self.at + self.batch_size > len(self.order):
            self.at = 0
        chosen = self.order[self.at : self.at + self.batch_size]
        self.at += self.batch_size
        x = self.pixels[chosen].astype("float32")
        x *= np.float32(1 / 255)
        inputs = []
        for weight, bias in zip(self.weights, self.biases):
            inputs.append(x)
            x = x @ weight
            x += bias
            if bias is not self.biases[-1]:
                x = np.maximum(x, 0)
        x -= x.max(axis=1, keepdims=True)
        np.exp(x, out=x)
        x /= x.sum(axis=1, keepdims=True)
        x[self.rows, self.labels[chosen]] -= 1
        x /= np.float32(self.batch_size)
        for number in (2, 1, 0):
            y, weight = inputs[number], self.weights[number]
            weight_gradient, bias_gradient = y.T @ x, x.sum(axis=0)
            if number:
                x = x @ weight.T
                x *= y > 0
            weight_gradient *= RATE
            weight -= weight_gradient
            self.biases[number] -= RATE * bias_gradient


class Pairs(Callback):
    """After each step of `fit`, one of the yardstick: the seconds of both."""

    def __init__(self, yardstick: Yardstick) -> None:
        self.yardstick, self.ratios, self.began = yardstick, list[float](), 0.0

    def epoch_begins(self, epoch: int, epochs: int, examples: int) -> None:
        self.began = time.perf_counter()

    def batch_ends(self, examples: int, numbers: dict[str, float]) -> None:
        middle = time.perf_counter()
        self.yardstick.step()
        end = time.perf_counter()
        self.ratios.append((middle - self.began) / (end - middle))
        self.began = time.perf_counter()

    def epoch_ends(self, history: History) -> None:
        pass


def measure(batch_size: int, steps: int, slower: float) -> float:
    """The median ratio over so many steps."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (max(20_000, 10 * batch_size), WIDTHS[0])).astype("uint8")
    labels = generator.integers(0, 10, len(pixels))
    pairs = Pairs(Yardstick(batch_size, pixels, labels))
    model = tn.Sequential(
        tn.Dense(784, 256),
        tn.ReLU(),
        *([Slow(slower)] if slower else []),
        tn.Dense(256, 128),
        tn.ReLU(),
        tn.Dense(128, 10),
    )
    data = tn.data.from_arrays(
        pixels[: len(pixels) // batch_size * batch_size], labels[: len(pixels) // batch_size * batch_size]
    )
    epochs = -(-steps // (len(data) // batch_size))
    optimizer = tn.SGD(RATE)
    tn.fit(
        model,
        data,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        threads=1,
        progress=False,
        callbacks=[pairs],
    )
    return statistics.median(pairs.ratios[len(pairs.ratios) // 10 :])


class Slow(tn.Layer):
    """y = x, after a while: to try the guard itself."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def forward(self, x: Any, run: tn.Context) -> tuple[Any, Backward]:
        until = time.perf_counter() + self.seconds
        while time.perf_counter() < until:
            pass
        return x, lambda dy, grads: dy


def main() -> int:
    """Measure and compare; 1 if a step has become slower."""
    if any(name in os.environ for name in PINS):
        kept = {name: value for name, value in os.environ.items() if name not in PINS}
        return subprocess.run([sys.executable, *sys.argv], env=kept, check=False).returncode
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1, help="measure so often, and print the spread")
    parser.add_argument("--slower", type=float, default=0, help="seconds to waste in each step: must fail from 15%% on")
    options = parser.parse_args()
    failed = False
    for batch_size, usual in USUAL.items():
        steps = {32: 3000, 128: 1500, 1000: 300}[batch_size]
        ratios = sorted(measure(batch_size, steps, options.slower) for _ in range(options.repeats))
        ratio = statistics.median(ratios)
        if ratio / usual > LIMIT:
            ratio = min(ratio, measure(batch_size, steps, options.slower))
        slower = ratio / usual
        failed |= slower > LIMIT
        verdict = "TOO SLOW" if slower > LIMIT else "ok"
        spread = f" (from {ratios[0]:.3f} to {ratios[-1]:.3f})" if options.repeats > 1 else ""
        print(
            f"batch {batch_size:>5}: {ratio:.3f} times the yardstick{spread}, {slower - 1:+.1%} of the usual: {verdict}"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
