"""Saving on full or broken disks: the previous file stays, the error says so, and no unfinished file remains."""

import errno
import os
import tempfile
import warnings

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import ROOT, python
from tests.support.models import small_model
from tinynet.io.array_files import read_arrays
from tinynet.training.checkpoints import Checkpoints

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
pytest.importorskip("filelock", reason="checkpoints need filelock, which is not installed")

MOST = 20  # more than the number of operations of one save


class FailingDisk:
    """Count the disk operations of a save. Operation number `at` fails, and if `dead`, all later ones, too."""

    CALLS = ((tempfile, "mkstemp"), (os, "fdopen"), (os, "fsync"), (os, "chmod"), (os, "replace"))

    def __init__(self, monkeypatch, at, number, dead):
        self.at, self.number, self.dead, self.asked = at, number, dead, []
        for module, name in self.CALLS:
            monkeypatch.setattr(module, name, self.counted(name, getattr(module, name)))

    def counted(self, name, real):
        def call(*arguments, **named):
            if name == "fsync" and os.fstat(arguments[0]).st_mode & 0o040000:
                return real(*arguments)  # fsync of the folder: see files.py
            self.ask(name)
            made = real(*arguments, **named)
            return FailingFile(made, self) if name == "fdopen" else made

        return call

    def ask(self, name):
        self.asked.append(name)
        if len(self.asked) == self.at or (self.dead and len(self.asked) > self.at):
            raise OSError(self.number, os.strerror(self.number))


class FailingFile:
    """An open file on a failing disk. A write that fails has written half of its bytes."""

    def __init__(self, file, disk):
        self.file, self.disk = file, disk

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.disk.ask("close")

    def write(self, content):
        self.file.write(content[: len(content) // 2])
        self.disk.ask("write")
        self.file.write(content[len(content) // 2 :])

    def flush(self):
        self.disk.ask("flush")
        self.file.flush()

    def fileno(self):
        return self.file.fileno()


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


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC], ids=errno.errorcode.get)
def test_whichever_operation_fails_a_run_ends_as_it_would_have_and_can_go_on(number, small_data, tmp_path, monkeypatch):
    usual = dict(validation=small_data[1], epochs=2, batch_size=300, progress=False, threads=1)
    whole = small_model()
    history = tn.fit(whole, small_data[0], **usual)
    at = 0
    while True:
        at += 1
        folder = tmp_path / f"{at}"
        model, checkpoints = small_model(), Checkpoints(folder, every_steps=1)
        with monkeypatch.context() as patched, warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            disk = FailingDisk(patched, at, number, dead=False)
            again = tn.fit(model, small_data[0], checkpoint=checkpoints, **usual)
        assert model.theta.tobytes() == whole.theta.tobytes()
        assert again["validation_loss"] == history["validation_loss"]
        assert not [path for path in folder.iterdir() if path.suffix == ".part"]
        if len(disk.asked) < at:
            break
        (warning,) = told
        assert f"({os.strerror(number)}); what was there before is untouched" in str(warning.message)
        assert str(warning.message).endswith("training goes on")
        for step in checkpoints.steps():
            assert read_arrays(checkpoints.path(step), "checkpoint", 1)[1]["step"] == step
        resumed = small_model()
        tn.fit(resumed, small_data[0], checkpoint=checkpoints, resume=True, **usual)
        assert resumed.theta.tobytes() == whole.theta.tobytes()
    assert at > 40  # 8 operations for each of 4 steps, 2 best models and the end


def test_ctrl_c_while_a_file_is_written_leaves_nothing_beside(tmp_path, monkeypatch):
    save_model(tmp_path)

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_model(tmp_path)
    assert os.listdir(tmp_path) == ["file"]


def test_what_a_killed_run_left_half_written_is_cleared_away(small_data, tmp_path):
    half = tmp_path / ".step-000000007.safetensors.x1y2.part"
    half.write_bytes(b"half")
    tn.fit(small_model(), small_data[0], epochs=1, checkpoint=tmp_path, progress=False)
    assert not half.exists()


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
