"""A small file does not fill the memory."""

import gzip
import tracemalloc

import pytest

import tinynet as tn


def test_a_gzip_bomb_takes_no_more_memory_than_its_header_asks_for(tmp_path):
    of_ten_numbers = b"\0\0\x08\x01" + (10).to_bytes(4, "big")
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(of_ten_numbers + bytes(30 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(tn.DataError, match=r"expected a whole gzip file, got .* more than 18 bytes"):
            tn.data.read_idx(tmp_path / "bomb.gz")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
