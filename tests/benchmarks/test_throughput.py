"""The benchmark of throughput runs, and names the peers that it skips."""

import json

import pytest

from tests.support.child import ROOT, python


@pytest.mark.slow
def test_throughput_runs_and_names_the_peers_that_are_missing(tmp_path):
    data = tmp_path / "no-data"
    data.mkdir()
    arguments = ["--examples", 2000, "--repeats", 1, "--batch-sizes", 100, "--activations", "relu-dropout"]
    names = ["tinynet", "scikit-learn", "thinc"]
    arguments += ["--peers", *names, "--out", tmp_path]
    done = python(ROOT / "benchmarks/throughput.py", *arguments, folder=ROOT, OPENBLAS_CORETYPE="Haswell")
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
