"""Representations of objects as the calls that make them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any


def call_of(instance: Any, arguments: Sequence[str]) -> str:
    """The constructor call, such as `Dense(784, 10)`, with the arguments that are not defaults.

    `arguments` names arguments of the constructor; the instance keeps each as an attribute of the same name.
    """
    parameters = inspect.signature(type(instance)).parameters
    shown = []
    for name in arguments:
        default = parameters[name].default
        value = getattr(instance, name, default)
        if default is inspect.Parameter.empty:
            shown.append(repr(value))
        elif value != default:
            shown.append(f"{name}={value!r}")
    return f"{type(instance).__name__}({', '.join(shown)})"
