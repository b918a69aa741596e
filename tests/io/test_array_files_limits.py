"""What a header may be, and what the checksum covers."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.model_files import header_of
from tinynet.io.array_files import LONGEST_HEADER, read_arrays, write_arrays

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
from safetensors.numpy import save_file  # noqa: E402


def test_a_header_longer_than_ours_can_be_is_refused_before_it_is_parsed(saved):
    """Its JSON would be parsed in memory; spaces, which the format allows after it, make it as long as one likes."""
    raw = saved.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    for longer, fits in ((LONGEST_HEADER, True), (LONGEST_HEADER + 8, False)):
        padded = raw[8 : 8 + length] + b" " * (longer - length)
        saved.write_bytes(longer.to_bytes(8, "little") + padded + raw[8 + length :])
        if fits:
            tn.load(saved)
        else:
            with pytest.raises(tn.DataError, match="expected a whole safetensors file, got .* that are not one"):
                tn.load(saved)


def test_the_checksum_covers_names_shapes_and_dtypes(tmp_path):
    """The same bytes under another name, in another shape, as another type are other arrays."""
    path, zeros = tmp_path / "m", np.zeros((2, 3), "float64")
    write_arrays(path, "model", 2, {"a": zeros, "b": np.ones(2)}, None)
    text = {"tinynet": header_of(path)["__metadata__"]["tinynet"]}
    for arrays in (
        {"a": zeros, "c": np.ones(2)},
        {"a": zeros.reshape(3, 2), "b": np.ones(2)},
        {"a": zeros.view("int64"), "b": np.ones(2)},
        {"a": zeros},
    ):
        save_file(arrays, path, metadata=text)
        with pytest.raises(tn.DataError, match="expected numbers that fit its checksum, got others: it is damaged"):
            read_arrays(path, "model", 2)
    save_file({"b": np.ones(2), "a": zeros}, path, metadata=text)
    assert set(read_arrays(path, "model", 2)[0]) == {"a", "b"}
