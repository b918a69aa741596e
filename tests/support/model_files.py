"""Read and change the header of a model file."""

import json

import pytest

from tinynet.io import array_files

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
from safetensors.numpy import load_file, save_file  # noqa: E402


def header_of(path):
    raw = path.read_bytes()
    return json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])


def rewrite(path, about=None, arrays=None, **changes):
    """Write the file again with another header and the right checksum, unless that is among the changes."""
    arrays = load_file(path) if arrays is None else arrays
    header = json.loads(header_of(path)["__metadata__"]["tinynet"])
    header["about"] = header["about"] if about is None else about
    header |= changes
    header["sha256"] = changes.get("sha256", array_files.checksum(arrays, header))
    save_file(arrays, path, metadata={"tinynet": json.dumps(header)})
