"""The format of safetensors, read: the package that writes it is the reference."""

import io
import json
import math
import os
import re

import numpy as np
import pytest

import tinynet as tn
from tinynet.backend.files import open_regular
from tinynet.io.tensor_files import read_header, read_tensors

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
import safetensors  # noqa: E402
from safetensors.numpy import load, save  # noqa: E402


def read(path):
    with open_regular(path) as file:
        header = read_header(file, path)
        return read_tensors(file, header, path), header.metadata


def raw(header, data=b"", length=None):
    """A file of this header, which may be a text."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


@pytest.mark.parametrize("seed", range(20))
def test_what_safetensors_writes_is_read_to_the_bit(seed, tmp_path):
    generator = np.random.default_rng(seed)
    arrays = {}
    for number in range(generator.integers(0, 6)):
        shape = tuple(generator.integers(0, 4, generator.integers(0, 5)))
        dtype = generator.choice(["float32", "float64", "int64"])
        arrays[f"{number}.\u00e9 '\n"] = np.asarray(generator.normal(size=shape) * 1e3).astype(dtype)
    (tmp_path / "m").write_bytes(save(arrays, {"a": "b\u2028"}))
    found, metadata = read(tmp_path / "m")
    assert metadata == {"a": "b\u2028"}
    assert found.keys() == arrays.keys()
    for name, values in arrays.items():
        assert (found[name].dtype, found[name].shape) == (values.dtype, values.shape)
        assert found[name].tobytes() == values.tobytes()


REFUSED = {
    "no header": raw(b""),
    "a list": raw([]),
    "a header that is longer than the file": raw({}, length=100),
    "an endless header": raw({}, length=2**63),
    "bytes that are no UTF-8": raw(b'{"\xff": 1}'),
    "a name twice": raw(b'{"a": %s, "a": %s}' % ((json.dumps(entry()).encode(),) * 2), bytes(8)),
    "metadata that are no texts": raw({"__metadata__": {"a": 1}}),
    "metadata that are a list": raw({"__metadata__": []}),
    "trailing bytes": raw({"a": entry()}, bytes(9)),
    "missing bytes": raw({"a": entry()}, bytes(7)),
    "a gap": raw({"a": entry(), "b": entry(offsets=(9, 17))}, bytes(17)),
    "an overlap": raw({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)),
    "the same bytes twice": raw({"a": entry(), "b": entry()}, bytes(8)),
    "offsets the wrong way round": raw({"a": entry(offsets=(8, 0))}, bytes(8)),
    "offsets below zero": raw({"a": entry(offsets=(-8, 0))}, bytes(8)),
    "another size than the shape's": raw({"a": entry(shape=(3,))}, bytes(8)),
    "more bytes than the shape's": raw({"a": entry(offsets=(0, 12))}, bytes(12)),
    "a product beyond 64 bits": raw({"a": entry(shape=(2**40, 2**40), offsets=(0, 8))}, bytes(8)),
    "an empty array beyond 64 bits": raw({"a": entry(shape=(0, 2**40, 2**40), offsets=(0, 0))}),
    "an empty array of 2^63 bytes": raw({"a": entry(shape=(0, 2**61), offsets=(0, 0))}),
    "a size beyond 64 bits": raw({"a": entry(shape=(0, 10**4000), offsets=(0, 0))}),
    "a size below zero": raw({"a": entry(shape=(-1, -2))}, bytes(8)),
    "a size that is a float": raw({"a": entry(shape=(2.0,))}, bytes(8)),
    "a size that is true": raw({"a": entry(shape=(True, 2))}, bytes(8)),
    "33 axes": raw({"a": entry(shape=(1,) * 32 + (2,))}, bytes(8)),
    "no offsets": raw({"a": {"dtype": "F32", "shape": [2]}}, bytes(8)),
    "one key more": raw({"a": entry(more=1)}, bytes(8)),
    "an entry that is a text": raw({"a": "F32"}),
}


@pytest.mark.parametrize("content", REFUSED.values(), ids=REFUSED)
def test_what_is_not_such_a_file_is_refused(content, tmp_path):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(
        tn.DataError, match=r"expected a whole safetensors file, got [\d,]+ bytes.*; take another copy of the file"
    ):
        read(tmp_path / "m")


STRICTER = {
    "one key more",
    "33 axes",
    "the same bytes twice",
    "a name twice",
    "an empty array beyond 64 bits",
    "an empty array of 2^63 bytes",
}


@pytest.mark.parametrize("name", [name for name in REFUSED if name not in STRICTER])
def test_safetensors_refuses_the_same(name):
    with pytest.raises((safetensors.SafetensorError, ValueError)):
        load(REFUSED[name])


@pytest.mark.parametrize("dtype", ["F16", "I32", "BOOL", "F8_E4M3", "f32", "", None, ["F32"]])
def test_other_dtypes_are_named(dtype, tmp_path):
    (tmp_path / "m").write_bytes(raw({"a": entry(dtype)}, bytes(8)))
    expected = rf"^{re.escape(str(tmp_path / 'm'))}: expected arrays of dtype F32, F64, I64, got a: .*; take another"
    with pytest.raises(tn.DataError, match=expected):
        read(tmp_path / "m")


def test_names_of_millions_of_characters_make_short_messages(tmp_path):
    (tmp_path / "m").write_bytes(raw({"a" * 5_000_000: entry(shape=(1,) * 100_000)}, bytes(8)))
    with pytest.raises(tn.DataError) as told:
        read(tmp_path / "m")
    assert len(str(told.value)) < 500 + len(str(tmp_path))


@pytest.mark.parametrize("change", [lambda file: file.truncate(60), lambda file: (file.seek(0, 2), file.write(b"x"))])
def test_a_file_that_changes_while_it_is_read_is_refused(change, tmp_path):
    (tmp_path / "m").write_bytes(save({"a": np.zeros(100)}))
    with open_regular(tmp_path / "m") as file, open(tmp_path / "m", "r+b") as other:
        header = read_header(file, "m")
        change(other)
        other.flush()
        with pytest.raises(tn.DataError, match="one that changed while it was read; read it when it is complete"):
            read_tensors(file, header, "m")
    (tmp_path / "m").write_bytes(save({"a": np.zeros(100)}))  # by its writer, who has completed it
    assert read(tmp_path / "m")[0]["a"].shape == (100,)


def test_what_was_checked_is_what_is_read(tmp_path):
    """Another file of the same name, put there in between, is not opened."""
    (tmp_path / "m").write_bytes(save({"a": np.zeros(3)}))
    (tmp_path / "other").write_bytes(save({"a": np.ones(3)}))
    with open_regular(tmp_path / "m") as file:
        header = read_header(file, "m")
        os.replace(tmp_path / "other", tmp_path / "m")
        assert not read_tensors(file, header, "m")["a"].any()


def test_arrays_are_not_copied(tmp_path):
    (tmp_path / "m").write_bytes(save({"a": np.zeros(3), "b": np.ones((2, 2), "f4")}))
    found, _ = read(tmp_path / "m")
    assert found["a"].base is found["b"].base is not None
    assert io.BytesIO((tmp_path / "m").read_bytes()[-found["a"].base.size :]).read() == found["a"].base.tobytes()


@pytest.mark.parametrize("shape", [(0, 1, 2**61 - 1), (1,) * 31 + (2,)], ids=["empty", "32 axes"])
def test_an_array_of_the_largest_shape_is_read(shape, tmp_path):
    size = 4 * math.prod(shape)
    (tmp_path / "m").write_bytes(raw({"a": entry(shape=shape, offsets=(0, size))}, bytes(size)))
    assert read(tmp_path / "m")[0]["a"].shape == shape


def test_a_header_of_8_mib_is_read_and_a_longer_one_refused(tmp_path):
    """The format pads headers with spaces."""
    (tmp_path / "m").write_bytes(raw(b"{}".ljust(8 << 20)))
    assert read(tmp_path / "m") == ({}, {})
    (tmp_path / "m").write_bytes(raw(b"{}".ljust((8 << 20) + 1)))
    with pytest.raises(tn.DataError, match="expected a whole safetensors file, got 8,388,617 bytes that are not one"):
        read(tmp_path / "m")
