"""The command line of a study: its tables, and how it goes on after Ctrl-C or a kill."""

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tinynet as tn
from tests.support.child import ROOT, Process
from tests.support.examples import SMALL_DRAWINGS
from tests.support.studies import SMALL
from tinynet.backend.terminal import spelled
from tinynet.study.jobs import without_times
from tinynet.study.program import publish

for needed in ("matplotlib", "jinja2", "scipy"):
    pytest.importorskip(needed)


def start(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": SMALL_DRAWINGS, "TINYNET_CACHE": str(folder)}
    environment.pop("TINYNET_DATA", None)
    command = [sys.executable, "-W", "error", ROOT / "examples" / "fashion_mnist.py", "--offline", *arguments]
    return Process(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, env=environment)


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
        deadline, wanted = time.monotonic() + 120, before + chance.randint(1, 4)  # of some 30 runs, which are short
        while len(list(broken.glob("runs/*.json"))) < wanted and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(chance.random() / 50)
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


slow = pytest.mark.slow  # each of these runs takes some 5 seconds

STREAMS = {"stderr closed": "2>&-", "stdout closed": ">&-", "all closed": ">&- 2>&- <&-", "reader gone": "| head -1"}
FILES = {"results.json", "results.csv", "results.md", "report.html", "learning_curves.png", "comparison.png"}


def quick(folder, redirection="", **environment):
    """The main example on one configuration, as a shell runs it; returns what it printed."""
    arguments = [*SMALL, "--arms", "relu", "--tables", "given", "best", "--epochs", "1", "--out", str(folder / "out")]
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / "fashion_mnist.py"), "--offline", *arguments]
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {shlex.join(command)} {redirection}"], capture_output=True, cwd=folder,
        check=False, env={**os.environ, "PYTHONPATH": SMALL_DRAWINGS, "TINYNET_CACHE": str(folder), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    assert {path.name for path in (folder / "out").iterdir()} >= FILES
    return done.stdout, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize("redirection", [pytest.param(each, id=name, marks=() if name == "stderr closed" else slow)
                                         for name, each in STREAMS.items()])  # fmt: skip
def test_a_study_needs_none_of_its_streams(redirection, tmp_path):
    _, errors = quick(tmp_path, redirection)
    assert b"Traceback" not in errors
    assert b"Exception ignored" not in errors


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
@pytest.mark.parametrize(
    "encoding", ["ascii:strict", *(pytest.param(each, marks=slow) for each in ("latin-1", "cp1252"))]
)
def test_a_study_ends_on_a_terminal_of_any_encoding(encoding, tmp_path):
    """cp1252 has no minus sign, latin-1 no dash, ASCII no +-."""
    printed, _ = quick(tmp_path, PYTHONIOENCODING=encoding)
    text = printed.decode(encoding.partition(":")[0])
    row = next(line for line in text.splitlines() if line.startswith("| ReLU"))
    assert ("+-" if encoding.startswith("ascii") else "±") in row
    page = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert row in spelled(page, encoding.partition(":")[0])


@slow
@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
def test_a_study_in_a_bare_locale_whose_caller_raises_numpys_errors(tmp_path):
    """The folder's name is not ASCII: it reaches the report as undecodable bytes."""
    surroundings = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "TMPDIR": "/does/not/exist"}
    (tmp_path / "sitecustomize.py").write_text("import numpy\nnumpy.seterr(all='raise')\n", encoding="utf-8")
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xc3\xa9sultats"))
    folder.mkdir()
    quick(folder, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}", **surroundings)
    assert "/r\u00e9sultats/out" in (folder / "out" / "results.md").read_text(encoding="utf-8")


def test_the_table_is_printed_even_if_the_report_cannot_be_written(capsys):
    class Result:
        diverged = ()

        def write_report(self):
            raise tn.SaveError(28, "No space left on device")

        def show(self):
            print("the table")

    with pytest.raises(tn.SaveError):
        publish(Result())
    assert capsys.readouterr().out == "the table\n"
