"""The settings of a run that must be the same to resume it, and the check that they are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.backend.arrays import to_numpy
from tinynet.errors import DataError, mismatch
from tinynet.optimizers import AdamW, Averaged, Clipped, Wrapper
from tinynet.optimizers.checks import shown as shown_optimizer
from tinynet.training.identity import Difference, differences, identify, is_unknown, shown

if TYPE_CHECKING:
    from tinynet.data.dataset import Dataset
    from tinynet.losses import Loss
    from tinynet.model import Sequential
    from tinynet.optimizers import Optimizer
    from tinynet.training.config import RunConfig

REMEDY = "resume with the same settings, or name another folder"


@dataclass(frozen=True)
class Settings:
    """The settings of a run by name.

    identities  what must be equal: see identity.py
    texts       the same as they are shown in messages: reprs
    format_1    the same as checkpoints of format 1 hold them: other reprs
    """

    identities: Mapping[str, Any]
    texts: Mapping[str, str]
    format_1: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {"settings": dict(self.identities), "texts": dict(self.texts)}

    def check(self, about: Any, version: int, who: object, trust: bool) -> None:
        """Raise ValueError unless the settings of a checkpoint, in what `to_json` returned, equal these.

        Where it cannot be told, because a function has no identity, ValueError is raised unless `trust` is True.
        Raises DataError for what is no description of a checkpoint.
        """
        theirs = about.get("settings") if isinstance(about, dict) else None
        if not isinstance(theirs, dict):
            raise DataError(mismatch(who, "a checkpoint's description", "another", "delete it"))
        texts = about.get("texts")
        unknown: list[Difference] = []
        for name, ours in self.identities.items():
            other = theirs.get(name)
            found = [*differences(name, ours, other)] if version > 1 else self._compare_format_1(name, theirs)
            for difference in found:
                if not difference.unknown:
                    raise ValueError(self._message(who, name, difference, texts))
            unknown += found
        if unknown and not trust:
            found_there = "; ".join(_reason(each) for each in unknown[:5])
            remedy = 'if they are those that the run began with, say so with resume="trust"'
            raise ValueError(mismatch(who, "settings that can be compared", found_there, remedy))

    def _compare_format_1(self, name: str, theirs: Mapping[str, Any]) -> list[Difference]:
        """The reprs are compared; where a setting has no identity, its repr does not tell whether it is the same."""
        theirs = {"precision": "float32", **theirs}  # the oldest files do not state it
        if name in self.format_1 and _without_addresses(theirs.get(name)) != _without_addresses(self.format_1[name]):
            return [Difference(name, self.format_1[name], theirs.get(name))]
        ours = self.identities[name]
        return [*differences(name, ours, ours)]  # those that cannot be told

    def _message(self, who: object, name: str, found: Difference, texts: Any) -> str:
        """The reprs of the setting, or where they are equal, the part of it that differs."""
        theirs = texts.get(name) if isinstance(texts, dict) else None
        if isinstance(theirs, str) and theirs != self.texts.get(name):
            return mismatch(who, f"{name} {self.texts.get(name)}", theirs, REMEDY)
        return mismatch(who, f"{found.name} {shown(found.ours)}", shown(found.theirs), REMEDY)


def settings_of(model: Sequential, optimizer: Optimizer, loss: Loss, config: RunConfig, seed: int) -> Settings:
    """The settings of a run. The number of epochs is none of them, nor is anything that keeps the bits."""
    data, transforms = config.data, list(config.transforms)
    plain = {"seed": seed, "precision": config.precision, "batch_size": int(config.batch_size)}
    plain["data"] = fingerprint(data)
    identities = {
        "model": {"type": "model", "layers": identify(model), "dtype": model.dtype.name, "shapes": _shapes(model)},
        "optimizer": identify(optimizer),
        "loss": identify(loss),
        **plain,
        "transforms": identify(transforms),
        "picture_shape": list(data.image_shape or data.images.shape[1:]) if transforms else None,
    }
    texts = {"model": model, "optimizer": optimizer, "loss": loss, "transforms": transforms}
    shown_as = {name: _without_addresses(repr(value)) for name, value in texts.items()}
    return Settings(identities, shown_as, {**shown_as, **plain, "optimizer": _repr_in_format_1(optimizer)})


def fingerprint(data: Dataset) -> str:
    """The SHA-256 of the examples: a run resumes only with the data that it began with."""
    digest = hashlib.sha256()
    for array in (data.images, data.labels):
        values = np.ascontiguousarray(to_numpy(array))
        digest.update(f"{values.dtype.name} {values.shape}".encode())
        digest.update(values.data)
    digest.update(f"{data.mean} {data.deviation}".encode())
    return digest.hexdigest()


def _shapes(model: Sequential) -> dict[str, Any]:
    return {"type": "shapes", **{name: list(shape) for name, shape in model.declared_shapes.items()}}


def _repr_in_format_1(optimizer: Optimizer) -> str:
    """The repr that version 0.1.0 wrote: some numbers were rounded, and AdamW's default of weight decay was Adam's.

    Without this, the runs of that version would not resume.
    """
    if type(optimizer) is Clipped:
        return f"Clipped({_repr_in_format_1(optimizer.optimizer)}, norm={optimizer.norm:g})"
    if type(optimizer) is Averaged:
        return f"Averaged({_repr_in_format_1(optimizer.optimizer)}, decay={optimizer.decay:g})"
    if isinstance(optimizer, Wrapper):
        return repr(optimizer).replace(repr(optimizer.optimizer), _repr_in_format_1(optimizer.optimizer))
    if type(optimizer) is AdamW:
        return shown_optimizer(optimizer, "beta1", "beta2", "epsilon", "weight_decay", weight_decay=0.0)
    return repr(optimizer)


def _without_addresses(text: Any) -> Any:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text) if isinstance(text, str) else text


def _reason(found: Difference) -> str:
    unknown = found.ours if is_unknown(found.ours) else found.theirs
    return f"{found.name}, {shown(unknown)}" + ("" if unknown is found.ours else " (in the checkpoint)")
