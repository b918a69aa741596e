"""A checkpoint that version 0.1.0 wrote in the middle of an epoch is resumed; its weaker checksum is made up for."""

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tests.support.checkpoints import resumed, saved
from tinynet.io.array_files import read_arrays, write_arrays
from tinynet.training.settings import Settings

FILES = Path(__file__).parents[1] / "files"


def test_a_checkpoint_of_format_1_is_resumed(tmp_path):
    """Step 13 of 40. What it held is the run that is made here, so both end with the same parameters."""
    pytest.importorskip("safetensors")
    pytest.importorskip("filelock")
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(4, 20))
    labels = generator.integers(0, 4, 800)
    x = (centres[labels] + 0.8 * generator.normal(size=(800, 20))).astype("float32")

    def run(**settings):
        model = tn.Sequential(tn.BatchNorm(20), tn.Dense(20, 16), tn.ReLU(), tn.Dropout(0.2), tn.Dense(16, 4), seed=3)
        history = tn.fit(
            model, (x[:600], labels[:600]), validation=(x[600:], labels[600:]),
            optimizer=tn.Adam(tn.schedules.cosine(0.01, 40)), epochs=4, batch_size=64, seed=7, threads=1, **settings,
        )  # fmt: skip
        return model, history

    shutil.copyfile(FILES / "checkpoint-1.safetensors", tmp_path / "step-000000013.safetensors")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        resumed, history = run(checkpoint=tmp_path, resume=True)
    whole, expected = run()
    # Other processors round products otherwise, and 13 of the 40 steps were made on one of them.
    np.testing.assert_allclose(resumed.theta, whole.theta, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(resumed.statistics_vector, whole.statistics_vector, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(history["validation_loss"], expected["validation_loss"], rtol=1e-3)
    assert history["epoch"] == [1, 2, 3, 4]


# Format 1: its checksum does not cover the settings ------------------------------------------------------------------


def of_format_1(keeper, step, settings):
    """Write the checkpoint again as version 0.1.0 did."""
    arrays, about, _ = read_arrays(keeper.path(step), "checkpoint", 2)
    write_arrays(keeper.path(step), "checkpoint", 1, arrays, {**about, "settings": settings})


def test_settings_of_format_1_that_are_damaged_give_way_to_the_checkpoint_before(tmp_path):
    keeper = saved(tmp_path, 28, 30)
    of_format_1(keeper, 28, {"seed": 0})
    of_format_1(keeper, 30, {"seed": 4})
    with pytest.warns(UserWarning, match="expected seed 0, got 4.*taken to be damaged, and the run goes on from .*28"):
        assert resumed(tmp_path)[0] == 28
    of_format_1(keeper, 28, {"seed": 4})
    with pytest.raises(ValueError, match="expected seed 0, got 4; resume with the same settings"):
        resumed(tmp_path)
    other = Settings({"seed": 4}, {}, {"seed": 4})
    assert resumed(tmp_path, other)[0] == 30


def test_other_settings_of_format_2_are_refused_at_once(tmp_path):
    saved(tmp_path, 28, 30)
    with pytest.raises(ValueError, match="30.*expected seed 4, got 0; resume with the same settings"):
        resumed(tmp_path, Settings({"seed": 4}, {}, {"seed": 4}))
