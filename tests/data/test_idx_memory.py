"""A small file does not fill the memory."""

import gzip
import tracemalloc

import pytest

import tinynet as tn
from tinynet.data import idx


def test_a_gzip_bomb_takes_no_more_memory_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(idx, "MAX_BYTES", 1 << 20)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(30 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(tn.DataError, match="expected at most 1,048,576 bytes, got more"):
            tn.data.read_idx(tmp_path / "bomb.gz")
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
