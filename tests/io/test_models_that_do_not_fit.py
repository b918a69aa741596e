"""What does not fit a model is told: which file, which arrays and how many more, which classes."""

import re

import numpy as np
import pytest

import tinynet as tn
from tinynet.io import models
from tinynet.io.array_files import write_arrays

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")


@pytest.mark.parametrize(("count", "rest"), [(1, ""), (10, ""), (11, "; and 1 more"), (25, "; and 15 more")])
def test_ten_problems_are_told_and_the_others_counted(count, rest, tmp_path):
    """A model without parameters, and a file of as many arrays."""
    arrays = {f"a{number:02}": np.zeros(1, "f4") for number in range(count)}
    write_arrays(tmp_path / "m", "model", 2, arrays, {})
    model = tn.Sequential(tn.ReLU())
    with pytest.raises(tn.DataError) as told:
        models.load_weights(model, tmp_path / "m")
    shown = "; ".join(f"unexpected a{number:02}" for number in range(min(count, 10)))
    assert str(told.value) == (
        f"{tmp_path / 'm'}: expected the arrays of this model, got {shown}{rest}; strict=False takes what fits"
    )
    assert len(model.load_weights(tmp_path / "m", strict=False)) == count


def test_numbers_that_the_dtype_of_the_model_cannot_hold_are_named_with_their_file(tmp_path):
    wide = tn.Sequential(tn.Dense(2, 2), dtype="float64")
    wide[0].weight[0, 0] = 1e300
    wide.save(tmp_path / "m")
    narrow = tn.Sequential(tn.Dense(2, 2))
    before = narrow.theta.tobytes()
    file, most = re.escape(str(tmp_path / "m")), re.escape("3.40282e+38, the largest in float32, got 1e+300; scale")
    told = rf"^{file}: expected numbers up to {most} .*\(0.weight\)"
    with pytest.raises(tn.DataError, match=told):
        narrow.load_weights(tmp_path / "m")
    assert narrow.theta.tobytes() == before


@pytest.mark.parametrize(
    "layers",
    [tn.Dense, [tn.Dense(2, 2)], [int], ["Dense"], "Dense", {"Dense": tn.Dense}, 3, None, np.array(3)],
    ids=lambda layers: f"{layers!r:.20}",
)
def test_what_is_no_list_of_classes_of_layers_is_refused(layers, tmp_path):
    tn.Sequential(tn.ReLU()).save(tmp_path / "m")
    with pytest.raises(TypeError, match=r"^load: layers: expected a list of classes .*; write layers=\[MyLayer\]"):
        tn.load(tmp_path / "m", layers=layers)


def test_what_is_no_name_of_a_file_is_refused():
    with pytest.raises(TypeError, match="^load: expected the name of a file"):
        tn.load(3)


RELU = {"layer": "Sequential", "layers": [{"layer": "ReLU"}]}


@pytest.mark.parametrize(
    "about", [[], "ReLU", {}, {"architecture": RELU}, {"architecture": RELU, "dtype": "float16"}], ids=str
)
def test_a_file_without_the_dtype_of_a_model_is_refused(about, tmp_path):
    write_arrays(tmp_path / "m", "model", 2, {}, about)
    with pytest.raises(
        tn.DataError, match=f"^{re.escape(str(tmp_path / 'm'))}: expected a model's description, got another; save"
    ):
        tn.load(tmp_path / "m")


@pytest.mark.parametrize(
    ("arrays", "more", "message"),
    [
        ({"a": np.zeros(1, "f4")}, {}, "the arrays of this model, got unexpected a"),
        ({}, {"preprocessing": 3}, "the preprocessing of a model, got another value"),
    ],
    ids=["an array too many", "a preprocessing that is none"],
)
def test_load_names_the_file(arrays, more, message, tmp_path):
    write_arrays(tmp_path / "m", "model", 2, arrays, {"architecture": RELU, "dtype": "float32", **more})
    with pytest.raises(tn.DataError, match=f"^{re.escape(str(tmp_path / 'm'))}: expected {message}"):
        tn.load(tmp_path / "m")
