"""The guard of the training speed notices a slow step."""

import pytest

from tests.support.child import ROOT, python


@pytest.mark.slow
def test_the_guard_fails_when_a_step_is_slower():
    done = python(ROOT / "benchmarks/guard.py", "--slower", "0.001", folder=ROOT)  # a millisecond wasted in each step
    assert done.returncode == 1, done.stdout
    assert "TOO SLOW" in done.stdout
