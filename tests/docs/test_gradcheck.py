"""The code of docs/gradcheck.md runs, and the page names what the check does and cannot do."""

import re
from pathlib import Path

import numpy as np

import tinynet as tn
from tests.gradcheck.planted.limits import LIMITS
from tests.gradcheck.planted.table import CORRECT, GROUPS

PAGE = (Path(__file__).parents[2] / "docs" / "gradcheck.md").read_text(encoding="utf-8")


def test_the_code_runs():
    names = {}
    for code in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(code, names)
    assert "FAILS" in str(names["report"])


def test_the_page_explains_each_check_of_a_report():
    rows = set(re.findall(r"^\| ([^|]+?) \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE))
    named = {name for row in rows for name in row.split(", ")}
    for layer in (tn.BatchNorm(4), tn.Softmax(), type("Own", (tn.Softmax,), {"splittable": False})()):
        assert set(tn.gradcheck.check_layer(layer, (5, 4)).also) <= named


def test_the_figures_are_those_of_the_tables():
    planted = sum(map(len, GROUPS.values()))
    assert f"planted bugs found: {planted} of {planted}\n" in PAGE
    assert f"optimizers passed: {len(CORRECT)} of {len(CORRECT)}\n" in PAGE
    assert len(re.findall("^- (?!\\*)", PAGE, re.MULTILINE)) <= len(LIMITS)


def test_a_large_array_costs_what_the_page_says():
    """A wrong entry of 40,000 is found in fewer than 2,000 forward passes; each entry takes four."""
    passes = 0

    class Counting(tn.Dense):
        def forward(self, x, context):
            nonlocal passes
            passes += 1
            y, backward = super().forward(x, context)

            def spoiled(dy, grads):
                dx = backward(dy, grads)
                grads["weight"][123, 45] *= 1.0001
                return dx

            return y, spoiled

    report = tn.gradcheck.check_layer(Counting(200, 200), (1, 200))
    assert [row.where for row in report.rows if not row.passed] == ["[123, 45]"]
    assert passes < 4 * 600 + 300
    assert np.isfinite(report.rows[1].error)
