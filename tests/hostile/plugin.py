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


class Bare:
    """Standard output of an ASCII terminal, without `isatty`, `flush`, `encoding` or `fileno`."""

    def write(self, text):
        text.encode("ascii")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Run a test, its fixtures excluded."""
    numpy_settings, streams = np.seterr(all="raise"), (sys.stdout, sys.stderr)
    if not CAPTURES & set(item.fixturenames):
        sys.stdout, sys.stderr = Bare(), None
    try:
        return (yield)
    finally:
        sys.stdout, sys.stderr = streams
        np.seterr(**numpy_settings)


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
