"""A configuration of a study: one way to build and train a network, as a value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.backend.arrays import to_numpy
from tinynet.errors import above_zero, flag, function, mismatch, sequence, shown, text, whole_number
from tinynet.study.probe import measure
from tinynet.training.identity import identify

SET_BY_THE_STUDY = {
    "optimizer", "epochs", "batch_size", "seed", "device", "threads", "progress", "callbacks", "checkpoint", "resume",
    "validation", "measure_train",
}  # fmt: skip
NOT_IN_NUMBERS = {  # these name and plan runs; the jobs state their learning rate, epochs and batch size themselves
    "title", "learning_rates", "baseline", "shared", "long", "epochs", "batch_size", "record", "example", "description",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Configuration:
    """One way to build and train a network.

    title           its name in tables and pictures
    build           the network: a function seed -> new model
    optimizer       a function learning rate -> new optimizer
    learning_rates  the grid from which the best is chosen; a single one is used as it is
    baseline        the name of the configuration it is compared with; "" for none
    fit             further settings of `tinynet.fit`: {"loss": ..., "transforms": ...}
    shared          whether it is also trained at the study's `learning_rate`, if the study has one
    long            whether it is also trained five times as long
    epochs          the number of epochs, if not the study's; likewise batch_size
    record          facts to keep with each run in results.json

    Other processes receive it by pickle: `build` and `optimizer` are functions or classes at the top level of a
    module, or a `functools.partial` of one; no lambdas. Give all networks the same layers with weights at the same
    positions (a `Dropout(0.0)` fills a position): then the same seed gives all of them the same initial weights.
    Raises ValueError for an empty grid, and for settings in `fit` that the study itself decides.
    """

    title: str
    build: Callable[[int], tn.Sequential]
    optimizer: Callable[[float], tn.Optimizer] = tn.SGD
    learning_rates: Sequence[float] = (0.1,)
    baseline: str = ""
    fit: Mapping[str, Any] = field(default_factory=dict)
    shared: bool = True
    long: bool = False
    epochs: int | None = None
    batch_size: int | None = None
    record: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        who = text("Configuration", "title", self.title) or "Configuration"
        function(who, "build", self.build, remedy="give a function of the seed that returns a model")
        function(who, "optimizer", self.optimizer, remedy="give a class, such as tn.SGD")
        text(who, "baseline", self.baseline)
        for name in ("fit", "record"):
            if not isinstance(getattr(self, name), Mapping):
                received = shown(getattr(self, name))
                raise TypeError(mismatch(who, f"{name} as a dict", received, f"leave {name} out, or write {name}={{}}"))
        for name in ("shared", "long"):
            flag(who, name, getattr(self, name))
        for name in ("epochs", "batch_size"):
            if getattr(self, name) is not None:
                whole_number(f"{who}: {name}", getattr(self, name), remedy=f"leave {name} to the study")
        remedy = "give a list: learning_rates=(0.1, 0.3)"
        if not sequence(f"{self.title}: learning_rates", self.learning_rates, remedy=remedy):
            raise ValueError(mismatch(self.title, "at least one learning rate", "none", "try learning_rates=(0.1,)"))
        for rate in self.learning_rates:
            above_zero(who, "each of learning_rates", rate, remedy="try learning_rates=(0.1,)")
        for name in sorted(SET_BY_THE_STUDY.intersection(self.fit)):
            raise ValueError(
                mismatch(self.title, "settings of fit that a study does not decide", name, f"leave {name} to the study")
            )

    def make_optimizer(self, model: tn.Sequential, learning_rate: float, steps: int) -> tn.Optimizer:
        """The optimizer of one run; `steps`, the number of updates, is for schedules in subclasses."""
        return self.optimizer(learning_rate)

    def describe(self) -> str:
        """How it is trained, in one line; "" if the title is enough."""
        return ""

    def predict(self, model: tn.Sequential, data: tn.data.Dataset, threads: int | None = None) -> np.ndarray:
        """Class probabilities (N, classes)."""
        return model.predict(data, threads=threads)

    def measure(
        self,
        model: tn.Sequential,
        data: tn.data.Dataset,
        probabilities: np.ndarray | None = None,
        threads: int | None = None,
    ) -> dict[str, float]:
        """Cross-entropy and accuracy in inference mode; `probabilities` are those of `predict`, if already known.

        Raises DivergenceError if the loss is not finite.
        """
        return measure(model, data, threads)

    @cached_property
    def example(self) -> tn.Sequential:
        """The network of seed 0, for descriptions."""
        return self.build(0)

    @cached_property
    def description(self) -> str:
        """Everything that its numbers depend on: the network, its initial weights, the class and fields of this value.

        Functions and classes that are not tinynet's are described by their code, too (training/identity.py).
        """
        weights = hashlib.sha256(to_numpy(self.example.theta).tobytes()).hexdigest()
        fields = {name: it for name, it in vars(self).items() if name not in NOT_IN_NUMBERS}
        return json.dumps([identify(part) for part in (self.example, weights, type(self), fields)], sort_keys=True)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "example"}
