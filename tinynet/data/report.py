"""Report the contents of a data set: counts, class balance, brightness, repeated pictures."""

from __future__ import annotations

import numpy as np

from tinynet.data.dataset import Dataset
from tinynet.data.duplicates import find_duplicates
from tinynet.errors import mismatch, one_line, shown


def data_report(train: Dataset, test: Dataset) -> str:
    """The report as text. TypeError unless both are data sets."""
    for name, dataset in (("train", train), ("test", test)):
        if not isinstance(dataset, Dataset):
            remedy = "make one of arrays: tn.data.from_arrays(images, labels)"
            raise TypeError(mismatch("data_report", f"{name} as a Dataset", shown(dataset), remedy))
    found = find_duplicates(train, test)
    source = train.provenance.get("source", "unknown")
    lines = [
        f"{train.name}: {len(train):,} training and {len(test):,} test pictures of "
        f"{' x '.join(map(str, train.image_shape))} {train.images.dtype}",
        f"source: {source}" + ("; synthetic" if train.is_synthetic else ""),
        f"licence: {train.provenance.get('licence', 'unknown')}",
        f"{'pixels / 255':<18} {'mean':>8} {'deviation':>10}",
        *(_brightness(name, dataset) for name, dataset in (("train", train), ("test", test))),
        f"{'class':<18} {'train':>8} {'test':>10}",
        *_balance(train, test),
        "repeated pictures, equal in every pixel: "
        f"{len(found.within_train)} within train, {len(found.within_test)} within test, "
        f"{len(found.between)} of train in test",
    ]
    return "\n".join(map(one_line, lines))  # names of a data set and its classes may come from a file


def _brightness(name: str, dataset: Dataset) -> str:
    unit = 255 if dataset.images.dtype == np.uint8 else 1
    return f"{name:<18} {dataset.images.mean() / unit:8.4f} {dataset.images.std() / unit:10.4f}"


def _balance(train: Dataset, test: Dataset) -> list[str]:
    classes = len(train.class_names) or int(train.labels.max()) + 1
    names = train.class_names or tuple(map(str, range(classes)))
    counts = [np.bincount(dataset.labels, minlength=classes) for dataset in (train, test)]
    return [f"{name:<18} {few:8,} {many:10,}" for name, few, many in zip(names, *counts)]
