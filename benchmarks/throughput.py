"""Compare the speed and memory of tinynet with those of other libraries on the same CPU work.

    python benchmarks/throughput.py              # everything; 25 minutes on 2 cores with all peers installed
    python benchmarks/throughput.py --quick      # two settings of training, in less than a minute
    python benchmarks/throughput.py --parts training --peers tinynet "JAX jit" --batch-sizes 128 1000
    pip install -e '.[peers]'                    # installs all peers; a peer that is missing is skipped and named

- Training: one epoch of 60,000 images (Fashion-MNIST if TINYNET_DATA or --data names it, else drawings) through
  784-256-128-10 with plain SGD in float32, with shuffling and gathering. The loss is read once an epoch.
- Adam: the same with Adam.
- Convolution: a network of two convolutions, batch size 128.
- Inference: the time of a call that returns the probabilities of 1, 32 or 10,000 images.
- Memory: the peak memory of a process.
- Footprint: the time to import and the installed size.

Each library runs in its own process, in a form that its users would call fast (one file each in benchmarks/peers/).
After an epoch of warm-up the libraries take turns, so that a drift of the machine's speed affects all of them, and
medians are compared. "Of the products" is the speed relative to the bare matrix products in NumPy.

Environment variables that choose a BLAS kernel or a number of threads are cleared for all processes. The results are
written to throughput.json, throughput.md and throughput.png in --out.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import peers
from footprint import footprint
from pins import KERNEL_PINS, rerun_without
from report import draw, markdown

from tinynet import data
from tinynet.backend import environment
from tinynet.errors import DataNotFoundError

HERE = Path(__file__).resolve().parent
PINS = (*KERNEL_PINS, "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "MKL_DEBUG_CPU_TYPE",
        "BLIS_ARCH_TYPE")  # fmt: skip
PARTS = ("training", "adam", "convolution", "inference", "memory", "footprint")
ACTIVATIONS = ("relu", "sigmoid", "relu-dropout")
BATCH_SIZES = (32, 128, 1000, 8192)
ROWS = (1, 32, 10_000)  # images in a call of predict


class Peer:
    """A process that runs one library (see peers/worker.py)."""

    def __init__(self, name: str, arrays: Path) -> None:
        self.name = name
        paths = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "peers.worker", name, str(arrays)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )

    def ask(self, command: str, **details: Any) -> dict[str, Any]:
        """Send a command and return the answer; {"failed": ...} if the process died."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"command": command, **details}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer: dict[str, Any] = json.loads(line) if line else {"failed": f"{self.name} ended in {command}"}
        return answer

    def ready(self, command: str, skipped: dict[str, str], **details: Any) -> bool:
        """Send a command that prepares; return whether it succeeded, and write into `skipped` why it did not."""
        answer = self.ask(command, **details)
        if answer:
            skipped[self.name] = next(iter(answer.values()))
        return not answer

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def main() -> int:
    """Measure, print and write."""
    status = rerun_without(PINS)
    if status is not None:
        return status
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        arrays = Path(folder) / "data.npz"
        name = save_data(arrays, options)
        began = time.perf_counter()
        results: dict[str, Any] = {"manifest": manifest(name, options)}
        print("\n".join(f"{key}: {value}" for key, value in results["manifest"].items()), flush=True)
        measure = {"inference": inference, "memory": memory}
        for part in options.parts:
            say(f"== {part}")
            if part in ("training", "adam", "convolution"):
                results.setdefault("training", []).extend(training(arrays, options, part))
            else:
                results[part] = measure[part](arrays, options) if part in measure else footprint(options.peers)
    results["manifest"]["minutes"] = round((time.perf_counter() - began) / 60, 1)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "throughput.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    text = markdown(results)
    (options.out / "throughput.md").write_text(text, encoding="utf-8")
    if results.get("training"):
        draw(results, options.out / "throughput.png")
    print(text)
    print(f"written to {options.out}, after {results['manifest']['minutes']} minutes")
    return 0


def save_data(path: Path, options: argparse.Namespace) -> str:
    """Write the training images to `path`, which every process reads; return the name of the data set."""
    try:
        train = data.fashion_mnist(options.data, offline=True)[0]
    except DataNotFoundError:
        train = data.synthetic_fashion()[0]
    images = np.ascontiguousarray(train.images.reshape(len(train), -1))[: options.examples]
    np.savez(path, images=images, labels=np.asarray(train.labels, np.int64)[: options.examples])
    return train.name


def manifest(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """The command, the machine, the versions and the data."""
    blas = environment.blas()
    return {
        "command": environment.command(),
        "date": time.strftime("%Y-%m-%d"),
        "cpu": f"{environment.cpu_name()}, {os.cpu_count()} cores",
        "blas": f"{blas['library']}, kernel {blas['kernel']}, {blas['threads']} threads",
        "versions": versions(),
        "data": f"{name}, {options.examples:,} examples",
        "repeats": options.repeats,
    }


def versions() -> str:
    """The versions of Python and of the libraries that are installed."""
    found = [f"Python {sys.version.split()[0]}"]
    for name in dict.fromkeys(["numpy", *itertools.chain(*peers.DISTRIBUTIONS.values())]):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def training(arrays: Path, options: argparse.Namespace, part: str) -> list[dict[str, Any]]:
    """For each setting: the seconds of each epoch and the last loss of each peer, and why peers were skipped."""
    started = [Peer(name, arrays) for name in ["bare products", *options.peers] if name in peers.TRAINERS]
    results = []
    for setting in settings(part, options):
        skipped: dict[str, str] = {}
        ready = [peer for peer in started if peer.ready("train", skipped, **setting)]
        answers = take_turns(ready, options.repeats, skipped)
        seconds = {name: [round(answer["seconds"], 5) for answer in each] for name, each in answers.items()}
        loss = {name: each[-1]["loss"] for name, each in answers.items()}
        results.append({**setting, "seconds": seconds, "loss": loss, "skipped": skipped})
        median = {name: statistics.median(each) for name, each in seconds.items()}
        say(f"{list(setting.values())}: " + ", ".join(f"{name} {each:.3f} s" for name, each in median.items()))
    for peer in started:
        peer.close()
    return results


def settings(part: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """The settings of a part: network, optimizer, activation, batch size and number of examples."""
    if part == "convolution":  # 100 steps are enough: each takes 20 to 100 ms
        few = min(options.examples, 12_800)
        return [{"network": "cnn", "optimizer": "sgd", "activation": "relu", "batch_size": 128, "examples": few}]
    if part == "adam":
        sizes, activations = [size for size in options.batch_sizes if size in (128, 1000)], ["relu"]
    else:
        sizes, activations = options.batch_sizes, options.activations
    return [
        {
            "network": "mlp",
            "optimizer": "adam" if part == "adam" else "sgd",
            "activation": activation,
            "batch_size": size,
            "examples": options.examples,
        }
        for activation in activations
        for size in sizes
    ]


def take_turns(ready: list[Peer], repeats: int, skipped: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The answers of each peer to `repeats` epochs, after one of warm-up. A peer that fails is moved to `skipped`."""
    answers: dict[str, list[dict[str, Any]]] = {peer.name: [] for peer in ready}
    for turn in range(1 + repeats):
        for peer in ready:
            if peer.name not in answers:
                continue
            time.sleep(0.05)  # until the threads of the peer before sleep
            answer = peer.ask("run_epoch")
            if "seconds" not in answer:
                skipped[peer.name] = next(iter(answer.values()))
                del answers[peer.name]
            elif turn >= 1:
                answers[peer.name].append(answer)
    return answers


def inference(arrays: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """For each number of rows: the 50th and the 99th percentile of the time of a call, in microseconds."""
    skipped: dict[str, str] = {}
    started = [Peer(name, arrays) for name in options.peers if name in peers.PREDICTORS]
    ready = [peer for peer in started if peer.ready("serve", skipped)]
    results = []
    for rows in ROWS:
        calls = max(3, min(400, 40_000 // rows)) // (4 if options.quick else 1)
        seconds: dict[str, list[float]] = {peer.name: [] for peer in ready}
        for turn in range(1 + options.repeats):
            for peer in ready:
                time.sleep(0.05)
                answer = peer.ask("run_predict", rows=rows, calls=max(3, calls))
                if turn > 0:
                    seconds[peer.name] += answer.get("seconds", [math.nan])
        microseconds = {
            name: [round(float(np.percentile(each, q)) * 1e6, 1) for q in (50, 99)] for name, each in seconds.items()
        }
        results.append({"rows": rows, "microseconds": microseconds, "skipped": skipped})
        say(f"{rows} rows: " + ", ".join(f"{name} {p50:.0f} us" for name, (p50, _) in microseconds.items()))
    for peer in started:
        peer.close()
    return results


def memory(arrays: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Peak memory of each process, and memory of tinynet after 10, 20 and 100 epochs of 6,000 examples."""
    peak: dict[str, float] = {}
    for name in [name for name in options.peers if name in peers.TRAINERS]:
        peer, skipped = Peer(name, arrays), dict[str, str]()
        if peer.ready("train", skipped, batch_size=1000, activation="relu-dropout") or peer.ready(
            "train", skipped, batch_size=1000, activation="relu"
        ):
            for _ in range(3):
                peer.ask("run_epoch")
            peak[name] = round(peer.ask("memory").get("peak", math.nan))
        peer.close()
    peer = Peer("tinynet", arrays)
    peer.ask("train", batch_size=1000, activation="relu-dropout", examples=min(6000, options.examples))
    held = []
    for epoch in range(20 if options.quick else 100):
        peer.ask("run_epoch")
        if epoch in (9, 19, 99):
            held.append({"epochs": epoch + 1, "MiB": round(peer.ask("memory")["now"], 1)})
    peer.close()
    say(", ".join(f"{name} {mib:.0f} MiB" for name, mib in peak.items()))
    return {"peak MiB": peak, "tinynet holds": held}


def say(line: str) -> None:
    """Print progress on standard error."""
    print(line, file=sys.stderr, flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(dict.fromkeys([*peers.TRAINERS, *peers.PREDICTORS]))[1:]
    parser.add_argument("--quick", action="store_true", help="fewer examples, settings and repeats; less than a minute")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peers", nargs="+", choices=names, default=names, metavar="PEER", help=", ".join(names))
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=list(BATCH_SIZES))
    parser.add_argument("--activations", nargs="+", choices=ACTIVATIONS, default=list(ACTIVATIONS))
    parser.add_argument("--examples", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", help="folder of the Fashion-MNIST files (default: TINYNET_DATA; else drawings)")
    parser.add_argument("--out", type=Path, default=Path("results/throughput"))
    options = parser.parse_args()
    if options.quick:
        options.examples, options.repeats = min(options.examples, 5_000), 2
        options.activations, options.batch_sizes, options.parts = ["relu"], [128, 1000], ["training"]
    return options


if __name__ == "__main__":
    sys.exit(main())
