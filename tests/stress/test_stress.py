"""Short runs of the stress tests. docs/reliability.md has the results of the long ones."""

import os
from pathlib import Path

import pytest

from tests.support.child import ROOT, python

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
pytest.importorskip("filelock", reason="checkpoints need filelock, which is not installed")


def run(script, *arguments):
    return python(ROOT / "tests/stress" / script, *arguments)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the memory of a process is read from /proc")
def test_an_hour_of_training_in_half_a_minute():
    done = run("soak.py", "--minutes", "0.5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith(": flat\n")


@pytest.mark.slow
def test_damaged_models_and_checkpoints_load_or_say_so():
    done = run("fuzz_files.py", "--cases", "2000", "--seed", "7")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "none of them with any other outcome" in done.stdout


def test_no_flipped_bit_is_loaded_as_something_else():
    done = run("flip_bits.py", "--every", "499")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" 0  loaded different") == 3


@pytest.mark.slow
def test_a_third_of_all_flipped_bits():
    done = run("flip_bits.py", "--every", "3")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(os.name != "posix", reason="limits of memory are a matter of Unix")
@pytest.mark.parametrize("only", ["again, once", pytest.param("", marks=pytest.mark.slow)])
def test_hostile_files_take_no_memory_and_no_time(only):
    done = run("hostile_files.py", "--only", only)
    assert done.returncode == 0, done.stdout + done.stderr
