"""What a model knows of the data it was trained on: units, scale, shape, class names, and what its outputs mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tinynet.backend.arrays import array_module
from tinynet.data.dataset import Dataset
from tinynet.data.entry import read_class_names, read_shape
from tinynet.errors import DataError, above_zero, checked_number, flag, mismatch, one_of, shown

OUTPUTS = ("classes", "probabilities", "numbers")
MOST_AXES = 32  # of one example; NumPy has 32 or 64 in all


@dataclass(frozen=True)
class Preprocessing:
    """How raw inputs become those of a model, and what its outputs mean. Training sets `model.preprocessing`.

    output        from the loss: "classes" (logits of one class each), "probabilities" (logits of independent questions)
                  or "numbers"
    pixels        whether training was given uint8 pixels, which are divided by 255; else it was given floats
    mean          of the training set, after that division, if it was standardized; else 0
    deviation     the same; else 1
    input_shape   of one example as the first layer gets it; () if it is not known
    image_shape   of one example as it was given: of the picture, where `input_shape` is that of flat rows
    value_range   the smallest and the largest number of the training array; None if it is not known
    class_names   in the order of the labels; () if they are not known

    Set `model.preprocessing` yourself for a model that was trained by a loop of your own.
    """

    output: str = "classes"
    pixels: bool = False
    mean: float = 0.0
    deviation: float = 1.0
    input_shape: tuple[int, ...] = ()
    image_shape: tuple[int, ...] = ()
    value_range: tuple[float, float] | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        one_of("Preprocessing", "output", self.output, OUTPUTS)
        flag("Preprocessing", "pixels", self.pixels)
        checked_number("Preprocessing", "a mean", self.mean, math.isfinite, remedy="leave it out")
        above_zero("Preprocessing", "a deviation", self.deviation, remedy="leave it out")
        shapes = [read_shape(getattr(self, name), "Preprocessing", name) for name in ("input_shape", "image_shape")]
        names = read_class_names(self.class_names, "Preprocessing")
        known = self.value_range
        if known is not None and not (isinstance(known, (tuple, list)) and _is_range(list(known))):
            remedy = "give (smallest, largest), or leave it out"
            raise ValueError(mismatch("Preprocessing", "value_range as two numbers in order", shown(known), remedy))
        for name, value in zip(("input_shape", "image_shape", "class_names"), (*shapes, names)):
            object.__setattr__(self, name, value)  # the record is frozen

    @classmethod
    def of(cls, data: Dataset, output: str, whole: bool = True) -> Preprocessing:
        """The record of a model that is trained on `data`. A part of the data (`whole` False) has no range."""
        xp, images = array_module(data.images), data.images
        return cls(
            output,
            images.dtype == xp.uint8,
            data.mean,
            data.deviation,
            tuple(images.shape[1:]),
            tuple(data.image_shape or images.shape[1:]),
            (float(images.min()), float(images.max())) if whole else None,
            tuple(map(str, data.class_names)),
        )

    @property
    def standardizes(self) -> bool:
        """Whether the training set was standardized."""
        return self.mean != 0 or self.deviation != 1

    @property
    def unit(self) -> float:
        """What a number of the training array is divided by before it is standardized."""
        return 255.0 if self.pixels else 1.0

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON can express them."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Any, who: object) -> Preprocessing:
        """The record that `to_json` described. Raises DataError for anything else; `who` is the file."""
        if not (isinstance(fields, Mapping) and set(fields) == set(cls.__dataclass_fields__) and _fit(fields)):
            raise DataError(mismatch(who, "the preprocessing of a model", "another value", "save the model again"))
        lists = ("input_shape", "image_shape", "value_range", "class_names")
        return cls(**{**fields, **{name: tuple(fields[name]) for name in lists if fields[name] is not None}})


def _fit(fields: Mapping[str, Any]) -> bool:
    """Whether values from JSON are those of a record."""
    return (
        fields["output"] in OUTPUTS
        and isinstance(fields["pixels"], bool)
        and _is_number(fields["mean"])
        and (_is_number(fields["deviation"]) and fields["deviation"] > 0)
        and all(_is_shape(fields[name]) for name in ("input_shape", "image_shape"))
        and (fields["value_range"] is None or _is_range(fields["value_range"]))
        and isinstance(fields["class_names"], list)
        and all(isinstance(name, str) for name in fields["class_names"])
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 1e308


def _is_shape(value: Any) -> bool:
    sizes = value if isinstance(value, list) and len(value) <= MOST_AXES else [None]
    return all(isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**31 for size in sizes)


def _is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and value[0] <= value[1]
