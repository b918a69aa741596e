"""Find and remove repeated pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinynet.data.dataset import Dataset


@dataclass(frozen=True)
class Duplicates:
    """Indices of repeated pictures: within train, within test, and training pictures that are also in test."""

    within_train: np.ndarray  # indices of all but the first occurrence
    within_test: np.ndarray
    between: np.ndarray  # indices in train


def find_duplicates(train: Dataset, test: Dataset) -> Duplicates:
    """Find the pictures that are equal byte for byte, whatever their labels."""
    train_rows, test_rows = _rows(train), _rows(test)
    return Duplicates(_repeated(train_rows), _repeated(test_rows), np.flatnonzero(np.isin(train_rows, test_rows)))


def without_duplicates(train: Dataset, test: Dataset) -> tuple[Dataset, Dataset]:
    """(train, test) without repeated pictures, and without training pictures that are in the test set."""
    found = find_duplicates(train, test)
    keep = np.setdiff1d(np.arange(len(train)), np.concatenate([found.within_train, found.between]))
    return train.subset(keep), test.subset(np.setdiff1d(np.arange(len(test)), found.within_test))


def _rows(dataset: Dataset) -> np.ndarray:
    """Each picture as one comparable value: its bytes."""
    flat = np.ascontiguousarray(dataset.images.reshape(len(dataset), -1))
    return flat.view(np.dtype((np.void, flat.shape[1] * flat.itemsize)))[:, 0]


def _repeated(rows: np.ndarray) -> np.ndarray:
    """Indices of the rows that equal an earlier row."""
    _, first = np.unique(rows, return_index=True)
    return np.setdiff1d(np.arange(len(rows)), first)
