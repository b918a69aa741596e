"""Saved models are loaded bit for bit, and weights that do not fit another model are named."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tinynet.io.models import VERSION

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
from safetensors.numpy import load_file  # noqa: E402

from tests.support.cases import LAYERS  # noqa: E402

RNG = np.random.default_rng(0)
OLD_FILES = sorted((Path(__file__).parents[1] / "files").glob("model-*.safetensors"))


def small(seed=0, **settings):
    return tn.Sequential(
        tn.Reshape(4, 4, 1), tn.Conv2D(1, 2, padding="same"), tn.BatchNorm(2), tn.ReLU(),
        tn.Residual(tn.Conv2D(2, 3, 1, 2), shortcut=tn.Conv2D(2, 3, 1, 2)),
        tn.Flatten(), tn.Dropout(0.3), tn.Dense(12, 3),
        seed=seed, **settings,
    )  # fmt: skip


def trained():
    model = small()
    tn.fit(model, (RNG.random((60, 16), dtype="float32"), np.arange(60) % 3), epochs=2, batch_size=20)
    return model


def test_a_model_comes_back_to_the_bit(tmp_path):
    model, x = trained(), RNG.random((5, 16), dtype="float32")
    model.save(tmp_path / "m.safetensors")
    again = tn.load(tmp_path / "m.safetensors")
    assert repr(again) == repr(model)
    assert np.array_equal(again.theta, model.theta)
    assert np.array_equal(again.statistics_vector, model.statistics_vector)
    assert np.array_equal(again(x), model(x))
    assert not np.allclose(again.statistics["2.running_mean"], 0)


@pytest.mark.parametrize("make", [case[0] for cases in LAYERS.values() for case in cases])
def test_every_layer_comes_back(make, tmp_path):
    model = tn.Sequential(make(), dtype="float64")
    model.save(tmp_path / "m")
    again = tn.load(tmp_path / "m")
    assert repr(again) == repr(model)
    assert again.dtype == np.float64
    assert np.array_equal(again.theta, model.theta)


def test_a_layer_that_stands_twice_stands_twice_again(tmp_path):
    shared = tn.Dense(4, 4)
    model = tn.Sequential(shared, tn.Tanh(), shared)
    model.save(tmp_path / "m")
    again = tn.load(tmp_path / "m")
    assert again[0] is again[2]
    assert again.parameter_count == 20
    shared = tn.Dense(4, 4)
    tn.Sequential(tn.Residual(shared, tn.Tanh(), shared)).save(tmp_path / "m")
    assert tn.load(tmp_path / "m").parameter_count == 20


def test_other_programs_find_the_arrays_under_the_names_that_pytorch_gives(tmp_path):
    model = tn.Sequential(tn.Dense(3, 2), tn.BatchNorm(2), tn.ReLU(), tn.Dense(2, 2))
    model.save(tmp_path / "m")
    arrays = load_file(tmp_path / "m")
    assert sorted(arrays) == sorted(
        ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var", "3.weight", "3.bias"]
    )
    assert np.array_equal(arrays["0.weight"], model[0].weight)


class Scaled(tn.Layer):
    """y = factor x: a layer of somebody's own."""

    hyperparameters = ("factor",)

    def __init__(self, factor):
        self.factor = factor

    def forward(self, x, context):
        return self.factor * x, lambda dy, grads: self.factor * dy


def test_a_layer_of_ones_own_is_named_and_given(tmp_path):
    tn.Sequential(tn.Dense(3, 2), Scaled(0.5)).save(tmp_path / "m")
    with pytest.raises(tn.DataError, match=r"unknown layer 'Scaled'.*tn.load\(path, layers=\[...\]\) takes your own"):
        tn.load(tmp_path / "m")
    assert tn.load(tmp_path / "m", layers=[Scaled])[1].factor == 0.5
    with pytest.raises(TypeError, match="expected factor as a number, a string or a list, got function"):
        tn.Sequential(Scaled(lambda: 1)).save(tmp_path / "n")
    assert not (tmp_path / "n").exists()


def test_a_model_of_another_device_is_saved_and_read_here(tmp_path):
    model = small().to(strict.device)
    model.save(tmp_path / "m")
    assert np.array_equal(tn.load(tmp_path / "m").theta, small().theta)


def test_weights_into_another_model(tmp_path):
    path = tmp_path / "m"
    trained().save(path)
    model = small(seed=7)
    assert model.load_weights(path) == []
    assert np.array_equal(model.theta, tn.load(path).theta)
    other = tn.Sequential(tn.Reshape(4, 4, 1), tn.Conv2D(1, 5), tn.BatchNorm(2), tn.Dense(4, 3))
    before = other.theta.copy()
    with pytest.raises(tn.DataError) as caught:
        other.load_weights(path)
    for words in ("missing 3.weight", "unexpected 7.bias", "1.weight has shape (3, 3, 1, 2), not (3, 3, 1, 5)"):
        assert words in str(caught.value)
    assert np.array_equal(other.theta, before)
    problems = other.load_weights(path, strict=False)
    assert "missing 3.weight" in problems
    assert np.array_equal(other.statistics["2.running_mean"], tn.load(path).statistics["2.running_mean"])


@pytest.mark.parametrize("path", OLD_FILES, ids=lambda path: path.name)
def test_files_of_every_version_are_still_read(path):
    model = tn.load(path)
    expected = json.loads(path.with_suffix(".json").read_text())
    np.testing.assert_allclose(
        model(np.arange(32, dtype="float32").reshape(2, 16) / 32), expected["outputs"], rtol=1e-5
    )


def test_there_is_a_file_of_every_version():
    assert [path.name for path in OLD_FILES] == [f"model-{number + 1}.safetensors" for number in range(len(OLD_FILES))]
    assert len(OLD_FILES) == VERSION


def test_the_same_model_is_the_same_file(tmp_path):
    for name in ("a", "b"):
        small().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# The disk -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["fsync", "replace", "fdopen"])
def test_a_disk_that_fails_leaves_the_file_before_whole(saved, monkeypatch, call):
    before = saved.read_bytes()

    def fail(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(tn.SaveError, match=r"could not be saved \(No space left on device\); what was there before is"):
        tn.Sequential(tn.Dense(3, 2), seed=5).save(saved)
    monkeypatch.undo()
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(tn.SaveError, match="No such file or directory"):
        small().save(tmp_path / "no" / "m")
