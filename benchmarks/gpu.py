"""Compare a training step of tinynet on a GPU with PyTorch, JAX and the bare matrix products.

    python benchmarks/gpu.py --out results/gpu               # under 8 minutes; writes JSON, Markdown and a figure
    python benchmarks/gpu.py --peers "tinynet captured" "JAX scan" --batch-sizes 1000
    python benchmarks/gpu.py --device cpu --quick            # tests the program on a machine without a GPU

The network is 784-256-128-10 with ReLU and plain SGD in float32. An epoch is 60,000 images of bytes that stay on the
device. Each peer runs in its own process, which imports, compiles and warms up, and then times whole epochs, each until
its loss has arrived on the host. The result is the median over the repeats. A peer that is missing is skipped and
named.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from gpu_peers import EXAMPLES, ONLY_ON_A_GPU, PEERS, WIDTHS
from pins import KERNEL_PINS
from tables import table

BUDGET = 450  # seconds for all peers together; a peer that would start later is skipped
PINS = (*KERNEL_PINS, "TINYNET_KERNELS", "CUPY_TF32", "NVIDIA_TF32_OVERRIDE")


def measure(peer: str, device: str, batch_sizes: list[int], repeats: int) -> dict[str, Any]:
    """In the child process: the seconds of each epoch, by batch size; the first epoch compiles, and is kept apart."""
    results: dict[str, Any] = {}
    for batch_size in batch_sizes:
        began = time.perf_counter()
        run = PEERS[peer](batch_size, device)
        if peer.startswith("tinynet"):
            run(1)
            first = time.perf_counter() - began
            seconds = run(repeats + 2)[2:]
        else:
            run()
            first = time.perf_counter() - began
            seconds = []
            for _ in range(repeats + 2):
                began = time.perf_counter()
                run()
                seconds.append(time.perf_counter() - began)
            seconds = seconds[2:]
        results[str(batch_size)] = {"first": first, "seconds": seconds}
    return results


def in_a_child(peer: str, options: argparse.Namespace, timeout: float) -> dict[str, Any]:
    """Run `measure` in a process of its own; {"skipped": why} if it fails."""
    arguments = ["--peer", peer, "--device", options.device, "--repeats", str(options.repeats)]
    command = [sys.executable, __file__, *arguments, "--batch-sizes", *map(str, options.batch_sizes)]
    environment = {name: value for name, value in os.environ.items() if name not in PINS}
    environment["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=environment)
    except subprocess.TimeoutExpired:
        return {"skipped": f"not finished after {timeout:.0f} s"}
    if done.returncode:
        return {"skipped": (done.stderr.strip().splitlines() or ["no message"])[-1][:200]}
    return json.loads(done.stdout.splitlines()[-1])


def flops(batch_size: int) -> int:
    """Operations in the products of a step: forward, each weight's gradient, and dx of all layers but the first."""
    layers = [rows * columns for rows, columns in zip(WIDTHS, WIDTHS[1:])]
    return 2 * batch_size * (3 * sum(layers) - layers[0])


def markdown(results: dict[str, Any]) -> str:
    """A table for each batch size: time of a step, samples/s, TFLOP/s, and the speed relative to the bare products."""
    about = results["environment"]
    header = ["", "step, us", "samples/s", "TFLOP/s of products", "of the products' speed"]
    parts = [f"{results['date']}, {about['gpu'] or about['cpu']}, {about['versions']}"]
    for batch_size in results["batch_sizes"]:
        measured = seconds_of(results, batch_size)
        floor = measured.get("bare products")
        rows = []
        for peer, seconds in sorted(measured.items(), key=lambda item: item[1]):
            step = seconds * batch_size / EXAMPLES
            relative = f"{floor / seconds:.0%}" if floor else ""
            teraflops = flops(batch_size) / step / 1e12
            rows.append([peer, f"{step * 1e6:.1f}", f"{EXAMPLES / seconds:,.0f}", f"{teraflops:.2f}", relative])
        parts += [f"### Batch {batch_size}", table(header, rows)]
    skipped = [f"- {peer}: {found['skipped']}" for peer, found in results["peers"].items() if "skipped" in found]
    parts += ["Skipped:", "\n".join(skipped)] if skipped else []
    return "\n\n".join(parts) + "\n"


def seconds_of(results: dict[str, Any], batch_size: int) -> dict[str, float]:
    """The median of the seconds of an epoch, for each peer that was measured."""
    found = {peer: timed[str(batch_size)] for peer, timed in results["peers"].items() if str(batch_size) in timed}
    return {peer: statistics.median(timed["seconds"]) for peer, timed in found.items()}


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw bars of the microseconds of a step, a panel for each batch size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes = results["batch_sizes"]
    figure, panels = pyplot.subplots(1, len(sizes), figsize=(5 * len(sizes), 4.5), squeeze=False, layout="constrained")
    for panel, batch_size in zip(panels[0], sizes):
        measured = sorted(seconds_of(results, batch_size).items(), key=lambda item: -item[1])
        steps = [seconds * batch_size / EXAMPLES * 1e6 for _, seconds in measured]
        colours = ["#1b6ca8" if peer.startswith("tinynet") else "#b0b0b0" for peer, _ in measured]
        bars = panel.barh([peer for peer, _ in measured], steps, color=colours)
        panel.bar_label(bars, fmt="%.0f", padding=3)
        panel.set(title=f"batch {batch_size}", xlabel="microseconds a step")
        panel.margins(x=0.15)
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def environment(device: str) -> dict[str, Any]:
    """The machine, and the versions of the libraries that are installed."""
    from importlib import metadata

    import tinynet.backend.environment
    from tinynet.backend.arrays import find_device

    names = ("numpy", "cupy-cuda12x", "cupy-cuda13x", "cupy", "torch", "jax", "matplotlib")
    versions = {"python": sys.version.split()[0]}
    for name in names:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    about = tinynet.backend.environment.describe(find_device(device))
    return {**about, "versions": ", ".join(f"{name} {version}" for name, version in versions.items())}


def main() -> int:
    """Measure, print and write; 2 if the device cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[100, 1000, 10000], help="divisors of 60000")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="one batch size, two repeats, to test the program")
    parser.add_argument("--out", type=Path, default=Path("results/gpu"))
    parser.add_argument("--peer", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.batch_sizes, options.repeats = [10000], 2
    if options.peer:
        print(json.dumps(measure(options.peer, options.device, options.batch_sizes, options.repeats)))
        return 0
    if any(EXAMPLES % size for size in options.batch_sizes):
        parser.error(f"--batch-sizes: expected divisors of {EXAMPLES}, got {options.batch_sizes}; try 1000")
    try:
        about = environment(options.device)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    results: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "environment": about, "peers": {}}
    results["batch_sizes"], end = options.batch_sizes, time.monotonic() + BUDGET
    for peer in options.peers:
        left = end - time.monotonic()
        if options.device == "cpu" and peer in ONLY_ON_A_GPU:
            found: dict[str, Any] = {"skipped": "it needs a GPU"}
        else:
            found = in_a_child(peer, options, min(left, 150)) if left > 5 else {"skipped": "no time was left"}
        results["peers"][peer] = found
        print(f"{peer}: {found.get('skipped', 'measured')}", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "gpu.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    (options.out / "gpu.md").write_text(markdown(results), encoding="utf-8")
    try:
        draw(results, options.out / "gpu.png")
    except ImportError as error:
        print(f"no picture: {error}")
    print(markdown(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
