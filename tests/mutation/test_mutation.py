"""The mutation test itself: on a small library, it must find what the tests do not check, and nothing else."""

import json
import subprocess
import sys

import pytest

from tests.support.child import ROOT

pytest.importorskip("mutmut")

CODE = '''
"""A library of one module."""

import os

LIMIT = 10


def mean(values):
    if len(values) > LIMIT:
        raise ValueError("expected up to ten numbers, got " + str(len(values)))
    return sum(values) / len(values)


def save(path, text):
    with open(path, "w") as file:
        file.write(text)
        os.fsync(file.fileno())
'''
TESTS = """
import pytest
from tinynet.losses import mean, save


def test_the_mean_of_up_to_ten_numbers():
    assert mean([2, 4]) == 3
    assert mean([1] * 10) == 1
    with pytest.raises(ValueError, match="up to ten"):
        mean([1] * 11)


def test_text_is_saved(tmp_path):
    save(tmp_path / "text", "words")
    assert (tmp_path / "text").read_text() == "words"
"""
FILES = {"tinynet/__init__.py": "", "tinynet/losses.py": CODE, "tests/__init__.py": "", "tests/test_losses.py": TESTS}


def score(tree, *arguments):
    command = [sys.executable, "-m", "tests.mutation", "--tree", tree, "--processes", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.slow
def test_survivors_are_what_no_test_notices_and_results_are_kept(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "setup.cfg").write_text("[tool:pytest]\npythonpath = .\naddopts = --import-mode=importlib\n")
    ran = score(tmp_path, "--at-least", "99")
    survivors = ran.stdout.partition("Survivors:")[2].partition("| module")[0]
    assert survivors.count("    + ") == 1, ran.stdout + ran.stderr
    assert "- os.fsync(file.fileno())\n    + pass" in survivors  # the power cut that no test can make
    assert ran.returncode == 1
    kept = (tmp_path / "results/mutation/results.jsonl").read_text(encoding="utf-8")
    outcomes = [json.loads(line) for line in kept.splitlines()]
    assert {result["test"].partition("::")[2] for result in outcomes if result["outcome"] == "killed"} == {
        "test_the_mean_of_up_to_ten_numbers",
        "test_text_is_saved",
    }
    assert len(outcomes) > 10
    again = score(tmp_path)
    assert again.returncode == 0
    assert (tmp_path / "results/mutation/results.jsonl").read_text(encoding="utf-8") == kept  # nothing ran twice
    (tmp_path / "tests/test_losses.py").write_text(TESTS.replace("[1] * 11", "[1] * 12"), encoding="utf-8")
    assert "+ LIMIT = 11" in score(tmp_path).stdout  # the limit is not tested exactly any more
