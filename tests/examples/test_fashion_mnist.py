"""The main example, run as a user runs it: its files, what it prints, and its exit statuses."""

import json
from pathlib import Path

import fashion_mnist  # examples/ is on the path: setup.cfg
import numpy as np
import pytest

from tests.support.child import ROOT, python
from tests.support.examples import SMALL_DRAWINGS
from tinynet.backend.terminal import spelled

PICTURES = ["learning_curves.png", "comparison.png", "confusion_matrix.png", "predictions.png", "why.png"]
FILES = ["report.html", "results.json", "results.md", "results.csv", *PICTURES]
# Any attempt to reach the internet fails at once, on every machine.
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")


def run(*arguments, folder, **environment):
    around = {**NO_NETWORK, "TINYNET_DATA": None, "TINYNET_CACHE": str(folder / "cache")}
    around |= {"PYTHONPATH": SMALL_DRAWINGS, **environment}
    return python("-W", "error", ROOT / "examples" / "fashion_mnist.py", *arguments, folder=folder, **around)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One short run without data and without a network, for all the tests that look at what it left."""
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("run")
    small = ["--device", "cpu", "--epochs", "1", "--hidden", "16", "8", "--seeds", "2", "--arms", "relu", "sigmoid"]
    small += ["--as-given"]
    return run(*small, "--out", "out", folder=folder), folder / "out"


def test_without_data_or_network_it_runs_on_drawings_and_says_so_everywhere(finished):
    done, out = finished
    assert done.returncode == 0, done.stderr
    assert "Fashion-MNIST was not found" in done.stderr
    assert "synthetic data, not Fashion-MNIST" in done.stdout
    assert "synthetic data, not Fashion-MNIST" in (out / "results.md").read_text(encoding="utf-8")
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert results["synthetic"] is True
    assert results["dataset"] == "synthetic_fashion"
    assert "Synthetic data, not Fashion-MNIST" in (out / "report.html").read_text(encoding="utf-8")


def test_it_writes_its_files(finished):
    done, out = finished
    assert sorted(path.name for path in out.iterdir()) == sorted([*FILES, "runs"])
    for name in PICTURES:
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    for name in FILES:
        assert f"wrote {Path('out') / name}" in done.stdout


def test_results_hold_every_run_and_how_it_came_about(finished):
    results = json.loads((finished[1] / "results.json").read_text(encoding="utf-8"))
    assert [(run["arm"], run["seed"]) for run in results["runs"]] == [
        ("relu", 0), ("relu", 1), ("sigmoid", 0), ("sigmoid", 1),
    ]  # fmt: skip
    first = results["runs"][0]
    assert first["model"] == (
        "Sequential(Dense(784, 16), ReLU(), Dropout(0.0), Dense(16, 8), ReLU(), Dropout(0.0), Dense(8, 10))"
    )
    assert first["learning_rate"] == 0.1
    assert results["manifest"]["device"] == "cpu"
    assert first["test"]["accuracy"] == first["curve"][-1]["test_accuracy"]
    assert {"train_loss", "test_loss", "gradient", "slope", "dead", "saturated"} <= set(first["curve"][0])
    manifest = results["manifest"]
    assert {"numpy", "python", "tinynet", "cpu", "blas", "data"} <= set(manifest)
    assert {"kernel", "threads"} <= set(manifest["blas"])
    assert manifest["data"]["train"]["sha256"]
    assert "fashion_mnist.py --device cpu --epochs 1" in manifest["command"]


def test_the_table_has_a_row_for_each_configuration(finished):
    done, out = finished
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    assert [row.split("|")[1].strip() for row in rows] == ["configuration", "---", "ReLU", "sigmoid"]
    page = (out / "results.md").read_text(encoding="utf-8")
    assert "±" in page
    assert all(row in page or row in spelled(page, "ascii") for row in rows)


def test_a_data_set_named_must_be_there(tmp_path):
    done = run("--dataset", "fashion_mnist", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: train-images-idx3-ubyte.gz: expected to download it, got:")
    assert "--data" in done.stderr


def test_so_must_a_folder_named(tmp_path):
    done = run("--data", "nowhere", folder=tmp_path)
    assert done.returncode == 2
    assert "expected a folder, got 'nowhere'" in done.stderr


def test_a_gpu_asked_for_is_never_replaced_in_silence(tmp_path):
    done = run("--device", "gpu:9", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: device 'gpu:9' cannot be used: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arms", "rellu"], "unknown configuration 'rellu'; did you mean 'relu'? Known: adam, momentum, relu"),
        (["--batch-size", "0"], "expected a whole number from 1, got 0"),
        (["--lr", "-1"], "expected a number above 0, got -1"),
        (["--dropout", "1"], "expected a rate from 0 to below 1, got 1"),
        (["--dataset", "fashion_minst"], "unknown data set 'fashion_minst'; did you mean 'fashion_mnist'?"),
    ],
)
def test_a_wrong_argument_is_refused(tmp_path, arguments, message):
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_configuration_that_diverges_is_reported_and_the_others_go_on(tmp_path):
    pytest.importorskip("matplotlib")
    small = ["--dataset", "synthetic_fashion", "--epochs", "1", "--hidden", "16", "--arms", "relu", "sigmoid"]
    done = run(*small, "--lr", "1e30", "--as-given", "--seeds", "1", folder=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "diverged" in done.stdout
    results = json.loads((tmp_path / "results" / "fashion_mnist" / "results.json").read_text(encoding="utf-8"))
    assert "diverged" in results["runs"][0]
    assert "diverged" in (tmp_path / "results" / "fashion_mnist" / "results.md").read_text(encoding="utf-8")


def test_seeds_are_paired():
    relu, sigmoid, dropout = (
        fashion_mnist.configurations(hidden=(8, 4))[name].build(3) for name in ("relu", "sigmoid", "relu-dropout")
    )
    assert np.array_equal(relu.theta, sigmoid.theta)
    assert np.array_equal(relu.theta, dropout.theta)
