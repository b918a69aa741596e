"""The example on CIFAR-10 runs on few pictures, and stops without its files."""

import json

import numpy as np
import pytest

import tinynet as tn
from tests.support.examples import FILES, run

pytest.importorskip("matplotlib")
import cifar10  # noqa: E402  (examples/ is on the path: setup.cfg)

from tinynet.study import options  # noqa: E402


def test_a_quick_look_is_as_long_as_told():
    told = cifar10.parse(["--quick", "--epochs", "2", "--examples", "500"])
    assert (told.epochs, told.examples) == (2, 500)


def test_cifar10_without_its_files_stops_and_says_where_it_looked(tmp_path):
    done = run("cifar10.py", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "cifar10" in done.stderr


def test_cifar10_runs_on_pictures_of_its_shape(tmp_path, monkeypatch, capsys):
    generator = np.random.default_rng(0)

    def pictures(count):
        images = generator.integers(0, 256, (count, 32, 32, 3)).astype("uint8")
        return tn.data.from_arrays(images, np.arange(count) % 10, tuple("abcdefghij"), "cifar10", flatten=True)

    monkeypatch.setattr(options, "open_data", lambda name, *asked: (pictures(200), pictures(50)))
    arguments = ["--epochs", "1", "--examples", "100", "--arms", "lenet", "resnet", "--out", str(tmp_path)]
    assert cifar10.main(arguments) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "Shift(4)" in page
    best = max(
        each["test"]["accuracy"] for each in json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["runs"]
    )
    error = 100 * (best * (1 - best) / 50) ** 0.5  # of a binomial fraction, in points
    assert f"An accuracy of {best:.0%} has a standard error of {error:.2f} points" in page
    with pytest.raises(SystemExit):
        cifar10.main(["--arms", "alexnet"])
    assert "alexnet" in capsys.readouterr().err
