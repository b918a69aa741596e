"""What the examples beyond the study share: running arms over seeds, the table, and the files it all ends in."""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet import metrics, plots
from tinynet.backend import environment
from tinynet.backend.arrays import Device, to_numpy
from tinynet.backend.files import write_atomically
from tinynet.study.opening import spreadsheet
from tinynet.training.callbacks import Callback
from tinynet.training.checkpoints import Checkpoints

Predict = Callable[[tn.Sequential, tn.data.Dataset], np.ndarray]  # class probabilities (N, classes)
SYNTHETIC_NOTE = "synthetic data, not Fashion-MNIST"


@dataclass
class ArmSummary:
    """An arm over its seeds: means, and the standard deviation of the test accuracy (NaN for one seed)."""

    arm: str
    seeds: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    test_accuracy_deviation: float
    seconds: float
    samples_per_second: float


class EpochPrinter(Callback):
    """One line an epoch."""

    def __init__(self, title: str, epochs: int) -> None:
        self.title, self.epochs = title, epochs

    def epoch_ends(self, history: tn.History) -> None:
        row = history.last
        measured = f"batches {row['running_loss']:.4f} {row['running_accuracy']:7.2%}"
        speed = f"{row['samples_per_second']:9,.0f}/s"
        print(f"{self.title}  {row['epoch']:>3}/{self.epochs}  {measured}  {speed}", flush=True)


class Experiment:
    """Runs, one after the other, on one data set and device; then what they amount to."""

    def __init__(
        self,
        device: Device,
        train: tn.data.Dataset,
        test: tn.data.Dataset,
        options: argparse.Namespace,
        protocol: str,
        held_out: str = "test",
    ) -> None:
        """`held_out` is what `test` is called: "validation", where it was taken from the training set."""
        self.device, self.options, self.protocol, self.held_out = device, options, protocol, held_out
        self.class_names, self.name, self.note = train.class_names, train.name, ""
        if train.is_synthetic:
            self.note = SYNTHETIC_NOTE
        self.provenance = {"train": dict(train.provenance), "test": dict(test.provenance)}
        self.test_on_host = test
        self.train, self.test = train.to(device), test.to(device)
        self.runs: list[dict[str, Any]] = []
        self.histories: dict[str, list[tn.History]] = {}
        self.predicted: dict[str, tuple[int, np.ndarray]] = {}  # of each arm: its first seed that ended, probabilities

    def heading(self) -> str:
        """What is about to happen."""
        options, blas = self.options, environment.blas()
        where = f"device {self.device.name} ({blas['library']}, kernel {blas['kernel']}, {blas['threads']} threads)"
        if self.device.name != "cpu":
            where = f"device {self.device!r}"
        chosen = f", chosen from --device {options.device}" if options.device == "auto" else ""
        data = f"data {self.name}: {len(self.train):,} training and {len(self.test):,} {self.held_out} images"
        plan = f"{self.protocol}\n{words_of(seeds_of(options))}"
        return "\n".join([where + chosen, data + (f" ({self.note})" if self.note else ""), plan, ""])

    def run(
        self,
        arm: str,
        model: tn.Sequential,
        optimizer: tn.Optimizer,
        seed: int,
        epochs: int,
        predict: Predict = tn.Sequential.predict,
        **settings: Any,
    ) -> None:
        """Train one arm with one seed, measure both sets by what `predict` makes of them, and keep what came of it.

        Further settings are `fit`'s. A run that diverges is kept as such.
        """
        title = f"{arm:<13} seed {seed}"
        record = self._asked(arm, seed, model, optimizer, {"epochs": epochs, **settings})
        settings.update(optimizer=optimizer, epochs=epochs, seed=seed, device=self.device, progress=False)
        settings.update(callbacks=[EpochPrinter(title, epochs)], **self._kept_as(f"{arm}-{seed}"))
        began = time.perf_counter()
        try:
            history = tn.fit(model, self.train, **settings)
        except tn.DivergenceError as error:
            print(f"{title}  {error}")
            history, record["diverged"] = error.history, str(error)
        else:
            self.histories.setdefault(arm, []).append(history)
            record.update(self._measured(arm, seed, model, predict), seconds=sum(history["seconds"]))
            record["samples_per_second"] = statistics.median(history["samples_per_second"])
            accuracies = f"train {record['train']['accuracy']:.2%}  {self.held_out} {record['test']['accuracy']:.2%}"
            print(f"{title}  after epoch {epochs}: {accuracies}", flush=True)
        self.runs.append({**record, "epochs": list(history), "wall_seconds": time.perf_counter() - began})

    def _asked(
        self, arm: str, seed: int, model: tn.Sequential, optimizer: tn.Optimizer, settings: dict[str, Any]
    ) -> dict[str, Any]:
        """What a run is asked to do; what comes of it is added later."""
        return {
            "arm": arm,
            "seed": seed,
            "model": repr(model),
            "optimizer": repr(optimizer),
            "learning_rate": optimizer.rate(0),
            "settings": {name: value if name == "epochs" else repr(value) for name, value in settings.items()},
            "device": self.device.name,
            "dataset": self.name,
            "synthetic": bool(self.note),
        }

    def _kept_as(self, name: str) -> dict[str, Any]:
        """What `fit` is told of the folder of a run, if the options ask for one."""
        options = self.options
        if not options.checkpoint:
            return {}
        return {"checkpoint": Checkpoints(options.checkpoint / name), "resume": options.resume}

    def _measured(self, arm: str, seed: int, model: tn.Sequential, predict: Predict) -> dict[str, dict[str, float]]:
        """Loss and accuracy on both sets; the probabilities of the test set are kept for the pictures."""
        train, test = predict(model, self.train), predict(model, self.test)
        self.predicted.setdefault(arm, (seed, test))
        return {"train": _loss_and_accuracy(self.train, train), "test": _loss_and_accuracy(self.test, test)}

    @property
    def diverged(self) -> list[dict[str, Any]]:
        """The runs that did not come to an end."""
        return [run for run in self.runs if "diverged" in run]

    def summaries(self) -> list[ArmSummary]:
        """A row an arm, over the seeds that came to an end."""
        return [_summarise(arm, [run for run in self.runs if run["arm"] == arm]) for arm in self.histories]

    def best_arm(self) -> str:
        """The arm with the highest mean test accuracy."""
        return max(self.summaries(), key=lambda row: row.test_accuracy).arm

    def table(self) -> str:
        """The result, as a Markdown table, which is readable in a terminal as well."""
        return markdown_table(self.summaries(), self.diverged, self.held_out)

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        settings = {key: str(value) if isinstance(value, Path) else value for key, value in vars(self.options).items()}
        return {
            "dataset": self.name,
            "synthetic": bool(self.note),
            "held_out": self.held_out,  # what "test" is, in the runs
            "settings": settings,
            "manifest": {**environment.describe(self.device), "data": self.provenance},
            "runs": self.runs,
        }


def seeds_of(options: argparse.Namespace) -> range:
    """The seeds that the options ask for."""
    return range(options.first_seed, options.first_seed + options.seeds)


def words_of(seeds: range) -> str:
    """Of at least one seed: "seed 0", or "seeds 0 to 2"."""
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"


def _loss_and_accuracy(data: tn.data.Dataset, probabilities: np.ndarray) -> dict[str, float]:
    """The mean of -log p of the true class, and the share of examples whose likeliest class is the true one."""
    labels = to_numpy(data.labels)
    true = np.maximum(probabilities[np.arange(len(labels)), labels], np.finfo(probabilities.dtype).tiny)
    loss = -float(np.log(true).mean(dtype=np.float64))
    return {"loss": loss, "accuracy": metrics.accuracy(labels, probabilities.argmax(axis=1))}


def _summarise(arm: str, runs: list[dict[str, Any]]) -> ArmSummary:
    ended = [run for run in runs if "diverged" not in run]
    accuracies = [run["test"]["accuracy"] for run in ended]
    return ArmSummary(
        arm=arm,
        seeds=len(ended),
        train_loss=statistics.fmean(run["train"]["loss"] for run in ended),
        train_accuracy=statistics.fmean(run["train"]["accuracy"] for run in ended),
        test_loss=statistics.fmean(run["test"]["loss"] for run in ended),
        test_accuracy=statistics.fmean(accuracies),
        test_accuracy_deviation=statistics.stdev(accuracies) if len(ended) > 1 else math.nan,
        seconds=statistics.fmean(run["seconds"] for run in ended),
        samples_per_second=statistics.median(run["samples_per_second"] for run in ended),
    )


def markdown_table(summaries: list[ArmSummary], diverged: list[dict[str, Any]], held_out: str = "test") -> str:
    """Arms by loss and accuracy on train and test, seconds of training, samples per second."""
    measured = [f"{split} {measure}" for split in ("train", held_out) for measure in ("loss", "accuracy")]
    lines: list[tuple[str, ...]] = [("arm", *measured, "seconds", "samples/s")]
    lines.append(("---", *["---:"] * 6))
    for row in summaries:
        spread = f" ± {100 * row.test_accuracy_deviation:.2f}" if row.seeds > 1 else ""
        accuracies = f"{row.train_accuracy:.2%}", f"{row.test_accuracy:.2%}{spread}"
        speed = f"{row.seconds:.1f}", f"{row.samples_per_second:,.0f}"
        lines.append((row.arm, f"{row.train_loss:.4f}", accuracies[0], f"{row.test_loss:.4f}", accuracies[1], *speed))
    lines += [(f"{run['arm']} (seed {run['seed']})", *["diverged"] * 4, "", "") for run in diverged]
    widths = [max(len(line[column]) for line in lines) for column in range(7)]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def write_report(experiment: Experiment, folder: Path) -> list[Path]:
    """Write results.json, results.md, results.csv and the pictures; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = json.dumps(experiment.to_dict(), indent=1, allow_nan=False) + "\n"
    texts = {"results.json": whole, "results.md": _page(experiment), "results.csv": _table_of_runs(experiment)}
    for name, text in texts.items():
        write_atomically(folder / name, text.encode())
    return [folder / name for name in texts] + (_draw(experiment, folder) if experiment.histories else [])


def _table_of_runs(experiment: Experiment) -> str:
    """A line a run, for a spreadsheet."""
    splits = {"train": "train", "test": experiment.held_out}  # in a run, as it is called
    measured = [f"{name}_{measure}" for name in splits.values() for measure in ("loss", "accuracy")]
    rows = []
    for run in experiment.runs:
        row = {**run, **run["settings"]}
        for split, name in splits.items():
            row |= {f"{name}_{measure}": value for measure, value in run.get(split, {}).items()}
        rows.append(row)
    return spreadsheet(["arm", "seed", "optimizer", "epochs", *measured, "seconds", "diverged"], rows)


def _draw(experiment: Experiment, folder: Path) -> list[Path]:
    names = ("learning_curves.png", "comparison.png", "confusion_matrix.png", "predictions.png")
    curves, comparison, confusion, predictions = (folder / name for name in names)
    note, best, test = experiment.note, experiment.best_arm(), experiment.test_on_host
    seed, probabilities = experiment.predicted[best]
    labels, classes = np.asarray(test.labels), test.class_names
    plots.learning_curves(experiment.histories, curves, note=note, held_out=f"{experiment.held_out} set")
    plots.comparison(
        [vars(row) for row in experiment.summaries()], comparison, note=note, held_out=f"{experiment.held_out} set"
    )
    matrix = metrics.confusion_matrix(labels, probabilities.argmax(axis=1), len(classes))
    plots.confusion_matrix(matrix, classes, confusion, title=f"{best}, seed {seed}", note=note)
    chosen = plots.choose_predictions(labels, probabilities, count=32, mistakes=16)
    shown = test.pictures(chosen), labels[chosen], probabilities[chosen]
    plots.predictions(*shown, classes, predictions, title=f"{best}, seed {seed}", note=note)
    return [curves, comparison, confusion, predictions]


def _page(experiment: Experiment) -> str:
    """results.md: the table, what it was measured on, and the command that makes it again."""
    options, manifest = experiment.options, environment.describe(experiment.device)
    blas = manifest["blas"]
    parts = [
        f"# {experiment.name}: {', '.join(options.arms)}" + (f" ({experiment.note})" if experiment.note else ""),
        experiment.table(),
        f"Training set ({len(experiment.train):,} images) and {experiment.held_out} set ({len(experiment.test):,}), "
        f"both measured in inference mode after the last epoch; {words_of(seeds_of(options))}"
        + (": mean ± one standard deviation." if options.seeds > 1 else ". " + _noise_warning(experiment)),
        experiment.protocol,
        f"Measured on {manifest['gpu'] or manifest['cpu']} ({manifest['device']}), {blas['library']} kernel "
        f"{blas['kernel']} with {blas['threads']} threads, NumPy {manifest['numpy']}, Python {manifest['python']}, "
        f"tinynet {manifest['tinynet']}.",
        f"    {manifest['command']}",
    ]
    return "\n\n".join(parts) + "\n"


def _noise_warning(experiment: Experiment) -> str:
    """One run of an arm is not much: by how much an accuracy like the best of them is uncertain."""
    accuracy = max((run["test"]["accuracy"] for run in experiment.runs if "diverged" not in run), default=0.5)
    error = 100 * math.sqrt(accuracy * (1 - accuracy) / len(experiment.test))
    return f"An accuracy of {accuracy:.0%} has a standard error of {error:.2f} points: less is noise (--seeds)."
