"""Read randomly damaged model and checkpoint files: each must load or raise the documented error.

    python tests/stress/fuzz_files.py --cases 100000          # 15 minutes; exit status 1 at any other outcome
    python tests/stress/fuzz_files.py --cases 1000 --seed 7

A mutation flips bits, cuts or repeats bytes, changes lengths, changes what the header says of the arrays (shapes,
offsets, dtypes, names that stand twice), or changes our JSON in it (names, numbers, nesting, repetitions) and corrects
the checksum, so that the code behind the check is reached. What was read is used: a model is shown and saved, the
history of a run written as a table. A file must load, or raise DataError
(ValueError for a checkpoint of another run). It may take at most 64 MiB of memory and must not cause any import.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import json
import random
import sys
import tempfile
import traceback
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.io import array_files
from tinynet.training.checkpoints import Checkpoints
from tinynet.training.settings import Settings
from tinynet.training.state import Meter, TrainingState

VALUES: list[Any] = [
    None, True, -1, 0, 1, 2**31, 2**63, 10**30, 1e308, "", "os.system", "Dense", "Sequential", "again", [], [[]], {},
    [1, 2], [10**9, 10**9], "\u0000", "../../etc/passwd", "x" * 10_000,
    {"layer": "Dense", "inputs": 10**9, "outputs": 1}, {"again": 0}, [{"again": 0}] * 9, 10**400, [0, 10**12],
    {"layer": "Sequential", "layers": [{"layer": "ReLU"}, *[{"again": 0}] * 9]}, {"layer": "Reshape", "shape": [2**31]},
    [{"epoch": 1}] * 100, "\ud800",
]  # fmt: skip
SETTINGS = Settings({"seed": 0, "loss": {"type": "L", "arguments": {"a": [1]}}}, {"loss": "L([1])"}, {"seed": 0})
LIMIT = 64 << 20  # bytes of memory


def model() -> tn.Sequential:
    """A model with every kind of layer that has parameters or arguments."""
    return tn.Sequential(
        tn.Reshape(4, 4, 1), tn.Conv2D(1, 2, padding="same"), tn.BatchNorm(2), tn.ReLU(),
        tn.Residual(tn.Conv2D(2, 2, 1), tn.LayerNorm(2)), tn.MaxPool2D(), tn.Flatten(), tn.Dropout(0.3), tn.Dense(8, 3),
    )  # fmt: skip


def state_of(network: tn.Sequential) -> TrainingState:
    """The training state at the beginning of a run."""
    state = TrainingState(network.theta, network.statistics_vector, tn.Adam().start(network.theta), 0)
    state.meter = Meter(5, network.device)
    return state


def mutate_bytes(raw: bytes, chance: random.Random) -> bytes:
    """Change some bytes."""
    changed = bytearray(raw)
    for _ in range(chance.choice([1, 1, 2, 5, 50])):
        at = chance.randrange(len(changed)) if changed else 0
        if chance.random() < 0.5:
            at = min(at, chance.randrange(1, 400))  # most code reads the header
        kind = chance.randrange(6)
        if kind == 0 and changed:
            changed[at % len(changed)] ^= 1 << chance.randrange(8)
        elif kind == 1 and changed:
            changed[at % len(changed)] = chance.randrange(256)
        elif kind == 2:
            del changed[at : at + chance.choice([1, 8, 1000])]
        elif kind == 3:
            changed[at:at] = bytes(changed[at : at + chance.choice([1, 8, 100])])
        elif kind == 4:
            changed[:8] = chance.choice([0, 1, 2**16, 2**31, 2**63, len(raw)]).to_bytes(8, "little")
        else:
            changed[at:at] = chance.choice([b"\x00", b"{", b"]", b'"', b"9" * 30, b"\xff\xfe", b"[" * 2000])
    return bytes(changed)


def mutate_json(value: Any, chance: random.Random) -> Any:
    """Replace, drop, double or nest a part of `value`."""
    if chance.random() < 0.3 or not isinstance(value, (dict, list)) or not value:
        kind = chance.randrange(3)
        if kind == 0:
            return chance.choice(VALUES)
        if kind == 1 and isinstance(value, (int, float)) and not isinstance(value, bool):
            return chance.choice([-value, value * 10**6, value + 1, float(value), str(value)])
        for _ in range(chance.choice([1, 60])):
            value = [value]
        return value
    if isinstance(value, list):
        at = chance.randrange(len(value))
        return [*value[:at], mutate_json(value[at], chance), *value[at + chance.randrange(2) :]]
    key = chance.choice(list(value))
    changed = {name: part for name, part in value.items() if name != key or chance.random() < 0.9}
    changed[chance.choice([key, key, key, "layer", "evil"])] = mutate_json(value[key], chance)
    return changed


def mutate_header(raw: bytes, chance: random.Random) -> bytes:
    """Change the header or an array, with a correct checksum."""
    from safetensors.numpy import load, save

    arrays = load(raw)
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(json.loads(raw[8 : 8 + length])["__metadata__"]["tinynet"])
    if chance.random() < 0.3:
        name = chance.choice(sorted(arrays))
        other = chance.choice(
            [arrays[name][..., :0], arrays[name].astype("f8"), arrays[name].ravel(), arrays[name] * np.nan,
             np.zeros((0, 10**12), "f4"), np.zeros((), "i8"), np.full(4, -1)]
        )  # fmt: skip
        arrays[chance.choice([name, "x"])] = other
    if chance.random() < 0.2:
        header = mutate_json(header, chance)
    else:
        header = {**header, "about": mutate_json(header["about"], chance)}
    if isinstance(header, dict):
        header["sha256"] = array_files.checksum(arrays, header)
    return save(arrays, metadata={"tinynet": json.dumps(header)})


def mutate_format(raw: bytes, chance: random.Random) -> bytes:
    """Change what the header of safetensors says of the arrays, or write the header in another way."""
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    name = chance.choice([name for name in header if name != "__metadata__"])
    kind = chance.randrange(5)
    if kind == 0:
        header[name]["shape"] = chance.choice([[0, 2**40], [2**63], [-1], [1.5], [True], [1] * 40, "ab", {"a": 1}])
    elif kind == 1:
        header[name]["data_offsets"] = chance.choice([[0, 0], [8, 0], [0, 2**63], [0], [0.0, 4.0], [10**400, 10**400]])
    elif kind == 2:
        header[name]["dtype"] = chance.choice(["F16", "I32", "I64", "F64", "f32", 1, None, ["F32"], {"F32": 1}])
    elif kind == 3:
        header = mutate_json(header, chance)
    text = json.dumps(header)
    if kind == 4:
        text = chance.choice([text.replace(": ", ":  \n"), text + " " * 100, text.replace("F32", "\\u0046" + "32"),
                              text[:-1] + f', "{name}": {{}}}}', text + "{}", "[" * 1000 + text])  # fmt: skip
    changed = text.encode()
    return len(changed).to_bytes(8, "little") + changed + raw[8 + length :]


def read_model(path: Path) -> str:
    """Load a model and return the outcome."""
    try:
        loaded = tn.load(path)
    except tn.DataError:
        return "model: DataError"
    assert repr(loaded)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(tn.ShapeError):  # layers that do not fit
        loaded.summary()
    loaded.save(path.with_name("again"))
    return "model: loaded"


def read_checkpoint(path: Path) -> str:
    """Resume from a checkpoint and return the outcome."""
    checkpoints = Checkpoints(path.parent)
    state = state_of(model())
    try:
        checkpoints.begin(state, SETTINGS, resume=True)
    except tn.DataError:
        return "checkpoint: DataError"
    except ValueError as error:
        if "resume with the same settings" not in str(error):
            raise
        return "checkpoint: of another run"
    state.history.to_csv(path.with_name("table.csv"))
    return "checkpoint: loaded"


def main() -> int:
    """Mutate files, read them and count the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    chance, outcomes = random.Random(options.seed), collections.Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder) / "model.safetensors", Path(folder) / "run" / "step-000000003.safetensors"
        other.parent.mkdir()
        model().save(one)
        checkpoints, state = Checkpoints(other.parent), state_of(model())
        checkpoints._settings, state.step = SETTINGS, 3
        assert state.meter is not None
        state.meter.add(0.5, 3, 10)
        state.history.append({"epoch": 1, "running_loss": 0.5})
        checkpoints.save(state)
        originals = {one: one.read_bytes(), other: other.read_bytes()}
        assert (read_model(one), read_checkpoint(other)) == ("model: loaded", "checkpoint: loaded")
        tn.errors.unknown_name("layer", "Dens", ["Dense"])  # imports difflib, which an error may need
        modules = set(sys.modules)
        tracemalloc.start(1)
        for case in range(options.cases):
            path, read = ((one, read_model), (other, read_checkpoint))[case % 2]
            mutate = chance.choice([mutate_header, mutate_header, mutate_bytes, mutate_bytes, mutate_format])
            changed = mutate(originals[path], chance)
            path.write_bytes(changed)
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            try:
                outcomes[read(path)] += 1
            except Exception:
                traceback.print_exc()
                Path("surprise.safetensors").write_bytes(changed)
                print(f"case {case}: undocumented outcome; the file is kept as surprise.safetensors")
                return 1
            taken = tracemalloc.get_traced_memory()[1] - before
            if taken > LIMIT or set(sys.modules) - modules:
                print(f"case {case}: took {taken:,} bytes, imported {sorted(set(sys.modules) - modules)}")
                return 1
    for outcome, count in sorted(outcomes.items()):
        print(f"{count:>8,}  {outcome}")
    print(f"{options.cases:>8,}  cases, none of them with any other outcome")
    return 0


if __name__ == "__main__":
    sys.exit(main())
