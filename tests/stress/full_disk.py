"""Save models, runs and tables onto a disk that is really full, at every degree of fullness.

    python tests/stress/full_disk.py                # exit 1 if a file was lost, 77 where nothing may be mounted

Mounts a tmpfs of one MiB in a mount namespace of its own, which nobody else sees and which ends with the process: as
root, or where the system allows user namespaces. Then fills it until 0, 4096, 8192, ... bytes are left, and each time
saves a model, the table of a history and the checkpoints of a run. Each save must either be done, and the file be read
again, or raise SaveError (a run: warn, and go on to the same parameters) and leave the file of before to the byte. No
half-written file may stay, and with the disk freed the run must be resumed to the end that it would have had.
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

SIZE, SKIPPED = 1 << 20, 77  # the exit status by which test runners know a test that cannot be run
USUAL = dict(optimizer=tn.Adam(0.01), epochs=2, batch_size=50, progress=False, threads=1)


def network(seed: int) -> tn.Sequential:
    """40 kB of parameters; a checkpoint with Adam's vectors has three times that."""
    return tn.Sequential(tn.Dense(100, 90), tn.ReLU(), tn.Dense(90, 10), seed=seed)


def fill(disk: Path, left: int) -> None:
    """Take all of the disk but `left` bytes, about."""
    free = shutil.disk_usage(disk).free
    (disk / "filling").write_bytes(b"x" * max(free - left, 0))


def halves(disk: Path) -> list[str]:
    """What is half written."""
    return [str(path) for path in disk.rglob("*.part")]


def save(disk: Path, left: int) -> tuple[int, list[str]]:
    """(how many of two saves the disk took, what went wrong)."""
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
                wrong.append(f"{path.name}: the file of before was lost")
            if error.errno != errno.ENOSPC or "No space left on device" not in str(error):
                wrong.append(f"{path.name}: the error was {error}")
        wrong += [f"{path.name}: {half} was left behind" for half in halves(disk)]
        (disk / "filling").unlink()
    saved = tn.load(model).theta.tobytes()
    if saved not in (old.theta.tobytes(), new.theta.tobytes()):
        wrong.append("the model is another one")
    return done, wrong


def train(disk: Path, left: int, data: tn.data.Dataset, expected: bytes) -> tuple[int, list[str]]:
    """(how many saves of a run the disk did not take, what went wrong)."""
    wrong, model = list[str](), network(0)
    keeper = Checkpoints(disk / "run", every_steps=1, keep=2)
    with keeper:  # the folder and its lock are there already
        pass
    fill(disk, left)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        tn.fit(model, data, validation=data, checkpoint=keeper, **USUAL)
    if model.theta.tobytes() != expected:
        wrong.append("a run ended otherwise")
    wrong += [f"a run was told {each.message}" for each in told if "No space left on device" not in str(each.message)]
    wrong += [f"a run left {half}" for half in halves(disk)]
    (disk / "filling").unlink()
    resumed = network(0)
    tn.fit(resumed, data, validation=data, checkpoint=keeper, resume=True, **USUAL)
    if resumed.theta.tobytes() != expected:
        wrong.append("a resumed run ended otherwise")
    shutil.rmtree(disk / "run")
    return len(told), wrong


def inside(step: int) -> int:
    """With the disk mounted: go through all degrees of fullness."""
    generator = np.random.default_rng(0)
    data = tn.data.from_arrays(generator.normal(size=(300, 100)).astype("float32"), generator.integers(0, 10, 300))
    whole = network(0)
    tn.fit(whole, data, validation=data, **USUAL)
    degrees = taken = refused = missed = 0
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", name], check=False).returncode:
            print("skipped: no file system may be mounted here")
            return SKIPPED
        disk = Path(name)
        for left in range(0, SIZE // 2, step):
            done, problems = save(disk, left)
            lost, more = train(disk, left, data, whole.theta.tobytes())
            degrees, taken, refused, missed = degrees + 1, taken + done, refused + 2 - done, missed + lost
            wrong += [f"with {left} bytes left: {problem}" for problem in problems + more]
        subprocess.run(["umount", name], check=True)
    print("\n".join(wrong), end="\n" if wrong else "")
    print(
        f"{degrees} degrees of fullness: {taken} files saved, {refused} refused by a full disk; {degrees} runs, which "
        f"missed {missed} saves and were resumed; {len(wrong)} wrong"
    )
    return 1 if wrong else 0


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", type=int, default=4096, help="bytes from one degree of fullness to the next")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        return inside(options.step)
    own = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    if shutil.which("unshare") is None or subprocess.run([*own, "true"], capture_output=True, check=False).returncode:
        print("skipped: no mount namespace may be made here (unshare --mount)")
        return SKIPPED
    return subprocess.run(
        [*own, sys.executable, __file__, "--inside", "--step", str(options.step)], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
