"""A run whose checkpoints cannot be written goes on to the same parameters, and can be resumed."""

import errno
import os
import warnings

import pytest

import tinynet as tn
from tests.support.failing_disk import FailingDisk
from tests.support.models import small_model
from tinynet.io.array_files import read_arrays
from tinynet.training.checkpoints import VERSION, Checkpoints

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
pytest.importorskip("filelock", reason="checkpoints need filelock, which is not installed")


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
            assert read_arrays(checkpoints.path(step), "checkpoint", VERSION)[1]["step"] == step
        resumed = small_model()
        tn.fit(resumed, small_data[0], checkpoint=checkpoints, resume=True, **usual)
        assert resumed.theta.tobytes() == whole.theta.tobytes()
    assert at > 40  # 8 operations for each of 4 steps, 2 best models and the end


def test_what_a_killed_run_left_half_written_is_cleared_away(small_data, tmp_path):
    half = tmp_path / ".step-000000007.safetensors.x1y2.part"
    half.write_bytes(b"half")
    tn.fit(small_model(), small_data[0], epochs=1, checkpoint=tmp_path, progress=False)
    assert not half.exists()
