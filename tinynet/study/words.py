"""Sentences and tables that follow from the numbers of a study, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tinynet.study.tables import best_row

LEVEL = 0.05
Study = Mapping[str, Any]
NAMES = {
    "fashion_mnist": "Fashion-MNIST",
    "mnist": "MNIST",
    "kmnist": "KMNIST",
    "synthetic_fashion": "Synthetic fashion",
}
TITLES = {
    "given": "As given: one learning rate for all",
    "best": "At its best: each with its own learning rate",
    "long": "Five times as long",
}


def points(share: float, digits: int = 2) -> str:
    """A difference of accuracies, in points."""
    return f"{100 * share:+.{digits}f}".replace("-", "−")


def p_value(p: float | None) -> str:
    """p as it is reported."""
    if p is None:
        return "–"
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def accuracy_of(row: Mapping[str, Any]) -> str:
    """Mean and standard deviation."""
    if not row["seeds"]:
        return "diverged"
    spread = f" ± {100 * row['deviation']:.2f}" if row["deviation"] is not None else ""
    return f"{row['test_accuracy']:.2%}{spread}"


def interval_of(row: Mapping[str, Any]) -> str:
    """The 95% interval."""
    return "–" if row.get("low") is None else f"{100 * row['low']:.2f} to {100 * row['high']:.2f}"


def name_of(study: Study) -> str:
    """What the data set is called."""
    return NAMES.get(study["dataset"], str(study["dataset"]))


def seeds_of(count: int) -> str:
    """So many seeds."""
    return "one seed" if count == 1 else f"{count} seeds"


# Tables -------------------------------------------------------------------------------------------------------------


def rows_of(part: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and cells of an accuracy table."""
    header = ["arm", "rate", "test accuracy", "95% interval", "train accuracy", "test loss", "train loss"]
    cells = []
    for row in part["rows"]:
        line = [row["title"], f"{row['rate']:g}", accuracy_of(row), interval_of(row)]
        line += (
            [f"{row['train_accuracy']:.2%}", f"{row['test_loss']:.4f}", f"{row['train_loss']:.4f}"]
            if row["seeds"]
            else [""] * 3
        )
        cells.append(line)
    return header, cells


def comparisons_of(study: Study, part: str) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the comparisons."""
    header = ["change", "seen", "difference", "95% interval", "p, Holm", "McNemar, seed 0", "p < 0.05"]
    cells = []
    for each in study[part]["comparisons"]:
        test = each["mcnemar"]
        between = "–" if each["low"] is None else f"{points(each['low'])} to {points(each['high'])}"
        cells.append([
            f"{title(study, each['arm'])} against {title(study, each['against'])}", verdict(each),
            points(each["difference"]), between,
            p_value(each["p_holm"]), f"{test['first']}:{test['second']}, p {p_value(test['p'])}",
            f"{each['mcnemar_seeds']} of {each['seeds']}",
        ])  # fmt: skip
    return header, cells


def grid_rows(study: Study) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the grid: every rate that any arm tried, the chosen one in bold."""
    rates = sorted({rate for grid in study["grids"].values() for rate, _ in grid})
    cells = []
    for name, grid in study["grids"].items():
        line = [title(study, name)]
        for rate in rates:
            found = [accuracy for tried, accuracy in grid if tried == rate]
            word = "" if not found else "diverged" if found[0] is None else f"{100 * found[0]:.1f}"
            line.append(f"**{word}**" if study["chosen"].get(name) == rate else word)
        cells.append(line)
    return ["validation accuracy, %", *[f"{rate:g}" for rate in rates]], cells


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, readable in a terminal as well."""
    lines = [list(header), ["---", *["---:"] * (len(header) - 1)], *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


# Sentences ----------------------------------------------------------------------------------------------------------


def title(study: Study, name: str) -> str:
    """What an arm is called."""
    return str(study["arms"][name]["title"])


def verdict(comparison: Mapping[str, Any]) -> str:
    """better, worse, or no difference: only what the adjusted test allows."""
    if comparison["p_holm"] is None:
        return "not tested"
    if comparison["p_holm"] >= LEVEL:
        return "no difference"
    return "better" if comparison["difference"] > 0 else "worse"


def sentence(study: Study, comparison: Mapping[str, Any]) -> str:
    """One comparison in words."""
    arm, against = title(study, comparison["arm"]), title(study, comparison["against"])
    seeds, size = seeds_of(comparison["seeds"]), f"{100 * abs(comparison['difference']):.2f} points"
    if comparison["p_holm"] is None:
        return f"{arm}: {points(comparison['difference'])} points from {against}, at {seeds} and so untested."
    p = p_value(comparison["p_holm"])
    p = f"p {p}" if p.startswith("<") else f"p = {p}"
    p = p.replace(" ", "\N{NO-BREAK SPACE}")
    if comparison["p_holm"] >= LEVEL:
        between = f"{points(comparison['low'])} to {points(comparison['high'])}"
        return f"{arm}: no difference from {against} seen at {seeds} ({between} points, {p})."
    return f"{arm}: {size} {verdict(comparison)} than {against} ({p})."


def sentences(study: Study, part: str) -> list[str]:
    """Every comparison of a table in words."""
    return [sentence(study, comparison) for comparison in study.get(part, {}).get("comparisons", [])]


def answer(study: Study) -> str:
    """The study in a few words: ReLU and sigmoid, dropout, and the highest of all."""
    tables = {
        part: {each["arm"]: each for each in study.get(part, {}).get("comparisons", [])} for part in ("given", "best")
    }
    said = []
    relu = {
        part: _so_much(each["relu"])
        for part, each in tables.items()
        if "relu" in each and each["relu"]["against"] == "sigmoid"
    }
    if relu:
        where = {"given": "at one learning rate", "best": "where each has its own"}
        said.append(
            "Against sigmoid, ReLU is " + ", and ".join(f"{words} {where[part]}" for part, words in relu.items())
        )
    dropout = [each for each in (tables["best"] or tables["given"]).values() if each["arm"].startswith("relu-dropout")]
    if dropout:
        kinds = sorted({verdict(each) for each in dropout})
        if kinds == ["no difference"]:
            said.append(
                f"Dropout makes no difference that {seeds_of(dropout[0]['seeds'])} can show in "
                f"{study['settings']['epochs']} epochs"
            )
        else:
            said.append("; ".join(f"{title(study, each['arm'])}: {_so_much(each)}" for each in dropout))
    ended = [
        part for part in ("best", "given", "long") if any(row["seeds"] for row in study.get(part, {}).get("rows", []))
    ]
    if not ended:
        return "No arm came to an end."
    best = best_row(study[ended[0]])
    return ". ".join([*said, f"Highest of all: {best['title']}, {best['test_accuracy']:.1%}"]) + "."


def _so_much(comparison: Mapping[str, Any]) -> str:
    """A comparison as short as can be."""
    seen = verdict(comparison)
    if seen == "not tested":
        return f"{points(comparison['difference'], 1)} points away in {seeds_of(comparison['seeds'])}"
    if seen == "no difference":
        return "not seen to differ"
    return f"{100 * abs(comparison['difference']):.1f} points {seen}"


def edge_note(study: Study) -> list[str]:
    """Arms whose best rate is the first or last of their grid: a better one may lie beyond."""
    at_edge = [
        title(study, name) for name, rate in study["chosen"].items()
        if rate in (study["grids"][name][0][0], study["grids"][name][-1][0])
    ]  # fmt: skip
    if not at_edge:
        return []
    return [f"At the edge of the grid, where a better rate may lie beyond: {', '.join(at_edge)}."]


def gap_sentences(study: Study, part: str) -> list[str]:
    """Training accuracy less test accuracy at the end, both in inference mode, for each arm with a curve."""
    said = []
    for name, curve in study.get(part, {}).get("curves", {}).items():
        gap = curve["train_accuracy"][-1] - curve["test_accuracy"][-1]
        said.append(f"{title(study, name)} {points(gap, 1)}")
    if not said:
        return []
    return [f"Training less test accuracy after {curve['epoch'][-1]} epochs, in points: {', '.join(said)}."]


def slope_sentences(study: Study) -> list[str]:
    """Why a sigmoid is slow: what its layers pass on, and the gradient that reaches the first weights."""
    curves = study.get("given", {}).get("curves", {})
    said = []
    for name in ("sigmoid", "relu"):
        if name in curves:
            slope, gradient = curves[name]["slope"][-1], curves[name]["gradient"]
            passed = " and ".join(f"{value:.2f}" for value in slope)
            said.append(
                f"{title(study, name)}: at the end its layers pass on {passed} of a gradient on average. Before the "
                f"first epoch the gradient of the first weights was {gradient[0][0]:.2f} long, that of the last "
                f"{gradient[0][-1]:.2f}; at the end {gradient[-1][0]:.2f} and {gradient[-1][-1]:.2f}."
            )
    return said


def class_sentences(study: Study, part: str) -> list[str]:
    """Which class each change helps and hurts most."""
    said = []
    for each in study.get(part, {}).get("comparisons", []):
        ours, theirs = (study[part]["recall"][each[side]] for side in ("arm", "against"))
        change = {name: a - b for name, a, b in zip(study["classes"], ours, theirs) if a is not None and b is not None}
        if change:
            most, least = max(change, key=change.__getitem__), min(change, key=change.__getitem__)
            pair = f"{most} {points(change[most], 1)}, {least} {points(change[least], 1)}"
            said.append(f"{title(study, each['arm'])} against {title(study, each['against'])}: {pair}.")
    return said


def setting(study: Study, part: str) -> str:
    """How a table was made, in a line."""
    settings, examples = study["settings"], study["examples"]
    widths = "-".join(map(str, settings["hidden"]))
    net = f"hidden layers {widths}, Glorot uniform weights, batch {settings['batch_size']:,}"
    epochs = settings["long_epochs"] if part == "long" else settings["epochs"]
    seeds = settings["long_seeds"] if part == "long" else settings["seeds"]
    rate = f"plain SGD at rate {settings['lr']:g}" if part == "given" else "rates chosen on a tenth of the training set"
    sizes = f"{examples['train']:,} training and {examples['test']:,} test images"
    return (
        f"{name_of(study)}, {sizes}; {net}, {epochs} epochs, {rate}; mean of {seeds_of(seeds)} ± one standard deviation"
    )


def terminal(study: Study) -> str:
    """What is printed at the end."""
    parts = []
    for part, words in TITLES.items():
        if part in study:
            parts += [
                words,
                markdown(*rows_of(study[part])),
                "\n".join(f"- {each}" for each in sentences(study, part)) + "\n",
            ]
    if study["grids"]:
        parts += [markdown(*grid_rows(study)), *edge_note(study), ""]
    return "\n\n".join([*parts, answer(study)]) + "\n"


def page(study: Study) -> str:
    """results.md."""
    note = " (synthetic data, not Fashion-MNIST)" if study["synthetic"] else ""
    parts = [f"# {name_of(study)}: {', '.join(study['arms'])}{note}", answer(study)]
    for part, words in TITLES.items():
        if part in study:
            parts += [f"## {words}", setting(study, part) + ".", markdown(*rows_of(study[part]))]
            parts += [markdown(*comparisons_of(study, part))] if study[part]["comparisons"] else []
            parts += ["\n".join(f"- {each}" for each in [*sentences(study, part), *gap_sentences(study, part)])]
    if study["grids"]:
        parts += ["## The grid", markdown(*grid_rows(study)), *edge_note(study)]
    return "\n\n".join([*parts, "## Made by", manifest_line(study), f"    {study['manifest']['command']}"]) + "\n"


def manifest_line(study: Study) -> str:
    """The machine in a line."""
    manifest = study["manifest"]
    blas = manifest["blas"]
    return (
        f"Measured on {manifest['gpu'] or manifest['cpu']} ({manifest['device']}), {blas['library']} kernel "
        f"{blas['kernel']}, one thread a run, NumPy {manifest['numpy']}, Python {manifest['python']}, tinynet "
        f"{manifest['tinynet']}, {manifest['date']}."
    )
