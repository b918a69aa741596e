"""Print what a study will do and how far it is: a bar on a terminal, else a line for each run."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tinynet.backend import environment
from tinynet.backend.terminal import FAILURES, is_terminal, say
from tinynet.study.jobs import Data, Job
from tinynet.study.workers import Workers

if TYPE_CHECKING:
    from tinynet.study.study import Study


class Progress:
    """Count the jobs of a study as they end."""

    def __init__(self, study: Study, workers: Workers, first: Sequence[Job]) -> None:
        self.workers, self.examples, self.held_out = workers, len(workers.data.train), study.held_out
        missing = workers.missing(first)
        kept = len(first) - len(missing)
        if missing:  # to count the second jobs, any learning rate will do: none is chosen yet
            later = study.second_jobs({name: study.configurations[name].learning_rates[0] for name in study.tuned()})
        else:
            later = workers.missing(study.second_jobs(study.choose(workers.results(first))))
        jobs = [*missing, *later]
        self.total, self.ended = len(jobs), 0
        self.all_work = sum(job.work(self.examples) for job in jobs)
        self.done_work, self.began = 0.0, time.perf_counter()
        self._print(heading(study, workers.data))
        if kept:
            self._print(f"{kept} runs were finished before")
        if jobs and study.threads is None:
            self._print(f"{self.total} runs, one after the other\n")
        elif jobs:
            seconds = workers.seconds_per_example(jobs[0]) * self.all_work / max(workers.count, 1)
            side = f", {workers.count} side by side" if workers.count > 1 else ""
            self._print(f"{self.total} runs{side}: about {minutes(seconds)}\n")
        self.bar = _bar(self.all_work) if workers.verbose else None

    def run(self, jobs: Sequence[Job]) -> None:
        """Run the missing ones of these jobs."""
        missing = set(map(self.workers.path, self.workers.missing(jobs)))
        for job in jobs:
            if job.part != "grid" and self.workers.path(job) not in missing and self.ended:
                self._step(job)  # it was counted as missing, but was finished before
        for job, result in self.workers.run(jobs):
            self._step(job, result)

    def _step(self, job: Job, result: dict[str, Any] | None = None) -> None:
        self.ended, self.done_work = self.ended + 1, self.done_work + job.work(self.examples)
        if self.bar is not None:
            with contextlib.suppress(*FAILURES):
                self.bar.update(min(job.work(self.examples), self.all_work - self.bar.n))
                self.bar.set_postfix_str(f"{job.part} {job.name}")
        elif result is not None:
            left = (time.perf_counter() - self.began) * (self.all_work / self.done_work - 1)
            split = self.held_out if job.split == "test" else job.split
            outcome = "diverged" if "diverged" in result else f"{split} {result[job.split]['accuracy']:7.2%}"
            line = f"[{self.ended:>3}/{self.total}] {job}  {outcome}"
            self._print(f"{line}  {result['seconds']:5.1f} s, {minutes(max(left, 0))} left")

    def close(self) -> None:
        """End the bar."""
        if self.bar is not None:
            with contextlib.suppress(*FAILURES):
                self.bar.close()
        if self.ended:
            self._print(f"\n{self.ended} runs in {minutes(time.perf_counter() - self.began)}\n")

    def _print(self, text: str) -> None:
        if self.workers.verbose:
            say(text)


def heading(study: Study, data: Data) -> str:
    """The device, the data and the settings."""
    device, blas = data.device, environment.blas()
    threads = f"{blas['threads']} threads" if study.threads is None else "one thread for each run"
    where = f"device {device.name} ({blas['library']}, kernel {blas['kernel']}, {threads})"
    if not device.on_host:
        where = f"device {device!r}"
    note = " (synthetic data, not Fashion-MNIST)" if data.train.is_synthetic else ""
    sizes = f"{len(data.train):,} training and {len(data.test):,} {study.held_out} images"
    described = [f"- {name}: {each.describe()}" for name, each in study.configurations.items() if each.describe()]
    settings = f"{study.epochs} epochs, batch {study.batch_size}; configurations {', '.join(study.configurations)}"
    seeds = f"seed {study.seeds[0]}" if len(study.seeds) == 1 else f"seeds {study.seeds[0]} to {study.seeds[-1]}"
    data_line = f"data {data.train.name}: {sizes}{note}"
    return "\n".join([where, data_line, *(described or [settings]), seeds])


def minutes(seconds: float) -> str:
    """A time in seconds or minutes."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def _bar(total: float) -> Any:
    if not is_terminal(sys.stderr):
        return None
    try:
        from tqdm import tqdm  # optional
    except ImportError:
        return None
    shape = "{percentage:3.0f}%|{bar}| {elapsed} gone, {remaining} left  {postfix}"
    return tqdm(total=total, bar_format=shape)
