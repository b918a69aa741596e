"""The example of convolutional recipes, run on few pictures: its files, recipes, ablations and exit statuses."""

import csv
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import ROOT, Process
from tests.support.examples import FILES, SMALL_DRAWINGS, run

pytest.importorskip("matplotlib")
import fashion_mnist_cnn  # noqa: E402  (examples/ is on the path: setup.cfg)

from tinynet.study import options, recipes  # noqa: E402


def fields(recipe):
    """What a variant may change."""
    return {name: repr(value) for name, value in vars(recipe).items() if name not in ("title", "example")}


def test_a_recipe_is_chosen_on_held_out_pictures_and_the_test_set_left_alone(tmp_path):
    small = ["--epochs", "1", "--examples", "240", "--arms", "mlp", "--validate"]
    done = run("fashion_mnist_cnn.py", *small, "--out", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "200 training and 40 validation images" in done.stdout
    page = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert "validation accuracy" in page
    table = (tmp_path / "out" / "results.csv").read_text(encoding="utf-8")
    assert "validation_accuracy" in table
    assert "test_" not in table
    assert "test accuracy" not in page + done.stdout
    assert " test " not in done.stdout


def test_the_recipes_run_and_measure_the_test_set_once(tmp_path, monkeypatch):
    monkeypatch.setattr(options, "open_data", lambda *asked: tn.data.synthetic_fashion(150, 60))
    small = ["--epochs", "1", "--seeds", "2", "--arms", "mlp", "cnn-moved", "--out", str(tmp_path / "out")]
    assert fashion_mnist_cnn.main(small) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    results = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert [(each["arm"], each["seed"]) for each in results["runs"]] == [
        ("mlp", 0), ("mlp", 1), ("cnn-moved", 0), ("cnn-moved", 1),
    ]  # fmt: skip
    for each in results["runs"]:
        assert 0 < each["test"]["accuracy"] < 1  # of two steps nothing more can be asked
        assert not [name for row in each["epochs"] for name in row if name.startswith("test")]
        assert ("HorizontalFlip(0.5)" in each["settings"]["transforms"]) == (each["arm"] == "cnn-moved")
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["arm"], int(row["seed"])) for row in rows] == [(run["arm"], run["seed"]) for run in results["runs"]]
    assert [float(row["test_accuracy"]) for row in rows] == [run["test"]["accuracy"] for run in results["runs"]]
    assert {(row["epochs"], row["diverged"]) for row in rows} == {("1", "")}
    assert {"one_cycle(peak=0.005" in row["optimizer"] for row in rows} == {True}
    page = (tmp_path / "out" / "results.md").read_text(encoding="utf-8")
    assert "synthetic data, not Fashion-MNIST" in page
    assert "one-cycle learning rate up to 0.005" in page


def test_seeds_that_were_run_apart_end_in_one_table(tmp_path):
    small = ["--epochs", "1", "--examples", "300", "--arms", "mlp", "--checkpoint", "runs"]
    apart = run("fashion_mnist_cnn.py", *small, "--first-seed", "1", "--out", "apart", folder=tmp_path)
    assert apart.returncode == 0, apart.stderr
    both = run("fashion_mnist_cnn.py", *small, "--seeds", "2", "--resume", "--out", "both", folder=tmp_path)
    assert both.returncode == 0, both.stderr
    assert "seeds 0 to 1" in both.stdout
    assert [line.split()[:3] for line in both.stdout.splitlines() if " 1/1 " in line] == [["mlp", "seed", "0"]]
    of_one, of_both = (
        json.loads((tmp_path / name / "results.json").read_text(encoding="utf-8"))["runs"] for name in ("apart", "both")
    )
    assert [each["seed"] for each in of_one + of_both] == [1, 0, 1]
    assert of_one[0]["test"] == of_both[1]["test"]
    assert of_one[0]["seconds"] == of_both[1]["seconds"]
    assert "seed 1" in (tmp_path / "apart" / "results.md").read_text(encoding="utf-8")


def test_a_quick_look_is_short():
    quick = fashion_mnist_cnn.parse(["--quick"])
    assert (quick.epochs, quick.examples) == (1, 2000)


def test_a_first_seed_below_0_is_refused(capsys):
    with pytest.raises(SystemExit):
        fashion_mnist_cnn.main(["--first-seed", "-1"])
    assert "expected a whole number from 0, got -1" in capsys.readouterr().err


@pytest.mark.parametrize("name", fashion_mnist_cnn.RECIPES)
def test_every_recipe_takes_a_picture_and_says_how_it_is_trained(name):
    recipe = fashion_mnist_cnn.RECIPES[name]
    pictures = np.random.default_rng(0).integers(0, 256, (2, 28, 28)).astype("uint8")
    probabilities = recipe.predict(recipe.build(0), tn.data.from_arrays(pictures, np.arange(2)))
    assert probabilities.shape == (2, 10)
    assert np.allclose(probabilities.sum(axis=1), 1)
    averaged = "averaged over" in recipe.describe()
    assert averaged == (recipe.views is not recipes.AS_IT_IS)


@pytest.mark.parametrize("name", fashion_mnist_cnn.ABLATIONS)
def test_every_ablation_differs_from_the_whole_in_what_it_names(name):
    chosen = fashion_mnist_cnn.parse(["--ablation", name, "--epochs", "3"])
    variants = recipes.chosen_recipes(chosen, fashion_mnist_cnn.RECIPES, fashion_mnist_cnn.ABLATIONS)
    whole = variants["unchanged"]
    assert (whole.epochs, whole.views) == (3, recipes.AS_IT_IS)
    assert whole.build is fashion_mnist_cnn.RECIPES[name].build
    for variant, recipe in variants.items():
        assert recipe.title == variant
        assert (fields(recipe) == fields(whole)) == (variant == "unchanged")
    assert "BatchNorm" in repr(whole.build(0))
    assert "BatchNorm" not in repr(variants["no batch norm"].build(0))
    assert "Dropout(0.3)" in repr(whole.build(0))
    assert "Dropout(0.3)" not in repr(variants["no dropout"].build(0))


@pytest.mark.parametrize(("name", "convolutions"), [("two convolutions", 2), ("five convolutions", 5)])
def test_an_ablation_may_change_how_deep_a_network_is(name, convolutions):
    model = fashion_mnist_cnn.ABLATIONS["cnn-moved"][name]["build"](0)
    assert repr(model).count("Conv2D") == convolutions
    assert model.predict(np.zeros((2, 784), "float32")).shape == (2, 10)


def test_an_ablation_is_of_the_mlp_unless_another_recipe_is_named():
    assert fashion_mnist_cnn.parse(["--ablation"]).ablation == "mlp"
    assert fashion_mnist_cnn.parse(["--ablation", "cnn-moved"]).ablation == "cnn-moved"
    assert fashion_mnist_cnn.parse([]).ablation is None


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ([], "saved 0 finished runs in results/fashion_mnist_cnn/runs; the same command"),
        (["--checkpoint", "runs"], "saved 0 finished runs and the unfinished one in runs; the same command"),
    ],
)
def test_ctrl_c_ends_with_a_line_and_130(tmp_path, kept, words):
    command = [sys.executable, ROOT / "examples" / "fashion_mnist_cnn.py", "--offline", "--arms", "mlp"]
    inherited = {key: value for key, value in os.environ.items() if key != "TINYNET_DATA"}
    running = Process(
        [*command, "--examples", "300", "--epochs", "100000", *kept],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**inherited, "PYTHONPATH": SMALL_DRAWINGS, "TINYNET_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    for line in running.stdout:
        if "1/100000" in line:
            break
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[1]
    assert running.returncode == 130, said
    assert words in said
    assert "Traceback" not in said
