"""Small studies, and the program that the documentation of tinynet.study shows."""

import textwrap
from functools import partial

import tinynet as tn
from tinynet import study as library
from tinynet.study import Configuration

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
