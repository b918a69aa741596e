"""Hostile models and checkpoints: small files that claim large sizes and many repetitions. See hostile_files.py."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.io import array_files
from tinynet.training.checkpoints import Checkpoints
from tinynet.training.settings import Settings
from tinynet.training.state import Meter, TrainingState

Arrays = dict[str, np.ndarray]
Case = tuple[str, Callable[[Path], Path], Callable[[Path], Any]]


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
    """Load a model; show it, save it, call it and let it predict."""
    loaded = tn.load(path)
    assert len(repr(loaded)) < 10_000_000
    with contextlib.redirect_stdout(io.StringIO()):
        loaded.summary()
    loaded.save(path.with_name("again"))
    own = loaded.layers[0].input_shape or (6,)
    for shape in [(1, *own)] * bool(np.prod(own, dtype=float) < 1e6) + [(2, 9, 8, 1), (1, 1, 1, 3)]:
        with contextlib.suppress(tn.ShapeError):
            loaded(np.zeros(shape, loaded.dtype))
        with contextlib.suppress(tn.ShapeError, tn.DataError):
            loaded.predict(np.zeros(shape, "uint8"))
    with contextlib.suppress(tn.ShapeError, tn.DataError, ImportError):
        loaded.predict([picture(path.with_name("picture.png"))])


def picture(path: Path) -> Path:
    """A small grey square."""
    from PIL import Image  # optional dependency

    Image.fromarray(np.zeros((4, 4), "uint8")).save(path)
    return path


def use_checkpoint(path: Path) -> None:
    """Resume from a checkpoint, and show and save its history."""
    network = tn.Sequential(tn.Dense(3, 2))
    state = TrainingState.of(network, tn.SGD(0.1), 0)
    state.meter = Meter(5, network.device)
    Checkpoints(path.parent).begin(state, Settings({"seed": 0}, {}, {}), resume=True)
    history = state.history
    assert len(repr(history)) < 100_000_000
    assert len(history.to_dict()) == len(history.columns)
    history.to_csv(path.with_name("table.csv"))


def layer(name: str, **hyperparameters: Any) -> Any:
    """A layer as files describe it."""
    return {"layer": name, **hyperparameters}


def of_sizes(value: int) -> Iterator[Case]:
    """Each size of each layer of the library, as `value`."""
    usual = {
        "Dense": {"inputs": 1, "outputs": 1},
        "Conv2D": {"inputs": 1, "outputs": 1, "kernel_size": 1, "stride": 1, "padding": "valid"},
        "BatchNorm": {"features": 1, "momentum": 0.1, "epsilon": 1e-5},
        "LayerNorm": {"features": 1, "epsilon": 1e-5},
        "MaxPool2D": {"pool_size": 1, "stride": None, "padding": "same"},
        "AveragePool2D": {"pool_size": 1, "stride": None},
        "Dropout": {"rate": 0.5},
        "LeakyReLU": {"slope": 0.1},
        "ELU": {"alpha": 1.0},
        "Reshape": {"shape": [1]},
    }
    held = {
        "Dense": {"0.weight": (1, 1), "0.bias": (1,)},
        "Conv2D": {"0.weight": (1, 1, 1, 1), "0.bias": (1,)},
        "BatchNorm": dict.fromkeys(("0.weight", "0.bias", "0.running_mean", "0.running_var"), (1,)),
        "LayerNorm": dict.fromkeys(("0.weight", "0.bias"), (1,)),
    }
    for name, arguments in usual.items():
        arrays = {array: np.zeros(shape, "f4") for array, shape in held.get(name, {}).items()}
        for argument in arguments:
            for given in (value, [value, value]):
                described = layer(name, **{**arguments, argument: given})
                yield f"{name}({argument}={shortened(given)})", model([described], arrays), use_model


def shortened(value: Any) -> str:
    """A value in the name of a case."""
    return str(value) if len(str(value)) < 40 else f"{str(value)[:8]}..."


def empty_arrays(name: str, arguments: dict[str, int], *arrays: str) -> Case:
    """A layer whose arrays have enormous shapes and no numbers."""
    shape = (0, max(arguments.values()))
    return (
        f"{name} of empty arrays",
        model([layer(name, **arguments)], dict.fromkeys(arrays, np.zeros(shape, "f4"))),
        use_model,
    )


def raw(header: bytes, size: int = 0) -> Callable[[Path], Path]:
    """A function that writes a file of this header, and then `size` zeros that take no place on the disk."""

    def write(folder: Path) -> Path:
        path = folder / "hostile"
        with open(path, "wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            file.truncate(8 + len(header) + size)
        return path

    return write


def claimed(shape: list[int], size: int) -> bytes:
    """The header of a model with one array."""
    ours = {"kind": "model", "version": 2, "about": {}, "sha256": ""}
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}
    return json.dumps({"__metadata__": {"tinynet": json.dumps(ours)}, "0.weight": entry}).encode()


def inner(text: str) -> Callable[[Path], Path]:
    """A function that writes a model file whose description is this text."""
    return raw(json.dumps({"__metadata__": {"tinynet": text}}).encode())


def checkpoint(about: Any = None, arrays: Arrays | None = None) -> Callable[[Path], Path]:
    """A function that writes a checkpoint with this in its description, or among its arrays."""

    def write(folder: Path) -> Path:
        network = tn.Sequential(tn.Dense(3, 2))
        usual = {"theta": network.theta, "statistics": network.statistics_vector, "meter.losses": np.ones(2),
                 "meter.counts": np.ones(2)}  # fmt: skip
        described = {"step": 5, "seed": 0, "history": [], "seconds": 0.0, "best": None, "settings": {"seed": 0},
                     "texts": {}, **(about or {})}  # fmt: skip
        held = {name: values for name, values in {**usual, **(arrays or {})}.items() if values is not None}
        return crafted(folder / f"step-{5:09}.safetensors", "checkpoint", described, held)

    return write


def repeated(depth: int, times: int, inside: Any = None) -> Any:
    """Nested models that each name their only layer several times."""
    described: Any = inside or layer("ReLU")
    for _ in range(depth):
        described = {"layer": "Sequential", "layers": [described, *[{"again": 0}] * times]}
    return [described]


def blocks(depth: int, times: int) -> Any:
    """The same with residual blocks."""
    described: Any = layer("ReLU")
    for _ in range(depth):
        described = {"layer": "Residual", "block": [described, *[{"again": 0}] * times], "shortcut": None}
    return [described]


def deep(text: str, depth: int) -> str:
    """A text within so many lists."""
    return "[" * depth + text + "]" * depth


def preprocessing(**changes: Any) -> Any:
    """What a model knows of its data."""
    known = tn.data.Preprocessing().to_json()
    return json.loads(json.dumps({**known, **changes}))


SQUARE = {"0.weight": np.zeros((30, 30), "f4"), "0.bias": np.zeros(30, "f4")}
NESTED = {"0." + "0." * 20 + name: values for name, values in (("weight", np.zeros((500, 500), "f4")),
          ("bias", np.zeros(500, "f4")))}  # fmt: skip
HUGE = 10**4200

MODELS: list[Case] = [
    empty_arrays("Dense", {"inputs": 0, "outputs": 200_000_000}, "0.weight", "0.bias"),
    empty_arrays("BatchNorm", {"features": 10**12}, "0.weight", "0.bias", "0.running_mean", "0.running_var"),
    empty_arrays("LayerNorm", {"features": 10**12}, "0.weight", "0.bias"),
    *(case for value in (0, -1, 200_000_000, 2**31 - 1, 2**31, 2**63, HUGE) for case in of_sizes(value)),
    ("again, 8 times in each of 20 levels", model(repeated(20, 8)), use_model),
    ("again, once in each of 23 levels", model(repeated(23, 1)), use_model),
    ("again, 8 times in each of 4 levels", model(repeated(4, 8)), use_model),
    ("again, once in each of 13 levels", model(repeated(13, 1)), use_model),
    ("again, in residual blocks of 16 levels", model(blocks(16, 3)), use_model),
    ("again, in residual blocks of 6 levels", model(blocks(6, 3)), use_model),
    ("again, 9,998 times a Dense(30, 30)",
     model([layer("Dense", inputs=30, outputs=30), *[{"again": 0}] * 9998], SQUARE), use_model),
    ("again, chained", model([layer("ReLU"), *({"again": number} for number in range(9000))]), use_model),
    ("9,998 layers", model([layer("ReLU")] * 9998), use_model),
    ("99,999 layers", model([layer("ReLU")] * 99_999), use_model),
    ("a Dense(500, 500) in 20 levels", model(repeated(20, 0, layer("Dense", inputs=500, outputs=500)), NESTED),
     use_model),
    ("Reshape to 32 sizes of 2**31", model([layer("Reshape", shape=[2**31] * 32)]), use_model),
    ("Reshape to 500,000 sizes", model([layer("Reshape", shape=[1] * 500_000)]), use_model),
    ("Reshape to 900 sizes of 4,200 digits", model([layer("Reshape", shape=[HUGE] * 900)]), use_model),
    ("Reshape to 2**31 - 1, and ReLU", model([layer("Reshape", shape=[2**31 - 1]), layer("ReLU")]), use_model),
    ("Reshape to a picture of 2**30, and Conv2D", model([layer("Reshape", shape=[2**15, 2**15, 1]), layer(
        "Conv2D", inputs=1, outputs=64, kernel_size=1, stride=1, padding=0)], {
            "1.weight": np.zeros((1, 1, 1, 64), "f4"), "1.bias": np.zeros(64, "f4")}), use_model),
    ("Conv2D of a million rows", model([layer("Conv2D", inputs=1, outputs=1, kernel_size=[10**6, 1], stride=1,
        padding="same")], {"0.weight": np.zeros((10**6, 1, 1, 1), "f4"), "0.bias": np.zeros(1, "f4")}), use_model),
    ("a layer's name of 4 million characters", model([layer("x" * 4_000_000)]), use_model),
    ("a hyperparameter's name of 4 million characters", model([{"layer": "ReLU", "x" * 4_000_000: 1}]), use_model),
    ("400,000 hyperparameters", model([{"layer": "ReLU", **{str(n): n for n in range(400_000)}}]), use_model),
    ("a text of 4 million characters", model([layer("Dropout", rate="9" * 4_000_000)]), use_model),
    ("an array's name of 4 million characters", model([layer("ReLU")], {"x" * 4_000_000: np.zeros(1)}), use_model),
    ("60,000 empty arrays", model([layer("ReLU")], {f"{n}": np.zeros((0, 2**40)) for n in range(60_000)}), use_model),
    ("a picture's shape of 2**31 x 2**31", model([layer("Flatten")], preprocessing=preprocessing(
        image_shape=[2**31 - 1] * 2 + [3], input_shape=[2**31 - 1] * 2 + [3], pixels=True)), use_model),
    ("a picture's shape of 30,000 x 30,000", model([layer("Flatten")], preprocessing=preprocessing(
        image_shape=[30_000, 30_000, 1], input_shape=[30_000, 30_000, 1], pixels=True)), use_model),
    ("a picture's shape of 8,192 x 8,192", model([layer("Flatten")], preprocessing=preprocessing(
        image_shape=[8192, 8192, 1], input_shape=[8192, 8192, 1], pixels=True)), use_model),
    ("a shape of 500,000 axes", model([layer("ReLU")], preprocessing=preprocessing(image_shape=[1] * 500_000)),
     use_model),
    ("a shape of 4,200 digits", model([layer("ReLU")], preprocessing=preprocessing(input_shape=[HUGE])), use_model),
    ("a mean of 4,200 digits", model([layer("ReLU")], preprocessing=preprocessing(mean=HUGE)), use_model),
    ("a million names of classes", model([layer("ReLU")], preprocessing=preprocessing(class_names=[""] * 900_000)),
     use_model),
    ("4 million levels", inner("[" * 4_000_000), use_model),
    ("200 levels of layers", inner(deep("1", 200)), use_model),
    ("a header of 100,000 levels", raw(b"[" * 100_000), use_model),
    ("a number of 4 million digits", inner('{"kind": ' + "9" * 4_000_000), use_model),
    ("a header that is a number of 8 million digits", raw(b"9" * 8_000_000), use_model),
    ("a million empty lists", inner("[" + "[]," * 1_000_000 + "[]]"), use_model),
    ("a header of 2.7 million empty lists", raw(b"[" + b"[]," * 2_700_000 + b"[]]"), use_model),
    ("a header of 2.7 million empty objects", raw(b"[" + b"{}," * 2_700_000 + b"{}]"), use_model),
    ("a header of 8 MiB of spaces", raw(b" " * (8 << 20)), use_model),
    ("a header of 8 MiB and no end", raw(b'{"' + b"x" * 8_000_000), use_model),
    ("a shape whose product is beyond 64 bits", raw(claimed([2**40, 2**40], 4), 4), use_model),
    ("an empty shape whose product is beyond 64 bits", raw(claimed([0, 2**62, 2**62], 0)), use_model),
    ("a shape of 4,200 digits in a header", raw(claimed([0, HUGE], 0)), use_model),
    ("4 GiB of zeros that take no place on the disk", raw(claimed([2**30], 2**32), 2**32), use_model),
]  # fmt: skip

CHECKPOINTS: list[Case] = [
    ("as it should be", checkpoint(), use_checkpoint),
    ("a row of 300,000 columns", checkpoint({"history": [{f"{n}": 0 for n in range(300_000)}]}), use_checkpoint),
    ("3,000 rows with 50 columns of their own", checkpoint(
        {"step": 5, "history": [{f"{row} {n}": 0 for n in range(50)} for row in range(3000)]}), use_checkpoint),
    ("a million empty rows", checkpoint({"history": [{}] * 900_000}), use_checkpoint),
    ("a column's name of 4 million characters", checkpoint({"history": [{"x" * 4_000_000: 0}]}), use_checkpoint),
    ("a loss of 4,200 digits", checkpoint({"history": [{"running_loss": HUGE}]}), use_checkpoint),
    ("a loss that is a text of 4 million characters", checkpoint({"history": [{"x": "9" * 4_000_000}]}),
     use_checkpoint),
    ("a step of 4,200 digits", checkpoint({"step": HUGE}), use_checkpoint),
    ("seconds of 4,200 digits", checkpoint({"seconds": HUGE}), use_checkpoint),
    ("a best result of 4,200 digits", checkpoint({"best": HUGE}), use_checkpoint),
    ("the text of a setting of 4 million characters", checkpoint({"texts": {"seed": "x" * 4_000_000}}), use_checkpoint),
    ("a million settings", checkpoint({"settings": {"seed": 0, **{f"{n}": 0 for n in range(300_000)}}}),
     use_checkpoint),
    ("losses of an enormous empty shape", checkpoint(None, {"meter.losses": np.zeros((0, 10**15))}), use_checkpoint),
    ("300,000 losses", checkpoint(None, {"meter.losses": np.ones(300_000), "meter.counts": np.ones(300_000)}),
     use_checkpoint),
    ("losses without an axis", checkpoint(None, {"meter.losses": np.ones(()), "meter.counts": np.ones(())}),
     use_checkpoint),
    ("parameters of an enormous empty shape", checkpoint(None, {"theta": np.zeros((10**15, 0), "f4")}), use_checkpoint),
    ("60,000 vectors", checkpoint(None, {f"meter.{n}": np.zeros(0) for n in range(60_000)}), use_checkpoint),
]  # fmt: skip

CASES: list[Case] = [*((f"model: {name}", write, read) for name, write, read in MODELS),
                     *((f"checkpoint: {name}", write, read) for name, write, read in CHECKPOINTS)]  # fmt: skip
