"""The benchmarks run, name the peers they skip and notice a slow step; the performance page shows the measurements."""

import json

import pytest
from report import fill

from tests.support.child import ROOT, python


def run(script, *arguments, **environment):
    return python(ROOT / "benchmarks" / script, *arguments, folder=ROOT, **environment)


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


@pytest.mark.slow
def test_throughput_runs_and_names_the_peers_that_are_missing(tmp_path):
    data = tmp_path / "no-data"
    data.mkdir()
    arguments = ["--examples", 2000, "--repeats", 1, "--batch-sizes", 100, "--activations", "relu-dropout"]
    names = ["tinynet", "scikit-learn", "thinc"]
    done = run("throughput.py", *arguments, "--peers", *names, "--out", tmp_path, OPENBLAS_CORETYPE="Haswell")
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "throughput.json").read_text())
    setting, convolution = results["training"]
    assert (setting["network"], convolution["network"]) == ("mlp", "cnn")
    assert convolution["skipped"]["scikit-learn"] == "it has no convolution"
    assert {"bare products", "tinynet"} <= set(setting["seconds"])
    assert setting["skipped"]["scikit-learn"] == "it has no dropout"
    assert 0 < setting["loss"]["tinynet"] < 2.4
    assert [row["rows"] for row in results["inference"]] == [1, 32, 10_000]
    assert results["footprint"]["libraries"]["tinynet"]["MiB"] < 200
    text = (tmp_path / "throughput.md").read_text()
    assert "scikit-learn (it has no dropout)" in text
    assert (tmp_path / "throughput.png").stat().st_size > 10_000
    if "thinc" not in setting["seconds"]:
        assert "thinc (No module named 'thinc')" in text


@pytest.mark.slow
def test_the_guard_fails_when_a_step_is_slower():
    done = run("guard.py", "--slower", "0.001")  # a millisecond wasted in each step
    assert done.returncode == 1, done.stdout
    assert "TOO SLOW" in done.stdout
