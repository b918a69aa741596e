"""The table that `model.summary()` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tinynet.model import Sequential


def summary_table(model: Sequential, input_shape: tuple[int, ...] | None = None) -> str:
    """One row a layer: name, output shape (N stands for the batch), parameters; then the total."""
    rows = [("Layer", "Output shape", "Parameters")]
    shapes = _output_shapes(model, input_shape)
    for number, (layer, shape) in enumerate(zip(model.layers, shapes)):
        again = layer in model.layers[:number]
        count = "shared" if again else f"{layer.parameter_count:,}"
        rows.append((f"{number}  {layer}", shape, count))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {count:>{widths[2]}}" for name, shape, count in rows]
    rule = "-" * len(lines[0])
    megabytes = model.parameter_count * model.dtype.itemsize / 1e6
    total = f"{model.parameter_count:,} parameters, {megabytes:.2f} MB in {model.dtype}"
    return "\n".join([lines[0], rule, *lines[1:], rule, total])


def _output_shapes(model: Sequential, input_shape: tuple[int, ...] | None) -> list[str]:
    """Each layer's output shape, found by sending two blank examples through.

    Without `input_shape` they start at the first layer that knows its own; what comes before it is "?", but for the
    layer just before, whose output must be that.
    """
    known = [number for number, layer in enumerate(model.layers) if layer.input_shape is not None]
    first = 0 if input_shape is not None or not known else known[0]
    shape = input_shape if input_shape is not None else model.layers[first].input_shape
    if shape is None:
        return ["?"] * len(model.layers)
    names = ["?"] * (first - 1) + [_name(shape)] * (first > 0)
    x = model.device.put(np.zeros((2, *shape), model.dtype))
    for layer in model.layers[first:]:
        x = layer(x)
        names.append(_name(x.shape[1:]))
    return names


def _name(shape: tuple[int, ...]) -> str:
    return f"({', '.join(['N', *map(str, shape)])})"
