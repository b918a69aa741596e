"""Measure what the NaN guard of `fit` costs, relative to the time of a step.

    python benchmarks/nan_guard.py        # exit status 1 if it is 1% of a step or more

In each step the guard checks that the loss is finite. After each epoch it checks the parameters, the statistics and the
vectors of the optimizer. Both checks are timed alone, and the medians are taken, because the noise of a busy machine is
larger than the difference between a run with the guard and one without. The cost is
(check of a loss + check after an epoch / steps of an epoch) / step.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.training.nan_guard import check_run
from tinynet.training.state import Meter, TrainingState

LIMIT = 0.01  # of a step


def median_seconds(work: Callable[[], Any], repeats: int) -> float:
    """The median of the seconds that `repeats` calls take."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure(batch_size: int, examples: int, repeats: int) -> tuple[float, float, float]:
    """Seconds of a step, of a check of the loss and of a check after an epoch: 784-256-128-10, SGD with momentum."""
    generator = np.random.default_rng(0)
    steps = examples // batch_size
    data = generator.integers(0, 256, (batch_size * 20, 784)).astype("uint8"), np.arange(batch_size * 20) % 10
    model, optimizer = tn.zoo.mlp(), tn.SGD(0.01, momentum=0.9)
    history = tn.fit(model, data, optimizer=optimizer, epochs=4, batch_size=batch_size, threads=1, progress=False)
    step = statistics.median(history["seconds"]) / 20
    meter = Meter(steps, model.device)
    state = TrainingState(model.theta, model.statistics_vector, optimizer.start(model.theta), 0)
    for _ in range(steps):
        meter.add(0.5, None, batch_size)
    value = np.float32(0.5)

    def check_1000_losses() -> None:
        for _ in range(1000):
            meter.diverged = not math.isfinite(value)  # what the meter does

    after_epoch = median_seconds(lambda: check_run(state, meter, 0, optimizer, model), repeats)
    return step, median_seconds(check_1000_losses, repeats) / 1000, after_epoch


def main() -> int:
    """Measure and compare; 1 if the guard costs LIMIT or more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    options = parser.parse_args()
    worst = 0.0
    for batch_size in (32, 128):
        step, loss, epoch = measure(batch_size, 60_000, 5 if options.quick else 50)
        cost = (loss + epoch / (60_000 // batch_size)) / step
        worst = max(worst, cost)
        print(
            f"batch {batch_size:>4}: a step {1e6 * step:.0f} us; its loss {1e6 * loss:.2f} us, after an epoch "
            f"{1e6 * epoch:.0f} us: {cost:.3%} of a step"
        )
    return 1 if worst >= LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
