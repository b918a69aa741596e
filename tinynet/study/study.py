"""A study: configurations compared over paired seeds.

It has up to four parts:

given   every seed at the one learning rate that all share, measured after each epoch
grid    every learning rate of every configuration with seed 0, on nine tenths of the training set, measured on the
        last tenth
best    every seed at the learning rate chosen there, on the whole training set; the test set is measured once, at the
        end
long    the same for five times as many epochs, for the configurations that ask for it
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import tinynet as tn
from tinynet.backend.arrays import Device, find_device
from tinynet.backend.habits import instance
from tinynet.backend.terminal import say
from tinynet.data.dataset import as_dataset
from tinynet.errors import DataError, above_zero, mismatch, shown, text, unknown_name, whole_number
from tinynet.study.configuration import Configuration
from tinynet.study.jobs import Data, Job
from tinynet.study.progress import Progress
from tinynet.study.report import check_packages, terminal, write_report
from tinynet.study.runs import CLASSES
from tinynet.study.summary import PARTS, grids_of, summarize
from tinynet.study.workers import Workers, check_that_they_travel

LONGER = 5  # times the epochs
LONG_SEEDS = 3


class Study:
    """Configurations compared over paired seeds: `Study({"relu": Configuration(...), ...}, data=(train, test))`.

    configurations  by name; each may name another one as its baseline
    data            (train, test), each a Dataset or a pair (images, labels); classes only
    seeds           their number, or the seeds themselves; a seed gives all configurations the same weights and shuffles
    epochs          for configurations without a number of their own; likewise batch_size
    learning_rate   adds a first table, in which all configurations have this learning rate; None: no such table
    parts           some of "given", "best" and "long" (see above); None: all that the configurations ask for
    device          "cpu", "gpu", "gpu:N" or "auto"
    workers         processes side by side; None: one for each core; 0: in this process (as on a GPU)
    threads         of each run; None: one run at a time in this process, on all cores (for long runs)
    held_out        the name of the second data set in tables, if it is not the test set
    settings        further facts for results.json

    Raises ValueError for unknown names and numbers out of range, DataError for data without classes.
    """

    def __init__(
        self,
        configurations: Mapping[str, Configuration],
        data: Sequence[Any],
        *,
        seeds: int | Sequence[int] = 5,
        epochs: int = 10,
        batch_size: int = 128,
        learning_rate: float | None = None,
        parts: Iterable[str] | None = None,
        device: str | Device = "cpu",
        workers: int | None = None,
        threads: int | None = 1,
        held_out: str = "test",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.configurations = _checked(configurations)
        if not isinstance(data, (tuple, list)) or len(data) != 2:
            raise TypeError(mismatch("Study: data", "two data sets", shown(data), "give both: (train, test)"))
        self.test = as_dataset(data[1])
        self.data = _placed(as_dataset(data[0]), self.test, find_device(device))
        self.seeds = _seeds(seeds)
        self.epochs = whole_number("Study: epochs", epochs, remedy="try epochs=10")
        self.batch_size = whole_number("Study: batch_size", batch_size, remedy="try batch_size=128")
        if learning_rate is not None:
            learning_rate = above_zero("Study", "learning_rate", learning_rate, remedy="leave it out")
        self.learning_rate = learning_rate
        wanted = set(PARTS if parts is None else _words(parts)) - (set() if learning_rate else {"given"})
        self.parts = [part for part in PARTS if part in wanted]
        workers = (os.cpu_count() or 1) if workers is None else workers
        workers = 0 if threads is None else workers
        self.workers = whole_number("Study: workers", workers, 0, limit=1024, remedy="try workers=2")
        if threads is not None:
            threads = whole_number("Study: threads", threads, limit=1024, remedy="leave it out")
        self.threads, self.held_out = threads, text("Study", "held_out", held_out)
        if settings is not None and not isinstance(settings, Mapping):
            raise TypeError(mismatch("Study", "settings as a dict", shown(settings), "leave it out"))
        self.settings = dict(settings or {})

    def run(
        self,
        folder: str | os.PathLike[str],
        *,
        runs: Path | None = None,
        fresh: bool = False,
        checkpoints: bool = False,
        progress: bool = True,
    ) -> Result:
        """Run every job that has no result yet. The same call continues a study that was stopped.

        Results are kept as files in `folder`/runs, or in `runs`; `fresh` deletes them first. With `checkpoints` runs of
        this process (workers=0) are also kept while they train; that needs safetensors and filelock. `progress`
        prints a line for each run. Ctrl-C raises KeyboardInterrupt, which says what is kept.
        """
        check_packages("scipy")  # now, not after the last run
        folder = Path(folder)
        runs = runs or folder / "runs"
        if fresh and runs.is_dir():
            shutil.rmtree(runs)
        first = self.first_jobs()
        workers = Workers(self.data, runs, self._processes(first), checkpoints, progress)
        if workers.count:
            check_that_they_travel([self.job("best", name, 1.0, 0) for name in self.configurations])
        try:
            with workers.open():
                shown = Progress(self, workers, first)
                shown.run(first)
                second = self.second_jobs(self.choose(workers.results(first)))
                shown.run(second)
                shown.close()
        except KeyboardInterrupt:
            also = " and the unfinished one" if checkpoints else ""
            kept = f"{len(list(runs.glob('*.json')))} finished runs{also}"
            raise KeyboardInterrupt(f"saved {kept} in {runs}; the same command continues from there") from None
        return Result(self, workers.results([*first, *second]), folder)

    # The jobs -------------------------------------------------------------------------------------------------------

    def first_jobs(self) -> list[Job]:
        """The jobs that depend on no other: those at the shared learning rate, and the grid."""
        jobs: list[Job] = []
        if "given" in self.parts and self.learning_rate is not None:
            shared = [name for name, each in self.configurations.items() if each.shared]
            jobs += [
                self.job("given", name, self.learning_rate, seed, every=1) for name in shared for seed in self.seeds
            ]
        grids = {name: self.configurations[name].learning_rates for name in self.tuned()}
        return jobs + [
            self.job("grid", name, rate, 0) for name, grid in grids.items() if len(grid) > 1 for rate in grid
        ]

    def second_jobs(self, chosen: Mapping[str, float]) -> list[Job]:
        """The jobs at the chosen learning rates."""
        jobs = []
        if "long" in self.parts:
            names, seeds = [name for name in chosen if self.configurations[name].long], self.seeds[:LONG_SEEDS]
            jobs += [self.job("long", name, chosen[name], seed, 2, LONGER) for name in names for seed in seeds]
        if "best" in self.parts:
            jobs += [self.job("best", name, rate, seed) for name, rate in chosen.items() for seed in self.seeds]
        return jobs

    def tuned(self) -> list[str]:
        """The configurations that are trained at learning rates of their own."""
        best, long = "best" in self.parts, "long" in self.parts
        return [name for name, each in self.configurations.items() if best or (long and each.long)]

    def choose(self, runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
        """The learning rate of each configuration: the best of its grid, or the only one it has."""
        found = choose(runs)
        grids = {name: self.configurations[name].learning_rates for name in self.tuned()}
        return {name: found.get(name, grid[0]) for name, grid in grids.items() if name in found or len(grid) == 1}

    def job(self, part: str, name: str, learning_rate: float, seed: int, every: int = 0, times: int = 1) -> Job:
        """One run, of `times` the usual epochs."""
        configuration = self.configurations[name]
        epochs = times * (configuration.epochs or self.epochs)
        settings = seed, epochs, configuration.batch_size or self.batch_size, every, self.threads
        return Job(part, name, configuration, learning_rate, *settings)

    def summary(self, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Summarize the runs: results.json without the runs."""
        settings = {
            "arms": list(self.configurations), "tables": self.parts, "seeds": len(self.seeds), "epochs": self.epochs,
            "batch_size": self.batch_size, "lr": self.learning_rate, **self.settings,
            "long_epochs": LONGER * self.epochs, "long_seeds": min(len(self.seeds), LONG_SEEDS),
        }  # fmt: skip
        summary = summarize(runs, self.configurations, self.parts, self.data, settings, self.choose(runs))
        return {**summary, "held_out": self.held_out, "threads": self.threads}

    def _processes(self, first: Sequence[Job]) -> int:
        """How many of the workers can be busy."""
        return min(self.workers, max(len(first), len(self.configurations) * len(self.seeds)))


class Result:
    """The finished runs of a study and their summary, which results.json holds."""

    def __init__(self, study: Study, runs: Sequence[dict[str, Any]], folder: Path) -> None:
        self.runs, self.folder, self._test = list(runs), folder, study.test
        self.summary = study.summary(runs)

    @property
    def diverged(self) -> list[dict[str, Any]]:
        """The runs that diverged, without those of the grid, where it is expected."""
        return [run for run in self.runs if "diverged" in run and run["part"] != "grid"]

    def table(self) -> str:
        """The tables and sentences, in Markdown that can be read in a terminal."""
        return terminal(self.summary)

    def show(self) -> None:
        """Print the table; where the terminal has no "±", with "+-"."""
        say(self.table())

    def write_report(self, folder: Path | None = None) -> list[Path]:
        """Write report.html, results.json, results.md, results.csv and pictures; returns their paths."""
        return write_report(self.summary, self.runs, self._test, folder or self.folder)


def choose(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The learning rate with the best validation accuracy of each configuration of the grid.

    If two are equally good, it is the smaller one. A configuration that diverged at every learning rate has none.
    """
    chosen = {}
    for name, grid in grids_of(runs).items():
        known = {rate: accuracy for rate, accuracy in sorted(grid.items()) if accuracy is not None}
        if known:
            chosen[name] = max(known, key=known.__getitem__)
    return chosen


def _seeds(seeds: Any) -> list[int]:
    """The seeds: those given, or the first ones of a number of them."""
    if not isinstance(seeds, Sequence) or isinstance(seeds, (str, bytes)):
        seeds = range(whole_number("Study: seeds", seeds, limit=10_000, remedy="try seeds=5"))
    if not seeds:
        raise ValueError(mismatch("Study", "at least one seed", "none", "try seeds=5"))
    return [whole_number("Study: a seed", seed, 0, remedy="try seeds=5") for seed in seeds]


def _words(parts: Any) -> list[str]:
    """The names of parts. ValueError for one that is none."""
    if isinstance(parts, (list, tuple, set, frozenset, str)) and parts:  # text is read as its letters, which are none
        words = [text("Study", "each of parts", part) for part in parts]
        if unknown := sorted(set(words).difference(PARTS)):
            raise ValueError(f"Study: {unknown_name('part', unknown[0], PARTS)}")
        return words
    raise TypeError(mismatch("Study: parts", "a list of names", shown(parts), f"write parts={[PARTS[0]]}"))


def _checked(configurations: Mapping[str, Configuration]) -> dict[str, Configuration]:
    if not isinstance(configurations, Mapping):
        raise TypeError(mismatch("Study: configurations", "a dict", shown(configurations), "name each: {'relu': ...}"))
    if not configurations:
        raise ValueError(mismatch("Study", "at least one configuration", "none", "name one: {'relu': ...}"))
    for each in configurations.values():
        instance("Study: each configuration", each, Configuration, "write tn.study.Configuration(title, build)")
        if each.baseline and each.baseline not in configurations:
            raise ValueError(f"Study: {each.title}: {unknown_name('baseline', each.baseline, configurations)}")
    return dict(configurations)


def _placed(train: tn.data.Dataset, test: tn.data.Dataset, device: Device) -> Data:
    """The data on the device. DataError unless they have classes, at most as many as results can name."""
    for name, dataset in (("training", train), ("test", test)):
        if dataset.labels.dtype.kind not in "iu" or dataset.labels.ndim != 1:
            remedy = "a study compares classifiers; compare regressions with tinynet.fit"
            raise DataError(mismatch(f"Study: {name} set", "integer labels (N,)", dataset.labels.dtype, remedy))
    if int(train.labels.max()) >= len(CLASSES):
        remedy = "take a subset of the classes"
        raise DataError(mismatch("Study", f"at most {len(CLASSES)} classes", int(train.labels.max()) + 1, remedy))
    return Data(train.to(device), test.to(device), device)
