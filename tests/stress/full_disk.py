"""Save models, history tables and checkpoints on a full disk, with every amount of free space.

    python tests/stress/full_disk.py                # exit status 1 if a file was lost, 77 if nothing can be mounted

Mounts a tmpfs of one MiB in a mount namespace of its own, as root or in a user namespace. No other process sees it, and
it ends with this one. Fills it until 0, 4096, 8192, ... bytes are free, and each time saves a model, a history table
and the checkpoints of a run. Each save must succeed, or raise SaveError and leave the previous file as it was. A run
must warn and continue to the same parameters. No unfinished file may remain, and with space freed, the resumed run must
end with the same parameters.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import tinynet as tn
from tinynet.training.checkpoints import Checkpoints

SIZE, SKIPPED = 1 << 20, 77  # bytes; the usual exit status of a test that cannot run here
USUAL = dict(optimizer=tn.Adam(0.01), epochs=2, batch_size=50, progress=False, threads=1)


def network(seed: int) -> tn.Sequential:
    """40 kB of parameters; a checkpoint with Adam's vectors has three times that."""
    return tn.Sequential(tn.Dense(100, 90), tn.ReLU(), tn.Dense(90, 10), seed=seed)


def fill(disk: Path, left: int) -> None:
    """Fill the disk until about `left` bytes are free."""
    free = shutil.disk_usage(disk).free
    (disk / "filling").write_bytes(b"x" * max(free - left, 0))


def unfinished(disk: Path) -> list[str]:
    """The unfinished files."""
    return [str(path) for path in disk.rglob("*.part")]


def save(disk: Path, left: int) -> tuple[int, list[str]]:
    """Save two files. Returns (how many succeeded, the failures)."""
    model, table, wrong, done = disk / "model.safetensors", disk / "history.csv", list[str](), 0
    old, new = network(0), network(1)
    rows = tn.History([{"epoch": float(epoch), "running_loss": 0.5} for epoch in range(500)])
    old.save(model)
    tn.History(rows.rows[:5]).to_csv(table)
    for path, again in ((model, lambda: new.save(model)), (table, lambda: rows.to_csv(table))):
        before = path.read_bytes()
        fill(disk, left)
        try:
            again()
            done += 1
        except tn.SaveError as error:
            if path.read_bytes() != before:
                wrong.append(f"{path.name}: the previous file was lost")
            if error.errno != errno.ENOSPC or "No space left on device" not in str(error):
                wrong.append(f"{path.name}: the error was {error}")
        wrong += [f"{path.name}: {part} remains" for part in unfinished(disk)]
        (disk / "filling").unlink()
    saved = tn.load(model).theta.tobytes()
    if saved not in (old.theta.tobytes(), new.theta.tobytes()):
        wrong.append("the saved model is neither the old nor the new one")
    return done, wrong


def train(disk: Path, left: int, data: tn.data.Dataset, expected: bytes) -> tuple[int, list[str]]:
    """Train with checkpoints. Returns (how many saves failed, the failures of the test)."""
    wrong, model = list[str](), network(0)
    checkpoints = Checkpoints(disk / "run", every_steps=1, keep=2)
    with checkpoints:  # creates the folder and its lock while there is space
        pass
    fill(disk, left)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        tn.fit(model, data, validation=data, checkpoint=checkpoints, **USUAL)
    if model.theta.tobytes() != expected:
        wrong.append("a run ended with other parameters")
    wrong += [f"a run warned {each.message}" for each in warned if "No space left on device" not in str(each.message)]
    wrong += [f"a run left {part}" for part in unfinished(disk)]
    (disk / "filling").unlink()
    resumed = network(0)
    tn.fit(resumed, data, validation=data, checkpoint=checkpoints, resume=True, **USUAL)
    if resumed.theta.tobytes() != expected:
        wrong.append("a resumed run ended with other parameters")
    shutil.rmtree(disk / "run")
    return len(warned), wrong


def inside(step: int) -> int:
    """Mount the disk and test every amount of free space."""
    generator = np.random.default_rng(0)
    data = tn.data.from_arrays(generator.normal(size=(300, 100)).astype("float32"), generator.integers(0, 10, 300))
    whole = network(0)
    tn.fit(whole, data, validation=data, **USUAL)
    amounts = taken = refused = missed = 0
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", name], check=False).returncode:
            print("skipped: no file system can be mounted here")
            return SKIPPED
        disk = Path(name)
        for left in range(0, SIZE // 2, step):
            done, problems = save(disk, left)
            lost, more = train(disk, left, data, whole.theta.tobytes())
            amounts, taken, refused, missed = amounts + 1, taken + done, refused + 2 - done, missed + lost
            wrong += [f"with {left} bytes left: {problem}" for problem in problems + more]
        subprocess.run(["umount", name], check=True)
    print("\n".join(wrong), end="\n" if wrong else "")
    print(
        f"{amounts} amounts of free space: {taken} files saved, {refused} refused by a full disk; {amounts} runs, "
        f"which missed {missed} saves and were resumed; {len(wrong)} wrong"
    )
    return 1 if wrong else 0


def main() -> int:
    """Run the test and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", type=int, default=4096, help="difference between the amounts of free space, in bytes")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return inside(options.step)
    own = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    if shutil.which("unshare") is None or subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        print("skipped: no mount namespace can be created here (unshare --mount)")
        return SKIPPED
    return subprocess.run(
        [*own, sys.executable, __file__, "--inside", "--step", str(options.step)], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
