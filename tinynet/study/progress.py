"""The study from its first line to its last: what it will take, how far it is, what it found."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

import tinynet as tn
from tinynet.backend import environment
from tinynet.backend.arrays import Device
from tinynet.study.plan import Plan, choose
from tinynet.study.pool import Pool
from tinynet.study.report import write_report
from tinynet.study.runs import Data, Job
from tinynet.study.tables import study_of
from tinynet.study.words import terminal


def carry_out(
    plan: Plan, train: tn.data.Dataset, test: tn.data.Dataset, device: Device, options: argparse.Namespace
) -> int:
    """Run what is missing, then write what all of it amounts to; 0, or 1 if an arm diverged at the shared rate."""
    data = Data(train.to(device), test.to(device), device)
    runs = complete(plan, data, options)
    study = study_of(runs, plan, data, options)
    print(terminal(study))
    for path in write_report(study, runs, test, options.out):
        print(f"wrote {path}")
    return 1 if any("diverged" in run for run in runs if run["part"] != "grid") else 0


def complete(plan: Plan, data: Data, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Every run of the plan. What has been kept is not computed again."""
    folder = options.checkpoint or options.out / "runs"
    if options.fresh and folder.is_dir():
        shutil.rmtree(folder)
    first = plan.first()
    pool = Pool(data, folder, min(options.jobs, max(len(first), 1)))
    done: list[Job] = []
    try:
        with pool.open():
            progress = Progress(plan, pool, first)
            progress.run(first)
            done += first
            second = plan.second(choose(pool.results(first)))
            progress.run(second)
            done += second
            progress.close()
    except KeyboardInterrupt:
        kept = len(list(folder.glob("*.json")))
        raise KeyboardInterrupt(
            f"saved {kept} finished runs in {folder}; the same command goes on from there"
        ) from None
    return pool.results(done)


class Progress:
    """What is about to happen, and then a bar on a terminal, or a line for each run that ended."""

    def __init__(self, plan: Plan, pool: Pool, first: Sequence[Job]) -> None:
        self.pool, self.examples = pool, len(pool.data.train)
        missing = pool.missing(first)
        kept = len(first) - len(missing)
        if missing:  # the rates of the others are not chosen yet, and any will do to count them
            later = plan.second({name: plan.arms[name].rates[0] for name in plan.tuned()})
        else:
            later = pool.missing(plan.second(choose(pool.results(first))))
        self.total, self.ended = len(missing) + len(later), 0
        self.all_work = sum(job.work(self.examples) for job in [*missing, *later])
        self.done_work, self.began = 0.0, time.perf_counter()
        print(heading(pool, plan), flush=True)
        if kept:
            print(f"{kept} runs are there from before", flush=True)
        if self.total:
            seconds = pool.seconds_per_example() * self.all_work / max(pool.workers, 1)
            side = f", {pool.workers} side by side" if pool.workers > 1 else ""
            print(f"{self.total} runs{side}: about {minutes(seconds)}\n", flush=True)
        self.bar = _bar(self.all_work)

    def run(self, jobs: Sequence[Job]) -> None:
        """Run what is missing of them."""
        missing = {job.key(self.pool.world) for job in self.pool.missing(jobs)}
        for job in jobs:
            if job.part != "grid" and job.key(self.pool.world) not in missing and self.ended:
                self._step(job)  # counted as to come, but kept from before
        for job, result in self.pool.run(jobs):
            self._step(job, result)

    def _step(self, job: Job, result: dict[str, Any] | None = None) -> None:
        self.ended, self.done_work = self.ended + 1, self.done_work + job.work(self.examples)
        if self.bar is not None:
            self.bar.update(min(job.work(self.examples), self.all_work - self.bar.n))
            self.bar.set_postfix_str(f"{job.part} {job.name}")
        elif result is not None:
            left = (time.perf_counter() - self.began) * (self.all_work / self.done_work - 1)
            said = "diverged" if "diverged" in result else f"{job.on} {result[job.on]['accuracy']:7.2%}"
            line = f"[{self.ended:>3}/{self.total}] {job.words()}  {said}"
            print(f"{line}  {result['seconds']:5.1f} s, {minutes(max(left, 0))} left", flush=True)

    def close(self) -> None:
        """The bar is full."""
        if self.bar is not None:
            self.bar.close()
        if self.ended:
            print(f"\n{self.ended} runs in {minutes(time.perf_counter() - self.began)}\n")


def heading(pool: Pool, plan: Plan) -> str:
    """Where it runs, on what, and how."""
    data, device = pool.data, pool.data.device
    blas = environment.blas()
    where = f"device {device.name} ({blas['library']}, kernel {blas['kernel']}, one thread for each run)"
    if not device.on_host:
        where = f"device {device!r}"
    note = " (synthetic data, not Fashion-MNIST)" if data.train.is_synthetic else ""
    sets = f"data {data.train.name}: {len(data.train):,} training and {len(data.test):,} test images{note}"
    settings = f"{plan.epochs} epochs, batch {plan.batch_size}, {plan.seeds} seeds; arms {', '.join(plan.arms)}"
    return "\n".join([where, sets, settings])


def minutes(seconds: float) -> str:
    """A time as a person says it."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def _bar(total: float) -> Any:
    if not sys.stderr.isatty():
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    shape = "{percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left  {postfix}"
    return tqdm(total=total, bar_format=shape)
