"""Tests that are skipped because a package is missing fail where the run says that it has the package."""

import pytest

from tests.support.child import python

INSIDE = """
import pytest

def test_one():
    pytest.importorskip("no_such_package")

def test_two():
    pytest.importorskip("no_such_package_at_all", reason="CuPy is not installed")

def test_three():
    pytest.skip("no usable GPU: CuPy found no driver")
"""
WHOLE = "import pytest\npytest.importorskip('no_such_package')\n\ndef test_four():\n    pass\n"


@pytest.mark.slow  # three runs of pytest
@pytest.mark.parametrize(
    ("required", "failed"),
    [("", []), ("torch", []), ("no_such_package cupy", ["test_one", "test_two", "test_whole.py"])],
)
def test_a_package_that_is_required_and_missing_fails_its_tests(tmp_path, required, failed):
    (tmp_path / "test_inside.py").write_text(INSIDE)
    (tmp_path / "test_whole.py").write_text(WHOLE)
    command = [
        "-m",
        "pytest",
        "-rA",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.support.skips",
        "--continue-on-collection-errors",
    ]
    done = python(*command, tmp_path, TINYNET_REQUIRED=required)
    found = [line.split("::")[-1].split(" - ")[0].rpartition("/")[2] for line in done.stdout.splitlines()
             if line.startswith(("FAILED", "ERROR "))]  # fmt: skip
    assert sorted(found) == failed, done.stdout
    assert done.returncode == (1 if failed else 0)
