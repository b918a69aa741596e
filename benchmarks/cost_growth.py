"""Measure how the time of training grows with width, depth, batch size and number of examples.

    python benchmarks/cost_growth.py --out results/cost_growth      # 4 minutes; writes a figure, tables and JSON

Each point compares an epoch of `tinynet.fit` (SGD, ReLU, float32, random pixels) with its matrix products alone in
NumPy. The two take turns, and medians are compared. Points where fit has less than 60% of the products' speed are
marked.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import peers
from peers import products_peer, tinynet_peer
from pins import KERNEL_PINS, rerun_without
from report import SWEPT, sweep_tables

from tinynet.backend import environment

PINS = (*KERNEL_PINS, "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
SWEEPS: dict[str, list[dict[str, Any]]] = {
    "hidden width": [{"width": width} for width in (64, 128, 256, 512, 1024, 2048, 4096)],
    "hidden layers": [{"depth": depth} for depth in (0, 1, 2, 4, 8, 16)],
    "batch size": [{"batch_size": size} for size in (1, 4, 16, 64, 256, 1000, 4096, 16384)],
    "examples": [{"examples": count} for count in (1000, 4000, 16_000, 60_000, 240_000)],
}
USUAL = {"width": 256, "depth": 2, "batch_size": 1000, "examples": 60_000}


def main() -> int:
    """Measure all sweeps; write the results as JSON, tables and a figure."""
    status = rerun_without(PINS)
    if status is not None:
        return status
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("results/cost_growth"))
    options = parser.parse_args()
    blas = environment.blas()
    machine = f"{environment.cpu_name()}, {blas['library']}, kernel {blas['kernel']}, {blas['threads']} threads"
    results: dict[str, Any] = {"machine": machine, "date": time.strftime("%Y-%m-%d"), "sweeps": {}}
    for name, settings in SWEEPS.items():
        whole = name == "examples"
        results["sweeps"][name] = [measure({**USUAL, **setting}, whole, options.repeats) for setting in settings]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "cost_growth.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (options.out / "cost_growth.md").write_text(markdown(results), encoding="utf-8")
    draw(results, options.out / "cost_growth.png")
    print(markdown(results))
    return 0


def measure(setting: dict[str, Any], whole: bool, repeats: int) -> dict[str, Any]:
    """The median seconds of a step of fit and of its products, and the median of their ratio.

    With `whole`, each run is an epoch of all examples; else it has only as many steps as are needed to time one.
    """
    batch_size, examples = setting["batch_size"], setting["examples"]
    widths = (784, *[setting["width"]] * setting["depth"], 10)
    products = sum(a * b for a, b in itertools.pairwise(widths)) * batch_size * 6
    if not whole:
        examples = batch_size * int(min(max(3e10 / products, 3), 60_000 / batch_size, 400))
    pixels = np.random.default_rng(0).integers(0, 256, (examples, 784), dtype=np.uint8)
    labels = np.arange(examples) % 10
    task = peers.Task("tinynet", batch_size, widths=widths, learning_rate=0.01, images=pixels, labels=labels)
    runs = [tinynet_peer.trainer(task), products_peer.trainer(task)]
    for run in runs:
        run()
    pairs = [[timed(run) for run in runs] for _ in range(repeats)]
    steps = len(task.starts)
    fit, bare = (statistics.median(seconds) / steps for seconds in zip(*pairs))
    point = {
        **setting,
        "steps": steps,
        "fit": fit,
        "products": bare,
        "share": statistics.median(b / f for f, b in pairs),
    }
    print(point, file=sys.stderr, flush=True)
    return point


def timed(function: peers.Epoch) -> float:
    """The seconds that a call takes."""
    time.sleep(0.05)  # until the threads of the call before sleep
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def markdown(results: dict[str, Any]) -> str:
    """The machine, the date, and a table for each sweep."""
    return f"{results['machine']}, {results['date']}\n\n{sweep_tables(results['sweeps'])}\n"


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw a log-log panel for each sweep."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
    for panel, (name, points) in zip(panels.flat, results["sweeps"].items()):
        key = SWEPT[name]
        x = [max(point[key], 0.5) for point in points]
        scale = [point["steps"] if name == "examples" else 1 for point in points]
        fit = [point["fit"] * times * 1e3 for point, times in zip(points, scale)]
        bare = [point["products"] * times * 1e3 for point, times in zip(points, scale)]
        panel.loglog(x, fit, "o-", color="#d1495b", label="tinynet.fit")
        panel.loglog(x, bare, "s--", color="#5f6368", label="bare products in NumPy", markersize=4)
        for at_x, at_y, point in zip(x, fit, points):
            panel.annotate(
                f"{point['share']:.0%}", (at_x, at_y), (0, 6), textcoords="offset points", ha="center", fontsize=8
            )
        panel.set_xlabel(name)
        panel.set_ylabel("ms an epoch" if name == "examples" else "ms a step")
        panel.set_xticks(
            x, [f"{point[key]:,}" for point in points], rotation=30 if name in ("batch size", "examples") else 0
        )
        panel.minorticks_off()
        panel.grid(alpha=0.3)
        panel.margins(y=0.12)
    panels[0, 0].legend(frameon=False)
    figure.suptitle(
        f"Time of training; numbers: percentage of the products' speed\n{results['machine']}", fontsize="medium"
    )
    figure.savefig(path, dpi=140)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
