"""Train, evaluate, save, load, interrupt and resume for an hour: memory, open files and threads must not grow.

    python tests/stress/soak.py --minutes 60        # the long run; exit status 1 if something has grown
    python tests/stress/soak.py --minutes 0.5       # as in the slow tests

In each round a small convolutional network is trained with checkpoints, interrupted in the middle of an epoch, resumed,
evaluated, saved, loaded, compared and used for predictions. A diverging run and a damaged file raise errors, because
exceptions can keep frames and arrays alive. Every tenth round uses two threads. The resident memory is read after each
round. The first fifth of the time is ignored, because allocators and caches fill up. Of the rest, the median of the
last tenth may be at most GROWTH above the median of the first tenth. Open files and threads must not grow. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import tinynet as tn
from tinynet.training.callbacks import Callback
from tinynet.training.checkpoints import Checkpoints

GROWTH = 4.0  # MiB. An hour has about 5,000 rounds, so a leak of one kilobyte per round is detected
MIB = 2**20


class BreakOff(Callback):
    """End a run after `steps` steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def batch_ends(self, examples: int, numbers: dict[str, float]) -> None:
        self.left -= 1
        if self.left < 0:
            raise InterruptedError


def network(seed: int) -> tn.Sequential:
    """A network with every kind of layer that stores or allocates something."""
    return tn.Sequential(
        tn.Conv2D(1, 8, padding="same"), tn.BatchNorm(8), tn.ReLU(), tn.MaxPool2D(), tn.Dropout(0.2),
        tn.Flatten(), tn.Dense(8 * 7 * 7, 64), tn.GELU(), tn.LayerNorm(64), tn.Dense(64, 10), seed=seed,
    )  # fmt: skip


def once(number: int, data: tn.data.Dataset, folder: Path) -> None:
    """One round. SystemExit if a loaded model or a resumed run differs."""
    run, file = folder / "run", folder / "model.safetensors"
    usual = dict(
        optimizer=tn.Averaged(tn.Clipped(tn.Adam(0.003)), 0.9), epochs=2, batch_size=50, seed=number, progress=False,
        validation=data.subset(slice(0, 100)), transforms=[tn.data.Shift(1)], threads=2 if number % 10 == 9 else 1,
    )  # fmt: skip
    checkpoints, steps = Checkpoints(run, every_steps=3), len(data) // 50
    with contextlib.suppress(InterruptedError):
        tn.fit(network(number), data, checkpoint=checkpoints, callbacks=[BreakOff(steps + 3)], **usual)
    model = network(number)
    tn.fit(model, data, checkpoint=checkpoints, resume=True, **usual)
    model.save(file)
    again = tn.load(file)
    if again.theta.tobytes() != model.theta.tobytes() or tn.evaluate(again, data) != tn.evaluate(model, data):
        raise SystemExit(f"round {number}: a loaded model differs from the saved one")
    model.predict(data, batch_size=100)
    try:
        tn.fit(network(number), data, **{**usual, "optimizer": tn.SGD(1e30), "threads": 1})
        raise SystemExit(f"round {number}: a learning rate of 1e30 did not diverge")
    except tn.DivergenceError:
        pass
    file.write_bytes(file.read_bytes()[:-5])
    try:
        tn.load(file)
        raise SystemExit(f"round {number}: a damaged file was loaded")
    except tn.DataError:
        pass
    for path in run.iterdir():
        path.unlink()


def resident() -> float:
    """The resident memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def holdings() -> tuple[int, int]:
    """The numbers of (open files, threads) of this process, with the file that lists them."""
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def main() -> int:
    """Run rounds until the time is over, and compare. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    data = tn.data.from_arrays(
        generator.integers(0, 256, (500, 14, 14, 1)).astype("uint8"), generator.integers(0, 10, 500)
    )
    samples: list[tuple[float, float]] = []
    began, next_line = time.monotonic(), 0.0
    first: tuple[int, int] | None = None
    with tempfile.TemporaryDirectory() as name:
        while (elapsed := time.monotonic() - began) < 60 * options.minutes or len(samples) < 20:
            once(len(samples), data, Path(name))
            samples.append((elapsed, resident()))
            if len(samples) == 10:
                first = holdings()
            if elapsed >= next_line:
                files, threads = holdings()
                print(
                    f"{elapsed / 60:5.1f} min {len(samples):6,} rounds {samples[-1][1]:7.1f} MiB {files:3} files "
                    f"{threads:2} threads",
                    flush=True,
                )
                next_line += 6 * options.minutes
    return verdict([memory for _, memory in samples], first, holdings())


def verdict(memory: list[float], first: tuple[int, int] | None, last: tuple[int, int]) -> int:
    """Print the growth and return the exit status."""
    kept = memory[len(memory) // 5 :]
    tenth = max(len(kept) // 10, 1)
    before, after = statistics.median(kept[:tenth]), statistics.median(kept[-tenth:])
    failed = after - before > GROWTH or first is None or any(now > then for now, then in zip(last, first))
    print(
        f"{len(memory):,} rounds; memory {before:.1f} MiB, at the end {after:.1f} MiB: {after - before:+.1f} MiB "
        f"(allowed {GROWTH:+.1f}), at most {max(memory):.1f} MiB; open files and threads {first}, at the end {last}: "
        f"{'GROWN' if failed else 'flat'}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
