"""Hyperparameters as JSON, and back (JSON has no tuples, so they are lists there); attributes that are set later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tinynet.backend.representation import refuse_unknown_attribute
from tinynet.errors import mismatch

BuildLayer = Callable[[Any, str], Any]  # builds a part from its config and its name: io/architecture.py

PLAIN = (bool, int, float, str, type(None))
REMEDY = "save the model again"


def to_json(owner: object, name: str, value: Any) -> Any:
    """The value of the hyperparameter `name`. TypeError unless it is a number, a string, None, or a list of these."""
    if getattr(value, "shape", None) == ():  # a NumPy scalar
        value = value.item()
    if isinstance(value, (tuple, list)):
        return [to_json(owner, name, each) for each in value]
    if not isinstance(value, PLAIN):
        remedy = "leave it out of your layer's `hyperparameters`, or store it in such a form"
        raise TypeError(mismatch(owner, f"{name} as a number, a string or a list", type(value).__name__, remedy))
    return value


def hyperparameters_from_json(who: str, config: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """The arguments in `config`. ValueError for names not in `known`, or values that `to_json` does not return."""
    values = {name: value for name, value in config.items() if name != "layer"}
    if set(values) - set(known):
        raise ValueError(mismatch(who, f"the hyperparameters {tuple(known)}", sorted(values), REMEDY))
    return {name: _from_json(who, name, value) for name, value in values.items()}


def layers_from_json(configs: Any, build: BuildLayer | None) -> list[Any]:
    """The layers of a chain; {"again": 0} stands for the layer at position 0. ValueError for anything else."""
    if build is None:
        remedy = "use tinynet.io.architecture.build, which knows the layers by name"
        raise TypeError(mismatch("from_config of a container", "a function that builds its parts", "none", remedy))
    if not isinstance(configs, list) or not configs:
        raise ValueError(mismatch("architecture", "a list of layers", shortened(configs), REMEDY))
    layers: list[Any] = []
    for number, config in enumerate(configs):
        if isinstance(config, dict) and set(config) == {"again"}:
            first = config["again"]
            if not isinstance(first, int) or not 0 <= first < number:
                raise ValueError(mismatch("architecture", "a layer before this one", shortened(config), REMEDY))
            layers.append(layers[first])
        else:
            layers.append(build(config, str(number)))
    return layers


def layers_to_json(layers: Sequence[Any]) -> list[Any]:
    """The layers of a chain, each described once: later occurrences are {"again": its first position}."""
    first = {layer: number for number, layer in reversed(list(enumerate(layers)))}
    return [
        layer.get_config() if first[layer] == number else {"again": first[layer]} for number, layer in enumerate(layers)
    ]


def shortened(value: Any) -> str:
    """`value` as an error message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:56] + " ..."


def _from_json(who: str, name: str, value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(each, PLAIN) for each in value):
        return tuple(value)
    if not isinstance(value, PLAIN):
        expected = f"{name} as a number, a string or a list"
        raise ValueError(mismatch(who, expected, shortened(value), REMEDY))
    return value


# Attributes ---------------------------------------------------------------------------------------------------------

FROZEN = "to keep a layer as it is, train a second model on its outputs: tn.fit(head, (layer(x), labels))"
MODE = "leave it out: fit trains, and model(x) and predict compute in inference mode"
UNREAD = {"trainable": FROZEN, "requires_grad": FROZEN, "training": MODE}


def refuse_unread(layer: Any, name: str) -> None:
    """Raise AttributeError for an attribute of a layer that nobody would read.

    A layer of your own may have any attribute, and those that other libraries give a meaning if its class has them.
    """
    cls = type(layer)
    own = not cls.__module__.startswith("tinynet.")
    if name in UNREAD and not hasattr(cls, name) and not (own and (name == "training" or name in cls.hyperparameters)):
        raise AttributeError(mismatch(cls.__name__, "an attribute that a layer reads", repr(name), UNREAD[name]))
    refuse_unknown_attribute(layer, name)


def changed(layer: Any, name: str, value: Any) -> Any:
    """The checked value of a hyperparameter that is set anew; what the layer derives from it changes, too.

    AttributeError if the parameters would have other shapes. A layer of your own looks after itself.
    """
    cls = type(layer)
    if not cls.__module__.startswith("tinynet."):
        return value
    new = cls(**{**{each: getattr(layer, each) for each in cls.hyperparameters}, name: value})
    if new.declared_shapes != layer.declared_shapes:
        raise AttributeError(mismatch(layer, f"{name} as it was made", repr(value), f"make a new layer: {new}"))
    vars(layer).update({each: derived for each, derived in vars(new).items() if not each.startswith("_")})
    return getattr(new, name)
