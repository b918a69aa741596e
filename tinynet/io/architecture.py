"""A model's architecture as JSON, and back: by names that are known, never by importing what a file asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinynet import layers as known_layers
from tinynet.errors import DataError, mismatch, unknown_name
from tinynet.layers.base import Layer
from tinynet.layers.containers import Chain, Residual
from tinynet.model import Sequential

Names = Mapping[str, type[Layer]]
Shapes = Mapping[str, tuple[int, ...]]

KNOWN: dict[str, type[Layer]] = {
    name: getattr(known_layers, name) for name in known_layers.__all__ if name not in ("Layer", "Context")
}
MOST_LAYERS, DEEPEST = 10_000, 50  # of a file: more is no network but an attack
PLAIN = (bool, int, float, str, type(None))


def describe(layer: Layer) -> dict[str, Any]:
    """The layer as JSON can say it: its class, its settings, and of a container its parts.

    A layer that stands at two places is described once and then named by its number, {"again": 0}. Raises TypeError for
    a setting that JSON cannot say.
    """
    name = type(layer).__name__
    if isinstance(layer, Residual):
        around = None if layer.shortcut is None else describe(layer.shortcut)
        return {"layer": name, "block": [describe(part) for part in layer.block], "shortcut": around}
    if isinstance(layer, Chain):
        parts: list[Any] = []
        for number, part in enumerate(layer.layers):
            first = layer.layers.index(part)
            parts.append(describe(part) if first == number else {"again": first})
        return {"layer": name, "layers": parts}
    settings = {setting: _plain(layer, setting, getattr(layer, setting)) for setting in layer.settings}
    return {"layer": name, **settings}


def build(about: Any, shapes: Shapes, own: Names | None = None, dtype: Any = "float32") -> Sequential:
    """The model that `about` describes. `own` are layers of the user's by name; `shapes` those of the file's arrays.

    Before a layer with parameters is made, its weight is looked for in `shapes`: nothing is allocated that the file
    does not hold. Raises DataError for what describes no model, unknown names, settings that do not fit.
    """
    names = {**KNOWN, **(own or {})}
    if not isinstance(about, dict) or about.get("layer") != "Sequential":
        raise DataError(mismatch("architecture", "a Sequential", _short(about), "save a model again"))
    _check_size(about)
    parts = _build_parts(about.get("layers"), "", shapes, names)
    try:
        return Sequential(*parts, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise DataError(mismatch("architecture", "layers that make a model", error, "save a model again")) from error


def _build_parts(described: Any, prefix: str, shapes: Shapes, names: Names) -> list[Layer]:
    if not isinstance(described, list) or not described:
        raise DataError(mismatch("architecture", "a list of layers", _short(described), "save a model again"))
    parts: list[Layer] = []
    for number, part in enumerate(described):
        if isinstance(part, dict) and set(part) == {"again"}:
            first = part["again"]
            if not isinstance(first, int) or not 0 <= first < number:
                raise DataError(mismatch("architecture", "a layer before this one", _short(part), "save a model again"))
            parts.append(parts[first])
        else:
            parts.append(_build(part, f"{prefix}{number}.", shapes, names))
    return parts


def _build(about: Any, prefix: str, shapes: Shapes, names: Names) -> Layer:
    if not isinstance(about, dict) or not isinstance(about.get("layer"), str):
        raise DataError(mismatch("architecture", "a layer", _short(about), "save a model again"))
    name, settings = about["layer"], {key: value for key, value in about.items() if key != "layer"}
    try:
        if name == "Sequential":
            return Sequential(*_build_parts(settings.get("layers"), prefix, shapes, names))
        if name == "Residual":
            block = _build_parts(settings.get("block"), f"{prefix}block.", shapes, names)
            around = settings.get("shortcut")
            return Residual(*block, shortcut=around and _build(around, f"{prefix}shortcut.", shapes, names))
        if name not in names:
            raise DataError(unknown_name("layer", name[:100], names) + "; tn.load(path, layers=[...]) takes your own")
        kind = names[name]
        if set(settings) - set(kind.settings):
            raise DataError(mismatch(name, f"the settings {kind.settings}", sorted(settings), "save a model again"))
        values = {key: _value(name, key, value) for key, value in settings.items()}
        _check_parameters(kind, name, prefix, values, shapes)
        if name == "Reshape":
            return kind(*values["shape"])
        return kind(**values)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(mismatch(f"architecture: {name}", "settings that it takes", error, "save it again")) from error


def _check_parameters(kind: type[Layer], name: str, prefix: str, values: dict[str, Any], shapes: Shapes) -> None:
    """Raise unless the file holds a weight of the shape that the settings ask for, where the layer has one."""
    if "weight" not in kind.__annotations__:
        return
    found = shapes.get(f"{prefix}weight")
    ends = tuple(values[key] for key in ("inputs", "outputs", "features") if key in values)
    if name == "Conv2D":
        kernel = values.get("kernel_size", 3)
        ends = (*(kernel if isinstance(kernel, tuple) else (kernel, kernel)), *ends)
    if kind.__module__.startswith("tinynet.") and found != ends:
        expected = f"an array {prefix}weight of shape {ends}"
        raise DataError(mismatch(name, expected, found or "none", "the file does not fit itself: save it again"))


def _check_size(about: Any) -> None:
    """Raise for a description that is too long or too deep to be one."""
    todo, seen = [(about, 0)], 0
    while todo:
        part, depth = todo.pop()
        seen += 1
        if seen > MOST_LAYERS or depth > DEEPEST:
            expected = f"at most {MOST_LAYERS:,} layers, {DEEPEST} deep"
            raise DataError(mismatch("architecture", expected, "more", "save a model again"))
        if isinstance(part, dict):
            todo += [(value, depth + 1) for value in part.values() if isinstance(value, (dict, list))]
        elif isinstance(part, list):
            todo += [(value, depth + 1) for value in part if isinstance(value, (dict, list))]


def _plain(layer: Layer, setting: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (tuple, list)):
        return [_plain(layer, setting, each) for each in value]
    if not isinstance(value, PLAIN):
        expected = f"{setting} as a number, a word, or some of them"
        raise TypeError(mismatch(layer, expected, type(value).__name__, "name it in your layer's `settings` as such"))
    return value


def _value(name: str, key: str, value: Any) -> Any:
    """A setting as JSON gave it; lists become tuples."""
    if isinstance(value, list) and all(isinstance(each, PLAIN) for each in value):
        return tuple(value)
    if not isinstance(value, PLAIN):
        raise DataError(mismatch(name, f"{key} as a number, a word, or some of them", _short(value), "save it again"))
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:56] + " ..."
