"""A report prints as a table with a verdict for each array."""

import tinynet as tn
from tinynet.gradcheck import check_layer


def test_a_report_prints_a_table():
    text = str(check_layer(tn.Dense(4, 3), (5, 4)))
    lines = text.splitlines()
    assert lines[0] == "Gradient check of Dense(4, 3)"
    assert lines[1].split() == ["array", "worst", "relative", "error", "where", "analytic", "numeric", "verdict"]
    assert [line.split()[0] for line in lines[2:]] == ["x", "weight", "bias"]
    assert all(line.endswith("ok") for line in lines[2:])
