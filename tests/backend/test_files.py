"""A file is written completely or not at all: if a write fails, the previous file stays, and no part of the new one."""

import errno
import os

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import ROOT, python
from tests.support.failing_disk import FailingDisk
from tinynet.backend.files import write_atomically

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
pytest.importorskip("filelock", reason="checkpoints need filelock, which is not installed")

MOST = 20  # more than the number of operations of one save


def save_model(folder):
    tn.Sequential(tn.Dense(3, 2), seed=len(os.listdir(folder))).save(folder / "file")


def save_history(folder):
    tn.History([{"epoch": 1.0, "running_loss": float(len(os.listdir(folder)))}]).to_csv(folder / "file")


@pytest.mark.parametrize("dead", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC], ids=errno.errorcode.get)
@pytest.mark.parametrize("save", [save_model, save_history])
def test_whichever_operation_fails_the_file_before_is_whole(save, number, dead, tmp_path, monkeypatch):
    save(tmp_path)
    before = (tmp_path / "file").read_bytes()
    for at in range(1, MOST):
        with monkeypatch.context() as patched:
            disk = FailingDisk(patched, at, number, dead)
            told = None
            try:
                save(tmp_path)
            except tn.SaveError as error:
                told = error
        if told is None:
            break
        assert told.errno == number
        assert f"file could not be saved ({os.strerror(number)}); what was there before is untouched" in str(told)
        assert (tmp_path / "file").read_bytes() == before
        assert os.listdir(tmp_path) == ["file"]
    operations = ["mkstemp", "fdopen", "write", "flush", "fsync", "close", "chmod", "replace"]
    assert disk.asked == operations  # each has failed
    assert (tmp_path / "file").read_bytes() != before


def test_ctrl_c_while_a_file_is_written_leaves_nothing_beside(tmp_path, monkeypatch):
    save_model(tmp_path)

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_model(tmp_path)
    assert os.listdir(tmp_path) == ["file"]


LIMITED = """
import resource, sys, warnings, numpy as np, tinynet as tn
small, large = tn.Sequential(tn.Dense(3, 2)), tn.Sequential(tn.Dense(300, 200))
small.save(sys.argv[1])
before = open(sys.argv[1], "rb").read()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))  # longer writes fail half-way
try:
    large.save(sys.argv[1])
except tn.SaveError as error:
    print(error)
assert open(sys.argv[1], "rb").read() == before
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    data = np.zeros((20, 300), "float32"), np.arange(20) % 200
    tn.fit(large, data, epochs=1, checkpoint=sys.argv[2], progress=False)
print(told[0].message)
"""


def test_a_file_that_the_system_cuts_off_is_told(tmp_path):
    """Without a patch: the kernel refuses the write."""
    pytest.importorskip("resource", reason="limits of the file size are a matter of Unix")
    paths = [tmp_path / "model", tmp_path / "run"]
    done = python("-c", LIMITED, *paths)
    assert done.returncode == 0, done.stderr
    model, run = done.stdout.splitlines()
    assert "model could not be saved (File too large); what was there before is untouched" in model
    assert "(File too large); what was there before is untouched" in run
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["model"]
    assert not list((tmp_path / "run").glob("*.safetensors"))
    assert np.isfinite(tn.load(paths[0]).theta).all()


def test_a_disk_that_is_really_full():
    """Mounts a file system of one MiB, as root or in a user namespace, where that is allowed."""
    done = python(ROOT / "tests/stress/full_disk.py", "--step", 40000)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 wrong" in done.stdout


def test_a_missing_folder_is_named_and_the_advice_works(tmp_path):
    path = tmp_path / "missing" / "model"
    with pytest.raises(tn.SaveError, match="create the folder .*missing first"):
        write_atomically(path, b"x")
    path.parent.mkdir()
    write_atomically(path, b"x")
    assert path.read_bytes() == b"x"
