"""IDX files: reading them, and one clear error for a damaged one."""

import gzip
import re
import struct

import numpy as np
import pytest

import tinynet as tn
from tinynet.data import idx


def idx_bytes(array):
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("pack", [lambda content: content, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("array", [IMAGES, IMAGES[0, 0], IMAGES[:0]], ids=["images", "labels", "none"])
def test_reading_returns_what_was_written(tmp_path, pack, array):
    (tmp_path / "file").write_bytes(pack(idx_bytes(array)))
    np.testing.assert_array_equal(tn.data.read_idx(tmp_path / "file"), array)


@pytest.mark.parametrize(
    ("code", "dtype", "least", "largest"),
    [(0x08, "u1", 0, 255), (0x09, "i1", -128, 127), (0x0B, "i2", -32768, 32767), (0x0C, "i4", -(2**31), 2**31 - 1),
     (0x0D, "f4", -3.4e38, 1e-40), (0x0E, "f8", -1e308, np.inf)],
)  # fmt: skip
def test_each_type_of_numbers_is_read_as_the_file_says(tmp_path, code, dtype, least, largest):
    numbers = np.array([[least, 0, 1], [largest, 2, 3]], dtype)
    content = bytes([0, 0, code, 2]) + struct.pack(">2I", 2, 3) + numbers.astype(f">{dtype}").tobytes()
    (tmp_path / "file").write_bytes(content)
    found = tn.data.read_idx(tmp_path / "file")
    assert (found.dtype, found.dtype.isnative) == (np.dtype(dtype), True)
    np.testing.assert_array_equal(found, numbers)
    assert idx.format_idx(numbers) == idx.format_idx(numbers.astype(f">{dtype}")) == content


@pytest.mark.parametrize(
    "array", [np.zeros(3, bool), np.zeros(3, "int64"), np.array(1, "u1"), np.zeros((1,) * 5, "u1")]
)
def test_what_could_not_be_read_again_is_not_written(array):
    with pytest.raises(
        tn.DataError, match=r"IDX data: expected 1 to 4 dimensions of uint8, .*, got \d dimensions of .*; convert"
    ):
        idx.format_idx(array)
    if array.ndim == 1:  # as the message says
        np.testing.assert_array_equal(idx.parse_idx(idx.format_idx(array.astype("float64"))), array)


GOOD = idx_bytes(IMAGES)
DAMAGED = {
    "empty": (b"", "got an empty file"),
    "text": (b"<html>not found</html>", r"expected an IDX header \(00 00, .*1 to 4 dimensions\), got 3c 68 74 6d"),
    "an unknown type": (b"\0\0\x0a" + GOOD[3:], "got 00 00 0a 03; check which file this is"),
    "too few bytes for floats": (b"\0\0\x0d" + GOOD[3:], "expected 96 bytes for 2 x 3 x 4, got 24"),
    "no dimensions": (b"\0\0\x08\0", "got 00 00 08 00; check"),
    "five dimensions": (b"\0\0\x08\x05" + bytes([0, 0, 0, 1]) * 5 + b"x", "got 00 00 08 05; check"),
    "three bytes": (b"\0\0\x08", r"expected an IDX header \(00 00, .*, got 00 00 08; check"),
    "text in gzip": (gzip.compress(b"<html>not found</html>"), r"expected an IDX header \(00 00, .* got 3c 68 74 6d"),
    "half a header": (GOOD[:9], "expected a header of 16 bytes, got 9 bytes; fetch the file again"),
    "cut short": (GOOD[:-1], "expected 24 bytes for 2 x 3 x 4, got 23"),
    "trailing bytes": (GOOD + b"!", "got 25; fetch the file again"),
    "a huge header": (b"\0\0\x08\x01\x80\0\0\0", "expected at most 268,435,456 numbers, got 2147483648"),
    "none of a huge shape": (
        b"\0\0\x08\x03" + bytes(4) + b"\xff" * 8,
        "expected at most 268,435,456 numbers, got 0 x 4",
    ),
    "truncated gzip": (
        gzip.compress(GOOD)[:-12],
        "expected a whole gzip file, got a damaged one .*; delete it and fetch",
    ),
    "damaged gzip": (gzip.compress(GOOD)[:15] + b"\xff\xff" + gzip.compress(GOOD)[17:], "a damaged one"),
    "wrong checksum": (gzip.compress(GOOD)[:-8] + b"\0\0\0\0" + gzip.compress(GOOD)[-4:], "a damaged one"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_one_clear_error(tmp_path, name):
    content, message = DAMAGED[name]
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(content)
    with pytest.raises(tn.DataError, match=message) as caught:
        tn.data.read_idx(path)
    assert str(path) in str(caught.value)


def test_a_gzip_bomb_is_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "MAX_BYTES", 1000)
    for shape, message in [
        ((10**5,), "expected at most 1,000 numbers, got 100000"),
        ((900,), "it holds more than 908 bytes"),
        ((2**31, 2**31), "expected at most 1,000 numbers"),
    ]:
        content = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(100_000)
        (tmp_path / "bomb.gz").write_bytes(gzip.compress(content))
        with pytest.raises(tn.DataError, match=message):
            tn.data.read_idx(tmp_path / "bomb.gz")
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(100_000)))
    with pytest.raises(tn.DataError, match="expected an IDX header .*, got 00 00 00 00"):
        tn.data.read_idx(tmp_path / "bomb.gz")


@pytest.mark.parametrize("pack", [lambda content: content, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("shape", "dtype"), [((1000,), "u1"), ((1, 1, 1, 1000), "u1"), ((1, 1, 125), "f8"), ((0, 1, 1000), "u1")], ids=str
)
def test_as_many_numbers_as_the_limit_are_read_and_not_one_more(monkeypatch, pack, shape, dtype):
    monkeypatch.setattr(idx, "MAX_BYTES", 1000)
    numbers, more = np.ones(shape, dtype), np.ones((*shape[:-1], shape[-1] + 1), dtype)
    np.testing.assert_array_equal(idx.parse_idx(pack(idx.format_idx(numbers))), numbers)
    with pytest.raises(tn.DataError, match=r"^IDX data: expected at most (1,000|125) numbers, got "):
        idx.parse_idx(pack(idx.format_idx(more)))


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "MAX_BYTES", 1000)
    path = tmp_path / "file"
    path.write_bytes(idx.format_idx(np.ones(992, "u1")))
    assert len(tn.data.read_idx(path)) == 992
    path.write_bytes(bytes(1001))
    with pytest.raises(
        tn.DataError, match=f"^{re.escape(str(path))}: expected at most 1,000 bytes, got 1,001; check which file this"
    ):
        tn.data.read_idx(path)


@pytest.mark.parametrize("name", [3, None, b"name", ["name"]], ids=repr)
def test_what_is_no_name_of_a_file_is_refused_by_the_name_of_the_function(name):
    with pytest.raises(TypeError, match="^read_idx: expected "):
        tn.data.read_idx(name)


def test_mutated_files_end_in_a_data_set_or_the_documented_error():
    from tests.stress.fuzz_data import fuzz

    outcomes, wrong = fuzz(cases=600, seed=7)
    assert not wrong
    assert set(outcomes) == {"a data set", "the documented error"}
