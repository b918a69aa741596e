"""Fixtures and settings that all tests share."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import Process, left_by, running_children, usual_signals
from tests.support.data import REAL_DATA
from tests.support.skips import pytest_make_collect_report, pytest_runtest_makereport  # noqa: F401  (hooks)
from tinynet.backend.gpu.device import gpu_problem


def pytest_collection_modifyitems(items):
    """Skip the tests that need a GPU where none works, and give the library's reason."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    problem = gpu_problem() if marked else None
    if problem:
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=f"no usable GPU: {problem}"))


@pytest.fixture(autouse=True)
def _no_inherited_data_folders(monkeypatch, tmp_path):
    """Keep the tests away from the user's data folder and cache."""
    monkeypatch.delenv("TINYNET_DATA", raising=False)
    monkeypatch.setenv("TINYNET_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True, scope="session")
def _signals_as_in_a_terminal():
    """Under nohup and in the background some signals are ignored, and so they would be by all that tests start."""
    with usual_signals():
        yield


@pytest.fixture(autouse=True)
def _no_process_is_left():
    """End the processes that the test started as `Process`, and fail if another one goes on."""
    before = running_children()
    yield
    while Process.started:
        Process.started.pop().end()
    assert not left_by(before), "expected a test to end the processes that it starts"


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
    """(train, test) of the real Fashion-MNIST in the folder TINYNET_DATA; without it, the test is skipped."""
    if not REAL_DATA:
        pytest.skip("needs the real Fashion-MNIST: set TINYNET_DATA to its folder")
    return tn.data.fashion_mnist(REAL_DATA)
