"""The same runs again: does a results.json say what its settings give?

The file is data from anywhere. It is read up to a size, must be JSON of the form that the study writes, and nothing in
it is run, imported or opened: arms are looked up by name among the arms of this program, numbers must lie in bounds.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tinynet.backend import environment
from tinynet.errors import mismatch
from tinynet.study.arms import Arm
from tinynet.study.opening import CannotStart, open_device_and_data
from tinynet.study.plan import PARTS, QUICK, Plan, choose
from tinynet.study.pool import Pool
from tinynet.study.runs import CLASSES, Data, Job, labelled, machine_kind, without_times
from tinynet.study.tables import FORMAT, VERSION

LARGEST = 64 << 20  # bytes; the default study is 2 MB
LARGEST_NUMBER = {"seed": 2**31, "epochs": 100_000, "batch_size": 10_000_000, "every": 100_000, "hidden": 100_000}
# On another machine products are rounded in another order, and training carries the difference on. Accuracies of single
# runs then differ by about their noise. A rate that nobody chose may be at the edge of chaos, where a rounding decides
# between 21% and 40% (seen, between two BLAS kernels): such runs of the grid are compared on the same kind only.
TOLERANCE = {"accuracy": 0.03, "loss": 0.1}


def verify(options: argparse.Namespace, arms: Mapping[str, Arm]) -> int:
    """Run again what the file says, and compare; 0 if all agree, 1 if one does not."""
    said = read(options.verify, arms)
    settings = said["settings"]
    options.dataset = None if said["dataset"] == "fashion_mnist" and not options.dataset else said["dataset"]
    device, train, test = open_device_and_data(options, options.dataset)
    train = train.subset(slice(0, QUICK["examples"])) if settings.get("quick") is True else train
    _check_data(options.verify, said["manifest"], train.provenance, test.provenance)
    runs = [run for run in said["runs"] if run["part"] in PARTS or run["part"] == "grid"]
    if options.sample and options.sample < len(runs):
        runs = [runs[place * len(runs) // options.sample] for place in range(options.sample)]
    exact = machine_kind(said["manifest"]) == machine_kind(environment.describe(device))
    within = ", ".join(f"{name} {value}" for name, value in TOLERANCE.items())
    print(
        f"{len(runs)} runs of {options.verify}: "
        + ("bit for bit, on the same kind of machine" if exact else f"within {within}, on another kind of machine")
    )
    jobs = [job_of(run, arms, settings) for run in runs]
    pool = Pool(
        Data(train.to(device), test.to(device), device), options.checkpoint or options.out / "verify", options.jobs
    )
    for path in pool.folder.glob("*.json"):
        path.unlink()  # what was kept proves nothing
    bad, chosen = 0, choose(said["runs"])
    by_key = {job.key(pool.world): (job, run) for job, run in zip(jobs, runs)}
    with pool.open():
        for job, result in pool.run(jobs):
            job, run = by_key[job.key(pool.world)]
            if not exact and job.part == "grid" and job.rate != chosen.get(job.name):
                print(f"{job.words()}  not compared: it may be at the edge of chaos")
                continue
            difference = compare(run, labelled(job, result), exact)
            bad += bool(difference)
            print(
                f"{job.words()}  {difference or 'agrees'}",
                flush=True,
            )
    print(f"{bad} runs do not agree" if bad else "all that was compared agrees")
    return 1 if bad else 0


def compare(said: Mapping[str, Any], found: Mapping[str, Any], exact: bool) -> str:
    """What does not agree, in words; empty where all does."""
    if ("diverged" in said) != ("diverged" in found):
        was, now = ("diverged" if "diverged" in each else "finished" for each in (said, found))
        return f"was {was}, is {now}"
    if exact:
        ours, theirs = without_times({**found, "key": ""}), without_times({**said, "key": ""})
        names = [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]
        return f"differs in {', '.join(sorted(names))}" if names else ""
    for split in ("train", "test", "validation"):
        for name, tolerance in TOLERANCE.items():
            ours, theirs = found.get(split, {}).get(name), said.get(split, {}).get(name)
            if (ours is None) != (theirs is None) or (ours is not None and abs(ours - theirs) > tolerance):
                return f"{split} {name} was {theirs}, is {ours}"
    return ""


# Reading what may be anything ---------------------------------------------------------------------------------------


def read(path: Path, arms: Mapping[str, Arm]) -> dict[str, Any]:
    """The file's content, once it is known to be of our form. CannotStart says what is wrong with it."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise CannotStart(mismatch(path, "a results.json", error.strerror or error, "name the file")) from error
    if len(content) > LARGEST:
        raise CannotStart(mismatch(path, f"at most {LARGEST:,} bytes", "more", "it is no result of this program"))
    try:
        said = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CannotStart(mismatch(path, "JSON", f"what is none ({error})", "take another copy of the file")) from error
    problem = problem_of(said, arms)
    if problem:
        raise CannotStart(mismatch(path, "the result of a study", problem, "take another copy, or run the study again"))
    checked: dict[str, Any] = said
    return checked


def problem_of(said: Any, arms: Mapping[str, Arm]) -> str:
    """Why this is no result of a study; empty if it is one."""
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        return "another kind of file"
    if said.get("version") != VERSION:
        return f"version {said.get('version')!r:.20}, where this program knows {VERSION}"
    shapes = {"settings": dict, "manifest": dict, "runs": list, "dataset": str}
    for name, kind in shapes.items():
        if not isinstance(said.get(name), kind):
            return f"no {name}"
    if not said["runs"] or not all(isinstance(run, dict) for run in said["runs"]):
        return "no runs"
    if not isinstance(said["settings"].get("dropout", 0.2), float):
        return "a dropout rate that is no number"
    for number, run in enumerate(said["runs"]):
        problem = _problem_of_run(run, arms)
        if problem:
            return f"{problem} in run {number}"
    return ""


def _problem_of_run(run: Mapping[str, Any], arms: Mapping[str, Arm]) -> str:
    settings = run.get("settings")
    if not isinstance(settings, dict) or run.get("part") not in (*PARTS, "grid"):
        return "no settings or part"
    if not isinstance(run.get("arm"), str) or run["arm"] not in arms:
        return f"the unknown arm {run.get('arm')!r:.40}"
    rate = run.get("learning_rate")
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < 1e6:
        return f"the learning rate {rate!r:.40}"
    hidden = settings.get("hidden")
    if not isinstance(hidden, list) or not 0 < len(hidden) <= 20:
        return "no hidden layers"
    numbers = {"seed": run.get("seed"), **{name: settings.get(name) for name in ("epochs", "batch_size", "every")}}
    for name, value in [*numbers.items(), *[("hidden", width) for width in hidden]]:
        least = 0 if name in ("seed", "every") else 1
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST_NUMBER[name]:
            return f"{name} {value!r:.40}"
    for split in ("train", "test", "validation"):
        numbers = run.get(split, {})
        if not isinstance(numbers, dict) or not all(_number(numbers.get(name, 0.0)) for name in TOLERANCE):
            return f"no numbers for {split}"
    predictions = run.get("predictions", "")
    return "" if isinstance(predictions, str) and set(predictions) <= set(CLASSES) else "predictions that are none"


def job_of(run: Mapping[str, Any], arms: Mapping[str, Arm], settings: Mapping[str, Any]) -> Job:
    """The job that a run says it was."""
    own = run["settings"]
    asked = argparse.Namespace(
        arms=[run["arm"]], tables=PARTS, quick=False, seeds=1, epochs=own["epochs"], batch_size=own["batch_size"],
        lr=run["learning_rate"], hidden=own["hidden"], dropout=settings.get("dropout", 0.2),
    )  # fmt: skip
    return Plan.of(asked, arms).job(run["part"], run["arm"], run["learning_rate"], run["seed"], own["every"])


def _check_data(path: Path, manifest: Mapping[str, Any], *found: Mapping[str, Any]) -> None:
    """CannotStart where the data are not those of the file."""
    said = manifest.get("data")
    for split, provenance in zip(("train", "test"), found):
        about = said.get(split) if isinstance(said, dict) else None
        theirs = about.get("sha256") if isinstance(about, dict) else None
        if theirs != json.loads(json.dumps(provenance.get("sha256"))):
            remedy = "name the data it was measured on: --data or --dataset"
            raise CannotStart(mismatch(path, f"the {split} set it was measured on", "another", remedy))


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is no number")
