"""Models as files: `model.save(path)`, `tn.load(path)`, `model.load_weights(path)`.

One safetensors file holds the architecture and the arrays. The arrays have the names that PyTorch gives them
("0.weight", "1.running_mean"), but the shapes of tinynet: Dense (inputs, outputs), Conv2D (KH, KW, inputs, outputs).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.backend.arrays import Device, array_module, to_numpy
from tinynet.backend.plain import converted
from tinynet.data.preprocessing import Preprocessing
from tinynet.errors import DataError, file_name, mismatch, one_line, shown
from tinynet.io import architecture
from tinynet.io.array_files import read_arrays, write_arrays
from tinynet.io.round_trip import described

if TYPE_CHECKING:
    from tinynet.backend.files import PathLike
    from tinynet.layers.base import Layer
    from tinynet.model import Sequential

KIND, VERSION = "model", 2  # version 1 had no preprocessing


def save(model: Sequential, path: PathLike) -> None:
    """Write architecture, parameters, statistics and preprocessing into one file, completely or not at all.

    Raises SaveError if the file cannot be written, TypeError for a layer of your own with hyperparameters that JSON
    cannot express, ValueError for one that `load` could not give back as it is, ImportError without safetensors.
    """
    known = model.preprocessing
    about = {
        "architecture": described(model),
        "dtype": model.dtype.name,
        "preprocessing": None if known is None else known.to_json(),
    }
    write_arrays(path, KIND, VERSION, named_arrays(model), about)


def load(path: PathLike, layers: Iterable[type[Layer]] = (), device: str | Device = "cpu") -> Sequential:
    """The model in a file, on `device`. A file saved on a GPU loads on a machine without one.

    `layers` are the classes of your own layers in it. Nothing is imported, and nothing in a file can run. Raises
    DataError for a file that is damaged, newer than this library, or no model; FileNotFoundError if there is none.
    """
    arrays, about, _ = read_arrays(file_name("load", path), KIND, VERSION)
    if not isinstance(about, dict) or about.get("dtype") not in ("float32", "float64"):
        raise DataError(mismatch(path, "a model's description", "another", "save the model again"))
    shapes = {name: values.shape for name, values in arrays.items()}
    own = _classes(layers)
    known = _preprocessing(about, path)
    model = architecture.build(about.get("architecture"), shapes, own, about["dtype"], draw=False)
    put_arrays(model, arrays, path)
    model.preprocessing = known
    return model.to(device)


def _classes(layers: Any) -> dict[str, type[Layer]]:
    """The classes of layers by name. TypeError for anything else."""
    expected, remedy = "a list of classes derived from Layer", "write layers=[MyLayer]"
    if isinstance(layers, (str, bytes, Mapping, type)) or not hasattr(layers, "__iter__"):
        raise TypeError(mismatch("load: layers", expected, shown(layers), remedy))
    listed = list(layers) if getattr(layers, "shape", None) != () else [layers]
    for layer in listed:
        if not (isinstance(layer, type) and hasattr(layer, "from_config")):
            raise TypeError(mismatch("load: layers", expected, shown(layer), remedy))
    return {layer.__name__: layer for layer in listed}


def load_weights(model: Sequential, path: PathLike, strict: bool = True) -> list[str]:
    """Take parameters and statistics from a file, by name. Returns what did not fit, one line each.

    The preprocessing comes along if everything fits. Raises DataError if anything is missing, unexpected or of another
    shape, and changes nothing then; with strict=False it takes what fits.
    """
    arrays, about, _ = read_arrays(path, KIND, VERSION)
    known = _preprocessing(about, path) if isinstance(about, dict) else None
    problems = put_arrays(model, arrays, path, strict)
    if known is not None and not problems:
        model.preprocessing = known
    return problems


def _preprocessing(about: Mapping[str, Any], path: PathLike) -> Preprocessing | None:
    """The record in a model's description; None if the model was not trained, or the file is of version 1."""
    fields = about.get("preprocessing")
    return None if fields is None else Preprocessing.from_json(fields, path)


def named_arrays(model: Sequential) -> dict[str, np.ndarray]:
    """Parameters and statistics by name, on the host."""
    return {name: to_numpy(values) for name, values in {**model.parameters, **model.statistics}.items()}


def put_arrays(model: Sequential, arrays: Mapping[str, np.ndarray], path: PathLike, strict: bool = True) -> list[str]:
    """Write `arrays` into the model, by name; see load_weights."""
    declared = model.declared_shapes
    problems = [f"missing {name}" for name in declared if name not in arrays]
    problems += [f"unexpected {name:.60}" for name in arrays if name not in declared]
    problems += [
        f"{name} has shape {arrays[name].shape}, not {shape}"
        for name, shape in declared.items()
        if name in arrays and arrays[name].shape != shape
    ]
    problems = list(map(one_line, problems))  # names in a file may hold anything
    if problems and strict:
        told = "; ".join(problems[:10]) + (f"; and {len(problems) - 10} more" if len(problems) > 10 else "")
        raise DataError(mismatch(path, "the arrays of this model", told, "strict=False takes what fits"))
    own = {**model.parameters, **model.statistics}
    fitting = [name for name, values in own.items() if name in arrays and arrays[name].shape == values.shape]
    new = {
        name: arrays[name]
        if arrays[name].dtype == own[name].dtype
        else converted(arrays[name], own[name].dtype, path, name)
        for name in fitting
    }
    for name, values in new.items():
        own[name][...] = array_module(own[name]).asarray(values)
    return problems
