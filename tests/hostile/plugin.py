"""A pytest plugin that makes the surroundings of each test hostile: `-p tests.hostile.plugin`. run.sh does the rest.

- NumPy raises an exception for every overflow, underflow, division by zero and invalid operation.
- Standard error is missing, and standard output has nothing but `write`, which refuses what is not ASCII (unless the
  test captures them).
- The working directory cannot be written to.
"""

import os
import sys

import numpy as np
import pytest

CAPTURES = {"capsys", "capfd", "capsysbinary", "capfdbinary"}

# Tests that call `forward`, `backward` or `rounded` themselves, or compute what they expect, with extreme numbers.
# Those run under the caller's settings, here NumPy's own; what users call (fit, predict, a model, a loss) does not.
BARE_OPERATIONS = (
    "backend/gpu/test_kernels.py", "backend/test_matmul.py::test_factors_are_rounded", "backend/test_threads.py",
    "contracts/test_properties.py", "contracts/test_scipy_reference.py", "contracts/test_torch_reference.py",
    "contracts/test_arguments.py", "contracts/test_shared_layers.py::test_no_rounding_makes_a_variance_negative",
    "docs/test_backpropagation.py", "layers/test_activations.py::test_sigmoid_is_exact", "test_losses.py",
    "optimizers/test_loss_scaling.py",
)  # fmt: skip

# Tests of other programs, with the reason why they cannot run here.
IMPOSSIBLE = {
    "backend/test_files.py::test_a_disk_that_is_really_full": "mounts a file system, which an unknown user may not",
    "study/test_page.py": "Chromium needs a home directory",
    "data/test_folders.py::test_a_picture_that_may_not_be_read_is_named": "this unknown user may read everything",
    "training/test_checkpoints_that_cannot_be_read.py::test_a_checkpoint_that_may_not": "it may read everything",
    "training/test_checkpoints_that_cannot_be_read.py::test_a_folder_that_cannot_be_listed": "it may list everything",
    "training/test_checkpoints_that_cannot_be_read.py::test_a_step_has_one_name": "its names are not ASCII",
    "backend/test_files_half_written.py::test_a_file_that_is_being_written_is_named": "its names are not ASCII",
}


class Bare:
    """Standard output of an ASCII terminal, without `isatty`, `flush`, `encoding` or `fileno`."""

    def write(self, text):
        text.encode("ascii")


def pytest_collection_modifyitems(items):
    """Skip what cannot run here."""
    for item in items:
        for where, reason in IMPOSSIBLE.items():
            if f"tests/{where}" in item.nodeid and (".py::" in where or item.get_closest_marker("browser")):
                item.add_marker(pytest.mark.skip(reason=f"hostile surroundings: {reason}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Run a test, its fixtures excluded."""
    streams, before = (sys.stdout, sys.stderr), np.geterr()
    if not any(f"tests/{where}" in item.nodeid for where in BARE_OPERATIONS):
        np.seterr(all="raise")
    if not CAPTURES & set(item.fixturenames):
        sys.stdout, sys.stderr = Bare(), None
    try:
        return (yield)
    finally:
        sys.stdout, sys.stderr = streams
        np.seterr(**before)


@pytest.fixture(autouse=True)
def _in_a_folder_that_cannot_be_written_to(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.getbasetemp() / "read-only"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o555)
    monkeypatch.chdir(folder)


def pytest_report_header():
    """Say what is hostile."""
    home = os.path.expanduser("~")
    return f"hostile: uid {os.getuid()}, home {home!r}, file system encoding {sys.getfilesystemencoding()}"
