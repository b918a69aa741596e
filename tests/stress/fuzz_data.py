"""Mutated IDX and gzip files: whatever comes in, out comes a data set or the documented error.

    python tests/stress/fuzz_data.py --cases 100000            # the long run
    python tests/stress/fuzz_data.py --cases 2000 --seed 7     # what the tests do

Takes small good files (images and labels, plain and gzipped), damages them by bytes, cuts, insertions, repeated parts,
headers with interesting numbers and wrong gzip trailers, all from a seed, and reads each with `tn.data.read_idx`.
Prints how many ended how; exits 1 if one ended in anything else, or took over a second, and says which: its number and
the seed make it again.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import struct
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import tinynet as tn
from tinynet.data.idx import format_idx

SLOWEST_SECONDS = 1.0
NUMBERS = (0, 1, 2, 27, 28, 255, 256, 2**16, 2**24, 2**28, 2**31 - 1, 2**31, 2**32 - 1)


def good_files() -> list[bytes]:
    """What is damaged."""
    generator = np.random.default_rng(0)
    plain = [
        format_idx(generator.integers(0, 256, shape).astype("uint8")) for shape in ((5, 4, 4), (9,), (2, 3, 4, 3), (0,))
    ]
    return plain + [gzip.compress(content, mtime=0) for content in plain]


def damage(content: bytes, generator: np.random.Generator) -> bytes:
    """One to four changes."""
    changed = bytearray(content)
    for _ in range(generator.integers(1, 5)):
        place = int(generator.integers(0, len(changed) + 1))
        way = generator.integers(0, 7)
        if way == 0 and place < len(changed):
            changed[place] ^= 1 << int(generator.integers(0, 8))
        elif way == 1:
            del changed[place:]
        elif way == 2:
            changed[place:place] = generator.bytes(int(generator.integers(1, 20)))
        elif way == 3:
            changed[place:place] = changed[: int(generator.integers(0, len(changed) + 1))]
        elif way == 4:
            changed[4:8] = struct.pack(">I", NUMBERS[int(generator.integers(0, len(NUMBERS)))])
        elif way == 5:
            changed[-4:] = generator.bytes(4)
        else:
            changed[:4] = bytes([0, 0, int(generator.integers(0, 16)), int(generator.integers(0, 8))])
    packed = bytes(changed)
    return gzip.compress(packed, 1, mtime=0) if generator.random() < 0.1 else packed


def fuzz(cases: int, seed: int) -> tuple[collections.Counter[str], list[str]]:
    """(how many ended how, descriptions of those that ended wrongly)."""
    outcomes: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    files = good_files()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        for case in range(cases):
            generator = np.random.default_rng([seed, case])
            path.write_bytes(damage(files[case % len(files)], generator))
            began = time.perf_counter()
            try:
                array = tn.data.read_idx(path)
                outcome = "a data set" if array.dtype == np.uint8 else f"dtype {array.dtype}"
            except tn.DataError:
                outcome = "the documented error"
            except Exception as error:
                outcome = f"{type(error).__name__}"
            if time.perf_counter() - began > SLOWEST_SECONDS:
                outcome = "too slow"
            outcomes[outcome] += 1
            if outcome not in ("a data set", "the documented error"):
                wrong.append(f"case {case} of seed {seed}: {outcome}")
    return outcomes, wrong


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.perf_counter()
    outcomes, wrong = fuzz(options.cases, options.seed)
    for outcome, count in outcomes.most_common():
        print(f"{count:9,}  {outcome}")
    print(f"{sum(outcomes.values()):9,}  in {time.perf_counter() - began:.0f} s, {len(wrong)} unexpected")
    print("\n".join(wrong[:20]), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
