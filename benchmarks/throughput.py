"""tinynet and its peers on the same CPU work, side by side in one run.

    python benchmarks/throughput.py              # all of it; 25 minutes on 2 cores with every peer installed
    python benchmarks/throughput.py --quick      # two settings of training, in less than a minute
    python benchmarks/throughput.py --parts training --peers tinynet "JAX jit" --batch-sizes 128 1000
    pip install 'tinynet[peers]'                 # every peer; a missing one is skipped by name

**Training**: one epoch of 60,000 pictures (Fashion-MNIST where TINYNET_DATA or --data names it, else drawings) through
784-256-128-10 by plain SGD in float32, with shuffling and gathering; the loss is read once an epoch. **Adam**: the same
with it. **Convolution**: a network of two convolutions, batch 128. Each library in
the form its own users would call fast (benchmarks/peers/, a page each), in a process of its own. After an epoch of
warm-up all take turns, so that a machine whose speed drifts is fair to all; medians are compared. "Of the products" is
the speed as a share of that of the bare matrix products in NumPy. **Inference**: seconds of a call that returns the
probabilities of 1, 32, 10,000 pictures. **Memory**: the most a process held. **Footprint**: import and installed size.

Variables that pin a BLAS kernel or a number of threads are cleared for everybody. Writes throughput.json, throughput.md
and throughput.png into --out.
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

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
        "MKL_DEBUG_CPU_TYPE", "BLIS_ARCH_TYPE")  # fmt: skip
PARTS = ("training", "adam", "convolution", "inference", "memory", "footprint")
ACTIVATIONS = ("relu", "sigmoid", "relu-dropout")
BATCH_SIZES = (32, 128, 1000, 8192)
ROWS = (1, 32, 10_000)  # of a prediction

import numpy as np  # noqa: E402
import peers  # noqa: E402
from footprint import footprint  # noqa: E402
from report import draw, markdown  # noqa: E402

from tinynet import data  # noqa: E402
from tinynet.backend import environment  # noqa: E402
from tinynet.errors import DataNotFoundError  # noqa: E402


class Peer:
    """A library in a process of its own."""

    def __init__(self, name: str, arrays: Path) -> None:
        self.name = name
        paths = os.pathsep.join([str(HERE), str(HERE.parent), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "peers.worker", name, str(arrays)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )

    def ask(self, command: str, **details: Any) -> dict[str, Any]:
        """The answer to a command; {"failed": ...} if the process died of it."""
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
        """Whether it can take part; if not, `skipped` says why."""
        answer = self.ask(command, **details)
        if answer:
            skipped[self.name] = next(iter(answer.values()))
        return not answer

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()


def main() -> int:
    """Measure, print, write; 1 if nothing could be measured."""
    if any(name in os.environ for name in PINS):
        kept = {name: value for name, value in os.environ.items() if name not in PINS}
        return subprocess.run([sys.executable, *sys.argv], env=kept, check=False).returncode
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
    """Write the training pictures for every process to read; the name of the data set."""
    try:
        train = data.fashion_mnist(options.data, offline=True)[0]
    except DataNotFoundError:
        train = data.synthetic_fashion()[0]
    images = np.ascontiguousarray(train.images.reshape(len(train), -1))[: options.examples]
    np.savez(path, images=images, labels=np.asarray(train.labels, np.int64)[: options.examples])
    return train.name


def manifest(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """What was measured, and on what."""
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
    """Python's, and those of the libraries that take part."""
    found = [f"Python {sys.version.split()[0]}"]
    for name in dict.fromkeys(["numpy", *itertools.chain(*peers.DISTRIBUTIONS.values())]):
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def training(arrays: Path, options: argparse.Namespace, part: str) -> list[dict[str, Any]]:
    """For each setting: seconds of an epoch and the losses seen, of each peer; and why others are missing."""
    team = [Peer(name, arrays) for name in ["bare products", *options.peers] if name in peers.TRAINERS]
    results = []
    for setting in settings(part, options):
        skipped: dict[str, str] = {}
        able = [peer for peer in team if peer.ready("train", skipped, **setting)]
        answers = take_turns(able, options.repeats, skipped)
        seconds = {name: [round(a["seconds"], 5) for a in got] for name, got in answers.items()}
        loss = {name: got[-1]["loss"] for name, got in answers.items()}
        results.append({**setting, "seconds": seconds, "loss": loss, "skipped": skipped})
        median = {name: statistics.median(each) for name, each in seconds.items()}
        say(f"{list(setting.values())}: " + ", ".join(f"{name} {each:.3f} s" for name, each in median.items()))
    for peer in team:
        peer.close()
    return results


def settings(part: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """What the peers are asked to train."""
    if part == "convolution":  # some hundred steps are enough to time: a step takes 20 to 100 ms
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


def take_turns(able: list[Peer], repeats: int, skipped: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The answers of each peer to `repeats` epochs, after one of warm-up; who fails is out, and `skipped` says why."""
    answers: dict[str, list[dict[str, Any]]] = {peer.name: [] for peer in able}
    for turn in range(1 + repeats):
        for peer in able:
            if peer.name not in answers:
                continue
            time.sleep(0.05)  # until the threads of the one before have gone to sleep
            answer = peer.ask("run_epoch")
            if "seconds" not in answer:
                skipped[peer.name] = next(iter(answer.values()))
                del answers[peer.name]
            elif turn >= 1:
                answers[peer.name].append(answer)
    return answers


def inference(arrays: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """For each number of rows: microseconds of a call at the 50th and the 99th percentile."""
    skipped: dict[str, str] = {}
    team = [Peer(name, arrays) for name in options.peers if name in peers.PREDICTORS]
    able = [peer for peer in team if peer.ready("serve", skipped)]
    results = []
    for rows in ROWS:
        calls = max(3, min(400, 40_000 // rows)) // (4 if options.quick else 1)
        seconds: dict[str, list[float]] = {peer.name: [] for peer in able}
        for turn in range(1 + options.repeats):
            for peer in able:
                time.sleep(0.05)
                answer = peer.ask("run_predict", rows=rows, calls=max(3, calls))
                if turn > 0:
                    seconds[peer.name] += answer.get("seconds", [math.nan])
        microseconds = {
            name: [round(float(np.percentile(each, q)) * 1e6, 1) for q in (50, 99)] for name, each in seconds.items()
        }
        results.append({"rows": rows, "microseconds": microseconds, "skipped": skipped})
        say(f"{rows} rows: " + ", ".join(f"{name} {p50:.0f} us" for name, (p50, _) in microseconds.items()))
    for peer in team:
        peer.close()
    return results


def memory(arrays: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The most memory of a process that trains three epochs; and what tinynet holds after 10 and 100 of 6,000."""
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
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(dict.fromkeys([*peers.TRAINERS, *peers.PREDICTORS]))[1:]
    parser.add_argument("--quick", action="store_true", help="fewer examples, settings and repeats: under a minute")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--peers", nargs="+", choices=names, default=names, metavar="PEER", help=", ".join(names))
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=list(BATCH_SIZES))
    parser.add_argument("--activations", nargs="+", choices=ACTIVATIONS, default=list(ACTIVATIONS))
    parser.add_argument("--examples", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", help="the folder of the Fashion-MNIST files (else TINYNET_DATA, else drawings)")
    parser.add_argument("--out", type=Path, default=Path("results/throughput"))
    options = parser.parse_args()
    if options.quick:
        options.examples, options.repeats = min(options.examples, 5_000), 2
        options.activations, options.batch_sizes, options.parts = ["relu"], [128, 1000], ["training"]
    return options


if __name__ == "__main__":
    sys.exit(main())
