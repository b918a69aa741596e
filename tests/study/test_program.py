"""The command line of a study: its tables, and how it goes on after Ctrl-C or a kill."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.support.child import ROOT
from tests.support.studies import SMALL
from tinynet.study.jobs import without_times

for needed in ("matplotlib", "jinja2", "scipy"):
    pytest.importorskip(needed)


def start(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TINYNET_CACHE": str(folder)}
    environment.pop("TINYNET_DATA", None)
    command = [sys.executable, "-W", "error", ROOT / "examples" / "fashion_mnist.py", "--offline", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, env=environment
    )


def run_to_its_end(folder, *arguments):
    running = start(folder, *arguments)
    said = running.communicate(timeout=300)[0]
    assert running.returncode == 0, said


def results(folder):
    found = json.loads((folder / "results.json").read_text())
    rows = [row for part in ("given", "best", "long") for row in found.get(part, {"rows": []})["rows"]]
    for row in [*rows, found]:
        for name in ("seconds", "samples_per_second", "cpu_seconds"):
            row.pop(name, None)
    found["runs"] = [without_times(run) for run in found["runs"]]
    found["manifest"].pop("command")
    for name in ("out", "jobs", "checkpoint"):
        found["settings"].pop(name)
    return found


def test_it_has_both_tables_the_grid_and_the_long_runs(finished):
    found = json.loads((finished / "results.json").read_text())
    assert [row["arm"] for row in found["given"]["rows"]] == ["sigmoid", "relu", "relu-dropout"]
    assert [row["seeds"] for row in found["best"]["rows"]] == [2, 2, 2]
    assert [row["arm"] for row in found["long"]["rows"]] == ["relu", "relu-dropout"]
    assert found["long"]["curves"]["relu"]["epoch"][-1] == 10
    for name, grid in found["grids"].items():
        best = max(accuracy for _, accuracy in grid if accuracy is not None)
        assert dict(map(tuple, grid))[found["chosen"][name]] == best
    tuned = {run["arm"]: run for run in found["runs"] if run["part"] == "best"}
    assert all(run["learning_rate"] == found["chosen"][name] for name, run in tuned.items())


def test_the_grid_never_sees_the_test_set(finished):
    found = json.loads((finished / "results.json").read_text())
    grid = [run for run in found["runs"] if run["part"] == "grid"]
    assert grid
    assert not [run for run in grid if {"test", "predictions"} & set(run)]
    assert all(row["curve"] == [] for row in found["runs"] if row["part"] == "best" and "diverged" not in row)


@pytest.mark.slow
def test_killed_three_times_it_ends_as_if_nothing_had_been(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run_to_its_end(tmp_path, *SMALL, "--out", str(whole))
    chance = random.Random(4)
    for _ in range(3):
        running = start(tmp_path, *SMALL, "--out", str(broken))
        before = len(list(broken.glob("runs/*.json")))
        deadline, wanted = time.monotonic() + 120, before + chance.randint(1, 8)
        while len(list(broken.glob("runs/*.json"))) < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.random() / 4)
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.stdout.close()
    assert not (broken / "results.json").exists()
    run_to_its_end(tmp_path, *SMALL, "--out", str(broken))
    assert results(broken) == results(whole)


def test_ctrl_c_says_what_is_kept_and_leaves_with_130(tmp_path):
    running = start(tmp_path, *SMALL, "--seeds", "9", "--out", "out")
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out/runs/*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[0]
    assert running.returncode == 130, said
    assert "Traceback" not in said
    assert "finished runs in out/runs; the same command continues from there" in said
