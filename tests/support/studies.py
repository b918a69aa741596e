"""Small studies, and the program that the documentation of tinynet.study shows."""

import textwrap
from functools import partial

import numpy as np

import tinynet as tn
from tinynet import study as library
from tinynet.backend.arrays import CPU
from tinynet.study import Configuration
from tinynet.study.jobs import Data
from tinynet.study.summary import summarize

# arguments of examples/fashion_mnist.py
SMALL = ["--dataset", "synthetic_fashion", "--device", "cpu", "--jobs", "2", "--epochs", "2", "--seeds", "2"]
SMALL += ["--arms", "sigmoid", "relu", "relu-dropout", "--hidden", "8", "4", "--batch-size", "500"]


def network(seed, activation=tn.ReLU):
    return tn.Sequential(tn.Dense(20, 8), activation(), tn.Dense(8, 4), seed=seed)


def configurations(**changes):
    sigmoid = Configuration("sigmoid", partial(network, activation=tn.Sigmoid), tn.SGD, (0.1, 1.0), **changes)
    return {"sigmoid": sigmoid, "relu": Configuration("ReLU", network, tn.SGD, (0.1, 1.0), "sigmoid", **changes)}


def documented_program():
    text = library.__doc__
    indented = text[text.index("    from functools") : text.index("The learning rate of each")]
    return textwrap.dedent(indented)


# Runs as a study keeps them, made up ---------------------------------------------------------------------------------

LABELS = np.arange(40) % 4  # of a test set in four classes


def made_up_run(arm, seed, wrong=(), *, part="best", accuracy=None, train=0.9, losses=(0.5, 0.7), seconds=1.0, **more):
    """A finished run whose predictions are right but for the examples `wrong`, which are given the next class."""
    predicted = LABELS.copy()
    predicted[list(wrong)] = (predicted[list(wrong)] + 1) % 4
    accuracy = float((predicted == LABELS).mean()) if accuracy is None else accuracy
    return {
        "part": part, "arm": arm, "seed": seed, "learning_rate": 0.1, "settings": {}, "curve": [],
        "train": {"loss": losses[0], "accuracy": train}, "test": {"loss": losses[1], "accuracy": accuracy},
        "predictions": "".join(map(str, predicted)), "seconds": seconds, "samples_per_second": 100.0, **more,
    }  # fmt: skip


def made_up_summary(runs, against, parts=("best",), labels=LABELS, **changes):
    """The summary of made-up runs; `against` is the baseline of each configuration."""
    named = {name: Configuration(name.upper(), network, baseline=baseline) for name, baseline in against.items()}
    train, test = (tn.data.from_arrays(np.ones((len(labels), 1)), labels, tuple("abcd")) for _ in range(2))
    settings = {"seeds": 3, "epochs": 2, "long_epochs": 10, "long_seeds": 3, "batch_size": 10, "lr": 0.1}
    chosen = dict.fromkeys(against, 0.1)
    return {**summarize(runs, named, parts, Data(train, test, CPU), settings, chosen), **changes}
