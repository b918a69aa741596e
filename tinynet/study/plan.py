"""Which runs the study is made of.

given   every seed at the one shared rate, looked at after each epoch
grid    every rate of every arm, with seed 0, on nine tenths of the training set; measured on the last tenth
best    every seed at the rate chosen there, on all of the training set; the test set is measured once, at the end
long    five times as many epochs at that rate, for the arms that ask for it
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tinynet.study.arms import Arm
from tinynet.study.runs import Job

PARTS = ("given", "best", "long")  # that can be asked for; the grid belongs to the last two
LONGER = 5  # times the epochs
LONG_SEEDS = 3
QUICK: dict[str, Any] = {
    "arms": ("sigmoid", "relu", "relu-dropout"),
    "seeds": 2,
    "epochs": 3,
    "rates": 3,
    "examples": 10_000,
}


@dataclass(frozen=True)
class Plan:
    """The arms and settings of one study."""

    arms: Mapping[str, Arm]
    parts: Sequence[str]
    seeds: int
    epochs: int
    batch_size: int
    rate: float
    hidden: tuple[int, ...]

    def first(self) -> list[Job]:
        """The runs that need no other: those at the shared rate, and the grid."""
        jobs = []
        if "given" in self.parts:
            given = {name: arm for name, arm in self.arms.items() if arm.as_given}
            jobs += [self.job("given", name, self.rate, seed, every=1) for name in given for seed in range(self.seeds)]
        if self.tuned():
            jobs += [self.job("grid", name, rate, 0) for name in self.tuned() for rate in self.arms[name].rates]
        return jobs

    def second(self, chosen: Mapping[str, float]) -> list[Job]:
        """The runs at the rates that were chosen."""
        jobs = []
        if "long" in self.parts:
            length, seeds = LONGER * self.epochs, range(min(self.seeds, LONG_SEEDS))
            names = [name for name in chosen if self.arms[name].long]
            jobs += [
                self.job("long", name, chosen[name], seed, every=2, epochs=length) for name in names for seed in seeds
            ]
        if "best" in self.parts:
            jobs += [self.job("best", name, rate, seed) for name, rate in chosen.items() for seed in range(self.seeds)]
        return jobs

    def tuned(self) -> list[str]:
        """The arms whose rate is chosen."""
        return [name for name, arm in self.arms.items() if "best" in self.parts or ("long" in self.parts and arm.long)]

    def job(self, part: str, name: str, rate: float, seed: int, every: int = 0, epochs: int = 0) -> Job:
        """One run."""
        return Job(part, name, self.arms[name], rate, seed, epochs or self.epochs, self.batch_size, self.hidden, every)

    @classmethod
    def of(cls, options: argparse.Namespace, arms: Mapping[str, Arm]) -> Plan:
        """What the command line asks for."""
        chosen = {name: arms[name] for name in options.arms}
        for name, arm in chosen.items():
            if name.endswith("-dropout") and arm.dropout != options.dropout:
                title = arm.title.replace(f"{arm.dropout:g}", f"{options.dropout:g}")
                chosen[name] = replace(arm, title=title, dropout=options.dropout)
            if options.quick:
                chosen[name] = replace(chosen[name], rates=arm.rates[: QUICK["rates"]], long=False)
        settings = options.seeds, options.epochs, options.batch_size, options.lr, tuple(options.hidden)
        return cls(chosen, options.tables, *settings)


def choose(runs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """For each arm of the grid the rate with the best validation accuracy, the smaller of two equal ones.

    An arm that diverged at every rate has none.
    """
    grids = grid_of(runs)
    chosen = {}
    for name, grid in grids.items():
        known = {rate: accuracy for rate, accuracy in sorted(grid.items()) if accuracy is not None}
        if known:
            chosen[name] = max(known, key=known.__getitem__)
    return chosen


def grid_of(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[float, float | None]]:
    """{arm: {rate: validation accuracy, None where it diverged}}."""
    grids: dict[str, dict[float, float | None]] = {}
    for run in runs:
        if run["part"] == "grid":
            accuracy = None if "diverged" in run else run["validation"]["accuracy"]
            grids.setdefault(run["arm"], {})[run["learning_rate"]] = accuracy
    return grids
