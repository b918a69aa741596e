"""Colours, sizes, headings, axes and keys of all pictures. Leaves `rcParams` alone."""

from __future__ import annotations

import io
import math
import os
import textwrap
from collections.abc import Mapping
from typing import Any

from tinynet.backend.files import write_atomically
from tinynet.errors import DataError, mismatch

Path = str | os.PathLike[str]

WIDTH = 8.0  # inches: 1200 pixels, sharp on a page that shows 800
FILE: dict[str, Any] = {"dpi": 150, "facecolor": "white", "transparent": False}  # not from the user's settings
INK, MUTED, GRID = "#222222", "#666666", "#DDDDDD"
# The palette of Okabe and Ito, "Color universal design", 2008, for colour-blind readers, without its yellow.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P")  # one fewer than colours, so that 42 pairs differ
LOOKS = [{"color": colour, "marker": marker} for colour, marker in zip(COLOURS * 6, MARKERS * 7)]
WRONG = "#B84A00"
OPEN = {"markerfacecolor": "white"}  # for the training set


def new_figure(path: Path, width: float, height: float, title: str = "", note: str = "") -> Any:
    """A white figure of `height` inches under a heading. DataError if `path` cannot be written to."""
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


def save(figure: Any, path: Path) -> None:
    """Write the figure completely, or raise SaveError and leave the file from before unchanged."""
    content = io.BytesIO()
    figure.savefig(content, format=os.path.splitext(os.fspath(path))[1][1:].lower(), **FILE)
    write_atomically(path, content.getvalue())


def plain(words: object) -> str:
    """`words` as text that matplotlib shows literally."""
    return str(words).replace("$", r"\$")  # an unescaped $ starts a formula


def finish(axes: Any, xlabel: str, ylabel: str, grid: str = "") -> None:
    """Label the axes, and set all that a user's style sheet could make unreadable on white."""
    axes.set(facecolor="white", axisbelow=True, anchor="N")
    axes.grid(False)
    if grid:
        axes.grid(True, axis=grid, color=GRID, linewidth=0.6, linestyle="-")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(visible=bool(grid), color=MUTED, linewidth=0.8)
    axes.tick_params(color=MUTED, labelcolor=INK, labelsize=9)
    axes.set_xlabel(xlabel, color=INK, fontsize=10)
    axes.set_ylabel(ylabel, color=INK, fontsize=10)


def key(figure: Any, meanings: Mapping[str, Mapping[str, Any]], names: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw a key below the panels: the meanings of styles, then the names of configurations, in columns."""
    from matplotlib.lines import Line2D

    column = 0.8 + 0.075 * max(map(len, names), default=0)  # approximate inches of the longest name
    rows = max(len(meanings), math.ceil(len(names) / max(1, int(5.4 / column)))) if names else 1
    looks = [{"label": words, "color": MUTED, **look} for words, look in meanings.items()]
    looks += [{"label": " ", "linestyle": ""}] * (-len(looks) % rows)  # matplotlib fills column by column
    looks += [{"label": name, **look} for name, look in names.items()]
    style = {"linewidth": 1.6, "markersize": 6, "solid_capstyle": "butt"}
    handles, columns = [Line2D([], [], **{**style, **look}) for look in looks], math.ceil(len(looks) / rows)
    legend = {"frameon": False, "fontsize": 9, "labelcolor": INK, "columnspacing": 3.0, "handlelength": 2.6}
    figure.legend(handles=handles, ncols=columns, loc="outside lower left", **legend)


def colour_bar(figure: Any, image: Any, axes: Any, words: str, **options: Any) -> None:
    """Draw the colour bar of an image."""
    bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=22, **options)
    bar.set_label(words, color=INK, fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.tick_params(color=MUTED, labelcolor=INK, labelsize=8)
