"""What a thing was made with, shown as one would write it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any


def call_of(it: Any, settings: Sequence[str]) -> str:
    """`Dense(784, 10)`: required arguments in order, others by name where they differ from the usual.

    `settings` are arguments of the class that are kept as attributes of the same names.
    """
    parameters = inspect.signature(type(it)).parameters
    shown = []
    for name in settings:
        usual = parameters[name].default
        value = getattr(it, name, usual)
        if usual is inspect.Parameter.empty:
            shown.append(repr(value))
        elif value != usual:
            shown.append(f"{name}={value!r}")
    return f"{type(it).__name__}({', '.join(shown)})"
