"""A model's architecture as JSON, and back: layers are looked up by name, never imported at a file's request.

Layers describe and build themselves (`get_config`, `from_config`). Here names are looked up, sizes limited, and the
shapes that the layers declare compared with those in the file, before any memory is allocated for them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from tinynet import layers as all_layers
from tinynet.errors import DataError, mismatch, unknown_name
from tinynet.layers.base import Layer
from tinynet.layers.configuration import BuildLayer, shortened
from tinynet.layers.containers import Container
from tinynet.model import Sequential

Names = Mapping[str, type[Layer]]
Shapes = Mapping[str, tuple[int, ...]]

# Limits for a file: a larger one would be an attack. Layers count as often as they run, since each run takes time.
MOST_LAYERS, DEEPEST = 10_000, 50
LARGEST, MOST_SIZES, LONGEST_TEXT = 2**31, 32, 100  # of a hyperparameter of this library


def known_layers() -> dict[str, type[Layer]]:
    """The layers of this library by name: the public classes in `tinynet.layers` derived from Layer, and Sequential."""
    public = {name: getattr(all_layers, name) for name in all_layers.__all__}
    layers = {name: it for name, it in public.items() if issubclass(it, Layer) and it is not Layer}
    return {**layers, "Sequential": Sequential}


def build(
    about: Any, shapes: Shapes, own: Names | None = None, dtype: Any = "float32", draw: bool = True
) -> Sequential:
    """The model that `about` describes. `own` are layers of the user's by name; `shapes` those of the file's arrays.

    With draw=False the parameters are zeros, for a caller who has their values.
    Raises DataError for anything that does not describe a model, unknown names, hyperparameters that do not fit, and a
    parameter or statistic that the file does not hold in its declared shape.
    """
    if not isinstance(about, dict) or about.get("layer") != "Sequential":
        raise DataError(mismatch("architecture", "a Sequential", shortened(about), "save the model again"))
    check_size(about)
    names = {**known_layers(), **(own or {})}

    def build_part(prefix: str) -> BuildLayer:
        def build_layer(config: Any, name: str) -> Layer:
            layer = _build(config, names, build_part(f"{prefix}{name}."))
            if not isinstance(layer, Container):  # its parts were checked one by one, before memory was allocated
                _check_shapes(layer, f"{prefix}{name}.", shapes)
                if not draw:
                    layer._initializers = dict.fromkeys(layer._initializers, _zeros)
            if type(layer).__module__.startswith("tinynet."):
                _check_hyperparameters(config, LARGEST)
            return layer

        return build_layer

    try:
        return Sequential.from_config(about, build_part(""), dtype)
    except (TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        received = f"{error!s:.300}"
        raise DataError(
            mismatch("architecture", "layers that make a model", received, "save the model again")
        ) from error


def _build(config: Any, names: Names, build_part: BuildLayer) -> Layer:
    if not isinstance(config, dict) or not isinstance(config.get("layer"), str):
        raise DataError(mismatch("architecture", "a layer", shortened(config), "save the model again"))
    name = config["layer"]
    if name not in names:
        raise DataError(unknown_name("layer", name[:100], names) + "; tn.load(path, layers=[...]) takes your own")
    if names[name].__module__.startswith("tinynet."):
        _check_hyperparameters(config, 2**63)
    try:
        return names[name].from_config(config, build_part)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        expected, remedy = "hyperparameters that it takes", "save the model again"
        raise DataError(mismatch(f"architecture: {name}", expected, f"{error!s:.300}", remedy)) from error


def _check_hyperparameters(config: Mapping[str, Any], largest: int) -> None:
    """Raise DataError for a number, list or text that no layer of this library has. Layers are checked elsewhere."""
    for key, value in config.items():
        parts = value if isinstance(value, list) else [value]
        whole = all(abs(part) <= largest for part in parts if isinstance(part, int))
        short = all(len(part) <= LONGEST_TEXT for part in parts if isinstance(part, str))
        many = len(parts) > MOST_SIZES and not isinstance(parts[0], dict)
        many = many or (whole and math.prod(part for part in parts[:MOST_SIZES] if isinstance(part, int)) > 2**53)
        if many or not (whole and short) or len(key) > LONGEST_TEXT:
            received, remedy = f"{key!r:.40} = {value!r:.60}", "save the model again"
            who = f"architecture: {config['layer']}"
            raise DataError(mismatch(who, "hyperparameters that it takes", received, remedy))


def _zeros(shape: tuple[int, ...], stream: Any) -> Any:
    """The initial values of a parameter that is read from a file: no memory, and no random numbers."""
    return np.broadcast_to(np.float32(0), shape)


def _check_shapes(layer: Layer, prefix: str, found: Shapes) -> None:
    """Raise unless each declared parameter and statistic of the layer is in the file, in its shape."""
    for name, shape in layer.declared_shapes.items():
        if found.get(prefix + name) != shape:
            expected, received = f"an array {prefix}{name} of shape {shape}", found.get(prefix + name, "none")
            remedy = "the file contradicts itself: save the model again"
            raise DataError(mismatch("architecture", expected, received, remedy))


def check_size(about: Any) -> None:
    """Raise DataError for a description that is too long or nested too deeply, with all repetitions."""
    todo, seen = [(about, 0)], 0
    while todo:
        part, depth = todo.pop()
        seen += 1
        if seen > MOST_LAYERS or depth > DEEPEST:
            _refuse_size()
        values = part.values() if isinstance(part, dict) else part
        todo += [(value, depth + 1) for value in values if isinstance(value, (dict, list))]
    if _positions(about) > MOST_LAYERS:
        _refuse_size()


def _positions(about: Any) -> int:
    """How many layers run in what is described; one that is named `again` counts each time, with all its parts."""
    if isinstance(about, dict):
        return max(1, sum(_positions(value) for value in about.values() if isinstance(value, (dict, list))))
    counts: list[int] = []
    for part in about:
        again: Any = part.get("again") if isinstance(part, dict) and len(part) == 1 else None
        if type(again) is int and 0 <= again < len(counts):
            counts.append(counts[again])
        else:
            counts.append(_positions(part) if isinstance(part, (dict, list)) else 0)
    return sum(counts)


def _refuse_size() -> NoReturn:
    expected = f"at most {MOST_LAYERS:,} layers with all repetitions, {DEEPEST} deep"
    raise DataError(mismatch("architecture", expected, "more", "save the model again"))
