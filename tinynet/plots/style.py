"""What all pictures share: colours, sizes, a white figure under a heading, axes and keys. No rcParams are touched."""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Mapping
from typing import Any

from tinynet.errors import DataError, mismatch

Path = str | os.PathLike[str]

WIDTH = 8.0  # inches: 1200 pixels, sharp where a README shows 800 of them
FILE: dict[str, Any] = {"dpi": 150, "facecolor": "white", "transparent": False}  # whatever the user's own settings say
INK, MUTED, GRID = "#222222", "#666666", "#DDDDDD"
# Okabe and Ito's palette, "Color universal design", 2008: told apart by the colour-blind. Its yellow is lost on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P")  # one fewer than colours, so that 42 arms go by before a pair comes again
LOOKS = [{"color": colour, "marker": marker} for colour, marker in zip(COLOURS * 6, MARKERS * 7)]
WRONG = "#B84A00"
OPEN = {"markerfacecolor": "white"}  # whatever belongs to the training set


def new_figure(path: Path, width: float, height: float, title: str = "", note: str = "") -> Any:
    """A white figure of `height` inches under a heading; the path is looked at before any work is done."""
    name = os.fspath(path)
    if not name.lower().endswith((".png", ".svg", ".pdf")) or not os.path.isdir(os.path.dirname(name) or "."):
        expected = "a path ending in .png, .svg or .pdf, in a folder that exists"
        raise DataError(mismatch("plots", expected, repr(name), "create the folder, or change the name"))
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("tinynet.plots needs matplotlib; install it with: pip install matplotlib") from error
    heading = [(line, 12, "bold", INK) for line in textwrap.wrap(plain(title), int(9 * width))]
    heading += [(line, 10, "normal", WRONG) for line in textwrap.wrap(plain(note), int(11 * width))]
    total = height + 0.22 * len(heading) + (0.1 if heading else 0)
    figure: Any = Figure((width, total), dpi=FILE["dpi"], layout="constrained")
    figure.get_layout_engine().set(rect=(0, 0, 1, height / total), w_pad=0.06, h_pad=0.06)
    for number, (line, size, weight, colour) in enumerate(heading):
        x, y = 0.08 / width, 1 - (0.08 + 0.22 * number) / total
        figure.text(x, y, line, fontsize=size, weight=weight, color=colour, va="top")
    return figure


def plain(words: object) -> str:
    """The words as they are."""
    return str(words).replace("$", r"\$")  # or it would open a formula


def finish(axes: Any, xlabel: str, ylabel: str, grid: str = "") -> None:
    """Labels, and everything a user's style sheet could have made unreadable on white."""
    axes.set(facecolor="white", axisbelow=True, anchor="N")
    axes.grid(False)
    if grid:
        axes.grid(True, axis=grid, color=GRID, linewidth=0.6, linestyle="-")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(visible=bool(grid), color=MUTED, linewidth=0.8)
    axes.tick_params(color=MUTED, labelcolor=INK, labelsize=9)
    axes.set_xlabel(xlabel, color=INK, fontsize=10)
    axes.set_ylabel(ylabel, color=INK, fontsize=10)


def key(figure: Any, meanings: Mapping[str, Mapping[str, Any]], arms: Mapping[str, Mapping[str, Any]]) -> None:
    """One key below the panels: what styles mean, then the arms, in as many columns as their names leave room for."""
    from matplotlib.lines import Line2D

    column = 0.8 + 0.075 * max(map(len, arms), default=0)  # inches, about, of the longest name and its handle
    rows = max(len(meanings), math.ceil(len(arms) / max(1, int(5.4 / column)))) if arms else 1
    looks = [{"label": words, "color": MUTED, **look} for words, look in meanings.items()]
    looks += [{"label": " ", "linestyle": ""}] * (-len(looks) % rows)  # matplotlib fills column by column
    looks += [{"label": arm, **look} for arm, look in arms.items()]
    style = {"linewidth": 1.6, "markersize": 6, "solid_capstyle": "butt"}
    handles, columns = [Line2D([], [], **{**style, **look}) for look in looks], math.ceil(len(looks) / rows)
    settings = {"frameon": False, "fontsize": 9, "labelcolor": INK, "columnspacing": 3.0, "handlelength": 2.6}
    figure.legend(handles=handles, ncols=columns, loc="outside lower left", **settings)


def colour_bar(figure: Any, image: Any, axes: Any, words: str, **settings: Any) -> None:
    """The key to the colours of an image."""
    bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=22, **settings)
    bar.set_label(words, color=INK, fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(color=MUTED, labelcolor=INK, labelsize=8)
