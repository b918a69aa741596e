"""The table that `model.summary()` prints."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinynet.backend.arrays import Device
from tinynet.layers.base import Layer

LONGEST = 70  # letters of a layer's name


def summary_table(layers: Sequence[Layer], input_shape: tuple[int, ...] | None, dtype: np.dtype, device: Device) -> str:
    """One row a layer: name, output shape (N stands for the batch), parameters; then the total."""
    rows = [("Layer", "Output shape", "Parameters")]
    for number, (layer, shape) in enumerate(zip(layers, _output_shapes(layers, input_shape, dtype, device))):
        count = "shared" if layer in layers[:number] else f"{layer.parameter_count:,}"
        name = repr(layer)
        rows.append((f"{number}  {name if len(name) <= LONGEST else name[: LONGEST - 4] + ' ...'}", shape, count))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {count:>{widths[2]}}" for name, shape, count in rows]
    rule = "-" * len(lines[0])
    total = sum(layer.parameter_count for layer in dict.fromkeys(layers))
    end = f"{total:,} parameters, {total * dtype.itemsize / 1e6:.2f} MB in {dtype}"
    return "\n".join([lines[0], rule, *lines[1:], rule, end])


def _output_shapes(
    layers: Sequence[Layer], input_shape: tuple[int, ...] | None, dtype: np.dtype, device: Device
) -> list[str]:
    """Each layer's output shape, found by sending two blank examples through.

    Without `input_shape` they start at the first layer that knows its own; what comes before it is "?", but for the
    layer just before, whose output must be that.
    """
    known = [number for number, layer in enumerate(layers) if layer.input_shape is not None]
    first = 0 if input_shape is not None or not known else known[0]
    shape = input_shape if input_shape is not None else layers[first].input_shape
    if shape is None:
        return ["?"] * len(layers)
    names = ["?"] * (first - 1) + [_name(shape)] * (first > 0)
    x = device.put(np.zeros((2, *shape), dtype))
    for layer in layers[first:]:
        x = layer(x)
        names.append(_name(x.shape[1:]))
    return names


def _name(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['N', *map(str, shape)])})"
