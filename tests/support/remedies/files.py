"""The remedies of files, pictures and studies."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

import tinynet as tn
from tests.support.models import small_model
from tests.support.remedies.row import LABELS, TRAIN, Reason, Row, X, same
from tests.support.studies import configurations, network
from tinynet import metrics, plots
from tinynet.io import architecture
from tinynet.study.configuration import Configuration
from tinynet.study.statistics import paired
from tinynet.study.study import Study
from tinynet.study.workers import check_that_they_travel

PACKAGES = Reason("a test installs no packages")


def saved(at: Path, model: tn.Sequential | None = None) -> Path:
    """The path of a model file."""
    pytest.importorskip("safetensors")
    path = at / "model.safetensors"
    (model or small_model()).save(path)
    return path


def loads(at: Path) -> bool:
    return same(tn.load(saved(at)).theta, small_model().theta)


def build(**changes: Any) -> tn.Sequential:
    return architecture.build(small_model().get_config() | changes, small_model().declared_shapes)


def rewritten(at: Path, **changes: Any) -> Path:
    """A model file with another header."""
    from tests.support.model_files import rewrite  # it skips the tests without safetensors

    rewrite(saved(at), **changes)
    return at / "model.safetensors"


def foreign(at: Path) -> Path:
    from safetensors.numpy import save_file  # optional, as above

    save_file({"a": np.ones(3)}, at / "other.safetensors")
    return at / "other.safetensors"


def numbers_of(path: Path) -> bool:
    from safetensors.numpy import load_file  # optional, as above

    return same(load_file(path)["a"], np.ones(3))


def damaged(at: Path) -> Path:
    path = saved(at)
    path.write_bytes(path.read_bytes()[:-4] + b"1234")
    return path


def trained(epochs: int) -> tn.History:
    return tn.fit(small_model(), TRAIN, epochs=epochs, progress=False)


def picture(draw: Any, at: Path, *arguments: Any) -> bool:
    """Whether a function of tinynet.plots draws a picture."""
    pytest.importorskip("matplotlib")
    draw(*arguments, at / "a.png")
    return (at / "a.png").stat().st_size > 1000


MATRIX = metrics.confusion_matrix(LABELS, LABELS, 4)
SQUARES = X[:4].reshape(4, 5, 4)
NAMES = ["a", "b", "c", "d"]
ROW = {"arm": "relu", "test_accuracy": 0.9}


def study(**arguments: Any) -> Study:
    return Study(configurations(), (TRAIN, TRAIN), **arguments)


def compared(at: Path, **arguments: Any) -> bool:
    """Whether a small study runs."""
    pytest.importorskip("scipy")
    chosen = {"seeds": 1, "epochs": 1, "batch_size": 60, "workers": 0, **arguments}
    return bool(study(**chosen).run(at / "study"))


FILES = [
    Row("io/architecture.py", "save the model again", lambda at: build(layers=[]), loads),
    Row("io/architecture.py", "the file contradicts itself: save the model again",
        lambda at: architecture.build(small_model().get_config(), {}), loads),
    Row("io/array_files.py", "install a newer tinynet to read it",
        lambda at: tn.load(rewritten(at, version=99)), PACKAGES),
    Row("io/array_files.py", "its numbers alone can be read by safetensors.numpy.load_file",
        lambda at: tn.load(foreign(at)), lambda at: numbers_of(foreign(at))),
    Row("io/tensor_files.py", "take another copy of the file, or save it again",
        lambda at: tn.load(damaged(at)), loads),
    Row("io/array_files.py", "tn.load reads models; fit(checkpoint=folder, resume=True) reads checkpoints",
        lambda at: tn.load(rewritten(at, kind="checkpoint")), loads),
    Row("io/models.py", "save the model again",
        lambda at: tn.load(rewritten(at, about={"dtype": "int8"})), loads),
    Row("io/models.py", "strict=False takes what fits",
        lambda at: tn.Sequential(tn.Dense(20, 16), tn.ReLU(), tn.Dense(16, 9)).load_weights(saved(at)),
        lambda at: len(tn.Sequential(tn.Dense(20, 16), tn.ReLU(), tn.Dense(16, 9)).load_weights(
            saved(at), strict=False)) > 0),
    Row("plots/style.py", "create the folder, or change the name",
        lambda at: plots.confusion_matrix(MATRIX, NAMES, at / "new" / "a.png"),
        lambda at: (at / "new").mkdir() or picture(partial(plots.confusion_matrix, MATRIX, NAMES), at / "new")),
    Row("plots/style.py", "install it with: pip install matplotlib", lambda at: without_matplotlib(at), PACKAGES),
    Row("plots/curves.py", "train first", lambda at: plots.learning_curves({"a": tn.History()}, at / "a.png"),
        lambda at: picture(partial(plots.learning_curves, {"a": trained(1)}), at)),
    Row("plots/curves.py", "evaluate each configuration first",
        lambda at: plots.comparison([{"arm": "relu"}], at / "a.png"),
        lambda at: picture(partial(plots.comparison, [ROW]), at)),
    Row("plots/curves.py", "try smaller learning rates",
        lambda at: plots.accuracy_over_rate({"relu": {10.0: None}}, at / "a.png"),
        lambda at: picture(partial(plots.accuracy_over_rate, {"relu": {10.0: None, 0.1: 0.9}}), at)),
    Row("plots/pictures.py", "give one for each row",
        lambda at: plots.confusion_matrix(MATRIX, NAMES[:2], at / "a.png"),
        lambda at: picture(partial(plots.confusion_matrix, MATRIX, NAMES), at)),
    Row("plots/pictures.py", "choose the same examples of each",
        lambda at: plots.predictions(SQUARES, LABELS[:3], np.eye(4), NAMES, at / "a.png"),
        lambda at: picture(partial(plots.predictions, SQUARES, LABELS[:4], np.eye(4), NAMES), at)),
    Row("plots/pictures.py", "give the first Dense layer's weight",
        lambda at: plots.first_layer_weights(np.ones((3, 4)), (5, 4), at / "a.png"),
        lambda at: picture(partial(plots.first_layer_weights, small_model()[0].weight, (5, 4)), at)),
    Row("study/configuration.py", "leave epochs to the study",
        lambda at: Configuration("ReLU", network, fit={"epochs": 3}),
        lambda at: Configuration("ReLU", network).fit == {}),
    Row("study/configuration.py", "try learning_rates=(0.1,)",
        lambda at: Configuration("ReLU", network, learning_rates=()),
        lambda at: Configuration("ReLU", network, learning_rates=(0.1,)).learning_rates == (0.1,)),
    Row("study/statistics.py", "pair the seeds",
        lambda at: paired([1.0, 2.0], [1.0]), lambda at: paired([1.0, 2.0], [1.0, 1.5]).difference == 0.25),
    Row("study/study.py", "a study compares classifiers; compare regressions with tinynet.fit",
        lambda at: Study(configurations(), ((X, X[:, :4]), TRAIN)),
        lambda at: tn.fit(small_model(), (X, X[:, :4]), loss=tn.MeanSquaredError(), epochs=1)["running_loss"][0] > 0),
    Row("study/study.py", "name one: {'relu': ...}", lambda at: Study({}, (TRAIN, TRAIN)),
        lambda at: list(Study({"relu": Configuration("ReLU", network)}, (TRAIN, TRAIN)).configurations) == ["relu"]),
    Row("study/study.py", "take a subset of the classes",
        lambda at: Study(configurations(), ((X, LABELS + 10_000), TRAIN)),
        lambda at: len(Study(configurations(), (TRAIN.subset(TRAIN.labels < 3), TRAIN)).data.train) > 0),
    Row("study/study.py", "try batch_size=128", lambda at: study(batch_size=0),
        lambda at: study(batch_size=128).batch_size == 128),
    Row("study/study.py", "try epochs=10", lambda at: study(epochs=0), lambda at: study(epochs=10).epochs == 10),
    Row("study/study.py", "try seeds=5", lambda at: study(seeds=0), lambda at: study(seeds=5).seeds == [0, 1, 2, 3, 4]),
    Row("study/study.py", "try workers=2", lambda at: study(workers=-1), lambda at: study(workers=2).workers == 2),
    Row("study/workers.py", "define functions at the top level of a file, no lambdas, or pass workers=0",
        lambda at: check_that_they_travel(jobs(lambda seed: network(seed))),
        lambda at: check_that_they_travel(jobs(network)) is None),
]  # fmt: skip


def jobs(build_network: Any) -> list[Any]:
    return [mock.Mock(configuration=Configuration("ReLU", build_network))]


def without_matplotlib(at: Path) -> None:
    missing = {"matplotlib": None, "matplotlib.figure": None}
    with mock.patch.dict(sys.modules, missing):
        plots.confusion_matrix(MATRIX, NAMES, at / "a.png")
