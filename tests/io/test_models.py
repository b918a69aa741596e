"""Saved models are loaded bit for bit, and weights that do not fit another model are named."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.special

import tinynet as tn
from tests.support import strict
from tests.support.child import python
from tests.support.pictures import pictures
from tests.support.pictures import trained as trained_on_pictures
from tinynet.io.array_files import read_arrays, write_arrays
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


def test_an_array_that_no_layer_has_is_refused(tmp_path):
    model = tn.Sequential(tn.Dense(3, 2))
    model.save(tmp_path / "m")
    arrays, about, _ = read_arrays(tmp_path / "m", "model", VERSION)
    write_arrays(tmp_path / "m", "model", VERSION, {**arrays, "9.weight": np.zeros(3)}, about)
    with pytest.raises(tn.DataError, match="expected the arrays of this model, got unexpected 9.weight; strict=False"):
        tn.load(tmp_path / "m")


def test_weights_are_taken_from_a_file_that_describes_no_model(tmp_path):
    model, other = tn.Sequential(tn.Dense(3, 2), seed=1), tn.Sequential(tn.Dense(3, 2), seed=2)
    write_arrays(tmp_path / "m", "model", VERSION, {name: a.copy() for name, a in other.parameters.items()}, ["notes"])
    assert model.load_weights(tmp_path / "m") == []
    np.testing.assert_array_equal(model.theta, other.theta)
    assert model.preprocessing is None


def test_a_damaged_preprocessing_is_named_with_its_file_by_load_weights(tmp_path):
    model = tn.Sequential(tn.Dense(3, 2))
    arrays = {name: values.copy() for name, values in model.parameters.items()}
    write_arrays(tmp_path / "m", "model", VERSION, arrays, {"preprocessing": 3})
    with pytest.raises(tn.DataError, match="m: expected the preprocessing of a model, got another value"):
        model.load_weights(tmp_path / "m")


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


def test_files_of_version_2_know_their_preprocessing():
    old, new = (tn.load(OLD_FILES[0].with_name(f"model-{version}.safetensors")) for version in (1, 2))
    expected = json.loads(OLD_FILES[0].with_name("model-2.json").read_text())
    assert old.preprocessing is None
    assert new.preprocessing.class_names == ("low", "middle", "high")
    pixels = np.arange(32, dtype="uint8").reshape(2, 4, 4) * 8
    np.testing.assert_allclose(new.predict(pixels), expected["predicted"], rtol=1e-5)


def test_there_is_a_file_of_every_version():
    assert [path.name for path in OLD_FILES] == [f"model-{number + 1}.safetensors" for number in range(len(OLD_FILES))]
    assert len(OLD_FILES) == VERSION


def test_weights_bring_their_preprocessing_if_all_fit(tmp_path):
    model = trained()
    model.save(tmp_path / "m")
    assert model.preprocessing is not None
    other = small(seed=5)
    other.load_weights(tmp_path / "m")
    assert other.preprocessing == model.preprocessing
    larger = tn.Sequential(tn.Reshape(4, 4, 1), tn.Conv2D(1, 2, padding="same"), tn.Dense(4, 5))
    assert larger.load_weights(tmp_path / "m", strict=False)
    assert larger.preprocessing is None


NEW_PROCESS = """
import json, sys
import numpy as np
import tinynet as tn
model = tn.load("m.safetensors")
x = np.load("x.npy")
{imports}
data = tn.data.from_arrays(x, np.zeros(len(x), int))
answers = [model.predict(each).tolist() for each in ({given})]
print(json.dumps([answers, model.predict_classes(x).tolist()]))
"""
GIVEN = {
    "bytes": "x, x.reshape(len(x), -1)",
    "floats": "x * 1.0, x.astype('float32').reshape(len(x), -1)",
    "a data set": "data, tn.data.from_arrays(x, data.labels, flatten=True)",
    "file names": "['0.png', '1.png', '2.png'], [__import__('pathlib').Path(f'{n}.png') for n in range(3)]",
    "Pillow pictures": "[Image.open(f'{n}.png') for n in range(3)], [Image.fromarray(each) for each in x]",
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
@pytest.mark.parametrize("unit", [1, 255], ids=["trained on bytes", "trained on floats"])
def test_predictions_are_right_in_a_new_process(tmp_path, given, unit):
    image_module = pytest.importorskip("PIL.Image") if "png" in given or "Image" in given else None
    images, labels = pictures(60)
    model, _ = trained_on_pictures(images if unit == 1 else images / unit, labels)
    model.save(tmp_path / "m.safetensors")
    new, _ = pictures(3, seed=1)
    np.save(tmp_path / "x.npy", new)
    for number, picture in enumerate(new) if image_module else ():
        image_module.fromarray(picture).save(tmp_path / f"{number}.png")
    known = images / 255
    by_hand = ((new.reshape(3, -1) / 255 - known.mean()) / known.std()).astype("float32")
    expected = scipy.special.softmax(model(by_hand), axis=1)
    given = given.replace("x * 1.0, x.astype('float32')", f"x / {unit}, (x / {unit}).astype('float32')")
    imports = "from PIL import Image" if "Image" in given else "assert 'PIL' not in sys.modules"
    done = python("-c", NEW_PROCESS.format(imports=imports, given=given), folder=tmp_path)
    assert not done.stderr
    answers, classes = json.loads(done.stdout)
    for answer in answers:
        np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-6)
    assert classes == ["left", "right", "top"]
    assert list(expected.argmax(axis=1)) == [0, 1, 2]


def test_the_best_model_of_a_run_knows_its_preprocessing(tmp_path):
    pytest.importorskip("filelock")
    images, labels = pictures(60)
    model, train = trained_on_pictures(images, labels, validation=(images, labels), checkpoint=tmp_path)
    best = tn.load(tmp_path / "best.safetensors")
    assert best.preprocessing == model.preprocessing
    assert best.preprocessing.mean == train.mean


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
