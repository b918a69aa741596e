"""Objects as their constructor calls, for reprs; and the attributes that they have, to refuse others."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cache
from typing import Any

from tinynet.errors import unknown_name


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


def set_anew(instance: Any, names: Sequence[str], name: str, value: Any) -> None:
    """Set an attribute that the constructor has an argument for, as the constructor does: checked and converted.

    `names` are all such arguments. Attributes that begin with "_" are made anew, too. An object of a class that is not
    tinynet's looks after itself.
    """
    if name in names and name in vars(instance) and type(instance).__module__.startswith("tinynet."):
        new = type(instance)(**{**{each: getattr(instance, each) for each in names}, name: value})
        value = vars(new)[name]
        vars(instance).update({each: made for each, made in vars(new).items() if each.startswith("_")})
    object.__setattr__(instance, name, value)


def refuse_unknown_attribute(instance: Any, name: str) -> None:
    """Raise AttributeError for an attribute that nobody reads: one that an object of tinynet does not have.

    Classes of other modules may keep what they like.
    """
    cls: Any = type(instance)
    if name.startswith("_") or hasattr(cls, name) or not cls.__module__.startswith("tinynet."):
        return
    known = _attributes(cls)
    if name not in known:
        named = {*known, *getattr(instance, "declared_shapes", ())}
        message = unknown_name("attribute", name, (each for each in named if not each.startswith("_")))
        raise AttributeError(f"{cls.__name__}: {message}")


@cache
def _attributes(cls: type) -> frozenset[str]:
    """What instances of `cls` may hold: its hyperparameters (else the arguments of __init__), and annotated names."""
    names = set(getattr(cls, "hyperparameters", None) or inspect.signature(cls).parameters)
    return frozenset(names.union(*(vars(base).get("__annotations__", ()) for base in cls.__mro__)))
