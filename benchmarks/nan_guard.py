"""What the NaN guard of `fit` costs: the time of its checks beside the time of a step.

    python benchmarks/nan_guard.py        # exit 1 where it is 1 % of a step or more

In each step the guard asks whether one number is finite; after each epoch whether the parameters, the statistics and
the vectors of the optimizer are. Both are timed by themselves, as medians, for a difference of two runs would drown in
what a busy machine adds to each. The share is (check of a loss + check after an epoch / steps of an epoch) / step.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402

import tinynet as tn  # noqa: E402
from tinynet.training.nan_guard import check_run  # noqa: E402
from tinynet.training.state import Meter, TrainingState  # noqa: E402

LIMIT = 0.01


def median_seconds(work: Callable[[], Any], repeats: int) -> float:
    """Of so many calls."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure(batch_size: int, examples: int, repeats: int) -> tuple[float, float, float]:
    """Seconds of a step, of the check of a loss, of the check after an epoch: 784-256-128-10, SGD with momentum."""
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

    def of_steps() -> None:
        for _ in range(1000):
            meter.diverged = not math.isfinite(value)  # as the meter does

    after_epoch = median_seconds(lambda: check_run(state, meter, 0, optimizer, model), repeats)
    return step, median_seconds(of_steps, repeats) / 1000, after_epoch


def main() -> int:
    """Measure and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    options = parser.parse_args()
    worst = 0.0
    for batch_size in (32, 128):
        step, loss, epoch = measure(batch_size, 60_000, 5 if options.quick else 50)
        share = (loss + epoch / (60_000 // batch_size)) / step
        worst = max(worst, share)
        print(
            f"batch {batch_size:>4}: a step {1e6 * step:.0f} us; its loss {1e6 * loss:.2f} us, after an epoch "
            f"{1e6 * epoch:.0f} us: {share:.3%} of a step"
        )
    return 1 if worst >= LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
