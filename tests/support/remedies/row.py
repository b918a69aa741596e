"""A row of the table of remedies, and what the rows share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import tinynet as tn
from tests.support.models import small_model

X = np.random.default_rng(0).normal(size=(120, 20)).astype("float32")
LABELS = (X[:, :4] + 0.1).argmax(axis=1)
TRAIN = tn.data.from_arrays(X, LABELS)
PIXELS = np.random.default_rng(1).integers(0, 256, (6, 784)).astype("uint8")
PICTURES = PIXELS.reshape(6, 28, 28, 1).astype("float32") / 255
COLOUR = np.random.default_rng(2).random((2, 8, 6, 3), dtype="float32")


class Reason(NamedTuple):
    """Why a program cannot follow an advice."""

    text: str


class Row(NamedTuple):
    """One remedy: who prints it, its text, what provokes it, and its advice followed: true if the result is right.

    Both functions get an empty folder.
    """

    module: str
    says: str
    provoke: Callable[[Path], Any]
    follow: Callable[[Path], bool] | Reason


def same(one: Any, other: Any) -> bool:
    np.testing.assert_array_equal(one, other)
    return True


def trains(model: tn.Sequential | None = None, data: Any = TRAIN, **arguments: Any) -> bool:
    """Whether a run with these arguments ends with a finite loss."""
    history = tn.fit(model or small_model(), data, **{"epochs": 1, "progress": False, **arguments})
    return bool(np.isfinite(history["running_loss"][-1]))


def shaped(layer: tn.Layer, x: Any, shape: tuple[int, ...]) -> bool:
    return tn.Sequential(layer)(x).shape == shape
