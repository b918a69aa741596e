"""The study's pictures: small SVG panels that stand in the page and take its colours, and PNG for everybody else."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.plots.style import FILE, GRID, INK, LOOKS, MUTED, OPEN, finish
from tinynet.study.runs import SHOWN, unpacked
from tinynet.study.tables import best_row
from tinynet.study.words import TITLES

Study = Mapping[str, Any]
Draw = Callable[[Any], None]
# What the page's own colours stand for, in both of its modes; black lines become the colour of its text.
PAGE_COLOURS = {
    INK: "var(--ink)",
    "#000000": "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--line)",
    "#ffffff": "var(--card)",
}
SIGNS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "v": "▼", "P": "✚"}


def looks(study: Study) -> dict[str, dict[str, str]]:
    """Each arm has one colour and marker in all pictures."""
    return dict(zip(study["arms"], LOOKS))


def svg(draw: Draw, words: str, height: float = 3.1) -> str:
    """One panel, 4.4 inches wide so that it can be read on a phone, as an element of the page; `words` describe it."""
    import matplotlib
    from matplotlib.figure import Figure

    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": words, "font.family": "sans-serif"}):
        figure: Any = Figure((4.4, height), layout="constrained")
        draw(figure.subplots())
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    prefix = f"p{abs(hash_of(words))}-"
    text = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{prefix}", text)
    for colour, name in PAGE_COLOURS.items():
        text = re.sub(f"{colour}(?![0-9a-f])", name, text, flags=re.IGNORECASE)
    said = words.replace("&", "&amp;").replace('"', "'").replace("<", "&lt;")
    return re.sub(
        r'<svg .*?viewBox="(.*?)".*?>',
        rf'<svg viewBox="\1" role="img" aria-label="{said}">',
        text,
        count=1,
        flags=re.DOTALL,
    )


def hash_of(words: str) -> int:
    """A number for some words, the same in every process."""
    return int.from_bytes(words.encode()[-7:], "little") ^ len(words)


def png(draws: Sequence[Draw], path: Path, height: float, titles: Sequence[str] = ()) -> None:
    """Panels side by side."""
    from matplotlib.figure import Figure

    figure: Any = Figure((4.4 * len(draws), height), dpi=FILE["dpi"], layout="constrained")
    for axes, draw, title in zip(
        figure.subplots(1, len(draws), squeeze=False)[0], draws, [*titles, *[""] * len(draws)]
    ):
        draw(axes)
        axes.set_title(title, loc="left", fontsize=11, color=INK, weight="bold")
    figure.savefig(path, **FILE)


# What is drawn ------------------------------------------------------------------------------------------------------


def dots(study: Study, part: str) -> Draw:
    """Test accuracy of each arm: its mean with the 95% interval, and each seed as a small ring."""

    def draw(axes: Any) -> None:
        rows = [row for row in study[part]["rows"] if row["seeds"]]
        for place, row in enumerate(rows):
            look = looks(study)[row["arm"]]
            values, centre = 100 * np.array(row["accuracies"]), 100 * row["test_accuracy"]
            axes.plot(
                values,
                [place] * len(values),
                linestyle="",
                alpha=0.45,
                markersize=4,
                markerfacecolor="none",
                marker="o",
                color=look["color"],
            )
            bars = None if row["low"] is None else [[centre - 100 * row["low"]], [100 * row["high"] - centre]]
            axes.errorbar(centre, place, xerr=bars, markersize=7, capsize=3, elinewidth=1.6, **look)
            axes.annotate(
                f"{centre:.1f}", (centre, place), (0, 7), textcoords="offset points", ha="center", color=INK, fontsize=9
            )
        finish(axes, "test accuracy (%)\naxis does not start at 0", "", grid="x")
        axes.set_yticks(range(len(rows)), [row["title"] for row in rows])
        axes.set(ylim=(len(rows) - 0.5, -0.7), xmargin=0.1)
        axes.tick_params(axis="y", length=0)

    return draw


def over_epochs(study: Study, part: str, name: str, label: str, factor: float = 1) -> Draw:
    """A measure over the epochs, a line for each arm; `gap` is training less test accuracy."""

    def draw(axes: Any) -> None:
        curves = study[part]["curves"]
        for arm, curve in curves.items():
            first = 0 if name == "gap" else 1  # chance, before training, would need half the room
            if name == "gap":
                values = np.subtract(curve["train_accuracy"], curve["test_accuracy"])
            else:
                values = np.array(curve[name])
            epochs = curve["epoch"][first:]
            axes.plot(
                epochs,
                factor * values[first:],
                linewidth=1.6,
                markersize=4,
                markevery=max(1, len(epochs) // 8),
                **looks(study)[arm],
            )
        finish(axes, "epoch", label, grid="both")
        axes.locator_params(axis="x", integer=True, nbins=6)

    return draw


def layers_over_epochs(study: Study, arm: str, name: str, label: str, factor: float = 1, log: bool = False) -> Draw:
    """A measure of one arm over the epochs, a line for each layer, the first the darkest."""

    def draw(axes: Any) -> None:
        curve = study["given"]["curves"][arm]
        values = factor * np.array(curve[name])  # (looks, layers)
        look = looks(study)[arm]
        for layer, style in zip(range(values.shape[1]), ("-", "--", ":")):
            axes.plot(
                curve["epoch"],
                values[:, layer],
                linewidth=1.8,
                color=look["color"],
                linestyle=style,
                label=f"layer {layer + 1}",
            )
        if log:
            axes.set_yscale("log")
            seen = [number for each in study["given"]["curves"].values() for row in each[name] for number in row]
            positive = [number for number in seen if number > 0]
            axes.set_ylim(0.8 * min(positive), 1.25 * max(positive))  # of all arms, so that they can be compared
        else:
            axes.set_ylim(0, max(1.15 * values.max(), 0.01 * factor))
        finish(axes, "epoch", label, grid="both")
        axes.tick_params(which="minor", color=MUTED, labelcolor=INK, labelsize=8)
        axes.legend(frameon=False, fontsize=9, labelcolor=INK)
        axes.locator_params(axis="x", integer=True, nbins=6)

    return draw


def rates(study: Study) -> Draw:
    """Validation accuracy over the rate: where each arm is best (filled, large), and where it dies (a cross below)."""

    def draw(axes: Any) -> None:
        best = max(accuracy for grid in study["grids"].values() for _, accuracy in grid if accuracy is not None)
        foot = 100 * best - 20
        for name, grid in study["grids"].items():
            look, colour = looks(study)[name], looks(study)[name]["color"]
            alive = [
                (rate, 100 * accuracy) for rate, accuracy in grid if accuracy is not None and 100 * accuracy > foot
            ]
            axes.plot(*zip(*alive) if alive else ([], []), linewidth=1.4, markersize=4, **OPEN, **look)
            axes.plot(
                [rate for rate, _ in alive if rate == study["chosen"][name]],
                [value for rate, value in alive if rate == study["chosen"][name]],
                markersize=8,
                linestyle="",
                **look,
            )
            dead = [rate for rate, _ in grid if rate not in dict(alive)]
            axes.plot(dead, [foot] * len(dead), linestyle="", marker="x", color=colour)
        axes.set_xscale("log")
        finish(axes, "learning rate", f"validation accuracy (%); x: below {foot:.0f}", grid="both")
        axes.tick_params(which="minor", color=MUTED, labelcolor=INK, labelsize=8)

    return draw


def first_layer(run: Mapping[str, Any], image_shape: Sequence[int]) -> bytes:
    """The largest first-layer units of a run as one small PNG, blue below 0 and red above."""
    from matplotlib import colormaps
    from matplotlib.image import imsave

    height, width = image_shape[:2]
    units = unpacked(run["first_layer"]).reshape(-1, height, width, *image_shape[2:])
    units = units.mean(axis=-1) if units.ndim == 4 else units
    rows = -(-len(units) // 5)
    sheet = np.full((rows * (height + 1), 5 * (width + 1)), 127.5)
    for number, unit in enumerate(units[:SHOWN]):
        top, left = number // 5 * (height + 1), number % 5 * (width + 1)
        sheet[top : top + height, left : left + width] = unit
    buffer = io.BytesIO()
    imsave(buffer, np.kron(colormaps["RdBu_r"](sheet / 255)[..., :3], np.ones((2, 2, 1))), format="png")
    return buffer.getvalue()


def draw_opening(study: Study, path: Path) -> None:
    """The picture that opens README and report, both tables side by side."""
    parts = [part for part in ("given", "best", "long") if part in study][:2]
    rows = max(len(study[part]["rows"]) for part in parts)
    png(
        [dots(study, part) for part in parts],
        path,
        1.2 + 0.36 * rows,
        [TITLES[part].partition(":")[0] for part in parts],
    )


def draw_why(study: Study, path: Path) -> None:
    """Why sigmoid is slow: the gradient of each layer's weights, sigmoid and ReLU."""
    arms = [arm for arm in ("sigmoid", "relu") if arm in study.get("given", {}).get("curves", {})]
    if arms:
        panels = [layers_over_epochs(study, arm, "gradient", "length of the gradient", log=True) for arm in arms]
        png(panels, path, 3.2, [study["arms"][arm]["title"] for arm in arms])


def best_arm(study: Study) -> tuple[str, str]:
    """(part, arm) of the highest mean test accuracy, of the tuned table where there is one."""
    parts = [
        part for part in ("best", "given", "long") if any(row["seeds"] for row in study.get(part, {}).get("rows", []))
    ]
    part = parts[0]
    return part, str(best_row(study[part])["arm"])
