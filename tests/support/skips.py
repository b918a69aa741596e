"""Fail a test that is skipped for want of a package that this run has to have.

TINYNET_REQUIRED="torch cupy" names them. Without it, a test is skipped where its package is missing, as usual: so a
package that cannot be imported would silently take its tests with it.
"""

import os
import re

import pytest

MISSING = "is not installed|could not import|needs a browser|No module named"


def _fail_if_required(report):
    reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
    for name in os.environ.get("TINYNET_REQUIRED", "").split():
        if re.search(MISSING, reason) and re.search(rf"\b{name}\b", reason, re.IGNORECASE):
            report.outcome, report.longrepr = "failed", f"TINYNET_REQUIRED names {name}, but: {reason}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """For a test that is skipped when it runs."""
    outcome = yield
    _fail_if_required(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    """For a file of tests that is skipped when it is imported."""
    outcome = yield
    _fail_if_required(outcome.get_result())
