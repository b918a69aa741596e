"""Run one peer: read commands from standard input and write answers, each a line of JSON.

python -m peers.worker "PyTorch eager" data.npz     # throughput.py starts this
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import peers


class Worker:
    """The commands. Each returns a dict; `main` adds {"missing": why} and {"not_offered": why}."""

    def __init__(self, name: str, data: str) -> None:
        with np.load(data) as arrays:
            self.images, self.labels = arrays["images"], arrays["labels"]
        self.name = name
        self.epoch: peers.Epoch | None = None
        self.predict: peers.Predict | None = None

    def task(self, command: dict[str, Any]) -> peers.Task:
        """The task that a command describes."""
        count = command.pop("examples", len(self.images))
        command["widths"] = tuple(command.get("widths", (784, 256, 128, 10)))
        return peers.Task(peer=self.name, images=self.images[:count], labels=self.labels[:count], **command)

    def train(self, **command: Any) -> dict[str, Any]:
        """Prepare for training."""
        self.epoch = peers.load(self.name).trainer(self.task(command))
        return {}

    def run_epoch(self) -> dict[str, Any]:
        """Train for one epoch; return its seconds and its loss."""
        assert self.epoch is not None
        began = time.perf_counter()
        loss = self.epoch()
        return {"seconds": time.perf_counter() - began, "loss": None if np.isnan(loss) else loss}

    def serve(self, **command: Any) -> dict[str, Any]:
        """Prepare for predictions."""
        self.predict = peers.load(self.name).predictor(self.task(command))
        return {}

    def run_predict(self, rows: int, calls: int) -> dict[str, Any]:
        """Predict `rows` float32 images, `calls` times; return the seconds of each call."""
        assert self.predict is not None
        images = self.images[np.arange(rows) % len(self.images)].astype("float32") / np.float32(255)
        seconds = []
        for _ in range(calls):
            began = time.perf_counter()
            self.predict(images)
            seconds.append(time.perf_counter() - began)
        return {"seconds": seconds}

    def memory(self) -> dict[str, Any]:
        """The peak memory and the present memory of this process, in MiB."""
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"peak": peak / 1024, "now": pages * os.sysconf("SC_PAGE_SIZE") / 2**20}


def main() -> None:
    """Answer until standard input ends. What the libraries print is sent to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(sys.argv[1], sys.argv[2])
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = getattr(worker, command.pop("command"))(**command)
        except ImportError as error:
            answer = {"missing": str(error)}
        except peers.NotOffered as error:
            answer = {"not_offered": str(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
