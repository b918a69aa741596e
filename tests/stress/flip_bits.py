"""Flip every single bit of a model and of a checkpoint, read the file, and count what comes of it.

    python tests/stress/flip_bits.py                  # 2 minutes; exit status 1 if anything is loaded that differs
    python tests/stress/flip_bits.py --every 101      # each 101st bit
    python tests/stress/flip_bits.py --version 1      # files as version 0.1.0 wrote them, whose checksum covers less

loaded equal       the flip changed nothing that is read
refused            tn.DataError
fell back          the newest checkpoint was damaged: the run goes on from the one before, with a warning that names it
loaded different   anything else was loaded
other errors       any other exception, such as that for a run with other settings

A checkpoint is tried as the newest of two, and as the only one.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.io.array_files import read_arrays, write_arrays
from tinynet.training.checkpoint_files import KIND
from tinynet.training.checkpoints import Checkpoints
from tinynet.training.settings import Settings
from tinynet.training.state import Meter, TrainingState

OUTCOMES = ("loaded equal", "refused", "fell back", "loaded different")
OPTIMIZER = tn.AdamW(tn.schedules.cosine(0.01, 60), weight_decay=0.01)


class Kept(Checkpoints):
    """Remembers the settings of its run."""

    settings: Settings

    def begin(self, state: TrainingState, settings: Settings, resume: Any) -> None:
        self.settings = settings
        super().begin(state, settings, resume)


class Stop(tn.Callback):
    """Ends a run in the middle of its third epoch."""

    left = 27

    def batch_ends(self, examples: int, numbers: Any) -> None:
        self.left -= 1
        if not self.left:
            raise StopIteration


def network() -> tn.Sequential:
    """A model with hyperparameters of every kind: numbers, texts, nothing."""
    return tn.Sequential(
        tn.LayerNorm(6), tn.Dense(6, 5), tn.BatchNorm(5), tn.LeakyReLU(0.125), tn.Dropout(0.25), tn.Dense(5, 3)
    )


def train(folder: Path) -> Kept:
    """A run that was broken off: checkpoints of steps 26 and 27, and the best model."""
    generator = np.random.default_rng(0)
    x, labels = generator.normal(size=(100, 6)).astype("float32"), generator.integers(0, 3, 100)
    data = tn.data.from_arrays(x, labels, class_names=["a", "b", "c"]).standardize()
    keeper = Kept(folder, every_steps=1)
    with contextlib.suppress(StopIteration):
        tn.fit(network(), data, validation=data, optimizer=OPTIMIZER, epochs=6, batch_size=10, progress=False,
               threads=1, checkpoint=keeper, callbacks=[Stop()])  # fmt: skip
    return keeper


def write_in_format_1(path: Path, kind: str, settings: Settings) -> None:
    """Write the file as version 0.1.0 did."""
    arrays, about, _ = read_arrays(path, kind, 2)
    if kind == "checkpoint":
        about = {**about, "settings": dict(settings.format_1)}
    write_arrays(path, kind, 1, arrays, about)


def read_model(path: Path) -> Any:
    """All that a model file says."""
    model = tn.load(path)
    arrays = {name: values.tobytes() for name, values in {**model.parameters, **model.statistics}.items()}
    return repr(model.get_config()), str(model.dtype), arrays, repr(model.preprocessing)


def resume(folder: Path, settings: Settings, model: tn.Sequential) -> Any:
    """All that a run remembers after it was resumed. `model` is used again and again: to make one takes time."""
    model.theta[...], model.statistics_vector[...] = -1, -1
    state = TrainingState.of(model, OPTIMIZER, 0)
    state.meter = Meter(10, model.device)
    keeper = Checkpoints(folder)
    keeper.begin(state, settings, resume=True)
    vectors = {name: np.asarray(values).tobytes() for name, values in state.vectors().items()}
    meter = {name: values.tobytes() for name, values in state.meter.to_arrays().items()}
    return state.step, state.seed, state.seconds, repr(state.history.rows), vectors, meter, keeper._best


def flip(path: Path, bit: int) -> None:
    """Change one bit of a file where it is: to write the file anew would take most of the time."""
    with open(path, "r+b", buffering=0) as file:
        file.seek(bit // 8)
        byte = file.read(1)[0] ^ 1 << bit % 8
        file.seek(bit // 8)
        file.write(bytes([byte]))


def count(path: Path, every: int, read: Callable[[], Any], before: Any = None) -> collections.Counter[str]:
    """Flip each bit of the file at `path`, and count the outcomes. `before`: what falling back restores."""
    raw, whole, outcomes = path.read_bytes(), read(), collections.Counter[str]()
    for bit in range(0, 8 * len(raw), every):
        flip(path, bit)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                found = read()
            except tn.DataError:
                outcomes["refused"] += 1
            except Exception as error:
                outcomes[f"other errors: {type(error).__name__}"] += 1
            else:
                named = any(str(path) in str(each.message) for each in told)
                equal = "loaded equal" if found == whole else "loaded different"
                outcomes["fell back" if before is not None and named and found == before else equal] += 1
        flip(path, bit)
    assert path.read_bytes() == raw
    return outcomes


def main() -> int:
    """Flip, read and count. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="distance of the bits that are flipped")
    parser.add_argument("--version", type=int, default=2, choices=(1, 2), help="format version of the files")
    options = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder, alone = Path(name) / "two", Path(name) / "one"
        keeper, model = train(folder), network()
        before, newest = (keeper.path(step) for step in keeper.steps())
        if options.version == 1:
            for path, kind in ((folder / "best.safetensors", "model"), (before, KIND), (newest, KIND)):
                write_in_format_1(path, kind, keeper.settings)
        alone.mkdir()
        shutil.copy(newest, alone)
        (folder / "older").mkdir()
        shutil.copy(before, folder / "older")
        fallen_back = resume(folder / "older", keeper.settings, model)
        cases = {
            "a model": (folder / "best.safetensors", lambda: read_model(folder / "best.safetensors"), None),
            "the newest of two checkpoints": (newest, lambda: resume(folder, keeper.settings, model), fallen_back),
            "the only checkpoint": (alone / newest.name, lambda: resume(alone, keeper.settings, model), None),
        }
        for what, (path, read, other) in cases.items():
            outcomes = count(path, options.every, read, other)
            print(f"{what}, {path.stat().st_size:,} bytes, {sum(outcomes.values()):,} bits flipped:")
            for outcome in [*OUTCOMES, *sorted(set(outcomes) - set(OUTCOMES))]:
                print(f"{outcomes[outcome]:>9,}  {outcome}")
            good = {"loaded equal", "refused" if other is None else "fell back"}
            wrong += sum(number for outcome, number in outcomes.items() if outcome not in good)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
