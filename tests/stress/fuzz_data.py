"""Read randomly damaged data files and folders of pictures: each must give a data set or tn.DataError.

    python tests/stress/fuzz_data.py --cases 100000            # 100,000 files: IDX, and archives of CIFAR-10 and EMNIST
    python tests/stress/fuzz_data.py --cases 2000 --seed 7     # as in the tests
    python tests/stress/fuzz_data.py --pictures 20000          # also 20,000 folders of pictures (needs Pillow)

Damages small valid files (IDX, plain and gzipped; tar, plain and gzipped, of records and of pickles; zip) with
changed bytes, cuts, insertions, repetitions, extreme numbers in headers and wrong gzip trailers, and reads them with
`tn.data.read_idx` and the readers of the archives. A folder holds two PNG or JPEG pictures. One is damaged in the
same way, or has another size in its header with correct checksums. Some folders also hold a link, a pipe, a folder or
an odd name. `tn.data.from_folder` reads them.
Prints the outcomes. The exit status is 1 if there was another outcome, if one case took more than a second, or if the
process took more memory than a picture of the largest size needs. The printed seed and number reproduce a case.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import io
import os
import pickle
import shutil
import struct
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

import tinynet as tn
from tinynet.data.archives import CIFAR_BATCHES, EMNIST_FILES, read_cifar10, read_emnist
from tinynet.data.idx import TYPES, format_idx

SLOWEST_SECONDS = 1.0
MOST_MEMORY = 1 << 29  # bytes: 2^26 pixels of four bytes, and their copy in grey
NUMBERS = (0, 1, 2, 27, 28, 255, 256, 2**16, 2**24, 2**28, 2**31 - 1, 2**31, 2**32 - 1)


Reader = Callable[[Path], str]


def good_files() -> list[tuple[bytes, Reader]]:
    """The valid files, and what reads each."""
    generator = np.random.default_rng(0)
    plain = [
        format_idx(generator.integers(0, 256, shape).astype("uint8")) for shape in ((5, 4, 4), (9,), (2, 3, 4, 3), (0,))
    ]
    plain += [gzip.compress(content, mtime=0) for content in plain]
    rows = [generator.integers(0, 10, (2, 3073)).astype("uint8") for _ in range(6)]
    batches = [name for names in CIFAR_BATCHES.values() for name in names]
    records = tar_of({f"b/{name}.bin": row.tobytes() for name, row in zip(batches, rows)})
    pickles = [
        tar_of({
            f"b/{name}": pickle.dumps({b"data": row[:, 1:], b"labels": row[:, 0].tolist()}, protocol)
            for name, row in zip(batches, rows)
        })
        for protocol in range(2, 6)
    ]  # fmt: skip
    tars = [records, gzip.compress(records, mtime=0), *pickles, gzip.compress(pickles[0], mtime=0)]
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for names in EMNIST_FILES.values():
            for name, content in zip(names, (plain[0], plain[1])):
                archive.writestr(name, gzip.compress(content, mtime=0))
    return [
        *((content, read_file) for content in plain),
        *((content, read_archive(read_cifar10)) for content in tars),
        (zipped.getvalue(), read_archive(read_emnist)),
    ]


def tar_of(members: dict[str, bytes]) -> bytes:
    """A tar archive."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def damage(content: bytes, generator: np.random.Generator) -> bytes:
    """Make one to four random changes."""
    changed = bytearray(content)
    for _ in range(generator.integers(1, 5)):
        position = int(generator.integers(0, len(changed) + 1))
        kind = generator.integers(0, 7)
        if kind == 0 and position < len(changed):
            changed[position] ^= 1 << int(generator.integers(0, 8))
        elif kind == 1:
            del changed[position:]
        elif kind == 2:
            changed[position:position] = generator.bytes(int(generator.integers(1, 20)))
        elif kind == 3:
            changed[position:position] = changed[: int(generator.integers(0, len(changed) + 1))]
        elif kind == 4:
            changed[4:8] = struct.pack(">I", NUMBERS[int(generator.integers(0, len(NUMBERS)))])
        elif kind == 5:
            changed[-4:] = generator.bytes(4)
        else:
            changed[:4] = bytes([0, 0, int(generator.integers(0, 16)), int(generator.integers(0, 8))])
    packed = bytes(changed)
    return gzip.compress(packed, 1, mtime=0) if generator.random() < 0.1 else packed


def good_pictures() -> list[bytes]:
    """The valid pictures."""
    from PIL import Image

    generator, contents = np.random.default_rng(0), []
    for mode, kind in (("L", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("1", "PNG"), ("RGB", "JPEG"), ("L", "JPEG")):
        picture = Image.fromarray(generator.integers(0, 256, (6, 8, 3)).astype("uint8")).convert(mode)
        file = io.BytesIO()
        picture.save(file, kind)
        contents.append(file.getvalue())
    return contents


def resize(content: bytes, generator: np.random.Generator) -> bytes:
    """Write another size into the header, with a correct checksum for a PNG."""
    numbers = [NUMBERS[int(generator.integers(0, len(NUMBERS)))] for _ in range(2)]
    if content[:4] == b"\x89PNG":
        header = b"IHDR" + struct.pack(">II", *numbers) + content[24:29]
        return content[:12] + header + struct.pack(">I", zlib.crc32(header)) + content[33:]
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", *(number % 2**16 for number in numbers)) + content[at + 4 :]


def make_folder(root: Path, good: list[bytes], case: int, generator: np.random.Generator) -> None:
    """Make class folders with two pictures, one of them damaged, and sometimes something that is not a picture."""
    content = good[case % len(good)]
    change = resize if generator.random() < 0.5 else damage
    for name, picture in (("a", good[0]), ("b", change(content, generator))):
        (root / name).mkdir(parents=True)
        (root / name / f"1.{'png' if generator.random() < 0.7 else 'JPEG'}").write_bytes(picture)
    odd, kind = root / "b" / "2.png", generator.integers(0, 20)
    if kind == 0:
        odd.symlink_to(("/etc/passwd", "/dev/zero", "2.png", "../../../x.png", "1.png")[int(generator.integers(0, 5))])
    elif kind == 1:
        os.mkfifo(odd)
    elif kind == 2:
        odd.mkdir()
    elif kind == 3:
        os.mkdir(os.fsencode(root) + b"/" + generator.bytes(6).replace(b"/", b"x").replace(b"\0", b"y"))
    elif kind == 4:
        (root / "c").symlink_to(("/usr", ".", "c")[int(generator.integers(0, 3))])


def read_picture_folder(root: Path) -> str:
    """Read a folder of pictures and return the outcome."""
    data = tn.data.from_folder(root, size=(6, 8))
    return "a data set" if data.images.dtype == np.uint8 else f"dtype {data.images.dtype}"


def read_file(path: Path) -> str:
    """Read an IDX file and return the outcome."""
    array = tn.data.read_idx(path)
    return (
        "a data set" if array.dtype.newbyteorder(">").str in ("|u1", "|i1", *TYPES.values()) else f"dtype {array.dtype}"
    )


def read_archive(read: Callable[[Path], dict[str, tuple[np.ndarray, np.ndarray]]]) -> Reader:
    """A function that reads an archive and returns the outcome."""

    def outcome(path: Path) -> str:
        splits = read(path)
        right = all(array.dtype.kind in "iuf" for arrays in splits.values() for array in arrays)
        return "a data set" if right and set(splits) == {"train", "test"} else "something else"

    return outcome


def outcome_of(read: Callable[[Path], str], path: Path) -> str:
    """The outcome of reading, or "too slow"."""
    began = time.perf_counter()
    try:
        outcome = read(path)
    except tn.DataError:
        outcome = "the documented error"
    except Exception as error:
        outcome = f"{type(error).__name__}"
    return "too slow" if time.perf_counter() - began > SLOWEST_SECONDS else outcome


def fuzz(cases: int, seed: int, pictures: bool = False) -> tuple[collections.Counter[str], list[str]]:
    """Returns (the number of each outcome, descriptions of the unexpected ones)."""
    outcomes: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    whole = [] if pictures else good_files()
    contents = good_pictures() if pictures else []
    before = peak_memory()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        for case in range(cases):
            generator = np.random.default_rng([seed, case])
            if pictures:
                make_folder(path, contents, case, generator)
                outcome = outcome_of(read_picture_folder, path)
                shutil.rmtree(path)
            else:
                content, read = whole[case % len(whole)]
                path.write_bytes(damage(content, generator))
                outcome = outcome_of(read, path)
            outcomes[outcome] += 1
            if outcome not in ("a data set", "the documented error"):
                wrong.append(f"case {case} of seed {seed}: {outcome}")
    if pictures and (taken := peak_memory() - before) > MOST_MEMORY:
        wrong.append(f"memory grew by {taken:,} bytes")
    return outcomes, wrong


def peak_memory() -> int:
    """The peak memory of this process in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    """Run the cases and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--pictures", type=int, default=0, help="number of folders of pictures")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # Pillow warns of large pictures
    all_wrong = []
    for kind, cases in (("files", options.cases), ("folders of pictures", options.pictures)):
        if not cases:
            continue
        began, before = time.perf_counter(), peak_memory()
        outcomes, wrong = fuzz(cases, options.seed, pictures=kind != "files")
        for outcome, count in outcomes.most_common():
            print(f"{count:9,}  {outcome}")
        seconds, grown = time.perf_counter() - began, (peak_memory() - before) / 2**20
        print(f"{cases:9,}  {kind} in {seconds:.0f} s, {len(wrong)} unexpected; memory grew by {grown:.0f} MiB at most")
        all_wrong += wrong
    print("\n".join(all_wrong[:20]), end="")
    return 1 if all_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
