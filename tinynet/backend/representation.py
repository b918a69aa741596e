"""Reprs: an object shown as the constructor call that makes it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any


def constructor_call(instance: Any, hyperparameters: Sequence[str]) -> str:
    """`Dense(784, 10)`: required arguments in order, the others by name where they are not the defaults.

    `hyperparameters` are arguments of the class that are kept as attributes of the same names.
    """
    parameters = inspect.signature(type(instance)).parameters
    shown = []
    for name in hyperparameters:
        default = parameters[name].default
        value = getattr(instance, name, default)
        if default is inspect.Parameter.empty:
            shown.append(repr(value))
        elif value is not default and not _equal(value, default):
            shown.append(f"{name}={value!r}")
    return f"{type(instance).__name__}({', '.join(shown)})"


def _equal(value: Any, default: Any) -> bool:
    """Whether both are equal; an array, which compares element by element, equals no default."""
    same = value == default
    return getattr(same, "shape", ()) == () and bool(same)
