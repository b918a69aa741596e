"""The pictures of a study: small SVG panels that take the colours of the page, and PNG files."""

from __future__ import annotations

import io
import itertools
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.plots.style import FILE, GRID, INK, LOOKS, MUTED, OPEN, finish, save
from tinynet.study.runs import UNITS_SHOWN, unpacked
from tinynet.study.sentences import TITLES, baselines, part_title
from tinynet.study.tables import Summary, held_out, title

Draw = Callable[[Any], None]
# The page's own colours in place of those drawn, for its light and dark mode; black becomes the colour of its text.
PAGE_COLOURS = {
    INK: "var(--ink)",
    "#000000": "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    "#ffffff": "var(--card)",
}
SIGNS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼", "P": "✚"}


def looks(summary: Summary) -> dict[str, dict[str, str]]:
    """The colour and marker of each configuration, the same in all pictures."""
    return dict(zip(summary["arms"], LOOKS))


def svg(draw: Draw, description: str, height: float = 3.1) -> str:
    """One panel as an element of the page, 4.4 inches wide so that it can be read on a phone."""
    import matplotlib
    from matplotlib.figure import Figure

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": description, "font.family": "sans-serif"}):
        figure: Any = Figure((4.4, height), layout="constrained")
        draw(figure.subplots())
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    prefix = f"p{hash_of(description)}-"
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{prefix}", text)
    for colour, name in PAGE_COLOURS.items():
        text = re.sub(f"{colour}(?![0-9a-f])", name, text, flags=re.IGNORECASE)
    label = description.replace("&", "&amp;").replace('"', "'").replace("<", "&lt;")
    return re.sub(
        r'<svg .*?viewBox="(.*?)".*?>',
        rf'<svg viewBox="\1" role="img" aria-label="{label}">',
        text,
        count=1,
        flags=re.DOTALL,
    )


def hash_of(text: str) -> int:
    """A number for a text, the same in every process."""
    return zlib.crc32(text.encode())


def png(draws: Sequence[Draw], path: Path, height: float, titles: Sequence[str] = ()) -> None:
    """Panels side by side."""
    from matplotlib.figure import Figure

    figure: Any = Figure((4.4 * len(draws), height), dpi=FILE["dpi"], layout="constrained")
    for axes, draw, heading in zip(
        figure.subplots(1, len(draws), squeeze=False)[0], draws, [*titles, *[""] * len(draws)]
    ):
        draw(axes)
        axes.set_title(heading, loc="left", fontsize=11, color=INK, weight="bold")
    save(figure, path)


# Panels ------------------------------------------------------------------------------------------------------------


def dots(summary: Summary, part: str) -> Draw:
    """Test accuracy of each configuration: its mean with the 95% interval, and each seed as a small ring."""

    def draw(axes: Any) -> None:
        rows = [row for row in summary[part]["rows"] if row["seeds"]]
        for y, row in enumerate(rows):
            look = looks(summary)[row["arm"]]
            values, mean = 100 * np.array(row["accuracies"]), 100 * row["test_accuracy"]
            axes.plot(values, [y] * len(values), linestyle="", alpha=0.45, markersize=4, markerfacecolor="none",
                      marker="o", color=look["color"])  # fmt: skip
            bars = None if row["low"] is None else [[mean - 100 * row["low"]], [100 * row["high"] - mean]]
            axes.errorbar(mean, y, xerr=bars, markersize=7, capsize=3, elinewidth=1.6, **look)
            offset = {"textcoords": "offset points", "ha": "center", "color": INK, "fontsize": 9}
            axes.annotate(f"{mean:.1f}", (mean, y), (0, 7), **offset)
        axes.set(ylim=(len(rows) - 0.5, -0.7), xmargin=0.1)
        note = "\naxis does not start at 0" if axes.get_xlim()[0] > 0 else ""
        finish(axes, f"{held_out(summary)} accuracy (%){note}", "", grid="x")
        axes.set_yticks(range(len(rows)), [row["title"] for row in rows])
        axes.tick_params(axis="y", length=0)

    return draw


def over_epochs(summary: Summary, part: str, name: str, label: str, factor: float = 1) -> Draw:
    """A measurement over the epochs, a line for each configuration; `gap` is train minus test accuracy."""

    def draw(axes: Any) -> None:
        for configuration, curve in summary[part]["curves"].items():
            first = 0 if name == "gap" else 1  # the accuracy before training, that of chance, would need much room
            gap = np.subtract(curve["train_accuracy"], curve["test_accuracy"])
            values = gap if name == "gap" else np.array(curve[name])
            epochs = curve["epoch"][first:]
            marks = {"markersize": 4, "markevery": max(1, len(epochs) // 8)}
            axes.plot(epochs, factor * values[first:], linewidth=1.6, **marks, **looks(summary)[configuration])
        finish(axes, "epoch", label, grid="both")
        axes.locator_params(axis="x", integer=True, nbins=6)

    return draw


def layers_over_epochs(
    summary: Summary, configuration: str, name: str, label: str, factor: float = 1, log: bool = False
) -> Draw:
    """A measurement of one configuration over the epochs, a line for each layer."""

    def draw(axes: Any) -> None:
        curves = summary["given"]["curves"]
        epochs, values = (
            curves[configuration]["epoch"],
            factor * np.array(curves[configuration][name]),
        )  # (rows, layers)
        colour = looks(summary)[configuration]["color"]
        for layer, style in zip(range(values.shape[1]), itertools.cycle(("-", "--", ":"))):
            line = {"linewidth": 1.8, "color": colour, "linestyle": style}
            axes.plot(epochs, values[:, layer], label=f"layer {layer + 1}", **line)
        if log:
            axes.set_yscale("log")
            every = [number for curve in curves.values() for row in curve[name] for number in row if number > 0]
            axes.set_ylim(0.8 * min(every), 1.25 * max(every))  # the same for all configurations
        else:
            axes.set_ylim(0, max(1.15 * values.max(), 0.01 * factor))
        finish(axes, "epoch", label, grid="both")
        axes.tick_params(which="minor", color=MUTED, labelcolor=INK, labelsize=8)
        axes.legend(frameon=False, fontsize=9, labelcolor=INK)
        axes.locator_params(axis="x", integer=True, nbins=6)

    return draw


def rates(summary: Summary) -> Draw:
    """Validation accuracy over the learning rate: the chosen ones large and filled, those far below as crosses."""

    def draw(axes: Any) -> None:
        grids = summary["grids"].values()
        lowest = 100 * max(accuracy for grid in grids for _, accuracy in grid if accuracy is not None) - 20
        for name, grid in summary["grids"].items():
            look = looks(summary)[name]
            shown = {
                rate: 100 * accuracy for rate, accuracy in grid if accuracy is not None and 100 * accuracy > lowest
            }
            axes.plot(list(shown), list(shown.values()), linewidth=1.4, markersize=4, **OPEN, **look)
            chosen = [rate for rate in shown if rate == summary["chosen"].get(name)]
            axes.plot(chosen, [shown[rate] for rate in chosen], markersize=8, linestyle="", **look)
            below = [rate for rate, _ in grid if rate not in shown]
            axes.plot(below, [lowest] * len(below), linestyle="", marker="x", color=look["color"])
        axes.set_xscale("log")
        finish(axes, "learning rate", f"validation accuracy (%), crosses: below {lowest:.0f}", grid="both")
        axes.tick_params(which="minor", color=MUTED, labelcolor=INK, labelsize=8)

    return draw


def first_layer(run: Mapping[str, Any], image_shape: Sequence[int]) -> bytes:
    """The first-layer units of a run with the largest norms as one small PNG, blue below 0 and red above."""
    from matplotlib import colormaps
    from matplotlib.image import imsave

    height, width = image_shape[:2]
    units = unpacked(run["first_layer"]).reshape(-1, height, width, *image_shape[2:])
    units = units.mean(axis=-1) if units.ndim == 4 else units
    rows = -(-len(units) // 5)
    sheet = np.full((rows * (height + 1), 5 * (width + 1)), 127.5)
    for number, unit in enumerate(units[:UNITS_SHOWN]):
        top, left = number // 5 * (height + 1), number % 5 * (width + 1)
        sheet[top : top + height, left : left + width] = unit
    buffer = io.BytesIO()
    imsave(buffer, np.kron(colormaps["RdBu_r"](sheet / 255)[..., :3], np.ones((2, 2, 1))), format="png")
    return buffer.getvalue()


# Files --------------------------------------------------------------------------------------------------------------


def draw_comparison(summary: Summary, path: Path) -> None:
    """The first two tables as dots, side by side."""
    parts = [part for part in TITLES if any(row["seeds"] for row in summary.get(part, {}).get("rows", []))][:2]
    rows = max(len(summary[part]["rows"]) for part in parts)
    png([dots(summary, part) for part in parts], path, 1.2 + 0.36 * rows, [part_title(summary, part) for part in parts])


def draw_gradients(summary: Summary, path: Path) -> None:
    """The gradient norm of each layer's weights over the epochs, for the baselines."""
    names = [name for name in baselines(summary, "given") if summary["given"]["curves"][name]["gradient"][0]]
    if names:
        panels = [layers_over_epochs(summary, name, "gradient", "gradient norm", log=True) for name in names]
        png(panels, path, 3.2, [title(summary, name) for name in names])
