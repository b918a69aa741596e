"""Short runs of the stress tests. docs/reliability.md has the results of the long ones."""

import os
from pathlib import Path

import pytest

from tests.stress import hostile_data, hostile_files
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


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="each file is read in a fork")
@pytest.mark.parametrize(("name", "write", "read"), hostile_data.CASES, ids=[case[0] for case in hostile_data.CASES])
def test_hostile_data_files_take_no_more_than_their_bytes_allow(name, write, read, tmp_path):
    path = write(tmp_path)
    found = hostile_files.try_out(path, read)
    assert not hostile_files.judge(path.stat().st_size if path.is_file() else 0, found), found
