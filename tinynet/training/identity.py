"""The identity of settings: values that are equal in every process for equal settings, and differ for others.

A checkpoint holds the identity of its run, and a run with another one does not resume from it. A repr is no identity:
it may leave out an argument, round a number, or contain an address. Here a setting is described by its type and its
arguments, recursively; arrays by their hash; functions and classes that belong to no library also by their code.

Three things have no identity: lambdas, functions that use variables of the function around them (closures), and
objects that cannot be pickled or have a random state of their own. They are marked as unknown.
"""

from __future__ import annotations

import contextlib
import copyreg
import enum
import functools
import hashlib
import inspect
import json
import math
import types
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinynet.backend.arrays import to_numpy
from tinynet.layers.base import Layer
from tinynet.layers.containers import Container
from tinynet.training.code import hash_of_code, is_global, is_library, name_of, plain_members, variables_around

UNKNOWN = "no identity"  # the key of a description that identifies nothing; no argument has a name with a space
WHOLE = ({"function"}, {"function", "code"}, {"class"}, {"class", "code"}, {"array", "shape", "sha256"})
DEEPEST = 50  # levels
MOST = 100_000  # values
OWN_OF_LAYERS = frozenset(dir(Layer))
OWN_OF_CONTAINERS = OWN_OF_LAYERS | {"_parts", "_positions", "_start", "_statistics_start", "names"}
RANDOM = {"Generator", "RandomState", "BitGenerator", "Random"}  # of NumPy, CuPy, PyTorch and Python


class Difference(NamedTuple):
    """A setting that is not the same in two identities; `unknown` if that cannot be told."""

    name: str  # "optimizer.learning_rate"
    ours: Any
    theirs: Any

    @property
    def unknown(self) -> bool:
        """Whether one of the two has no identity."""
        return is_unknown(self.ours) or is_unknown(self.theirs)


def identify(value: Any) -> Any:
    """The identity of a setting, as JSON can hold it."""
    return _Identifier().of(value)


def is_unknown(identity: Any) -> bool:
    """Whether this describes something without an identity."""
    return isinstance(identity, dict) and UNKNOWN in identity


def differences(name: str, ours: Any, theirs: Any) -> Iterator[Difference]:
    """Where two identities differ, and where that cannot be told. `theirs` comes from a file: it may be any JSON."""
    if is_unknown(ours) or is_unknown(theirs):
        yield Difference(name, ours, theirs)
    elif _is_whole(ours) or _is_whole(theirs):
        if ours != theirs:
            yield Difference(name, ours, theirs)
    elif isinstance(ours, dict) and isinstance(theirs, dict) and ours.get("type") == theirs.get("type"):
        for key in [*ours, *(key for key in theirs if key not in ours)]:
            part = name if key in ("arguments", "layers") else f"{name}.{key}"
            yield from differences(part, ours.get(key), theirs.get(key))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs)):
            yield from differences(f"{name}[{number}]", one, other)
    elif ours != theirs:
        yield Difference(name, ours, theirs)


def _is_whole(identity: Any) -> bool:
    """Whether this is one value: an array, a function or a class."""
    whole = isinstance(identity, dict) and set(identity) in WHOLE
    return whole and not any(isinstance(value, dict) for value in identity.values())


def shown(identity: Any) -> str:
    """An identity in a message."""
    if not isinstance(identity, dict):
        return f"{identity!s:.80}"
    if "array" in identity:
        return f"an array of {identity['array']} {identity.get('shape')}, sha256 {identity.get('sha256')!s:.8}"
    for key in (UNKNOWN, "function", "type", "class"):
        if isinstance(identity.get(key), str):
            return f"{identity[key]:.80}" + (f" with code {identity['code']!s:.8}" if "code" in identity else "")
    return f"{json.dumps(identity):.80}"


class _Identifier:
    """Describes one value. `inside` holds the objects that it is in the middle of, the outermost first."""

    def __init__(self) -> None:
        self.inside: list[Any] = []
        self.hashes: dict[int, str] = {}  # of functions and classes, by id
        self.count = 0

    def of(self, value: Any) -> Any:
        """The identity of `value`."""
        if isinstance(value, enum.Enum):
            return {"type": name_of(type(value)), "member": value.name}
        if isinstance(value, np.generic) and isinstance(value.item(), (bool, int, float, str)):
            value = value.item()
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else {"number": str(value)}
        if any(value is each for each in self.inside):
            return {"above": len(self.inside) - next(n for n, each in enumerate(self.inside) if each is value)}
        if isinstance(value, bytes):
            return {"bytes": value.hex()}
        self.count += 1
        if len(self.inside) >= DEEPEST or self.count > MOST:
            return {UNKNOWN: f"an object of more than {MOST:,} values, or {DEEPEST} levels"}
        self.inside.append(value)
        try:
            return self.described(value)
        finally:
            self.inside.pop()

    def described(self, value: Any) -> Any:
        """The identity of a value that is not a number, a string or None."""
        if isinstance(value, (list, tuple)):
            return [self.of(each) for each in value]
        if isinstance(value, (set, frozenset)):
            return {"set": sorted([self.of(each) for each in value], key=_as_text)}
        if isinstance(value, Mapping):
            return {"items": sorted([[self.of(key), self.of(value[key])] for key in value], key=_as_text)}
        if isinstance(value, (type, types.FunctionType)):
            return self.of_code(value)
        if isinstance(value, functools.partial):
            arguments = [self.of(value.args), self.of(value.keywords)]
            return {"type": "functools.partial", "callable": self.of(value.func), "arguments": arguments}
        if isinstance(value, types.MethodType):
            return {"type": "method", "method": self.of(value.__func__), "of": self.of(value.__self__)}
        if hasattr(value, "dtype") and hasattr(value, "shape") and not isinstance(value, Layer):
            return self.of_array(value)
        if callable(value) and is_library(value) and is_global(value):  # math.sqrt, numpy.exp
            return {"function": name_of(value)}
        return self.of_object(value)

    def of_array(self, value: Any) -> Any:
        """An array, by its hash."""
        array = None
        for convert in (np.asarray, to_numpy):  # a Series of pandas has a `get` of another meaning
            with contextlib.suppress(Exception):  # an array on a device refuses the first
                array = array if array is not None else convert(value)
        if array is None:
            return {UNKNOWN: f"an array of type {type(value).__name__}"}
        if array.dtype.hasobject:
            return {"array": "object", "shape": list(array.shape), "values": [self.of(each) for each in array.flat]}
        sha256 = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return {"array": array.dtype.str, "shape": list(array.shape), "sha256": sha256}

    def of_code(self, value: Any) -> Any:
        """A function or class: by its name if it belongs to a library, else by its name and its code."""
        kind = "class" if isinstance(value, type) else "function"
        name, around = name_of(value), variables_around(value)
        known = not around and (kind == "class" or value.__name__ != "<lambda>")
        if known and is_library(value):
            return {kind: name}
        identity = {kind: name, "code": self.hash_of(value)}
        if known:
            return identity
        what = f"a {kind} that uses {', '.join(around)} of the function around it" if around else "a lambda"
        return {UNKNOWN: f"{name}, {what}", "seen": identity}

    def hash_of(self, value: Any) -> str:
        """The hash of a function or class of the user's: its code, and the constants and functions that it uses."""
        if id(value) not in self.hashes:
            parts: list[Any] = [hash_of_code(value) if isinstance(value, types.FunctionType) else ""]
            parts += [[name, self.of(member)] for name, member in plain_members(value)]
            self.hashes[id(value)] = hashlib.sha256(_as_text(parts).encode()).hexdigest()
        return self.hashes[id(value)]

    def of_object(self, value: Any) -> Any:
        """An object: its class, and its arguments if it is tinynet's, else what pickle would keep of it."""
        cls = type(value)
        if RANDOM & {each.__name__ for each in cls.__mro__}:
            return {UNKNOWN: f"{name_of(cls)}, which has a random state of its own"}
        kind = self.of_code(cls)
        identity = {"type": kind.get("class", name_of(cls))}
        if "code" in kind:
            identity["code"] = kind["code"]
        try:
            identity |= self.of_layer(value) if isinstance(value, Layer) else {"arguments": self.of_state(value)}
        except Exception as error:  # pickling calls methods of the user's, which may raise anything
            return {UNKNOWN: f"{name_of(cls)}, which cannot be pickled ({error})", "seen": kind}
        return {UNKNOWN: kind[UNKNOWN], "seen": [kind, identity]} if is_unknown(kind) else identity

    def of_layer(self, layer: Layer) -> dict[str, Any]:
        """A layer's arguments and its parts, without its parameters, which are results of the run and not settings."""
        if is_library(type(layer)):
            names: Any = layer.hyperparameters
            parts = {"layers": self.of(layer.layers)} if isinstance(layer, Container) else {}
        else:
            own, parts = (OWN_OF_CONTAINERS if isinstance(layer, Container) else OWN_OF_LAYERS), {}
            names = {*_without_cached(layer, vars(layer))} - own - {*layer.declared_shapes}
        return {**parts, "arguments": {name: self.of(getattr(layer, name)) for name in sorted(names)}}

    def of_state(self, value: Any) -> Any:
        """The arguments of an object of tinynet, or what pickle would keep of another one."""
        if type(value).__module__.partition(".")[0] == "tinynet":
            names = inspect.signature(type(value)).parameters
            if all(hasattr(value, name) for name in names):
                return {name: self.of(getattr(value, name)) for name in names}
        if hasattr(value, "__wrapped__"):  # functools.lru_cache and other decorators
            return {"wrapped": self.of(value.__wrapped__)}
        made = value.__reduce_ex__(2)
        if isinstance(made, str):
            raise TypeError("it is known by a name alone")
        function, arguments, state = (*made, None)[:3]
        new = function is copyreg.__newobj__  # type: ignore[attr-defined]
        if new and isinstance(state, dict) and len(arguments) == 1:  # the usual object
            return {str(name): self.of(state[name]) for name in _without_cached(value, state)}
        parts = [None if new else self.of(function), self.of(arguments[new:]), self.of(state)]
        return [*parts, *(self.of(list(each)) for each in made[3:5] if each is not None)]


def _without_cached(value: Any, state: Mapping[Any, Any]) -> list[Any]:
    """The names of the attributes in `state`, sorted, without cached properties, which are computed from the others."""
    cached = (functools.cached_property,)
    computed = {name for cls in type(value).__mro__ for name, it in vars(cls).items() if isinstance(it, cached)}
    return sorted((name for name in state if name not in computed), key=str)


def _as_text(identity: Any) -> str:
    return json.dumps(identity, sort_keys=True)
