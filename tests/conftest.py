"""What all tests share."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path[:0] = [str(Path(__file__).parent / folder) for folder in (".", "data", "gpu", "stress")]
sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))

import tinynet as tn
from tinynet.backend.gpu.device import gpu_problem

REAL_DATA = os.environ.get("TINYNET_DATA")


def pytest_collection_modifyitems(items):
    """Tests that need a GPU are skipped by name where none works, with the reason that the library gives."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    problem = gpu_problem() if marked else None
    if problem:
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=f"no usable GPU: {problem}"))


@pytest.fixture(autouse=True)
def _no_inherited_data_folders(monkeypatch, tmp_path):
    """No test reads or fills the data folders of whoever runs it."""
    monkeypatch.delenv("TINYNET_DATA", raising=False)
    monkeypatch.setenv("TINYNET_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="session")
def small_data():
    """(train, test): 600 and 200 easy examples of 20 floats in 4 classes."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(4, 20))
    labels = generator.integers(0, 4, 800)
    images = (centres[labels] + 0.8 * generator.normal(size=(800, 20))).astype("float32")
    names = ("north", "east", "south", "west")
    make = tn.data.from_arrays
    return make(images[:600], labels[:600], names), make(images[600:], labels[600:], names)


@pytest.fixture(scope="session")
def real_data():
    """Fashion-MNIST itself, where TINYNET_DATA says; else the tests that need it are skipped by name."""
    if not REAL_DATA:
        pytest.skip("needs the real Fashion-MNIST: set TINYNET_DATA to its folder")
    return tn.data.fashion_mnist(REAL_DATA)


def small_model(**settings):
    """20 -> 16 -> 4 with ReLU and dropout."""
    return tn.Sequential(tn.Dense(20, 16), tn.ReLU(), tn.Dropout(0.2), tn.Dense(16, 4), **settings)
