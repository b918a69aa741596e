"""A model's architecture as JSON, and back: layers are looked up by name, never imported at a file's request.

Layers describe and build themselves (`get_config`, `from_config`). Here names are looked up, sizes limited, and the
shapes that the layers declare compared with those in the file, before any memory is allocated for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinynet import layers as all_layers
from tinynet.errors import DataError, mismatch, unknown_name
from tinynet.layers.base import Layer
from tinynet.layers.configuration import BuildLayer, shortened
from tinynet.layers.containers import Container
from tinynet.model import Sequential

Names = Mapping[str, type[Layer]]
Shapes = Mapping[str, tuple[int, ...]]

MOST_LAYERS, DEEPEST = 10_000, 50  # limits for a file: a larger one would be an attack


def known_layers() -> dict[str, type[Layer]]:
    """The layers of this library by name: the public classes in `tinynet.layers` derived from Layer, and Sequential."""
    public = {name: getattr(all_layers, name) for name in all_layers.__all__}
    layers = {name: it for name, it in public.items() if issubclass(it, Layer) and it is not Layer}
    return {**layers, "Sequential": Sequential}


def build(about: Any, shapes: Shapes, own: Names | None = None, dtype: Any = "float32") -> Sequential:
    """The model that `about` describes. `own` are layers of the user's by name; `shapes` those of the file's arrays.

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
            return layer

        return build_layer

    try:
        return Sequential.from_config(about, build_part(""), dtype)
    except (TypeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(mismatch("architecture", "layers that make a model", error, "save the model again")) from error


def _build(config: Any, names: Names, build_part: BuildLayer) -> Layer:
    if not isinstance(config, dict) or not isinstance(config.get("layer"), str):
        raise DataError(mismatch("architecture", "a layer", shortened(config), "save the model again"))
    name = config["layer"]
    if name not in names:
        raise DataError(unknown_name("layer", name[:100], names) + "; tn.load(path, layers=[...]) takes your own")
    try:
        return names[name].from_config(config, build_part)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        remedy = "save the model again"
        raise DataError(mismatch(f"architecture: {name}", "hyperparameters that it takes", error, remedy)) from error


def _check_shapes(layer: Layer, prefix: str, found: Shapes) -> None:
    """Raise unless each declared parameter and statistic of the layer is in the file, in its shape."""
    for name, shape in layer.declared_shapes.items():
        if found.get(prefix + name) != shape:
            expected, received = f"an array {prefix}{name} of shape {shape}", found.get(prefix + name, "none")
            remedy = "the file contradicts itself: save the model again"
            raise DataError(mismatch("architecture", expected, received, remedy))


def check_size(about: Any) -> None:
    """Raise DataError for a description that is too long or nested too deeply."""
    todo, seen = [(about, 0)], 0
    while todo:
        part, depth = todo.pop()
        seen += 1
        if seen > MOST_LAYERS or depth > DEEPEST:
            expected = f"at most {MOST_LAYERS:,} layers, {DEEPEST} deep"
            raise DataError(mismatch("architecture", expected, "more", "save the model again"))
        if isinstance(part, dict):
            todo += [(value, depth + 1) for value in part.values() if isinstance(value, (dict, list))]
        elif isinstance(part, list):
            todo += [(value, depth + 1) for value in part if isinstance(value, (dict, list))]
