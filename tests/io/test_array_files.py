"""Files of arrays: damaged files and files of another kind are refused, and equal models give equal files."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import python
from tests.support.model_files import rewrite

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
from safetensors.numpy import save_file  # noqa: E402


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


TRAINED = "tn.fit(tn.Sequential(tn.Dense(784, 10)), tn.data.synthetic_fashion(100, 1)[0], checkpoint='run', epochs=1)"


@pytest.mark.parametrize("does", ["tn.Sequential(tn.Dense(3, 2)).save('m')", TRAINED])
def test_without_safetensors_the_error_says_what_to_install(tmp_path, does):
    code = f"import sys; sys.modules['safetensors'] = None\nimport tinynet as tn\n{does}"
    done = python("-c", code, folder=tmp_path)
    assert "install it with: pip install safetensors" in done.stderr
    assert not (tmp_path / "run").exists()  # no training first, and nothing left behind
