"""Repeated pictures are dropped where that is asked for."""

import dataclasses
import gzip

import numpy as np

import tinynet as tn
from tests.data.test_sources import RNG, known
from tinynet.data import catalog
from tinynet.data.idx import format_idx


def test_load_drops_repeated_pictures_where_it_is_asked_to(tmp_path, monkeypatch):
    images = RNG.integers(0, 256, (6, 28, 28)).astype("uint8")
    images[2], images[5] = images[0], images[1]  # within the training set, and between the two
    arrays = [images[:4], np.arange(4, dtype="uint8"), images[4:], np.arange(2, dtype="uint8")]
    for name, array in zip(catalog.IDX_NAMES, arrays):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(format_idx(array)))
    files = tuple(known(tmp_path / f"{name}.gz") for name in catalog.IDX_NAMES)
    monkeypatch.setitem(catalog.CATALOG, "mnist", dataclasses.replace(catalog.MNIST, files=files, sizes=(4, 2)))
    assert [len(each) for each in tn.data.load("mnist", data=tmp_path)] == [4, 2]
    train, test = tn.data.load("mnist", data=tmp_path, drop_duplicates=True)
    assert (train.labels.tolist(), test.labels.tolist()) == ([0, 3], [0, 1])
