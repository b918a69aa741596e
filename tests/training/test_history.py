"""A history as a dictionary, as a CSV table and in words."""

import csv
import json
import math
import re

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tests.support.plots import read


def test_history_as_dict_csv_and_words(small_data, tmp_path):
    history = tn.fit(small_model(), small_data[0], epochs=2, batch_size=100)
    columns = json.loads(json.dumps(history.to_dict()))
    assert columns["epoch"] == [1, 2]
    history.to_csv(tmp_path / "history.csv")
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert lines[0].split(",") == list(columns)
    assert len(lines) == 3
    assert (tmp_path / "history.csv").read_bytes().count(b"\r\n") == 3  # RFC 4180
    assert float(lines[2].split(",")[1]) == columns["running_loss"][1]
    assert repr(history).startswith("<History: 2 epochs; last: running_loss ")
    with pytest.raises(KeyError, match="no column 'val_loss'; there are: epoch, running_loss"):
        history["val_loss"]
    assert repr(tn.History()) == "<History: no epochs>"


TWO_KINDS = [
    {"epoch": 1, "running_loss": 2.0, "running_accuracy": 0.5, "train_loss": 1.5},
    {"epoch": 2, "running_loss": 1.0, "running_accuracy": 0.6, "validation_loss": math.inf},
    {"epoch": 3, "running_loss": 0.5, "running_accuracy": 0.7, "validation_loss": 3.0, "train_loss": math.nan},
]


def test_rows_of_different_names_have_nan_where_a_number_is_missing(tmp_path):
    history = tn.History(TWO_KINDS)
    assert history.columns == ["epoch", "running_loss", "running_accuracy", "train_loss", "validation_loss"]
    np.testing.assert_equal(history["validation_loss"], [math.nan, math.inf, 3.0])
    assert list(history.to_dict()) == history.columns
    np.testing.assert_equal(history.to_dict()["train_loss"], [1.5, math.nan, math.nan])
    with pytest.raises(KeyError, match="no column 'loss'; there are: epoch, .*, train_loss, validation_loss"):
        history["loss"]


def test_a_history_is_a_sequence_of_rows():
    rows = [{"epoch": 1, "running_loss": 2.0}, {"epoch": 2, "running_loss": 1.23456}]
    history = tn.History([rows[0]])
    history.append(rows[1])
    assert list(history) == history.rows == rows
    assert history.last is rows[1]
    assert repr(history) == "<History: 2 epochs; last: running_loss 1.235>"
    assert tn.History().rows == []


def test_a_history_is_plotted_under_no_name(tmp_path):
    plots = pytest.importorskip("tinynet.plots")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    history = tn.History([{"epoch": 1, "running_loss": 2.0}, {"epoch": 2, "running_loss": 1.0}])
    history.plot(tmp_path / "plotted.svg")
    plots.learning_curves({"": history}, tmp_path / "expected.svg")
    changing = re.compile("<dc:date>.*</dc:date>|[0-9a-f]{10}")  # the time, and names of shapes
    plotted, expected = (changing.sub("", read(tmp_path / f"{name}.svg")) for name in ("plotted", "expected"))
    assert plotted == expected


def test_a_missing_number_is_an_empty_field_and_a_nan_is_one(tmp_path):
    tn.History(TWO_KINDS).to_csv(tmp_path / "history.csv")
    with open(tmp_path / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    np.testing.assert_equal([{k: float(v) for k, v in row.items() if v} for row in rows], TWO_KINDS)
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    np.testing.assert_equal(
        pandas.read_csv(tmp_path / "history.csv")["validation_loss"].to_numpy(), [np.nan, np.inf, 3]
    )


def test_a_history_without_epochs_has_no_columns(tmp_path):
    history = tn.History()
    assert history.columns == []
    assert history.to_dict() == {}
    history.to_csv(tmp_path / "history.csv")
    with pytest.raises(KeyError, match="none: no epoch was completed"):
        history["epoch"]


def test_half_a_character_in_a_column_is_written_as_an_escape(tmp_path):
    """JSON can hold one, as a callback might name a column, and UTF-8 cannot."""
    tn.History([{"epoch": 1, "\ud800\u00e9": 2}]).to_csv(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes() == b"epoch,\\ud800\xc3\xa9\r\n1,2\r\n"
