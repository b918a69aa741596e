"""Hostile data files: IDX, gzip, tar, zip, pickles, pictures, folders. See hostile_files.py."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.data.archives import EMNIST_FILES, read_cifar10, read_emnist
from tinynet.data.catalog import MNIST
from tinynet.data.store import SUMS, load_arrays
from tinynet.data.tfds import read_tfds

Write = Callable[[Path], Path]
Read = Callable[[Path], Any]
MEMBERS = [name for names in EMNIST_FILES.values() for name in names]
MILLION = 1 << 20


def file(make: Callable[[], bytes]) -> Write:
    """A function that writes a file of these bytes."""

    def write(folder: Path) -> Path:
        path = folder / "hostile"
        path.write_bytes(make())
        return path

    return write


def idx(*shape: int, content: bytes = b"", code: int = 8) -> bytes:
    """An IDX file with any shape in its header."""
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + content


def zeros_in_gzip(start: bytes, count: int) -> bytes:
    """A gzip file of `start` and `count` MiB of zeros, made a MiB at a time."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = [packer.compress(start), *(packer.compress(bytes(MILLION)) for _ in range(count)), packer.flush()]
    return b"".join(packed)


def holes(folder: Path) -> Path:
    """A file of a terabyte that takes no room on the disk."""
    (folder / "hostile").touch()
    os.truncate(folder / "hostile", 1 << 40)
    return folder / "hostile"


def link(target: str) -> Write:
    """A function that makes a symbolic link."""

    def write(folder: Path) -> Path:
        (folder / "hostile").symlink_to(target)
        return folder / "hostile"

    return write


def pipe(folder: Path) -> Path:
    """A pipe that nobody writes to."""
    os.mkfifo(folder / "hostile")
    return folder / "hostile"


# tar ------------------------------------------------------------------------------------------------------------------


def tar_header(name: bytes = b"data_batch_1", size: int = 0, kind: bytes = b"0") -> bytes:
    """A header of a tar archive with the right checksum."""
    block = bytearray(name.ljust(124, b"\0") + b"%011o\0" % size + b" " * 20 + bytes(356))
    block[156:157] = kind
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def repeated_in_gzip(block: bytes, times: int) -> bytes:
    """A gzip file of the same bytes again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    many = block * (MILLION // len(block))
    packed = [packer.compress(many) for _ in range(times * len(block) // MILLION)]
    return b"".join([*packed, packer.flush()])


def tar_of(name: str, content: bytes, mode: str = "w:gz") -> bytes:
    """A tar archive with one member."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as archive:  # type: ignore[call-overload]
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def large_extension(kind: bytes) -> bytes:
    """A tar archive whose member has a name, or other attributes, of 200 MiB."""
    return zeros_in_gzip(tar_header(b"././@LongLink", 200 * MILLION, kind), 200)


# pickles --------------------------------------------------------------------------------------------------------------


class Call:
    """What pickle writes as a call of `function`, followed by BUILD with `state`."""

    def __init__(self, function: Any, arguments: tuple[Any, ...], *state: Any) -> None:
        self.reduced = function, arguments, *state

    def __reduce__(self) -> Any:
        return self.reduced


def addresses() -> bytes:
    """An array of objects whose bytes would be read as addresses."""
    objects = Call(np.dtype, ("O8", False, True), (3, "|", None, None, None, -1, -1, 0))
    reconstruct = np.zeros(0).__reduce__()[0]
    array = Call(reconstruct, (np.ndarray, (0,), b"b"), (1, (4,), objects, False, b"\x41" * 32))
    return pickle.dumps({b"data": np.zeros((1, 3072), "u1"), b"labels": [array]}, 2)


def batch(content: Callable[[], bytes]) -> Write:
    """A function that writes an archive of CIFAR-10 with this pickle in it."""
    return file(lambda: tar_of("cifar-10-batches-py/data_batch_1", content()))


PICKLES: dict[str, Callable[[], bytes]] = {
    "addresses in an array of objects": addresses,
    "a million marks": lambda: b"(" * MILLION,
    "a list in a list, 250,000 deep": lambda: b"}U\x06labels" + b"]" * 250_000 + b"a" * 249_999 + b"s.",
    "a list that holds itself": lambda: b"}(U\x04dataU\x01xU\x06labels]q\x01h\x01au.",
    "lists that double 40,000 times": lambda: b"}U\x06labels](]q\x01" + b"](h\x01h\x01eq\x01" * 40_000 + b"es.",
    "a number of 2 GiB": lambda: b"\x8b\xff\xff\xff\x7f" + b"\xff" * 1000,
    "a number of 20 million digits": lambda: b"I" + b"9" * 20_000_000 + b"\n.",
    "text of 16 EiB": lambda: b"\x8d" + b"\xff" * 8 + b"x",
    "frames of 16 EiB": lambda: (b"\x95" + b"\xff" * 8) * MILLION,
    "a MiB encoded 10,000 times": lambda: (
        b"}(U\x01a](X" + struct.pack("<I", MILLION) + b"x" * MILLION + b"q\x01"
        + b"c_codecs\nencode\n(h\x01X\x06\0\0\0latin1tR" * 10_000 + b"eu."
    ),
    "characters of 4 bytes": lambda: (
        b"}X" + struct.pack("<I", 34 * MILLION) + b"x" * (34 * MILLION - 4) + "\U0001f600".encode() + b"."
    ),
    "a name of a MiB, 30,000 times": lambda: (
        b"(X" + struct.pack("<I", MILLION) + b"x" * MILLION + b"q\x01" + b"h\x01h\x01\x93" * 30_000
    ),
    "keys that collide": lambda: b"}(" + b"".join(
        b"\x8a\x0c" + (number * (2**61 - 1)).to_bytes(12, "little") + b"N" for number in range(100_000)) + b"u.",
    "34 MiB of text of Python 2": lambda: (
        b"}U\x04dataT" + struct.pack("<I", 34 * MILLION) + b"\xff" * 34 * MILLION + b"s."
    ),
    "200 MiB of zeros": lambda: b"C" + bytes(200 * MILLION),
}  # fmt: skip


# zip ------------------------------------------------------------------------------------------------------------------


def zip_of(contents: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip archive."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return target.getvalue()


def directory_of(count: int) -> bytes:
    """A zip archive whose directory names one file `count` times."""
    content = zip_of({MEMBERS[0]: gzip.compress(bytes(MILLION))})
    at, end = content.index(b"PK\1\2"), content.rindex(b"PK\5\6")
    entry = content[at:end]
    tail = struct.pack("<4s4HIIH", b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, count * len(entry), at, 0)
    if count > 0xFFFF:  # zip64
        record = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, count * len(entry), at)
        where = struct.pack("<4sIQI", b"PK\6\7", 0, at + count * len(entry), 1)
        tail = record + where + struct.pack("<4s4HIIH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    return content[:at] + entry * count + tail


def claiming(size: int, mebibytes: int) -> bytes:
    """A zip archive whose directory says that its members have `size` bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join([*(packer.compress(bytes(MILLION)) for _ in range(mebibytes)), packer.flush()])
    content = bytearray(zip_of(dict.fromkeys(MEMBERS, packed), zipfile.ZIP_STORED))
    at = content.index(b"PK\1\2")
    for _ in MEMBERS:
        struct.pack_into("<H", content, at + 10, zipfile.ZIP_DEFLATED)
        struct.pack_into("<I", content, at + 24, size)
        at = content.find(b"PK\1\2", at + 1)
    return bytes(content)


# pictures -------------------------------------------------------------------------------------------------------------


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG with the right checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, rows: bytes, *extra: bytes) -> bytes:
    """A grey PNG with this size in its header and these compressed rows."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(extra) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """`count` zeros, deflated."""
    return zlib.compress(bytes(count), 9)


def scans() -> bytes:
    """A JPEG of 8000 x 8000 with 2,000 more scans of 95 bytes."""
    from PIL import Image  # optional dependency

    target = io.BytesIO()
    Image.new("L", (8000, 8000)).save(target, "JPEG", progressive=True)
    whole = target.getvalue()
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * 2000 + whole[-2:]


def pictures(*contents: Callable[[], bytes], kind: str = "png") -> Write:
    """A function that writes a folder with a class of these pictures."""

    def write(folder: Path) -> Path:
        (folder / "pets" / "cat").mkdir(parents=True)
        for number, content in enumerate(contents):
            (folder / "pets" / "cat" / f"{number}.{kind}").write_bytes(content())
        return folder / "pets"

    return write


SMALL = png(4, 4, zeros(20))
PICTURES: dict[str, Write] = {
    "a PNG of 2^31 x 2^31": pictures(lambda: png(2**31 - 1, 2**31 - 1, b"")),
    "a PNG of 60,000 x 60,000": pictures(lambda: png(60_000, 60_000, zeros(MILLION))),
    "200 MiB of text in a PNG": pictures(lambda: png(4, 4, zeros(20), chunk(b"zTXt", b"a\0\0" + zeros(200 * MILLION)))),
    "a colour profile of 200 MiB": pictures(
        lambda: png(4, 4, zeros(20), chunk(b"iCCP", b"a\0\0" + zeros(200 * MILLION)))
    ),
    "500,000 chunks": pictures(lambda: png(4, 4, zeros(20), chunk(b"tEXt", b"a\0b") * 500_000)),
    "rows of 200 MiB for 4 x 4": pictures(lambda: png(4, 4, zeros(200 * MILLION))),
    "an animation of 2^31 frames": pictures(
        lambda: png(4, 4, zeros(20), chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0)))
    ),
    "a JPEG of 2,000 scans": pictures(scans, kind="jpg"),
    "a large picture and 60 damaged ones": pictures(
        lambda: png(8000, 8000, zeros(8001 * 8000)), *[lambda: b"\x89PNG"] * 60
    ),
    "a thousand small ones": pictures(*[lambda: SMALL] * 1000),
}


# Everything -----------------------------------------------------------------------------------------------------------


def prepared(content: bytes) -> Write:
    """A function that writes a folder of tensorflow-datasets with this description."""

    def write(folder: Path) -> Path:
        (folder / "mnist" / "3.0.1").mkdir(parents=True)
        (folder / "mnist" / "3.0.1" / "dataset_info.json").write_bytes(content)
        return folder

    return write


def copies(content: bytes) -> Write:
    """A function that writes a folder of the cache with these checksums."""

    def write(folder: Path) -> Path:
        (folder / SUMS).write_bytes(content)
        return folder

    return write


def missing(path: Path) -> None:
    """Read an IDX file. The error of `open` is right, too."""
    try:
        tn.data.read_idx(path)
    except OSError as error:
        raise tn.DataError(f"OSError: {error.strerror}") from error


def use_tfds(folder: Path) -> None:
    """Read MNIST as tensorflow-datasets has prepared it."""
    read_tfds(MNIST, folder, dict)


CASES: list[tuple[str, Write, Read]] = [
    ("IDX of 2^31 x 2^31", file(lambda: idx(2**31, 2**31)), tn.data.read_idx),
    ("IDX of 0 x 2^31 x 2^31", file(lambda: idx(0, 2**31, 2**31)), tn.data.read_idx),
    ("IDX of 2^28 doubles", file(lambda: idx(2**28, code=0x0E)), tn.data.read_idx),
    ("IDX in gzip, 250 MiB of zeros", file(lambda: zeros_in_gzip(idx(1000), 250)), tn.data.read_idx),
    ("IDX in gzip, 200 MiB", file(lambda: zeros_in_gzip(idx(200 * MILLION), 200)), tn.data.read_idx),
    ("zeros in gzip, 250 MiB", file(lambda: zeros_in_gzip(b"", 250)), tn.data.read_idx),
    ("gzip in gzip in gzip", file(lambda: gzip.compress(gzip.compress(zeros_in_gzip(b"", 200)))), tn.data.read_idx),
    ("gzip of 250,000 empty parts", file(lambda: gzip.compress(b"") * 250_000), tn.data.read_idx),
    ("gzip with a name of 100 MiB", file(lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"x" * 100 * MILLION),
     tn.data.read_idx),
    ("gzip, then 100 MiB of zeros", file(lambda: gzip.compress(idx(1, content=b"x")) + bytes(100 * MILLION)),
     tn.data.read_idx),
    ("a file of a terabyte of holes", holes, tn.data.read_idx),
    ("a pipe", pipe, tn.data.read_idx),
    ("a device without an end", link("/dev/zero"), tn.data.read_idx),
    ("a link to itself", link("hostile"), missing),
    ("a pipe for CIFAR-10", pipe, read_cifar10),
    ("a pipe for EMNIST", pipe, read_emnist),
    ("tar of 300,000 empty members", file(lambda: repeated_in_gzip(tar_header(), 300_000)), read_cifar10),
    ("tar of 600,000 empty members", file(lambda: repeated_in_gzip(tar_header(), 600_000)), read_cifar10),
    ("tar with a name of 200 MiB", file(lambda: large_extension(b"L")), read_cifar10),
    ("tar with attributes of 200 MiB", file(lambda: large_extension(b"x")), read_cifar10),
    *((f"tar with 100,000 headers of type {kind}", file(lambda kind=kind: repeated_in_gzip(
        tar_header(kind=kind.encode()), 100_000)), read_cifar10) for kind in "xgLK"),
    ("tar with a sparse member", file(lambda: tar_header(kind=b"S")), read_cifar10),
    ("tar member of 8 GiB", file(lambda: tar_header(size=8**11 - 1)), read_cifar10),
    ("tar in damaged xz", file(lambda: tar_of("data_batch_1", bytes(1000), "w:xz")[:-30] + bytes(30)), read_cifar10),
    ("tar in bzip2", file(lambda: tar_of("data_batch_1", bytes(MILLION), "w:bz2")), read_cifar10),
    *((f"pickle: {name}", batch(content), read_cifar10) for name, content in PICKLES.items()),
    ("zip with a member of 250 MiB", file(lambda: zip_of({MEMBERS[0]: bytes(250 * MILLION)})), read_emnist),
    ("zip with 4 members of 100 MiB", file(lambda: zip_of(dict.fromkeys(MEMBERS, bytes(100 * MILLION)))), read_emnist),
    ("zip with 4 members of 25 MiB", file(lambda: zip_of(dict.fromkeys(MEMBERS, bytes(25 * MILLION)))), read_emnist),
    ("zip of gzip of 250 MiB", file(lambda: zip_of(dict.fromkeys(MEMBERS, zeros_in_gzip(idx(1000, 28, 28), 250)))),
     read_emnist),
    ("zip, a directory of 65,535 times one file", file(lambda: directory_of(65_535)), read_emnist),
    ("zip with members of 4 GiB that claim little", file(lambda: claiming(1000, 4000)), read_emnist),
    ("zip, a directory of 500,000 files", file(lambda: directory_of(500_000)), read_emnist),
    ("zip in LZMA", file(lambda: zip_of(dict.fromkeys(MEMBERS, bytes(MILLION)), zipfile.ZIP_LZMA)), read_emnist),
    *((f"pictures: {name}", write, tn.data.from_folder) for name, write in PICTURES.items()),
    ("tfds: lists in lists, 500,000 deep", prepared(b"[" * 500_000), use_tfds),
    ("cache: lists in lists, 4,000 deep", copies(b"[" * 4000), load_arrays),
]  # fmt: skip
