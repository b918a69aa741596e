"""Every public constructor and function with a row of valid arguments, and what is done with the result."""

from __future__ import annotations

import tempfile
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
import tinynet.metrics
import tinynet.study
from tests.support.child import ROOT
from tinynet.optimizers import schedules
from tinynet.training.checkpoints import Checkpoints

X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
PICTURES = np.random.default_rng(1).random((6, 8, 8, 3), dtype="float32")
MODEL = ROOT / "tests" / "files" / "model-2.safetensors"
LABELS = np.arange(6) % 3
TARGETS = np.linspace(0, 1, 18, dtype="float32").reshape(6, 3)


class Enough(Exception):
    """Raised by a use that would go on for long: the arguments were accepted."""


class Stop(tn.Callback):
    """Ends a run after its first step."""

    def batch_ends(self, examples: int, numbers: Any) -> None:
        raise Enough


@dataclass
class Row:
    """`make` returns the callable; `valid` are arguments that it takes; `use` does something short with the result.

    `anything` names the arguments that take any value, with the reason; `without` leaves out values of arguments.
    """

    make: Callable[[], Any]
    valid: Callable[[], Mapping[str, Any]] = dict
    use: Callable[[Any], Any] = repr
    anything: Mapping[str, str] = field(default_factory=dict)
    without: Mapping[tuple[str, str], str] = field(default_factory=dict)


def finite(*values: Any) -> None:
    """Assert that arrays and numbers are finite, and arrays float32."""
    for value in values:
        assert np.isfinite(value).all(), "not finite"
        assert getattr(value, "dtype", np.float32) in (np.float32, np.float64), "not floating"


def layer_on(x: np.ndarray) -> Callable[[tn.Layer], None]:
    def use(layer: tn.Layer) -> None:
        repr(layer)
        model = tn.Sequential(layer)
        y, backward = model.forward(x, tn.Context(training=True, step=0))
        vectors = np.zeros_like(model.theta), np.zeros_like(model.statistics_vector)
        dx = backward(np.ones_like(y), model.views(*vectors))
        finite(y, dx, *vectors, model(x))
        assert dx.shape == x.shape
        assert y.dtype == dx.dtype == x.dtype

    return use


def optimizer_steps(optimizer: tn.Optimizer) -> None:
    repr(optimizer)
    theta = np.linspace(-1, 1, 32, dtype="float32")
    state = optimizer.start(theta)
    with np.errstate(over="ignore", invalid="ignore"):  # as in training, whose guard finds what diverges
        for step in range(2):
            optimizer.update(theta, np.full(32, 0.5, "float32"), state, step)
    assert {theta.dtype, *(values.dtype for values in state.values())} == {np.dtype("float32")}


def loss_on(outputs: np.ndarray, targets: np.ndarray) -> Callable[[tn.Loss], None]:
    def use(loss: tn.Loss) -> None:
        repr(loss)
        loss.check_targets(targets, outputs.shape)
        value, backward = loss.forward(outputs, targets)
        finite(float(value), backward())

    return use


def rates(schedule: Any) -> None:
    repr(schedule)
    for step in (0, 5, 10**6):
        tn.SGD(schedule).rate(step)


def transformed(transform: Any) -> None:
    repr(transform)
    for _ in tn.data.batches((PICTURES, LABELS), 3, 0, 0, transforms=[transform]):
        pass


def dataset_used(data: tn.data.Dataset) -> None:
    repr(data)
    finite(data.inputs(slice(0, 2), np.dtype("float32")))
    assert len(data.subset([0])) == 1


def model_used(model: tn.Sequential) -> None:
    repr(model)
    finite(model.theta)
    assert model.dtype in (np.float32, np.float64)


@cache
def folder() -> Path:
    """A folder of two pictures in two classes."""
    from PIL import Image

    path = Path(tempfile.mkdtemp())
    for name in ("cat", "dog"):
        (path / name).mkdir()
        Image.fromarray(np.full((6, 5), 100, "uint8")).save(path / name / "a.png")
    return path


def few(batches: Iterator[Any]) -> None:
    list(islice(batches, 3))


def small() -> tn.Sequential:
    return tn.Sequential(tn.Dense(4, 3))


def trainer() -> tn.Trainer:
    return tn.Trainer(small())


def run(seed: int = 0) -> tn.Sequential:
    return tn.Sequential(tn.Dense(4, 3), seed=seed)


DATA = lambda: (X, LABELS)  # noqa: E731
DATASET = lambda: tn.data.from_arrays(X, LABELS)  # noqa: E731
FIT_ARGUMENTS = lambda: {"epochs": 1, "batch_size": 3, "progress": False, "callbacks": [Stop()]}  # noqa: E731
CALLED = ("a lambda", "a layer")
ONLINE = {("offline", no): "it would ask the network" for no in ("0", "False")}
RESULT = "a result that the library makes; users read it"

LAYERS = {
    "tn.AveragePool2D": Row(lambda: tn.AveragePool2D, use=layer_on(PICTURES[:2])),
    "tn.BatchNorm": Row(lambda: tn.BatchNorm, lambda: {"features": 4}, layer_on(X)),
    "tn.ChannelsLast": Row(lambda: tn.ChannelsLast),
    "tn.Conv2D": Row(lambda: tn.Conv2D, lambda: {"inputs": 3, "outputs": 2}, layer_on(PICTURES[:2])),
    "tn.Dense": Row(lambda: tn.Dense, lambda: {"inputs": 4, "outputs": 3}, layer_on(X)),
    "tn.Dropout": Row(lambda: tn.Dropout, lambda: {"rate": 0.5}, layer_on(X)),
    "tn.ELU": Row(lambda: tn.ELU, use=layer_on(X)),
    "tn.Flatten": Row(lambda: tn.Flatten, use=layer_on(PICTURES[:2])),
    "tn.GELU": Row(lambda: tn.GELU, use=layer_on(X)),
    "tn.GlobalAveragePool2D": Row(lambda: tn.GlobalAveragePool2D, use=layer_on(PICTURES[:2])),
    "tn.Layer": Row(lambda: tn.Layer),
    "tn.LayerNorm": Row(lambda: tn.LayerNorm, lambda: {"features": 4}, layer_on(X)),
    "tn.LeakyReLU": Row(lambda: tn.LeakyReLU, use=layer_on(X)),
    "tn.MaxPool2D": Row(lambda: tn.MaxPool2D, use=layer_on(PICTURES[:2])),
    "tn.ReLU": Row(lambda: tn.ReLU, use=layer_on(X)),
    "tn.Reshape": Row(lambda: tn.Reshape, lambda: {"shape": (2, 2)}, layer_on(X)),
    "tn.Residual": Row(lambda: tn.Residual, lambda: {"layers": (tn.Dense(4, 4),)}, layer_on(X)),
    "tn.Sequential": Row(lambda: tn.Sequential, lambda: {"layers": (tn.Dense(4, 3),)}, model_used),
    "tn.SiLU": Row(lambda: tn.SiLU, use=layer_on(X)),
    "tn.Sigmoid": Row(lambda: tn.Sigmoid, use=layer_on(X)),
    "tn.Softmax": Row(lambda: tn.Softmax, use=layer_on(X)),
    "tn.Softplus": Row(lambda: tn.Softplus, use=layer_on(X)),
    "tn.Tanh": Row(lambda: tn.Tanh, use=layer_on(X)),
    "tn.zoo.mlp": Row(lambda: tn.zoo.mlp, lambda: {"inputs": 4, "hidden": (5,)}, model_used),
    "tn.zoo.lenet": Row(lambda: tn.zoo.lenet, lambda: {"image_shape": (12, 12, 1)}, model_used),
    "tn.zoo.resnet_small": Row(lambda: tn.zoo.resnet_small,
        lambda: {"image_shape": (8, 8, 3), "widths": (2,)}, model_used),
}  # fmt: skip

LOSSES_AND_OPTIMIZERS = {
    "tn.BinaryCrossEntropy": Row(lambda: tn.BinaryCrossEntropy, use=loss_on(X[:, :3], TARGETS)),
    "tn.Loss": Row(lambda: tn.Loss),
    "tn.MeanSquaredError": Row(lambda: tn.MeanSquaredError, use=loss_on(X[:, :3], TARGETS)),
    "tn.SoftmaxCrossEntropy": Row(lambda: tn.SoftmaxCrossEntropy, use=loss_on(X[:, :3], LABELS)),
    "tn.Adam": Row(lambda: tn.Adam, use=optimizer_steps),
    "tn.AdamW": Row(lambda: tn.AdamW, use=optimizer_steps),
    "tn.Averaged": Row(lambda: tn.Averaged, lambda: {"optimizer": tn.SGD(0.1)}, optimizer_steps),
    "tn.Clipped": Row(lambda: tn.Clipped, lambda: {"optimizer": tn.SGD(0.1)}, optimizer_steps),
    "tn.Nadam": Row(lambda: tn.Nadam, use=optimizer_steps),
    "tn.Optimizer": Row(lambda: tn.Optimizer),
    "tn.RMSprop": Row(lambda: tn.RMSprop, use=optimizer_steps),
    "tn.SGD": Row(lambda: tn.SGD, lambda: {"learning_rate": 0.1, "momentum": 0.5}, optimizer_steps),
    "tn.schedules.constant": Row(lambda: schedules.constant, lambda: {"rate": 0.1}, rates),
    "tn.schedules.cosine": Row(lambda: schedules.cosine, lambda: {"rate": 0.1, "steps": 10}, rates),
    "tn.schedules.one_cycle": Row(lambda: schedules.one_cycle, lambda: {"peak": 0.1, "steps": 10}, rates),
    "tn.schedules.step_decay": Row(lambda: schedules.step_decay, lambda: {"rate": 0.1, "every": 10}, rates),
    "tn.schedules.warm_up": Row(lambda: schedules.warm_up,
        lambda: {"schedule": schedules.constant(0.1), "steps": 10}, rates),
}  # fmt: skip

TRAINING = {
    "tn.Callback": Row(lambda: tn.Callback),
    "tn.Context": Row(lambda: tn.Context, dict, lambda context: tn.Sequential(tn.Dropout(0.5), tn.Dense(4, 3)).
        loss_and_gradient(X, LABELS, context=context),
        {"all_reduce": "given by the threads of a team", "input_gradient": "read as true or false"}),
    "tn.Evaluation": Row(lambda: tn.Evaluation, lambda: {"loss": 1.0, "accuracy": 0.5}, repr,
        {"loss": RESULT, "accuracy": RESULT}),
    "tn.History": Row(lambda: tn.History, use=repr, anything={"rows": RESULT}),
    "tn.RateRange": Row(lambda: tn.RateRange, lambda: {"rates": (0.1, 0.2), "losses": (2.0, 1.0)}, repr,
        {"rates": RESULT, "losses": RESULT}),
    "tn.Trainer": Row(lambda: tn.Trainer, lambda: {"model": small()}, lambda made: made.step(X, LABELS)),
    "Trainer.step": Row(lambda: trainer().step, lambda: {"x": X, "targets": LABELS}, finite),
    "Trainer.fit": Row(lambda: trainer().fit, lambda: {"train": DATA(), **FIT_ARGUMENTS()}, repr),
    "tn.evaluate": Row(lambda: tn.evaluate, lambda: {"model": small(), "data": DATA()}),
    "tn.find_learning_rate": Row(lambda: tn.find_learning_rate,
        lambda: {"model": small(), "train": DATA(), "steps": 10, "batch_size": 3}),
    "tn.fit": Row(lambda: tn.fit, lambda: {"model": small(), "train": DATA(), **FIT_ARGUMENTS()}, repr),
    "tn.load": Row(lambda: tn.load, lambda: {"path": MODEL}),
    "Checkpoints": Row(lambda: Checkpoints, lambda: {"folder": "checkpoints"}),
    "Sequential.predict": Row(lambda: small().predict, lambda: {"x": X}, finite),
    "Sequential.predict_classes": Row(lambda: small().predict_classes, lambda: {"x": X}),
    "Sequential.to": Row(lambda: small().to, lambda: {"device": "cpu"}),
    "Sequential.summary": Row(lambda: small().summary),
    "Sequential.load_weights": Row(lambda: small().load_weights, lambda: {"path": MODEL}),
    "Sequential.save": Row(lambda: small().save, lambda: {"path": "no such folder/model.safetensors"}),
    "Sequential.loss_and_gradient": Row(lambda: small().loss_and_gradient,
        lambda: {"x": X, "targets": LABELS, "context": tn.Context(training=True, step=0)}),
}  # fmt: skip

DATA_ROWS = {
    "tn.data.Dataset": Row(lambda: tn.data.Dataset, lambda: {"images": X, "labels": LABELS}, dataset_used),
    "tn.data.HorizontalFlip": Row(lambda: tn.data.HorizontalFlip, use=transformed),
    "tn.data.Preprocessing": Row(lambda: tn.data.Preprocessing, dict, lambda made: small_with(made).predict(X)),
    "tn.data.RandomErasing": Row(lambda: tn.data.RandomErasing, use=transformed),
    "tn.data.Shift": Row(lambda: tn.data.Shift, use=transformed),
    "tn.data.batches": Row(lambda: tn.data.batches, lambda: {"dataset": DATA(), "size": 2, "seed": 0, "epoch": 0}, few),
    "tn.data.data_report": Row(lambda: tn.data.data_report, lambda: {"train": DATASET(), "test": DATASET()}),
    "tn.data.fashion_mnist": Row(lambda: tn.data.fashion_mnist, lambda: {"offline": True}, without=ONLINE),
    "tn.data.from_arrays": Row(lambda: tn.data.from_arrays, lambda: {"images": X, "labels": LABELS}, dataset_used),
    "tn.data.from_folder": Row(lambda: tn.data.from_folder, lambda: {"path": folder()}, dataset_used),
    "tn.data.load": Row(lambda: tn.data.load, lambda: {"name": "mnist", "offline": True}, without=ONLINE),
    "tn.data.read_idx": Row(lambda: tn.data.read_idx, lambda: {"path": "no such file"}),
    "tn.data.synthetic_fashion": Row(lambda: tn.data.synthetic_fashion, lambda: {"train_size": 10, "test_size": 10}),
    "Dataset.pictures": Row(lambda: DATASET().pictures, lambda: {"chosen": [0]}),
    "Dataset.split": Row(lambda: DATASET().split, lambda: {"fraction": 0.5}),
    "Dataset.standardize": Row(lambda: DATASET().standardize, dict, dataset_used),
    "Dataset.subset": Row(lambda: DATASET().subset, lambda: {"chosen": [0]}),
    "tn.metrics.accuracy": Row(lambda: tn.metrics.accuracy, lambda: {"labels": LABELS, "predicted": LABELS}),
    "tn.metrics.confusion_matrix": Row(lambda: tn.metrics.confusion_matrix,
        lambda: {"labels": LABELS, "predicted": LABELS, "classes": 3}),
    "tn.metrics.precision": Row(lambda: tn.metrics.precision, lambda: {"matrix": np.eye(3, dtype=int)}),
    "tn.metrics.recall": Row(lambda: tn.metrics.recall, lambda: {"matrix": np.eye(3, dtype=int)}),
}  # fmt: skip

GRADCHECK = {
    "tn.gradcheck.Report": Row(lambda: tn.gradcheck.Report, lambda: {"subject": "x"}, repr,
        {"subject": RESULT, "rows": RESULT}),
    "tn.gradcheck.Row": Row(lambda: tn.gradcheck.Row,
        lambda: {"array": "x", "error": 0.0, "where": "", "analytic": 1.0, "numeric": 1.0, "passed": True}, repr,
        dict.fromkeys(("array", "error", "where", "analytic", "numeric", "passed", "hint"), RESULT)),
    "tn.gradcheck.check_layer": Row(lambda: tn.gradcheck.check_layer,
        lambda: {"layer": tn.Dense(4, 3), "x_shape": (2, 4)}),
    "tn.gradcheck.check_loss": Row(lambda: tn.gradcheck.check_loss, lambda: {"loss": tn.SoftmaxCrossEntropy()}),
    "tn.gradcheck.check_model": Row(lambda: tn.gradcheck.check_model,
        lambda: {"model": small(), "x": X, "targets": LABELS}),
    "tn.gradcheck.check_optimizer": Row(lambda: tn.gradcheck.check_optimizer, lambda: {"optimizer": tn.SGD(0.1)},
        without={("reference", each): "a function of the caller's own, which is called" for each in CALLED}),
}  # fmt: skip

STUDY = {
    "tn.study.Configuration": Row(lambda: tn.study.Configuration, lambda: {"title": "a", "build": run}),
    "tn.study.Recipe": Row(lambda: tn.study.Recipe, lambda: {"title": "a", "build": run}),
    "tn.study.Result": Row(lambda: tn.study.Result, dict, repr,
        {"study": RESULT, "runs": RESULT, "folder": RESULT}),
    "tn.study.Study": Row(lambda: tn.study.Study,
        lambda: {"configurations": {"a": tn.study.Configuration("a", run)}, "data": (DATASET(), DATASET())}),
    "tn.study.Views": Row(lambda: tn.study.Views, lambda: {"description": "one", "of": lambda images: [images]}),
}  # fmt: skip

ERRORS = {
    "tn.DataError",
    "tn.DataNotFoundError",
    "tn.DeviceError",
    "tn.DivergenceError",
    "tn.SaveError",
    "tn.ShapeError",
}

ROWS: dict[str, Row] = {**LAYERS, **LOSSES_AND_OPTIMIZERS, **TRAINING, **DATA_ROWS, **GRADCHECK, **STUDY}


def small_with(preprocessing: tn.data.Preprocessing) -> tn.Sequential:
    model = small()
    model.preprocessing = preprocessing
    return model


def public_names() -> set[str]:
    """Every public constructor and function, by its name in a program."""
    found = set()
    for prefix, module in [
        ("tn", tn), ("tn.data", tn.data), ("tn.gradcheck", tn.gradcheck), ("tn.study", tinynet.study),
        ("tn.schedules", schedules), ("tn.zoo", tn.zoo), ("tn.metrics", tinynet.metrics),
    ]:  # fmt: skip
        own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
        for name in getattr(module, "__all__", own):
            value = getattr(module, name)
            if callable(value) and not isinstance(value, types.ModuleType) and not name.startswith("_"):
                found.add(f"{prefix}.{name}")
    return found
