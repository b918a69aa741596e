"""Models as files: they come back to the bit, say what does not fit, and cannot harm."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tests.support import strict
from tests.support.child import python
from tinynet.io import array_files
from tinynet.io.models import VERSION

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
from safetensors.numpy import load_file, save_file  # noqa: E402

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


# What is wrong, and what is meant to be ------------------------------------------------------------------------------


def header_of(path):
    raw = path.read_bytes()
    return json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])


def rewrite(path, about=None, arrays=None, **changes):
    """The file again, with another header; the checksum is put right."""
    arrays = load_file(path) if arrays is None else arrays
    header = json.loads(header_of(path)["__metadata__"]["tinynet"]) | {"sha256": array_files.checksum(arrays)} | changes
    header["about"] = header["about"] if about is None else about
    save_file(arrays, path, metadata={"tinynet": json.dumps(header)})


@pytest.fixture
def saved(tmp_path):
    tn.Sequential(tn.Dense(3, 2)).save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


def about(*layers):
    return {"architecture": {"layer": "Sequential", "layers": list(layers)}, "dtype": "float32"}


def nested(depth):
    layer = {"layer": "ReLU"}
    for _ in range(depth):
        layer = {"layer": "Sequential", "layers": [layer]}
    return layer


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ([], "a model's description"),
        ({"dtype": "float32"}, "architecture: expected a Sequential"),
        (about(), "a list of layers"),
        (about({"layer": "os.system"}), "unknown layer 'os.system'"),
        (about({"layer": "Context"}), "unknown layer 'Context'"),
        (about({"layer": "Dense", "inputs": 3, "outputs": 2, "evil": 1}), "the hyperparameters"),
        (about({"layer": "Dense", "inputs": 3}), "Dense"),
        (about({"layer": "Dense", "inputs": 10**9, "outputs": 10**9}), "an array 0.weight of shape"),
        (about({"layer": "Conv2D", "inputs": 1, "outputs": 2, "kernel_size": [10**6, 10**6]}), "an array 0.weight of"),
        (about({"layer": "BatchNorm", "features": 10**12}), "an array 0.weight of shape"),
        (about({"layer": "Dense", "inputs": {"a": 1}, "outputs": 2}), "inputs as a number, a string"),
        (about({"layer": "Dropout", "rate": "high"}), "hyperparameters that it takes"),
        (about({"layer": "MaxPool2D", "pool_size": -1}), "hyperparameters that it takes"),
        (about({"again": 0}), "a layer before this one"),
        (about("Dense"), "a layer, got 'Dense'"),
        (about(nested(200)), "50 deep"),
        (about(*[{"layer": "ReLU"}] * 10_001), "at most 10,000 layers"),
        (about({"layer": "Residual", "block": [], "shortcut": None}), "a list of layers"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_description_that_is_none_is_refused(saved, described, message):
    rewrite(saved, described)
    with pytest.raises(tn.DataError, match=message):
        tn.load(saved)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "format version 1 or older, got 2; install a newer tinynet"),
        ({"version": "one"}, "a header with a version"),
        ({"kind": "checkpoint"}, "a model of tinynet, got a checkpoint"),
    ],
)
def test_a_header_of_something_else_is_named(saved, changes, message):
    rewrite(saved, **changes)
    with pytest.raises(tn.DataError, match=message):
        tn.load(saved)


def test_a_file_of_somebody_else_is_named(tmp_path):
    save_file({"weight": np.zeros(3, "f4")}, tmp_path / "m")
    with pytest.raises(
        tn.DataError, match="got a safetensors file of another program; its numbers alone can be read by"
    ):
        tn.load(tmp_path / "m")
    save_file({"weight": np.zeros(3, "f4")}, tmp_path / "m", metadata={"tinynet": "[" * 100_000})
    with pytest.raises(tn.DataError, match="JSON in its header"):
        tn.load(tmp_path / "m")


def test_the_same_model_is_the_same_file(tmp_path):
    for name in ("a", "b"):
        small().save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_arrays_of_another_shape_or_dtype_are_refused(saved):
    rewrite(saved, arrays={"0.weight": np.zeros((3, 2), "f4"), "0.bias": np.zeros(3, "f4")})
    with pytest.raises(tn.DataError, match=r"an array 0.bias of shape \(2,\), got \(3,\)"):
        tn.load(saved)
    rewrite(saved, arrays={"0.weight": np.zeros((3, 2), "f2"), "0.bias": np.zeros(2, "f4")})
    with pytest.raises(tn.DataError, match="arrays of dtype F32, F64, I64, got 0.weight: F16"):
        tn.load(saved)


def test_one_changed_bit_is_noticed(saved):
    raw = bytearray(saved.read_bytes())
    raw[-1] ^= 1
    saved.write_bytes(raw)
    with pytest.raises(tn.DataError, match="numbers that fit its checksum"):
        tn.load(saved)


@pytest.mark.parametrize(
    "content", [b"", b"\x00" * 7, b"\xff" * 100, b"\x80\x04\x95pickle", (1 << 40).to_bytes(8, "little")]
)
def test_a_file_that_is_none_is_one_clear_error(tmp_path, content):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(tn.DataError, match="expected a whole safetensors file"):
        tn.load(tmp_path / "m")


def test_a_file_that_is_not_there():
    with pytest.raises(FileNotFoundError):
        tn.load("nowhere.safetensors")


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


TRAINED = "tn.fit(tn.Sequential(tn.Dense(784, 10)), tn.data.synthetic_fashion(100, 1)[0], checkpoint='run', epochs=1)"


@pytest.mark.parametrize("does", ["tn.Sequential(tn.Dense(3, 2)).save('m')", TRAINED])
def test_without_safetensors_the_error_says_what_to_install(tmp_path, does):
    code = f"import sys; sys.modules['safetensors'] = None\nimport tinynet as tn\n{does}"
    done = python("-c", code, folder=tmp_path)
    assert "install it with: pip install safetensors" in done.stderr
    assert not (tmp_path / "run").exists()  # no training first, and nothing left behind
