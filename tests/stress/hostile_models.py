"""Hostile models and checkpoints: small files that claim large sizes and many repetitions. See hostile_files.py."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.io import array_files

Arrays = dict[str, np.ndarray]


def crafted(path: Path, kind: str, about: Any, arrays: Arrays) -> Path:
    """A file of this description and these arrays, with the right checksum."""
    header = {"kind": kind, "version": 2, "about": about}
    text = json.dumps({**header, "sha256": array_files.checksum(arrays, header)})
    from safetensors.numpy import save_file  # optional dependency

    save_file(arrays, path, metadata={"tinynet": text})
    return path


def model(layers: Any, arrays: Arrays | None = None, **about: Any) -> Callable[[Path], Path]:
    """A function that writes a model file of these layers."""
    about = {"architecture": {"layer": "Sequential", "layers": layers}, "dtype": "float32", "preprocessing": None,
             **about}  # fmt: skip
    return lambda folder: crafted(folder / "hostile", "model", about, arrays or {})


def use_model(path: Path) -> None:
    """Load a model; show it, save it and call it."""
    loaded = tn.load(path)
    assert len(repr(loaded)) < 10_000_000
    with contextlib.redirect_stdout(io.StringIO()):
        loaded.summary()
    loaded.save(path.with_name("again"))
    shape = loaded.layers[0].input_shape or (1,)
    if np.prod(shape, dtype=float) < 1e6:
        with contextlib.suppress(tn.ShapeError):
            loaded(np.zeros((1, *shape), loaded.dtype))


def repeated(depth: int, times: int) -> Any:
    """Nested models that each name their only layer several times."""
    layer: Any = {"layer": "ReLU"}
    for _ in range(depth):
        layer = {"layer": "Sequential", "layers": [layer, *[{"again": 0}] * times]}
    return [layer]


CASES: list[tuple[str, Callable[[Path], Path], Callable[[Path], Any]]] = [
    ("Dense(0, 200_000_000)", model([{"layer": "Dense", "inputs": 0, "outputs": 200_000_000}],
     {"0.weight": np.zeros((0, 200_000_000), "f4"), "0.bias": np.zeros(0, "f4")}), use_model),
    ("again, 8 times in each of 20 levels", model(repeated(20, 8)), use_model),
    ("again, once in each of 23 levels", model(repeated(23, 1)), use_model),
]  # fmt: skip
