"""A report that checked nothing."""

from tinynet.gradcheck.report import Report


def test_a_report_without_rows_is_no_success():
    assert not Report("Dense(3, 2)")
