"""The remedies of checks that many constructors and functions share."""

from __future__ import annotations

import numpy as np

import tinynet as tn
import tinynet.study
from tests.support.child import ROOT
from tests.support.remedies.row import COLOUR, LABELS, PICTURES, TRAIN, Row, X, shaped, trains
from tinynet.training.checkpoints import Checkpoints

FILE = ROOT / "tests" / "files" / "model-2.safetensors"
TOO_WIDE = tn.Dense(2**40, 2**20)


def network(seed: int = 0) -> tn.Sequential:
    return tn.Sequential(tn.Dense(20, 4), seed=seed)


def configured(**arguments: object) -> bool:
    return tn.study.Configuration(**{"title": "a", "build": network, **arguments}).title == "a"


def recipe(**arguments: object) -> bool:
    return tn.study.Recipe(**{"title": "a", "build": network, **arguments}).title == "a"


def studied(configurations: object = None, data: object = (TRAIN, TRAIN), **arguments: object) -> bool:
    if configurations is None:
        configurations = {"relu": tn.study.Configuration("relu", network)}
    return len(tn.study.Study(configurations, data, **arguments).configurations) == 1


def views(**arguments: object) -> bool:
    return tn.study.Views(**{"description": "one", "of": lambda images: [images], **arguments}).description != ""


def shifted(transforms: list[object]) -> bool:
    data = PICTURES, np.arange(6) % 2
    return trains(tn.Sequential(tn.Flatten(), tn.Dense(784, 2)), data, transforms=transforms)


def rated(rate: object) -> bool:
    return trains(optimizer=tn.SGD(lambda step: rate))


ARGUMENTS = [
    Row("errors.py", "write nesterov=False", lambda at: tn.SGD(0.1, 0.9, "no"),
        lambda at: trains(optimizer=tn.SGD(0.1, 0.9, nesterov=False))),
    Row("errors.py", "write nesterov=True", lambda at: tn.SGD(0.1, 0.9, "yes"),
        lambda at: trains(optimizer=tn.SGD(0.1, 0.9, nesterov=True))),
    Row("errors.py", "write name='5'", lambda at: tn.data.from_arrays(X, LABELS, name=5),
        lambda at: tn.data.from_arrays(X, LABELS, name="5").name == "5"),
    Row("errors.py", "give text or a pathlib.Path", lambda at: tn.load(3), lambda at: len(tn.load(FILE)) > 0),
    Row("errors.py", "give a name such as 'data/a'", lambda at: Checkpoints(""),
        lambda at: Checkpoints("data/a").folder.name == "a"),
    Row("backend/arrays.py", "choose smaller sizes", lambda at: TOO_WIDE(X),
        lambda at: shaped(tn.Dense(20, 4), X, (120, 4))),
    Row("io/models.py", "write layers=[MyLayer]", lambda at: tn.load(FILE, layers="MyLayer"),
        lambda at: len(tn.load(FILE, layers=[tn.ReLU])) > 0),
    Row("layers/pooling.py", "write padding='same'", lambda at: tn.MaxPool2D(2, padding=2),
        lambda at: shaped(tn.MaxPool2D(2, padding="same"), COLOUR, (2, 4, 3, 3))),
    Row("layers/context.py", "count the updates from 0", lambda at: tn.Context(step=-1),
        lambda at: tn.Context(step=0).step == 0),
    Row("layers/context.py", "leave it out", lambda at: tn.Context(layer=-1), lambda at: tn.Context().layer == 0),
    Row("optimizers/base.py", "return a number, such as 0.01", lambda at: rated(None), lambda at: rated(0.01)),
    Row("optimizers/schedules.py", "give a schedule: warm_up(constant(0.1), steps=100)",
        lambda at: tn.schedules.warm_up(0.1, 100),
        lambda at: trains(optimizer=tn.SGD(tn.schedules.warm_up(tn.schedules.constant(0.1), steps=100)))),
    Row("zoo.py", "try blocks=3", lambda at: tn.zoo.resnet_small((8, 8, 3), widths=(2,), blocks=2**40),
        lambda at: len(tn.zoo.resnet_small((8, 8, 3), widths=(2,), blocks=3)) > 0),
    Row("data/report.py", "make one of arrays: tn.data.from_arrays(images, labels)",
        lambda at: tn.data.data_report(X, X),
        lambda at: "120 training" in tn.data.data_report(*[tn.data.from_arrays(X, LABELS)] * 2)),
    Row("study/configuration.py", "give a function of the seed that returns a model",
        lambda at: configured(build=network()), lambda at: configured(build=network)),
    Row("study/configuration.py", "give a class, such as tn.SGD", lambda at: configured(optimizer=tn.SGD(0.1)),
        lambda at: configured(optimizer=tn.SGD)),
    Row("study/configuration.py", "leave fit out, or write fit={}", lambda at: configured(fit=3),
        lambda at: configured(fit={})),
    Row("study/configuration.py", "leave epochs to the study", lambda at: configured(epochs=0),
        lambda at: configured()),
    Row("study/recipes.py", "leave it out, or write Views(description, of)", lambda at: recipe(views=3),
        lambda at: recipe()),
    Row("data/transforms.py", "give a list: transforms=[tn.data.Shift(2)]",
        lambda at: trains(transforms=[2]), lambda at: shifted([tn.data.Shift(2)])),
    Row("data/transforms.py", "call it: Shift()", lambda at: shifted([tn.data.Shift]),
        lambda at: shifted([tn.data.Shift()])),
    Row("training/callbacks.py", "put it in a list: callbacks=[my_callback]",
        lambda at: trains(callbacks=tn.Callback()), lambda at: trains(callbacks=[tn.Callback()])),
    Row("training/callbacks.py", "call it: Callback()", lambda at: trains(callbacks=[tn.Callback]),
        lambda at: trains(callbacks=[tn.Callback()])),
    Row("training/callbacks.py", "derive its class from tn.Callback", lambda at: trains(callbacks=[print]),
        lambda at: trains(callbacks=[type("Own", (tn.Callback,), {})()])),
    Row("study/recipes.py", "leave it out, or write a tn.study.Configuration",
        lambda at: recipe(fit={"nan_guard": False}), lambda at: recipe() and configured(fit={"nan_guard": False})),
    Row("study/recipes.py", "give a function of the images that returns each view", lambda at: views(of=3),
        lambda at: views()),
    Row("study/recipes.py", "give one number above 0 for each view, or leave them out",
        lambda at: views(weights=[0]), lambda at: views(weights=[1])),
    Row("study/study.py", "give both: (train, test)", lambda at: studied(data=TRAIN),
        lambda at: studied(data=(TRAIN, TRAIN))),
    Row("study/study.py", "leave it out", lambda at: studied(settings=3), lambda at: studied()),
    Row("study/study.py", "write parts=['given']", lambda at: studied(parts=3),
        lambda at: studied(parts=["given"])),
    Row("study/study.py", "name each: {'relu': ...}",
        lambda at: studied([tn.study.Configuration("relu", network)]),
        lambda at: studied({"relu": tn.study.Configuration("relu", network)})),
    Row("study/study.py", "write tn.study.Configuration(title, build)", lambda at: studied({"relu": network}),
        lambda at: studied({"relu": tn.study.Configuration("relu", network)})),
]  # fmt: skip
