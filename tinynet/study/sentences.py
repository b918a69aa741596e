"""Sentences that follow from the numbers of a study."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tinynet.study.summary import best_configuration, best_row
from tinynet.study.tables import LEVEL, Summary, held_out, p_value, points, title, verdict

NAMES = {
    "fashion_mnist": "Fashion-MNIST",
    "mnist": "MNIST",
    "kmnist": "KMNIST",
    "synthetic_fashion": "Synthetic fashion",
}
TITLES = {
    "given": "One learning rate for all",
    "best": "The best learning rate for each",
    "long": "Five times as many epochs",
}


def data_name(summary: Summary) -> str:
    """The name of the data set."""
    return NAMES.get(summary["dataset"], str(summary["dataset"]))


def part_title(summary: Summary, part: str) -> str:
    """The heading of a table."""
    return "Each at its own learning rate" if part == "best" and not summary["grids"] else TITLES[part]


def seed_count(count: int) -> str:
    """The number of seeds in words."""
    return "one seed" if count == 1 else f"{count} seeds"


def synthetic_note(summary: Summary) -> str:
    """The warning that the data are not real, "" where they are."""
    return "synthetic data, not Fashion-MNIST" if summary["synthetic"] else ""


def comparison_sentence(summary: Summary, comparison: Mapping[str, Any]) -> str:
    """One comparison in words."""
    name, baseline = title(summary, comparison["arm"]), title(summary, comparison["against"])
    seeds, size = seed_count(comparison["seeds"]), f"{100 * abs(comparison['difference']):.2f} points"
    if comparison["p_holm"] is None:
        return f"{name}: {points(comparison['difference'])} points against {baseline}, not tested at {seeds}."
    p = p_value(comparison["p_holm"])
    p = f"adjusted p {p}" if p.startswith("<") else f"adjusted p = {p}"
    p = p.replace(" ", "\N{NO-BREAK SPACE}")
    if comparison["p_holm"] >= LEVEL:
        between = f"{points(comparison['low'])} to {points(comparison['high'])} points"
        return f"{name}: no significant difference from {baseline} at {seeds} ({between}, {p})."
    return f"{name}: {size} {verdict(comparison)} than {baseline} ({p})."


def comparison_sentences(summary: Summary, part: str) -> list[str]:
    """Every comparison of a table in words."""
    return [comparison_sentence(summary, each) for each in summary.get(part, {}).get("comparisons", [])]


def answer(summary: Summary) -> str:
    """The result in a few sentences: the significant differences in the first two tables, and the highest accuracy."""
    best = best_configuration(summary)
    if best is None:
        return "Every run diverged."
    sentences = [_differences(summary, part) for part in ("given", "best") if summary.get(part, {}).get("comparisons")]
    row = best_row(summary[best[0]])
    return " ".join([*sentences, f"Highest {held_out(summary)} accuracy: {row['title']}, {row['test_accuracy']:.1%}."])


def _differences(summary: Summary, part: str) -> str:
    """The comparisons of one table in one sentence."""
    seen: list[str] = []
    unseen: list[str] = []
    untested: list[str] = []
    for each in summary[part]["comparisons"]:
        name, result = title(summary, each["arm"]), verdict(each)
        if result in ("better", "worse"):
            size = f"{100 * abs(each['difference']):.1f} points {result}"
            seen.append(f"{name} is {size} than {title(summary, each['against'])}")
        else:
            (untested if result == "not tested" else unseen).append(name)
    seeds = seed_count(max(each["seeds"] for each in summary[part]["comparisons"]))
    if unseen:
        seen.append(f"no significant difference at {seeds} for {', '.join(unseen)}")
    if untested:
        seen.append(f"no test at {seeds} for {', '.join(untested)}")
    return f"{part_title(summary, part)}: {'; '.join(seen)}."


def edge_note(summary: Summary) -> list[str]:
    """The configurations whose best learning rate is the first or last of their grid."""
    at_edge = [
        title(summary, name) for name, grid in summary["grids"].items()
        if summary["chosen"].get(name) in (grid[0][0], grid[-1][0])
    ]  # fmt: skip
    if not at_edge:
        return []
    return [f"At the edge of the grid, so a better learning rate may lie outside it: {', '.join(at_edge)}."]


def gap_sentences(summary: Summary, part: str) -> list[str]:
    """The generalization gap of each configuration after the last epoch, if it was measured."""
    curves = summary.get(part, {}).get("curves", {})
    gaps = [
        f"{title(summary, name)} {points(curve['train_accuracy'][-1] - curve['test_accuracy'][-1], 1)}"
        for name, curve in curves.items()
    ]
    if not gaps:
        return []
    epochs = next(iter(curves.values()))["epoch"][-1]
    what = f"Generalization gap (train minus {held_out(summary)} accuracy) after {epochs} epochs, in points"
    return [f"{what}: {', '.join(gaps)}."]


def baselines(summary: Summary, part: str) -> list[str]:
    """The configurations with a curve that others are compared with, at most two."""
    used = {each["against"] for each in summary["arms"].values()}
    return [name for name in summary.get(part, {}).get("curves", {}) if name in used][:2]


def gradient_sentences(summary: Summary) -> list[str]:
    """The slope of the activations of the baselines, and the gradient norms of their first and last layers."""
    sentences = []
    for name in baselines(summary, "given"):
        curve = summary["given"]["curves"][name]
        slope, gradient = curve["slope"][-1], curve["gradient"]
        if slope and gradient[0]:
            slopes = " and ".join(f"{value:.2f}" for value in slope)
            sentences.append(
                f"{title(summary, name)}: the mean slope of its activations after training is {slopes}. The gradient "
                f"norm is {gradient[0][0]:.2f} in the first layer and {gradient[0][-1]:.2f} in the last before "
                f"training, {gradient[-1][0]:.2f} and {gradient[-1][-1]:.2f} after it."
            )
    return sentences


def class_sentences(summary: Summary, part: str) -> list[str]:
    """The classes with the largest and the smallest change of recall in each comparison."""
    sentences = []
    for each in summary.get(part, {}).get("comparisons", []):
        ours, theirs = (summary[part]["recall"][each[side]] for side in ("arm", "against"))
        classes = zip(summary["classes"], ours, theirs)
        change = {name: a - b for name, a, b in classes if a is not None and b is not None}
        if change:
            most, least = max(change, key=change.__getitem__), min(change, key=change.__getitem__)
            pair = f"{most} {points(change[most], 1)}, {least} {points(change[least], 1)}"
            sentences.append(f"{title(summary, each['arm'])} against {title(summary, each['against'])}: {pair}.")
    return sentences


def setting(summary: Summary, part: str) -> str:
    """How a table was measured, in a line."""
    settings, examples = summary["settings"], summary["examples"]
    sizes = f"{examples['train']:,} training and {examples['test']:,} {held_out(summary)} images"
    if descriptions(summary):
        spread = ": mean ± one standard deviation" if settings["seeds"] > 1 else ""
        return f"{data_name(summary)}, {sizes}; {seed_count(settings['seeds'])}{spread}"
    hidden = settings.get("hidden")
    network = f"hidden layers {'-'.join(map(str, hidden))}, Glorot uniform weights, " if hidden else ""
    epochs = settings["long_epochs"] if part == "long" else settings["epochs"]
    seeds = settings["long_seeds"] if part == "long" else settings["seeds"]
    spread = "one seed" if seeds == 1 else f"mean of {seeds} seeds ± one standard deviation"
    rate = "learning rates chosen on a tenth of the training set"
    if part == "given":
        rate = f"plain SGD at learning rate {settings['lr']:g}" if hidden else f"learning rate {settings['lr']:g}"
    elif not summary["grids"]:
        rate = "each at its own learning rate"
    return (
        f"{data_name(summary)}, {sizes}; {network}batch {settings['batch_size']:,}, {epochs} epochs, {rate}; {spread}"
    )


def descriptions(summary: Summary) -> list[str]:
    """How each configuration is trained, if it has a description."""
    arms = summary["arms"].items()
    return [f"{name}: {about['description']}" for name, about in arms if about.get("description")]


def noise_note(summary: Summary) -> list[str]:
    """For a single seed: how uncertain an accuracy like the best one is."""
    best = best_configuration(summary)
    if best is None or summary["settings"]["seeds"] > 1:
        return []
    accuracy = best_row(summary[best[0]])["test_accuracy"]
    error = 100 * math.sqrt(accuracy * (1 - accuracy) / summary["examples"]["test"])
    return [f"An accuracy of {accuracy:.0%} has a standard error of {error:.2f} points; more seeds reduce it."]


def machine(summary: Summary) -> str:
    """The machine and the versions in a line."""
    manifest = summary["manifest"]
    blas = manifest["blas"]
    threads = f"{blas['threads']} threads" if summary.get("threads", 1) is None else "one thread for each run"
    return (
        f"Measured on {manifest['gpu'] or manifest['cpu']} ({manifest['device']}), {blas['library']} kernel "
        f"{blas['kernel']}, {threads}, NumPy {manifest['numpy']}, Python {manifest['python']}, tinynet "
        f"{manifest['tinynet']}, {manifest['date']}."
    )
