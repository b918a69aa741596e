"""The results of throughput.py as Markdown tables and a bar chart; and the tables of docs/performance.md.

python benchmarks/report.py docs/measurements/throughput.json docs/performance.md     # writes its tables there
python benchmarks/report.py docs/measurements/cost_growth.json docs/performance.md    # and those of cost_growth.py
"""

from __future__ import annotations

import json
import math
import re
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tables import table

COLOURS = {
    "tinynet": "#d1495b", "bare products": "#9aa0a6", "PyTorch eager": "#2e6f95", "PyTorch compiled": "#5fa8d3",
    "Keras on TensorFlow": "#e9a23b", "JAX jit": "#3a7d44", "JAX scan": "#7fb77e", "scikit-learn": "#8d6a9f",
    "thinc": "#6b705c",
}  # fmt: skip

SWEPT = {"hidden width": "width", "hidden layers": "depth", "batch size": "batch_size", "examples": "examples"}
MARKED_BELOW = 0.6  # of the speed of the products

TITLES = {
    "mlp, sgd, relu": "ReLU",
    "mlp, sgd, sigmoid": "sigmoid",
    "mlp, sgd, relu-dropout": "ReLU and dropout",
    "mlp, adam, relu": "ReLU, Adam",
    "cnn, sgd, relu": "two convolutions",
}


def markdown(results: dict[str, Any]) -> str:
    """All tables for which `results` has numbers."""
    parts = [f"- {key}: {value}" for key, value in results["manifest"].items()]
    sections = ["\n".join(parts)]
    if results.get("training"):
        sections += [overview(results), *[training_table(setting) for setting in results["training"]]]
    if results.get("inference"):
        sections.append(inference_table(results["inference"]))
    if results.get("memory"):
        sections.append(memory_table(results["memory"]))
    if results.get("footprint"):
        sections.append(footprint_table(results["footprint"]))
    return "\n\n".join(sections) + "\n"


def overview(results: dict[str, Any]) -> str:
    """A table for each network: samples/s of each peer and batch size, relative to tinynet and to the bare products."""
    parts = []
    for kind in dict.fromkeys(kind_of(setting) for setting in results["training"]):
        settings = [setting for setting in results["training"] if kind_of(setting) == kind]
        rows = []
        for name in COLOURS:
            cells = [_cell(setting, name) for setting in settings]
            rows += [[name, *cells]] if any(cells) else []
        header = ["", *[f"batch {setting['batch_size']:,}" for setting in settings]]
        parts.append(f"**{TITLES[kind]}**\n\n{table(header, rows)}")
    return "\n\n".join(parts)


def kind_of(setting: dict[str, Any]) -> str:
    """The key of a setting in TITLES: network, optimizer and activation."""
    return f"{setting['network']}, {setting['optimizer']}, {setting['activation']}"


def _cell(setting: dict[str, Any], name: str) -> str:
    median = {peer: statistics.median(seconds) for peer, seconds in setting["seconds"].items()}
    if name not in median:
        return ""
    speed = f"{setting['examples'] / median[name]:,.0f}"
    return f"{speed} ({ratio(median.get('tinynet'), median[name])}, {median['bare products'] / median[name]:.0%})"


def fill(page: str, results: dict[str, Any]) -> str:
    """Return `page` with a new text between `<!-- name: begin -->` and `<!-- name: end -->`, for each block's name."""
    makers: dict[str, Callable[[Any], str]] = {
        "manifest": lambda manifest: "\n".join(f"- {key}: {value}" for key, value in manifest.items()),
        "training": lambda _: overview(results),
        "inference": inference_table,
        "memory": memory_table,
        "footprint": footprint_table,
        "sweeps": sweep_tables,
    }
    blocks = {name: make(results[name]) for name, make in makers.items() if name in results}
    for name, text in blocks.items():
        between = re.compile(rf"(<!-- {name}: begin -->\n).*?(<!-- {name}: end -->)", re.DOTALL)
        page = between.sub(partial(_put, text), page)
    return page


def _put(text: str, found: re.Match[str]) -> str:
    return f"{found[1]}{text}\n{found[2]}"


def training_table(setting: dict[str, Any]) -> str:
    """Each peer's samples/s, also as a multiple of tinynet's and as a percentage of the bare products'."""
    median = {name: statistics.median(seconds) for name, seconds in setting["seconds"].items()}
    rows = []
    for name, seconds in sorted(setting["seconds"].items(), key=lambda item: median[item[0]]):
        low, high = min(seconds) / median[name] - 1, max(seconds) / median[name] - 1
        loss = setting["loss"][name]
        rows.append(
            [
                name,
                f"{setting['examples'] / median[name]:,.0f}",
                f"{low:+.0%} {high:+.0%}",
                ratio(median.get("tinynet"), median[name]),
                f"{median['bare products'] / median[name]:.0%}" if "bare products" in median else "",
                "" if loss is None else f"{loss:.3f}",
            ]
        )
    title = f"**{TITLES[kind_of(setting)]}, batch {setting['batch_size']}**"
    header = ["", "samples/s", "time, spread", "times tinynet's speed", "of the products' speed", "last loss"]
    return "\n\n".join([title, table(header, rows), *skipped(setting)])


def inference_table(settings: list[dict[str, Any]]) -> str:
    """The median and the 99th percentile of the time of a call, and images/s."""
    header = [""]
    for setting in settings:
        header += [f"{setting['rows']:,}: p50 us", "p99 us", "pictures/s"]
    rows = []
    for name in settings[0]["microseconds"]:
        cells = [name]
        for setting in settings:
            p50, p99 = setting["microseconds"][name]
            cells += [f"{p50:,.0f}", f"{p99:,.0f}", f"{setting['rows'] / p50 * 1e6:,.0f}"]
        rows.append(cells)
    return "\n\n".join(["**Inference**", table(header, rows), *skipped(settings[0])])


def memory_table(memory: dict[str, Any]) -> str:
    """The peak memory of each process."""
    rows = [[name, f"{mib:,.0f}"] for name, mib in sorted(memory["peak MiB"].items(), key=lambda item: item[1])]
    held = ", ".join(f"{each['MiB']} MiB after {each['epochs']}" for each in memory["tinynet holds"])
    text = f"tinynet's memory over epochs of 6,000 examples: {held}."
    return "\n\n".join(["**Memory** of a process that trains, batch 1000", table(["", "peak MiB"], rows), text])


def footprint_table(footprint: dict[str, Any]) -> str:
    """Time to import, installed size, and installed size with Python."""
    python = footprint["Python itself MiB"]
    libraries = sorted(footprint["libraries"].items(), key=lambda item: item[1]["MiB"])
    rows = [[name, f"{row['import ms']:,}", f"{row['MiB']:,}", f"{row['MiB'] + python:,}"] for name, row in libraries]
    header = ["", "import ms", "installed MiB, with what it requires", "with Python itself"]
    return "\n\n".join(["**Footprint**", table(header, rows)])


def sweep_tables(sweeps: dict[str, list[dict[str, Any]]]) -> str:
    """A table for each sweep of cost_growth.py; points below MARKED_BELOW are marked."""
    parts = []
    for name, points in sweeps.items():
        rows = []
        for point in points:
            relative = f"{point['share']:.0%}" + (" (below)" if point["share"] < MARKED_BELOW else "")
            milliseconds = [f"{1000 * point[which]:,.3f}" for which in ("fit", "products")]
            rows.append([f"{point[SWEPT[name]]:,}", *milliseconds, relative])
        parts.append(table([name, "step of fit, ms", "its products, ms", "of the products' speed"], rows))
    return "\n\n".join(parts)


def skipped(setting: dict[str, Any]) -> list[str]:
    """A line that names the peers that were skipped, and why."""
    reasons = [f"{name} ({why.splitlines()[0]})" for name, why in setting["skipped"].items()]
    return [f"Left out: {', '.join(reasons)}."] if reasons else []


def ratio(ours: float | None, theirs: float) -> str:
    """Their speed as a multiple of tinynet's, from the seconds of both."""
    return "" if ours is None else f"{ours / theirs:.2f}"


def draw(results: dict[str, Any], path: Path) -> None:
    """Draw bars of samples/s: a panel for each network, a group for each batch size."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    settings = results["training"]
    kinds = list(dict.fromkeys(kind_of(setting) for setting in settings))
    names = [name for name in COLOURS if any(name in setting["seconds"] for setting in settings)]
    figure, panels = plt.subplots(len(kinds), 1, figsize=(9, 1 + 2.6 * len(kinds)), squeeze=False, layout="constrained")
    for panel, kind in zip(panels[:, 0], kinds):
        chosen = [setting for setting in settings if kind_of(setting) == kind]
        for position, name in enumerate(names):
            speeds = [
                setting["examples"] / statistics.median(setting["seconds"][name]) / 1000
                if name in setting["seconds"]
                else math.nan
                for setting in chosen
            ]
            at = [group + (position - (len(names) - 1) / 2) * 0.85 / len(names) for group in range(len(chosen))]
            panel.bar(at, speeds, 0.85 / len(names), color=COLOURS[name], label=name, edgecolor="white", linewidth=0.4)
        panel.set_title(TITLES[kind], loc="left")
        panel.set_ylabel("thousand samples/s")
        panel.set_xticks(range(len(chosen)), [f"batch {setting['batch_size']:,}" for setting in chosen])
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(axis="y", alpha=0.3)
        panel.set_axisbelow(True)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize="small")
    manifest = results["manifest"]
    figure.suptitle(f"Training in float32 on {manifest['cpu']} ({manifest['date']})", fontsize="medium")
    figure.savefig(path, dpi=140)
    plt.close(figure)


if __name__ == "__main__":
    source, target = sys.argv[1:]
    page = Path(target).read_text(encoding="utf-8")
    filled = fill(page, json.loads(Path(source).read_text(encoding="utf-8")))
    Path(target).write_text(filled, encoding="utf-8")
