"""IDX files: reading them, and one clear error for a damaged one."""

import gzip
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


GOOD = idx_bytes(IMAGES)
DAMAGED = {
    "empty": (b"", "got an empty file"),
    "text": (b"<html>not found</html>", "expected an IDX header 00 00 08 and 1 to 4 dimensions, got 3c 68 74 6d"),
    "float type": (b"\0\0\x0d" + GOOD[3:], "got 00 00 0d 03"),
    "no dimensions": (b"\0\0\x08\0", "got 00 00 08 00"),
    "half a header": (GOOD[:9], "expected a header of 16 bytes, got 9 bytes; fetch the file again"),
    "cut short": (GOOD[:-1], "expected 24 bytes for 2 x 3 x 4, got 23"),
    "trailing bytes": (GOOD + b"!", "got 25; fetch the file again"),
    "a huge header": (b"\0\0\x08\x01\x80\0\0\0", "expected 2,147,483,648 bytes for 2147483648, got 0"),
    "truncated gzip": (gzip.compress(GOOD)[:-12], "expected a whole gzip file, got a damaged one"),
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
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(100_000)))
    with pytest.raises(tn.DataError, match="expected at most 1,000 bytes, got more"):
        tn.data.read_idx(tmp_path / "bomb.gz")


def test_mutated_files_end_in_a_data_set_or_the_documented_error():
    from tests.stress.fuzz_data import fuzz

    outcomes, wrong = fuzz(cases=2000, seed=7)
    assert not wrong
    assert set(outcomes) == {"a data set", "the documented error"}
