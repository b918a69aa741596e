"""The page of a made-up study: names are text and not HTML, and each table has its own picture."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.studies import LABELS, made_up_run, made_up_summary

for needed in ("matplotlib", "jinja2", "scipy"):
    pytest.importorskip(needed)
from tinynet.study import page  # noqa: E402


def test_names_that_look_like_html_are_shown_as_text():
    name = "<script>a</script>"
    runs = [made_up_run(name, seed, accuracy=0.8 + 0.01 * seed) for seed in (0, 1)]
    summary = made_up_summary(runs, {name: ""})
    text = page.html(summary, runs, tn.data.from_arrays(np.ones((40, 1)), LABELS), {})
    assert "<SCRIPT>" not in text
    assert "<script" not in text
    assert "&lt;SCRIPT&gt;A&lt;/SCRIPT&gt;" in text


def test_each_table_has_the_picture_of_its_own_numbers():
    runs = [
        made_up_run("a", seed, part=part, accuracy=accuracy)
        for part, accuracy in (("given", 0.5), ("best", 0.9)) for seed in (0, 1)
    ]  # fmt: skip
    summary = made_up_summary(runs, {"a": ""}, ("given", "best"))
    for part, own, other in (("given", "50.0", "90.0"), ("best", "90.0", "50.0")):
        picture = page._table(summary, part)["picture"]
        assert f">{own}</text>" in picture
        assert f">{other}</text>" not in picture


@pytest.mark.parametrize(
    ("value", "baseline", "expected"),
    [
        (0.9, 0.85, {"value": "90.0", "change": "+5.0", "shade": 20, "up": True}),
        (0.8, 0.9, {"value": "80.0", "change": "−10.0", "shade": 40, "up": False}),
        (0.8, None, {"value": "80.0", "change": "", "shade": 0, "up": False}),
        (None, 0.9, {"value": "–", "change": "", "shade": 0, "up": False}),
    ],
)
def test_a_recall_is_coloured_by_its_change(value, baseline, expected):
    assert page._recall_cell(value, baseline) == expected
