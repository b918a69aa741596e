"""How the time of training grows with width, depth, batch and data, beside that of the bare matrix products.

    python benchmarks/cost_growth.py --out results/cost_growth      # 4 minutes; writes a picture, a table and JSON

Each point is an epoch of `tinynet.fit` (SGD, ReLU, float32, random pixels) and the same products alone in NumPy, taken
in turns; medians. Where fit falls under 60% of the products' speed, the table says so.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
PINS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
SWEEPS: dict[str, list[dict[str, Any]]] = {
    "hidden width": [{"width": width} for width in (64, 128, 256, 512, 1024, 2048, 4096)],
    "hidden layers": [{"depth": depth} for depth in (0, 1, 2, 4, 8, 16)],
    "batch size": [{"batch_size": size} for size in (1, 4, 16, 64, 256, 1000, 4096, 16384)],
    "examples": [{"examples": count} for count in (1000, 4000, 16_000, 60_000, 240_000)],
}
USUAL = {"width": 256, "depth": 2, "batch_size": 1000, "examples": 60_000}
SHARE = 0.6  # of the products' speed: below it a point is marked

import numpy as np  # noqa: E402
import peers  # noqa: E402
from peers import products_peer, tinynet_peer  # noqa: E402
from report import table  # noqa: E402

from tinynet.backend import environment  # noqa: E402


def main() -> int:
    """Measure every sweep, write the picture."""
    if any(name in os.environ for name in PINS):
        kept = {name: value for name, value in os.environ.items() if name not in PINS}
        return subprocess.run([sys.executable, *sys.argv], env=kept, check=False).returncode
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("results/cost_growth"))
    options = parser.parse_args()
    blas = environment.blas()
    where = f"{environment.cpu_name()}, {blas['library']}, kernel {blas['kernel']}, {blas['threads']} threads"
    results: dict[str, Any] = {"machine": where, "date": time.strftime("%Y-%m-%d"), "sweeps": {}}
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
    """Seconds of a step of fit and of the products, and the share of the products' speed, medians of the pairs.

    Unless it must be the `whole` epoch, so many of its steps are taken as can be timed.
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
    """Seconds that a call takes, once the threads of the one before sleep."""
    time.sleep(0.05)
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def markdown(results: dict[str, Any]) -> str:
    """A table for each sweep."""
    parts = [f"{results['machine']}, {results['date']}"]
    keys = dict(zip(SWEEPS, USUAL))
    for name, points in results["sweeps"].items():
        rows = []
        for point in points:
            share = f"{point['share']:.0%}" + (" (below)" if point["share"] < SHARE else "")
            rows.append(
                [f"{point[keys[name]]:,}", f"{point['fit'] * 1e3:,.3f}", f"{point['products'] * 1e3:,.3f}", share]
            )
        parts.append(table([name, "step of fit, ms", "its products, ms", "of the products' speed"], rows))
    return "\n\n".join(parts) + "\n"


def draw(results: dict[str, Any], path: Path) -> None:
    """Four log-log panels."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
    for panel, (name, points), key in zip(panels.flat, results["sweeps"].items(), USUAL):
        x = [max(point[key], 0.5) for point in points]
        scale = [point["steps"] if name == "examples" else 1 for point in points]
        fit = [point["fit"] * times * 1e3 for point, times in zip(points, scale)]
        bare = [point["products"] * times * 1e3 for point, times in zip(points, scale)]
        panel.loglog(x, fit, "o-", color="#d1495b", label="tinynet.fit")
        panel.loglog(x, bare, "s--", color="#5f6368", label="bare products in NumPy", markersize=4)
        for place, value, point in zip(x, fit, points):
            panel.annotate(
                f"{point['share']:.0%}", (place, value), (0, 6), textcoords="offset points", ha="center", fontsize=8
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
    figure.suptitle(f"Time of training, and its share of the products' speed\n{results['machine']}", fontsize="medium")
    figure.savefig(path, dpi=140)
    plt.close(figure)


if __name__ == "__main__":
    sys.exit(main())
