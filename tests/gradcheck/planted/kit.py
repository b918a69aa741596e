"""Layers made of one function, and the rows of the tables."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

import tinynet as tn
from tinynet.gradcheck import Report


@dataclass(frozen=True)
class Plant:
    """A bug, the check that must find it, and the row of the report that must fail (and with a hint that says this)."""

    bug: str
    check: Callable[[], Report]
    row: str
    says: str = ""

    def found(self, report):
        """Whether the row fails, and its hint says what it should."""
        return any(row.array == self.row and not row.passed and self.says in row.hint for row in report.rows)


@dataclass(frozen=True)
class Correct:
    """Code without a bug that a check may stumble over."""

    what: str
    check: Callable[[], Report]


def layer(function, parameters=(), statistics=(), **attributes):
    """A layer whose forward is `function(self, x, context)`, with parameters (name, shape, initializer)."""

    class Made(tn.Layer):
        def __init__(self):
            for parameter in parameters:
                self.add_parameter(*parameter)
            for statistic in statistics:
                self.add_statistic(*statistic)

        def forward(self, x, context):
            return function(self, x, context)

    Made.__name__ = function.__name__
    for name, value in attributes.items():
        setattr(Made, name, value)
    return Made()


def elementwise(function, derivative, **attributes):
    """y = function(x), dx = dy derivative(x)."""

    def forward(self, x, context):
        return function(x), lambda dy, grads: dy * derivative(x)

    return layer(forward, **{"splittable": True, **attributes})


def spoiled(base, spoil):
    """A layer of the class of `base`, whose backward passes through spoil(dx, grads, x, dy, context)."""
    cls = type(base)

    class Spoiled(cls):
        def forward(self, x, context):
            y, backward = cls.forward(self, x, context)

            def spoiled_backward(dy, grads):
                given = dy.copy()
                dx = backward(dy, grads)
                return spoil(dx, grads, x, given, context)

            return y, spoiled_backward

    made = Spoiled.__new__(Spoiled)
    made.__setstate__(base.__getstate__())
    return made


def random(*shape, seed=0, scale=1.0, offset=0.0):
    return offset + scale * np.random.default_rng(seed).normal(size=shape)


DENSE = [("weight", (4, 3), "glorot_uniform"), ("bias", (3,), "zeros")]
SQUARE = [("weight", (4, 4), "glorot_uniform"), ("bias", (4,), "zeros")]


def dense(backward, parameters=DENSE, **attributes):
    """y = x W + b with backward(self, x, dy, grads, context) -> dx."""

    def forward(self, x, context):
        return x @ self.weight + self.bias, lambda dy, grads: backward(self, x, dy, grads, context)

    return layer(forward, parameters, **{"splittable": True, **attributes})


def right_dense(self, x, dy, grads, context):
    """The backward of a Dense."""
    grads["weight"][...] = x.T @ dy
    grads["bias"][...] = dy.sum(axis=0)
    return dy @ self.weight.T
