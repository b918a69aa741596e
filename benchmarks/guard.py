"""Check that a training step has not become slower. Exit status 1 if it has, by more than LIMIT allows.

    python benchmarks/guard.py                  # what CI runs; 20 seconds
    python benchmarks/guard.py --repeats 12     # shows the noise, to choose USUAL and LIMIT

The time of a step depends on the machine and on what else runs there. So each step of `tinynet.fit` is followed by a
step of a yardstick, the same network written by hand in plain NumPy, and their ratio is taken. The result is the median
of these ratios over hundreds of steps. Noise affects both steps and cancels, and so does the speed of the processor. If
the result is too slow, it is measured a second time, because another program may have disturbed the first.

USUAL comes from 12 runs on a busy 2-core machine (AMD EPYC, AVX2, NumPy 2.4); the comments give their range. With
LIMIT, all of these runs pass, and a step that is 15% slower fails even beside the lowest of them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Any

import numpy as np
from pins import KERNEL_PINS, rerun_without

import tinynet as tn
from tinynet.layers.base import Backward
from tinynet.training.callbacks import Callback
from tinynet.training.history import History

USUAL = {  # batch size -> time of a step of fit / time of a step of the yardstick
    32: 1.125,  # from 1.071 to 1.141
    128: 1.068,  # from 1.045 to 1.089
    1000: 0.998,  # from 0.992 to 1.006
}
LIMIT = 1.08  # times the usual ratio
WIDTHS = (784, 256, 128, 10)
LEARNING_RATE = 0.01


class Yardstick:
    """One step of SGD on 784-256-128-10 with ReLU, by hand.

    Do not improve it: tinynet's speed is measured against it.
    """

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
            weight_gradient *= LEARNING_RATE
            weight -= weight_gradient
            self.biases[number] -= LEARNING_RATE * bias_gradient


class Ratios(Callback):
    """After each step of `fit`, runs a step of the yardstick and stores the ratio of their times."""

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
    """The median ratio over `steps` steps; `slower` is the number of seconds to waste in each."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (max(20_000, 10 * batch_size), WIDTHS[0])).astype("uint8")
    labels = generator.integers(0, 10, len(pixels))
    callback = Ratios(Yardstick(batch_size, pixels, labels))
    model = tn.Sequential(
        tn.Dense(784, 256),
        tn.ReLU(),
        *([Slow(slower)] if slower else []),
        tn.Dense(256, 128),
        tn.ReLU(),
        tn.Dense(128, 10),
    )
    examples = len(pixels) // batch_size * batch_size
    data = tn.data.from_arrays(pixels[:examples], labels[:examples])
    epochs = -(-steps // (len(data) // batch_size))
    optimizer = tn.SGD(LEARNING_RATE)
    tn.fit(
        model,
        data,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        threads=1,
        progress=False,
        callbacks=[callback],
    )
    return statistics.median(callback.ratios[len(callback.ratios) // 10 :])


class Slow(tn.Layer):
    """y = x, after some seconds: to test this program."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def forward(self, x: Any, context: tn.Context) -> tuple[Any, Backward]:
        until = time.perf_counter() + self.seconds
        while time.perf_counter() < until:
            pass
        return x, lambda dy, grads: dy


def main() -> int:
    """Measure and compare; 1 if a step has become slower."""
    status = rerun_without(KERNEL_PINS)
    if status is not None:
        return status
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=1, help="number of measurements; prints their range")
    parser.add_argument("--slower", type=float, default=0, help="seconds to waste in each step")
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
        print(f"batch {batch_size:>5}: {ratio:.3f} times the yardstick{spread}, {slower:.1%} of the usual: {verdict}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
