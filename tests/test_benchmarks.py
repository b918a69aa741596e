"""The benchmarks run, skip what is missing by name, notice a slow step; and the page shows what was measured."""

import json
import sys

import pytest
from child import ROOT, python

sys.path.insert(0, str(ROOT / "benchmarks"))


def run(script, *arguments, **environment):
    return python(ROOT / "benchmarks" / script, *arguments, folder=ROOT, **environment)


def test_the_performance_page_shows_the_measurements():
    from report import fill

    results = json.loads((ROOT / "docs/measurements/throughput.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    assert fill(page, results) == page, (
        "run: python benchmarks/report.py docs/measurements/throughput.json docs/performance.md"
    )


def test_the_page_shows_how_the_cost_grows():
    from cost_growth import markdown

    results = json.loads((ROOT / "docs/measurements/cost_growth.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    for table in markdown(results).split("\n\n")[1:]:
        assert table.strip() in page


@pytest.mark.slow
def test_throughput_runs_and_names_who_is_missing(tmp_path):
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
    done = run("guard.py", "--slower", "0.001")  # a millisecond in a step: between 10% and 200% of it
    assert done.returncode == 1, done.stdout
    assert "TOO SLOW" in done.stdout
