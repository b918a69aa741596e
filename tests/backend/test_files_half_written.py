"""What is being written has a name that says whose it is."""

import os

import pytest

from tinynet.backend.files import create_beside


@pytest.mark.parametrize(
    ("name", "begin"), [("m", "m"), ("step-000000030.safetensors", "step-000000030.safetensors"), ("é" * 120, "é" * 50)]
)
def test_a_file_that_is_being_written_is_named_after_its_target(name, begin, tmp_path):
    """A run clears away what a run before it left half written, by these names."""
    descriptor, path = create_beside(str(tmp_path / name), 0o600)
    os.close(descriptor)
    folder, created = os.path.split(path)
    assert folder == str(tmp_path)
    assert created.startswith(f".{begin}.")
    assert created.endswith(".part")
