"""Check, before a model is saved, that its file will give back each layer as it is."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from types import FunctionType
from typing import Any

import numpy as np

from tinynet.backend.arrays import to_numpy
from tinynet.errors import mismatch
from tinynet.io import architecture
from tinynet.layers.base import Layer
from tinynet.layers.containers import Chain, Container, Residual
from tinynet.model import Sequential

OF_THE_BASE = {  # attributes in which two equal layers differ
    "_initializers", "_offsets", "_statistic_offsets", "_statistics_vector", "_taken", "_vector",
}  # fmt: skip
WALKED = (Chain, Residual, Sequential)  # containers of the library: their parts are compared one by one
REMEDY = "name the argument in the `hyperparameters` of its class, or set the attribute back"


def described(model: Sequential) -> Any:
    """The architecture as JSON. Raises ValueError or TypeError if `load` would build another model from it.

    Each layer is built from its description and compared with the layer: class, declared shapes, attributes.
    """
    if type(model) is not Sequential:
        remedy = "make the class a function that returns tn.Sequential(...)"
        raise ValueError(mismatch("save", "a tn.Sequential", f"a {type(model).__name__} derived from it", remedy))
    config = model.get_config()
    architecture.check_size(config)
    names = architecture.known_layers()
    _compare_parts(model, names)
    return config


def _compare_parts(container: Container, names: dict[str, type[Layer]]) -> None:
    for layer in container.distinct:
        if type(layer) in WALKED:
            assert isinstance(layer, Container)
            _compare_parts(layer, names)
            continue
        cls = type(layer)
        if names.setdefault(cls.__name__, cls) is not cls:
            received = f"two classes of the name {cls.__name__}"
            raise ValueError(
                mismatch(f"save: {type(layer).__name__}", "classes of different names", received, "rename yours")
            )
        _compare(layer, _built_again(layer, names))


def _built_again(layer: Layer, names: Mapping[str, type[Layer]]) -> Layer:
    """The layer that `load` would build from the description of `layer`."""
    text = json.dumps(layer.get_config())

    def build(config: Any, name: str) -> Layer:
        cls = names.get(config["layer"])
        if cls is None:
            cls = _class_of_part(layer, config["layer"])
        return cls.from_config(config, build)

    try:
        return build(json.loads(text), "")
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        expected = "hyperparameters that build it again"
        remedy = "name all arguments of __init__ in its `hyperparameters`, and keep each as an attribute"
        raise ValueError(
            mismatch(f"save: {type(layer).__name__}", expected, f"{text:.80} ({error})", remedy)
        ) from error


def _class_of_part(layer: Layer, name: str) -> type[Layer]:
    """The class of a part by its name: of an attribute of `layer`, or of an attribute of another part."""
    waiting = [layer]
    for holder in waiting:  # grows while it is read
        for value in vars(holder).values():
            for part in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(part, Layer) and type(part).__name__ == name:
                    return type(part)
                if isinstance(part, Layer) and part not in waiting:
                    waiting.append(part)
    raise ValueError(f"no layer {name}")


def _compare(layer: Layer, again: Layer) -> None:
    """Raise ValueError, with the first difference, unless both layers are equal but for their parameters."""
    who = f"save: {type(layer).__name__}"
    if type(again) is not type(layer):
        received = f"a {type(again).__name__}"
        raise ValueError(mismatch(who, f"from_config to build a {type(layer).__name__}", received, "check from_config"))
    if again.declared_shapes != layer.declared_shapes:
        received = f"shapes {again.declared_shapes} instead of {layer.declared_shapes}"
        raise ValueError(mismatch(who, "a layer that its hyperparameters build again", received, REMEDY))
    arguments = inspect.signature(type(layer)).parameters
    for name, value in vars(layer).items():
        if name in OF_THE_BASE or name in layer.declared_shapes:
            continue
        if name not in vars(again) and name not in arguments:
            continue  # made by a forward pass, or a note of the user
        if name not in vars(again) or not _equal(value, vars(again)[name]):
            received = f"{name} = {vars(again).get(name)!r:.40} instead of {value!r:.40}"
            raise ValueError(mismatch(who, "a layer that its hyperparameters build again", received, REMEDY))


def _equal(one: Any, other: Any) -> bool:
    """Whether two attributes mean the same. Objects of unknown classes are taken to be equal if their classes are."""
    if isinstance(one, Layer):
        return _equal_layers(one, other)
    if isinstance(one, (list, tuple)):  # JSON knows no difference
        same = isinstance(other, (list, tuple)) and len(one) == len(other)
        return same and all(map(_equal, one, other))
    if isinstance(one, dict):
        return isinstance(other, dict) and list(one) == list(other) and all(map(_equal, one.values(), other.values()))
    if hasattr(one, "dtype") and hasattr(one, "shape"):
        return hasattr(other, "shape") and np.array_equal(to_numpy(one), to_numpy(other))
    if isinstance(one, FunctionType) and isinstance(other, FunctionType):
        cells = [tuple(each.cell_contents for each in function.__closure__ or ()) for function in (one, other)]
        return one is other or (one.__code__ is other.__code__ and _equal(*cells))
    if isinstance(one, (bool, int, float, complex, str, bytes, set, frozenset, type(None))):
        return bool(one == other) or (one != one and other != other)
    return type(one) is type(other)


def _equal_layers(one: Layer, other: Any) -> bool:
    """Whether two parts are equal, their numbers included: a file holds only those of containers."""
    try:
        _compare(one, other)
    except ValueError:
        return False
    numbers = ({**each.parameters, **each.statistics} for each in (one, other))
    return _equal(*numbers)
