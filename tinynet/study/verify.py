"""Run the runs of a results.json again and compare the numbers.

The file may come from anywhere. It is read up to a size, must be JSON of the form that a study writes, and nothing in
it is run, imported or opened: configurations are looked up by name in this program, and numbers must lie in bounds.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tinynet.backend import environment
from tinynet.backend.files import read_regular
from tinynet.backend.terminal import say
from tinynet.errors import DataError, mismatch
from tinynet.study.configuration import Configuration
from tinynet.study.jobs import Data, Job, as_run, machine_kind, without_times
from tinynet.study.options import CannotStart, open_device_and_data
from tinynet.study.runs import CLASSES
from tinynet.study.study import choose
from tinynet.study.summary import FORMAT, PARTS, VERSION
from tinynet.study.workers import Workers

LARGEST = 64 << 20  # bytes; the default study is 2 MB
LARGEST_NUMBER = {"seed": 2**31, "epochs": 100_000, "batch_size": 10_000_000, "every": 100_000, "hidden": 100_000}
# Another machine rounds products in another order, and training amplifies the difference: accuracies of single runs
# then differ by about their noise. Near the edge of divergence rounding decided between 21% and 40% (with two BLAS
# kernels), so such runs of the grid are compared on the same kind of machine only.
TOLERANCE = {"accuracy": 0.03, "loss": 0.1}
Make = Callable[..., Mapping[str, Configuration]]


def verify(options: argparse.Namespace, make: Make, parameters: Sequence[str], quick_examples: int) -> int:
    """Run the runs of the file `options.verify` again and compare; 0 if all agree, 1 if one does not.

    `make(**parameters, inputs=..., classes=...)` gives the configurations.
    """
    file = read(options.verify, make())
    settings = file["settings"]
    options.dataset = None if file["dataset"] == "fashion_mnist" and not options.dataset else file["dataset"]
    device, train, test = open_device_and_data(options, options.dataset)
    train = train.subset(slice(0, quick_examples)) if settings.get("quick") is True else train
    _check_data(options.verify, file["manifest"], train.provenance, test.provenance)
    runs = file["runs"]
    if options.sample and options.sample < len(runs):
        runs = [runs[number * len(runs) // options.sample] for number in range(options.sample)]
    exact = machine_kind(file["manifest"]) == machine_kind(environment.describe(device))
    within = ", ".join(f"{name} {value}" for name, value in TOLERANCE.items())
    how = "bit for bit, on the same kind of machine" if exact else f"within {within}, on another kind of machine"
    say(f"{len(runs)} runs of {options.verify}: {how}")
    data = Data(train.to(device), test.to(device), device)
    shape = {"inputs": train.images.shape[1], "classes": len(train.class_names)}
    jobs = [job_of(run, make, parameters, settings, shape) for run in runs]
    workers = Workers(data, options.checkpoint or options.out / "verify", options.jobs)
    for path in workers.folder.glob("*.json"):
        path.unlink()  # results from before would prove nothing
    wrong = _run_and_compare(workers, list(zip(jobs, runs)), exact, choose(file["runs"]))
    say(f"{wrong} runs do not agree" if wrong else "all that was compared agrees")
    return 1 if wrong else 0


def _run_and_compare(
    workers: Workers, pairs: Sequence[tuple[Job, Mapping[str, Any]]], exact: bool, chosen: Mapping[str, float]
) -> int:
    """Run the jobs, print a line for each, and return how many differ from their run."""
    by_path = {workers.path(job): (job, run) for job, run in pairs}
    wrong = 0
    with workers.open():
        for finished, result in workers.run([job for job, _ in pairs]):
            job, run = by_path[workers.path(finished)]
            if not exact and job.part == "grid" and job.learning_rate != chosen.get(job.name):
                say(f"{job}  not compared: it may be at the edge of divergence")
                continue
            difference = compare(run, as_run(job, result), exact)
            wrong += bool(difference)
            say(f"{job}  {difference or 'agrees'}")
    return wrong


def compare(expected: Mapping[str, Any], found: Mapping[str, Any], exact: bool) -> str:
    """The difference between two runs in words, "" if they agree."""
    if ("diverged" in expected) != ("diverged" in found):
        was, now = ("diverged" if "diverged" in each else "finished" for each in (expected, found))
        return f"was {was}, is {now}"
    if exact:
        ours, theirs = without_times({**found, "key": ""}), without_times({**expected, "key": ""})
        names = [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]
        return f"differs in {', '.join(sorted(names))}" if names else ""
    for split in ("train", "test", "validation"):
        for name, tolerance in TOLERANCE.items():
            is_now, was = found.get(split, {}).get(name), expected.get(split, {}).get(name)
            if (is_now is None) != (was is None) or (is_now is not None and abs(is_now - was) > tolerance):
                return f"{split} {name} was {was}, is {is_now}"
    return ""


# Reading a file that may hold anything ------------------------------------------------------------------------------


def read(path: Path, names: Collection[str]) -> dict[str, Any]:
    """The content of a results.json, checked. CannotStart says what is wrong with it."""
    try:
        content = read_regular(path, LARGEST)
    except OSError as error:
        raise CannotStart(mismatch(path, "a results.json", error.strerror or error, "name the file")) from error
    except DataError as error:
        raise CannotStart(str(error)) from error
    try:
        found = json.loads(content, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise CannotStart(
            mismatch(path, "JSON", f"something else ({error})", "take another copy of the file")
        ) from error
    problem = problem_of(found, names)
    if problem:
        raise CannotStart(mismatch(path, "the result of a study", problem, "take another copy, or run the study again"))
    checked: dict[str, Any] = found
    return checked


def problem_of(found: Any, names: Collection[str]) -> str:
    """Why this is not the result of a study; "" if it is one."""
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return "another kind of file"
    if found.get("version") != VERSION:
        return f"version {found.get('version')!r:.20}, where this program knows {VERSION}"
    shapes = {"settings": dict, "manifest": dict, "runs": list, "dataset": str}
    for name, kind in shapes.items():
        if not isinstance(found.get(name), kind):
            return f"no {name}"
    if not found["runs"] or not all(isinstance(run, dict) for run in found["runs"]):
        return "no runs"
    if not isinstance(found["settings"].get("dropout", 0.2), float):
        return "a dropout rate that is not a number"
    for number, run in enumerate(found["runs"]):
        problem = _problem_of_run(run, names)
        if problem:
            return f"{problem} in run {number}"
    return ""


def _problem_of_run(run: Mapping[str, Any], names: Collection[str]) -> str:
    settings = run.get("settings")
    if not isinstance(settings, dict) or run.get("part") not in (*PARTS, "grid"):
        return "no settings or part"
    if not isinstance(run.get("arm"), str) or run["arm"] not in names:
        return f"the unknown configuration {run.get('arm')!r:.40}"
    rate: Any = run.get("learning_rate")
    if not _number(rate) or not 0 < rate < 1e6:
        return f"the learning rate {rate!r:.40}"
    hidden = settings.get("hidden", [1])
    if not isinstance(hidden, list) or not 0 < len(hidden) <= 20:
        return "no hidden layers"
    numbers = [("seed", run.get("seed")), *[(name, settings.get(name)) for name in ("epochs", "batch_size", "every")]]
    for name, value in [*numbers, *[("hidden", width) for width in hidden]]:
        least = 0 if name in ("seed", "every") else 1
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST_NUMBER[name]:
            return f"{name} {value!r:.40}"
    for split in ("train", "test", "validation"):
        measured = run.get(split, {})
        if not isinstance(measured, dict) or not all(_number(measured.get(name, 0.0)) for name in TOLERANCE):
            return f"no numbers for {split}"
    predictions = run.get("predictions", "")
    return (
        "" if isinstance(predictions, str) and set(predictions) <= set(CLASSES) else "predictions that are not classes"
    )


def job_of(
    run: Mapping[str, Any], make: Make, parameters: Sequence[str], settings: Mapping[str, Any], shape: Mapping[str, int]
) -> Job:
    """The job of a run; its parameters are in its own settings or in those of the study."""
    everything = {**settings, **run["settings"]}
    known = {name: everything[name] for name in parameters if name in everything}
    configuration = make(**known, **shape)[run["arm"]]
    sizes = everything["epochs"], everything["batch_size"], everything["every"]
    return Job(run["part"], run["arm"], configuration, run["learning_rate"], run["seed"], *sizes)


def _check_data(path: Path, manifest: Mapping[str, Any], *found: Mapping[str, Any]) -> None:
    """Raise CannotStart unless the data are those of the file."""
    data = manifest.get("data")
    for split, provenance in zip(("train", "test"), found):
        about = data.get(split) if isinstance(data, dict) else None
        theirs = about.get("sha256") if isinstance(about, dict) else None
        if theirs != json.loads(json.dumps(provenance.get("sha256"))):
            remedy = "name the data it was measured on: --data or --dataset"
            raise CannotStart(mismatch(path, f"the {split} set it was measured on", "another one", remedy))


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")
