"""Files of arrays: damaged files and files of another kind are refused, and equal models give equal files."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import python
from tests.support.model_files import header_of, rewrite
from tinynet.io import array_files
from tinynet.io.array_files import read_arrays, write_arrays

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
from safetensors.numpy import load_file, save_file  # noqa: E402


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 3}, "format version 2 or older, got 3; install a newer tinynet"),
        ({"version": "one"}, "a header with a version"),
        ({"version": True}, "a header with a version, got True"),
        ({"version": 0}, "a header with a version, got 0"),
        ({"version": 10**4000}, "format version 2 or older, got 1000"),
        ({"more": 1}, "a header with a version"),
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
    with pytest.raises(tn.DataError, match=f"^{re.escape(str(tmp_path / 'm'))}: expected JSON in its header"):
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


CHANGES = {  # to what a file says beside its numbers
    "a name": lambda header: header["about"]["preprocessing"].update(class_names=["b", "a"]),
    "a mean": lambda header: header["about"]["preprocessing"].update(mean=0.25),
    "the preprocessing": lambda header: header["about"].pop("preprocessing"),
    "a rate": lambda header: header["about"]["architecture"]["layers"][1].update(rate=0.25),
    "the version": lambda header: header.update(version=1),
    "the kind": lambda header: header.update(kind="checkpoint"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_checksum_covers_all_that_is_read(tmp_path, change):
    model = tn.Sequential(tn.Dense(3, 2), tn.Dropout(0.5))
    model.preprocessing = tn.data.Preprocessing(class_names=("a", "b"))
    model.save(path := tmp_path / "m")
    header = json.loads(header_of(path)["__metadata__"]["tinynet"])
    change(header)
    save_file(load_file(path), path, metadata={"tinynet": json.dumps(header)})
    with pytest.raises(tn.DataError, match=r"numbers that fit its checksum|a \w+ of tinynet, got a checkpoint"):
        tn.load(path)
    rewrite(path, kind="model")
    tn.load(path)  # the checksum alone refused it


def test_a_file_of_version_2_is_never_read_with_the_weaker_sum_of_version_1(saved):
    """Each in the place of the other: as one flipped bit, or a program that knows the format, would make it."""
    raw = saved.read_bytes()
    for version in (b"0", b"1", b"3"):
        saved.write_bytes(raw.replace(b'\\"version\\": 2', b'\\"version\\": ' + version))
        with pytest.raises(tn.DataError, match="its checksum|a version, got 0|install a newer"):
            tn.load(saved)
    rewrite(saved, version=1)
    saved.write_bytes(saved.read_bytes().replace(b'\\"version\\": 1', b'\\"version\\": 2'))
    with pytest.raises(tn.DataError, match="numbers that fit its checksum"):
        tn.load(saved)


def test_a_file_that_does_not_fit_into_memory_is_named(saved):
    """A gigabyte of zeros on no disk, which a header claims to be an array."""
    resource = pytest.importorskip("resource", reason="limits of memory are a matter of Unix")
    assert resource.RLIMIT_AS
    code = f"""if True:
        import json, resource, tinynet as tn
        header = {{"0.weight": {{"dtype": "F32", "shape": [2**30], "data_offsets": [0, 2**32]}}, "__metadata__":
            {{"tinynet": json.dumps({{"kind": "model", "version": 2, "about": {{}}, "sha256": ""}})}}}}
        text = json.dumps(header).encode()
        with open({str(saved)!r}, "wb") as file:
            file.write(len(text).to_bytes(8, "little") + text)
            file.truncate(8 + len(text) + 2**32)
        resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
        try:
            tn.load({str(saved)!r})
        except tn.DataError as error:
            print(error)
    """
    done = python("-c", code)
    size = f"{saved.stat().st_size:,} bytes"
    assert f"expected a file that fits into memory, got {size}; " in done.stdout, done.stderr
    assert done.stdout.endswith("read it on a machine with more memory\n")


@pytest.mark.parametrize("version", [1, 2])
def test_files_of_both_versions_are_written_and_read(tmp_path, version):
    arrays, about = {"a": np.arange(3.0)}, {"shape": (1, 2), 3: None}
    write_arrays(tmp_path / "m", "checkpoint", version, arrays, about)
    read, described, number = read_arrays(tmp_path / "m", "checkpoint", 2)
    np.testing.assert_array_equal(read["a"], arrays["a"])
    assert (described, number) == ({"shape": [1, 2], "3": None}, version)


def test_arrays_come_back_whatever_their_order_in_memory(tmp_path):
    given = np.arange(6.0).reshape(2, 3)
    for values in (np.asfortranarray(given), given[:, ::-1], given.T, given[:1], given[:, :0]):
        write_arrays(tmp_path / "m", "model", 2, {"a": values}, None)
        np.testing.assert_array_equal(read_arrays(tmp_path / "m", "model", 2)[0]["a"], values)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_description_that_json_cannot_hold_is_refused(tmp_path, number):
    with pytest.raises((ValueError, tn.SaveError), match="not JSON compliant"):
        write_arrays(tmp_path / "m", "model", 2, {"a": np.zeros(3)}, {"mean": number})
    assert not (tmp_path / "m").exists()


def test_arrays_that_change_names_or_shapes_are_noticed(tmp_path):
    write_arrays(tmp_path / "m", "model", 2, {"a": np.arange(6.0), "b": np.arange(6.0) + 1}, None)
    metadata = header_of(tmp_path / "m")["__metadata__"]
    for arrays in (
        {"a": np.arange(6.0) + 1, "b": np.arange(6.0)},
        {"a": np.arange(6.0), "c": np.arange(6.0) + 1},
        {"a": np.arange(6.0).reshape(2, 3), "b": np.arange(6.0) + 1},
        {"a": np.arange(6.0).view("int64"), "b": np.arange(6.0) + 1},
    ):
        save_file(arrays, tmp_path / "m", metadata=metadata)
        with pytest.raises(tn.DataError, match="numbers that fit its checksum"):
            read_arrays(tmp_path / "m", "model", 2)


@pytest.mark.parametrize(("length", "read"), [(1 << 20, True), ((8 << 20) + 8, False)])
def test_a_header_of_more_than_8_mib_is_not_read(tmp_path, length, read):
    write_arrays(tmp_path / "m", "model", 2, {"a": np.arange(3.0)}, None)
    raw = (tmp_path / "m").read_bytes()
    end = 8 + int.from_bytes(raw[:8], "little")
    padded = length.to_bytes(8, "little") + raw[8:end].ljust(length) + raw[end:]
    (tmp_path / "m").write_bytes(padded)
    if read:
        assert read_arrays(tmp_path / "m", "model", 2)[0]["a"].tolist() == [0, 1, 2]
    else:
        with pytest.raises(tn.DataError, match="expected a whole safetensors file"):
            read_arrays(tmp_path / "m", "model", 2)


def test_what_could_not_be_read_is_not_written(tmp_path):
    path, whole = tmp_path / "m", {"a": np.zeros(3, "f4")}
    write_arrays(path, "model", 2, whole, None)
    with pytest.raises(tn.SaveError, match=r"float64, int64, got b: int32; convert it, such as b.astype\('float32'\)"):
        write_arrays(path, "model", 2, {"b": np.zeros(3, "i4")}, None)
    write_arrays(path, "model", 2, {"b": np.zeros(3, "i4").astype("float32")}, None)
    with pytest.raises(tn.SaveError, match="a description of at most 4,194,304 bytes, got 5,000,1"):
        write_arrays(path, "model", 2, whole, "x" * 5_000_000)
    deep: list = []
    for _ in range(300):
        deep = [deep]
    with pytest.raises(tn.SaveError, match="a description that JSON can hold, got more than 300 levels; shorten it"):
        write_arrays(path, "model", 2, whole, deep)
    write_arrays(path, "model", 2, whole, deep[0])
    with pytest.raises(tn.SaveError, match="a description that JSON can hold"):
        write_arrays(path, "model", 2, whole, float("nan"))
    write_arrays(path, "model", 2, whole, '"' * 2_000_000)  # quotes take most room
    assert len(read_arrays(path, "model", 2)[1]) == 2_000_000


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


def test_a_file_that_is_cut_while_it_is_read_is_named(tmp_path, monkeypatch):
    write_arrays(path := tmp_path / "m", "model", 2, {"a": np.zeros(3, "f4")}, {})
    real = array_files.read_tensors

    def cut_before(*arguments):
        os.truncate(path, path.stat().st_size - 1)
        return real(*arguments)

    monkeypatch.setattr(array_files, "read_tensors", cut_before)
    with pytest.raises(
        tn.DataError, match=f"^{re.escape(str(path))}: expected a file that nobody is writing, got one that changed"
    ):
        read_arrays(path, "model", 2)


def test_the_checksum_of_version_1_is_that_of_the_arrays():
    """As version 0.1.0 wrote it."""
    path = Path(__file__).parents[1] / "files" / "checkpoint-1.safetensors"
    arrays, about, version = read_arrays(path, "checkpoint", 2)
    assert (version, about["step"], arrays["theta"].dtype) == (1, 13, np.float32)


@pytest.mark.parametrize("content", [b"", b"nothing that a program of this kind writes"])
def test_a_file_of_something_else_is_named(content, tmp_path):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(
        tn.DataError, match=f"^{re.escape(str(tmp_path / 'm'))}: expected a whole safetensors file, got {len(content)} "
    ):
        read_arrays(tmp_path / "m", "model", 2)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (1, "c5449503845fcf532ced77cd9edf110368fe2fd71dcb542dc55dabf46f5e6ca0"),
        (2, "34a4908d2f23edcb9f4905b1cb3f47a97f65d4f6985988c8dc94e4dc8b3960c6"),
    ],
)
def test_checksums_are_those_of_the_files_that_exist(version, expected):
    """Computed with the code of commit 4618afa: a file that it wrote, with an empty array or without, is still read."""
    arrays = {
        "theta": np.arange(6, dtype="f4").reshape(2, 3),
        "statistics": np.zeros(0, "f4"),
        "b": np.zeros((0, 3), "i8"),
    }
    assert array_files.checksum(arrays, {"kind": "model", "version": version, "about": {"step": 1}}) == expected
