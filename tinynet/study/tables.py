"""The tables of a study: header and cells as text, Markdown, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LEVEL = 0.05  # of significance
Summary = Mapping[str, Any]
Table = tuple[list[str], list[list[str]]]  # header, rows


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, readable in a terminal as well."""
    lines = [list(header), ["---", *["---:"] * (len(header) - 1)], *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def spreadsheet(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """CSV with these columns; other entries of the rows are left out."""
    file = io.StringIO()
    writer = csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def flat(run: Mapping[str, Any], held_out: str = "test") -> dict[str, Any]:
    """A run as a row of a spreadsheet: test_accuracy instead of {"test": {"accuracy": ...}}."""
    row = {**run, **run["settings"]}
    for split, name in (("train", "train"), ("test", held_out), ("validation", "validation")):
        row |= {f"{name}_{measure}": value for measure, value in run.get(split, {}).items()}
    return row


# Cells --------------------------------------------------------------------------------------------------------------


def points(fraction: float, digits: int = 2) -> str:
    """A difference of accuracies, in points."""
    return f"{100 * fraction:+.{digits}f}".replace("-", "−")


def p_value(p: float | None) -> str:
    """A p-value as it is reported."""
    if p is None:
        return "–"
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def mean_accuracy(row: Mapping[str, Any]) -> str:
    """Mean and standard deviation."""
    if not row["seeds"]:
        return "diverged"
    spread = f" ± {100 * row['deviation']:.2f}" if row["deviation"] is not None else ""
    diverged = f" ({row['diverged']} diverged)" if row["diverged"] else ""
    return f"{row['test_accuracy']:.2%}{spread}{diverged}"


def interval(row: Mapping[str, Any]) -> str:
    """The 95% confidence interval."""
    return "–" if row.get("low") is None else f"{100 * row['low']:.2f} to {100 * row['high']:.2f}"


def title(summary: Summary, name: str) -> str:
    """The title of a configuration."""
    return str(summary["arms"][name]["title"])


def verdict(comparison: Mapping[str, Any]) -> str:
    """better, worse or not significant, by the adjusted test."""
    if comparison["p_holm"] is None:
        return "not tested"
    if comparison["p_holm"] >= LEVEL:
        return "not significant"
    return "better" if comparison["difference"] > 0 else "worse"


# Tables -------------------------------------------------------------------------------------------------------------


def held_out(summary: Summary) -> str:
    """The name of the set that is measured at the end: "test", or "validation"."""
    return str(summary.get("held_out", "test"))


def accuracy_table(summary: Summary, part: str) -> Table:
    """Loss and accuracy of each configuration, and its speed if each run had the whole machine."""
    split = held_out(summary)
    header = ["configuration", "learning rate", f"{split} accuracy", "95% interval"]
    header += ["train accuracy", f"{split} loss", "train loss"]
    timed = summary.get("threads", 1) is None
    header += ["seconds", "samples/s"] if timed else []
    cells = []
    for row in summary[part]["rows"]:
        line = [row["title"], f"{row['rate']:g}", mean_accuracy(row), interval(row)]
        if row["seeds"]:
            line += [f"{row['train_accuracy']:.2%}", f"{row['test_loss']:.4f}", f"{row['train_loss']:.4f}"]
            line += [f"{row['seconds']:.1f}", f"{row['samples_per_second']:,.0f}"] if timed else []
        cells.append(line + [""] * (len(header) - len(line)))
    return header, cells


def comparison_table(summary: Summary, part: str) -> Table:
    """Each configuration against its baseline."""
    header = [
        "comparison",
        "result",
        "difference",
        "95% interval",
        "adjusted p",
        "McNemar, seed 0",
        "seeds with p < 0.05",
    ]
    cells = []
    for each in summary[part]["comparisons"]:
        test = each["mcnemar"]
        between = "–" if each["low"] is None else f"{points(each['low'])} to {points(each['high'])}"
        cells.append([
            f"{title(summary, each['arm'])} against {title(summary, each['against'])}", verdict(each),
            points(each["difference"]), between,
            p_value(each["p_holm"]), f"{test['first']}:{test['second']}, p {p_value(test['p'])}",
            f"{each['mcnemar_seeds']} of {each['seeds']}",
        ])  # fmt: skip
    return header, cells


def short_table(summary: Summary, part: str) -> Table:
    """Accuracy and the one comparison of each configuration."""
    comparisons = {each["arm"]: each for each in summary[part]["comparisons"]}
    cells = []
    for row in summary[part]["rows"]:
        each = comparisons.get(row["arm"])
        result = f"{verdict(each)} ({points(each['difference'])})" if each else ""
        baseline = title(summary, each["against"]) if each else ""
        cells.append([row["title"], f"{row['rate']:g}", mean_accuracy(row), baseline, result])
    return ["configuration", "learning rate", f"{held_out(summary)} accuracy", "compared with", "result, points"], cells


def grid_table(summary: Summary) -> Table:
    """Validation accuracy at every learning rate of the grids, the chosen one in bold."""
    rates = sorted({rate for grid in summary["grids"].values() for rate, _ in grid})
    cells = []
    for name, grid in summary["grids"].items():
        line = [title(summary, name)]
        for rate in rates:
            found = [accuracy for tried, accuracy in grid if tried == rate]
            text = "" if not found else "diverged" if found[0] is None else f"{100 * found[0]:.1f}"
            line.append(f"**{text}**" if summary["chosen"].get(name) == rate else text)
        cells.append(line)
    return ["validation accuracy, %", *[f"{rate:g}" for rate in rates]], cells
