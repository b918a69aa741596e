"""The commands `data list` and `data report`: what they print, and their exit statuses."""

import dataclasses
import gzip
import hashlib

import numpy as np
import pytest

import tinynet as tn
from tinynet.cli.main import main
from tinynet.data import catalog
from tinynet.data.idx import format_idx


def test_data_list_names_every_data_set(capsys):
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "fashion_mnist", "mnist", "kmnist", "emnist", "cifar10", "synthetic_fashion",
    ]  # fmt: skip
    assert lines[4].split(" pictures of ")[0].endswith("60,000")
    assert "32 x 32 x 3" in lines[4]


def test_data_report_counts_the_examples_of_each_class(monkeypatch, capsys):
    monkeypatch.setattr("tinynet.data.sources.synthetic_fashion", lambda flatten: tn.data.synthetic_fashion(50, 20))
    assert main(["data", "report", "synthetic_fashion"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("synthetic_fashion: 50 training and 20 test pictures of 28 x 28 uint8\n")
    assert "Trouser" in text


def test_data_report_draws_a_picture(monkeypatch, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="draws with matplotlib: pip install matplotlib")
    monkeypatch.setattr("tinynet.data.sources.synthetic_fashion", lambda flatten: tn.data.synthetic_fashion(50, 20))
    picture = tmp_path / "classes.png"
    assert main(["data", "report", "synthetic_fashion", "--picture", str(picture)]) == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert main(["data", "report", "synthetic_fashion", "--picture", str(tmp_path / "classes.txt")]) == 2
    assert "expected a path ending in .png, .svg or .pdf" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fashion_mnst"], "unknown data set 'fashion_mnst'; did you mean 'fashion_mnist'?"),
        (["mnist", "--offline"], "MNIST: train-images-idx3-ubyte.gz: expected to find it in "),
        (["mnist", "--data", "/nowhere"], "data: expected a folder, got '/nowhere'"),
    ],
)
def test_data_that_cannot_be_loaded_end_with_status_2_and_the_reason(arguments, words, capsys):
    assert main(["data", "report", *arguments]) == 2
    assert f"error: {words}" in capsys.readouterr().err


def test_repeated_pictures_are_left_out_of_the_report_where_that_is_asked_for(tmp_path, monkeypatch, capsys):
    images = np.arange(6 * 784).reshape(6, 28, 28).astype("uint8")
    images[:, 0, 0], images[3] = range(6), images[0]
    arrays = [images[:4], np.arange(4, dtype="uint8"), images[4:], np.arange(2, dtype="uint8")]
    files = []
    for name, array in zip(catalog.IDX_NAMES, arrays):
        content = gzip.compress(format_idx(array))
        (tmp_path / f"{name}.gz").write_bytes(content)
        files.append(catalog.File(f"{name}.gz", len(content), hashlib.sha256(content).hexdigest()))
    entry = dataclasses.replace(catalog.MNIST, files=tuple(files), sizes=(4, 2))
    monkeypatch.setitem(catalog.CATALOG, "mnist", entry)
    for asked, count, repeated in (([], 4, 1), (["--drop-duplicates"], 3, 0)):
        assert main(["data", "report", "mnist", "--data", str(tmp_path), "--offline", *asked]) == 0
        text = capsys.readouterr().out
        assert text.startswith(f"mnist: {count} training and 2 test pictures")
        assert f"{repeated} within train, 0 within test, 0 of train in test" in text
