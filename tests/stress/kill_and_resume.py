"""Kill training with SIGKILL at random times, resume it, and compare the result with an undisturbed run.

    python tests/stress/kill_and_resume.py --kills 200          # 3 minutes; exit status 1 if one byte differs
    python tests/stress/kill_and_resume.py --kills 2000 --seed 7

A run trains a small convolutional network with batch norm, dropout, transforms and an averaged Adam. It writes a
checkpoint every second step, so that many kills happen during writing. It is killed and resumed until it is complete;
then the next run begins, until the number of kills is reached. Each run must end with the same parameters, statistics
and history (without times) as the undisturbed run, byte for byte.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import tinynet as tn
from tinynet.training.checkpoints import NAME, Checkpoints


def train(folder: Path) -> None:
    """Train, and write the resulting model and history."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (400, 8, 8, 1)).astype("uint8")
    data = tn.data.from_arrays(images, generator.integers(0, 4, 400))
    network = tn.Sequential(
        tn.Conv2D(1, 4, padding="same"), tn.BatchNorm(4), tn.ReLU(), tn.MaxPool2D(), tn.Dropout(0.2),
        tn.Flatten(), tn.Dense(64, 4),
    )  # fmt: skip
    history = tn.fit(
        network,
        data,
        validation=data.subset(slice(0, 100)),
        optimizer=tn.Averaged(tn.Adam(tn.schedules.one_cycle(0.01, 120)), 0.9),
        epochs=6,
        batch_size=20,
        transforms=[tn.data.Shift(1)],
        threads=1,
        progress=False,
        checkpoint=Checkpoints(folder / "run", every_steps=2),
        resume=True,
    )
    network.save(folder / "end.safetensors")
    rows = [
        {name: value for name, value in row.items() if name not in ("seconds", "samples_per_second")} for row in history
    ]
    (folder / "history.json").write_text(json.dumps(rows), encoding="utf-8")


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Start the run in a process of its own."""
    command = [sys.executable, __file__, "--train", str(folder)]
    return subprocess.Popen(command, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)


def until_the_end(folder: Path, kills_left: int, longest: float, chance: random.Random) -> tuple[int, int]:
    """Kill and resume until the run is complete. Returns the kills, and how many left an unfinished file."""
    kills = halves = 0
    while True:
        process = start(folder)
        if kills_left > kills:
            wait = chance.uniform(0.0, longest)
            deadline = time.monotonic() + wait
            while time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.001)
            if process.poll() is None:
                process.kill()
                process.wait()
                kills += 1
                halves += bool(list((folder / "run").glob(".*.part")))
                for part in (folder / "run").glob(".*.part"):
                    part.unlink()
                continue
        if process.wait() != 0:
            raise SystemExit(f"a resumed run failed with exit status {process.returncode} after {kills} kills")
        return kills, halves


def main() -> int:
    """Kill, resume and compare. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(options.train)
        return 0
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        whole = Path(name) / "whole"
        whole.mkdir()
        began = time.monotonic()
        if start(whole).wait() != 0:
            raise SystemExit("the undisturbed run failed")
        seconds = time.monotonic() - began
        files = ("end.safetensors", "history.json")
        expected = {file: (whole / file).read_bytes() for file in files}
        kills = runs = different = halves = 0
        while kills < options.kills:
            folder = Path(name) / f"run-{runs}"
            folder.mkdir()
            more, half = until_the_end(folder, min(options.kills - kills, 25), seconds * 1.1, chance)
            kills, halves, runs = kills + more, halves + half, runs + 1
            same = all((folder / file).read_bytes() == expected[file] for file in files)
            different += not same
            left = [path.name for path in (folder / "run").iterdir() if not NAME.fullmatch(path.name)]
            print(f"run {runs}: {more} kills, {'the same' if same else 'DIFFERENT'}; other files: {sorted(left)}")
    print(f"{kills} kills in {runs} runs, {halves} while a file was being written: {runs - different} byte-identical, "
          f"{different} different")  # fmt: skip
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
