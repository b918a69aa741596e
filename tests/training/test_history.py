"""A history as a dictionary, as a CSV table and in words."""

import json

import pytest

import tinynet as tn
from tests.support.models import small_model


def test_history_as_dict_csv_and_words(small_data, tmp_path):
    history = tn.fit(small_model(), small_data[0], epochs=2, batch_size=100)
    columns = json.loads(json.dumps(history.to_dict()))
    assert columns["epoch"] == [1, 2]
    history.to_csv(tmp_path / "history.csv")
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert lines[0].split(",") == list(columns)
    assert len(lines) == 3
    assert float(lines[2].split(",")[1]) == columns["running_loss"][1]
    assert repr(history).startswith("<History: 2 epochs; last: running_loss ")
    with pytest.raises(KeyError, match="no column 'val_loss'; there are: epoch, running_loss"):
        history["val_loss"]
    assert repr(tn.History()) == "<History: no epochs>"
