"""The remedies of metrics, data, models, plots and studies."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinynet as tn
from tests.support.models import small_model
from tests.support.remedies.row import LABELS, PIXELS, TRAIN, Row, same, trains
from tinynet import metrics

COLUMNS = "epoch, running_loss, running_accuracy, learning_rate, seconds, samples_per_second"
ONE_HOT = np.eye(4)[LABELS]


def augments(transform: Any) -> bool:
    return trains(tn.Sequential(tn.Flatten(), tn.Dense(784, 4)), (PIXELS.reshape(6, 28, 28), np.arange(6) % 4),
                  transforms=[transform])  # fmt: skip


RESULTS = [
    Row("metrics.py", "use np.asarray(labels).reshape(-1)", lambda at: metrics.accuracy(LABELS[:, None], LABELS),
        lambda at: metrics.accuracy(np.asarray(LABELS[:, None]).reshape(-1), LABELS) == 1),
    Row("metrics.py", "use np.asarray(predicted).argmax(axis=1) on probabilities or one-hot rows",
        lambda at: metrics.accuracy(LABELS, ONE_HOT),
        lambda at: metrics.accuracy(LABELS, np.asarray(ONE_HOT).argmax(axis=1)) == 1),
    Row("metrics.py", "use np.asarray(predicted, 'int64')", lambda at: metrics.accuracy(LABELS, LABELS.astype(float)),
        lambda at: metrics.accuracy(LABELS, np.asarray(LABELS.astype(float), "int64")) == 1),
    Row("metrics.py", "check how the data were split or filtered", lambda at: metrics.accuracy(LABELS[:0], LABELS[:0]),
        lambda at: metrics.accuracy(LABELS[:1], LABELS[:1]) == 1),
    Row("metrics.py", "class numbers count from 0; check how many classes there are",
        lambda at: metrics.confusion_matrix(LABELS, LABELS, 3),
        lambda at: metrics.confusion_matrix(LABELS, LABELS, 4).trace() == 120),
    Row("metrics.py", "take both from the same data set", lambda at: metrics.accuracy(LABELS, LABELS[:3]),
        lambda at: metrics.accuracy(LABELS[:3], LABELS[:3]) == 1),
    Row("metrics.py", "make it with confusion_matrix(...)", lambda at: metrics.recall(np.ones((2, 3), int)),
        lambda at: same(metrics.recall(metrics.confusion_matrix(LABELS, LABELS, 4)), np.ones(4))),
    Row("metrics.py", "try 10", lambda at: metrics.confusion_matrix(LABELS, LABELS, 0),
        lambda at: metrics.confusion_matrix(LABELS, LABELS, 10).trace() == 120),
    Row("data/transforms.py", "try 0.5", lambda at: tn.data.HorizontalFlip(2),
        lambda at: augments(tn.data.HorizontalFlip(0.5))),
    Row("data/transforms.py", "try Shift(2)", lambda at: tn.data.Shift(0), lambda at: augments(tn.data.Shift(2))),
    Row("data/drawings.py", "try 1000", lambda at: tn.data.synthetic_fashion(0, 10),
        lambda at: len(tn.data.synthetic_fashion(1000, 10)[0]) == 1000),
    Row("backend/plain.py", "leave it out for float32", lambda at: tn.Sequential(tn.Dense(2, 2), dtype="float16"),
        lambda at: tn.Sequential(tn.Dense(2, 2)).dtype == "float32"),
    Row("model.py", "move the outermost one", lambda at: tn.Sequential(part := small_model()) and part.to("cpu"),
        lambda at: tn.Sequential(small_model()).to("cpu").device.name == "cpu"),
    Row("training/history.py", "there are: " + COLUMNS, lambda at: tn.fit(small_model(), TRAIN, epochs=1)["loss"],
        lambda at: len(tn.fit(small_model(), TRAIN, epochs=1)["running_loss"]) == 1),
]  # fmt: skip
