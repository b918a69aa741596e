"""The performance page shows the measurements."""

import json

import pytest
from report import fill

from tests.support.child import ROOT


@pytest.mark.parametrize(("name", "blocks"), [
    ("throughput", ["manifest", "training", "inference", "memory", "footprint"]), ("cost_growth", ["sweeps"]),
])  # fmt: skip
def test_the_performance_page_shows_the_measurements(name, blocks):
    path = f"docs/measurements/{name}.json"
    results = json.loads((ROOT / path).read_text(encoding="utf-8"))
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    assert [block for block in blocks if f"<!-- {block}: begin -->" in page] == blocks
    assert fill(page, results) == page, f"run: python benchmarks/report.py {path} docs/performance.md"


def test_a_changed_measurement_is_noticed():
    results = json.loads((ROOT / "docs/measurements/cost_growth.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    results["sweeps"]["examples"][-1]["share"] += 0.01
    assert fill(page, results) != page
