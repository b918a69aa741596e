"""A model file, for the tests that damage it."""

import pytest

import tinynet as tn


@pytest.fixture
def saved(tmp_path):
    tn.Sequential(tn.Dense(3, 2)).save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"
