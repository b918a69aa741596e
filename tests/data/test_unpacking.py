"""gzip, tar and zip in memory: what Python's modules write is read; what is damaged, huge or strange is DataError."""

import gzip
import io
import itertools
import os
import pickle
import struct
import tarfile
import time
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

import tinynet as tn
from tinynet.data.archives import CIFAR_BATCHES, EMNIST_FILES, parse_cifar10, parse_emnist, read_cifar10, read_emnist
from tinynet.data.idx import format_idx, parse_idx
from tinynet.data.unpacking import damage, gunzip, gunzip_start, untar, unzip

RNG = np.random.default_rng(0)
CONTENT = bytes(RNG.integers(0, 4, 40_000).astype("uint8"))
DAMAGE = (ValueError, zlib.error, struct.error)


def tar(members, form=tarfile.GNU_FORMAT, mode="w"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode, format=form) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def packed_zip(members, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


# What Python's own modules write --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"x", CONTENT, bytes(10**6)], ids=len)
@pytest.mark.parametrize("level", [0, 1, 9])
def test_gzip_is_read(content, level):
    packed = gzip.compress(content, level)
    assert gunzip(packed, len(content)) == content
    assert gunzip(memoryview(packed), 10**9) == content
    assert gunzip_start(packed, 10) == content[:10]
    if content:
        with pytest.raises(ValueError, match="it holds more than"):
            gunzip(packed, len(content) - 1)


def test_a_gzip_file_may_have_a_name_several_parts_and_zeros_at_its_end():
    file = io.BytesIO()
    with gzip.GzipFile("a name", "wb", fileobj=file) as stream:
        stream.write(CONTENT)
    assert gunzip(file.getvalue(), 10**6) == CONTENT
    parts = b"".join(gzip.compress(CONTENT[start : start + 1000]) for start in range(0, len(CONTENT), 1000))
    assert gunzip(parts, 10**6) == gzip.decompress(parts) == CONTENT
    assert gunzip(parts + bytes(20_000), 10**6) == gzip.decompress(parts + bytes(20_000)) == CONTENT
    with pytest.raises(DAMAGE):
        gunzip(parts + b"!", 10**6)


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_tar_is_read(form):
    members = {"folder/a": CONTENT, "b": b"", "x/y/c.bin": b"c" * 512, "other": b"!"}
    assert untar(tar(members, form), ["a", "b", "c.bin"]) == {"a": CONTENT, "b": b"", "c.bin": b"c" * 512}
    assert untar(tar(members, form).rstrip(b"\0"), ["other"]) == {"other": b"!"}  # without the blocks at the end


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_zip_is_read(method):
    content = packed_zip({"folder/a": CONTENT, "b": b"", "other": b"!"}, method)
    for each in (content, content[:-2] + b"\x09\0a comment"):
        assert unzip(each, ["folder/a", "b"], 10**6) == {"folder/a": CONTENT, "b": b""}
    with pytest.raises(ValueError, match="too many bytes"):
        unzip(content, ["folder/a", "b"], len(CONTENT) - 1)
    with pytest.raises(ValueError, match="it does not hold c"):
        unzip(content, ["c"], 10**6)


# Every cut and every bit ----------------------------------------------------------------------------------------------


def cifar(kind):
    rows = [np.full((1, 3073), number, "u1") for number in range(6)]
    names = [name for names in CIFAR_BATCHES.values() for name in names]
    if kind == "binary":
        return tar({f"b/{name}.bin": row.tobytes() for name, row in zip(names, rows)}, mode="w:gz")
    batches = [pickle.dumps({b"data": row[:, 1:], b"labels": [int(row[0, 0])]}, 2) for row in rows]
    return tar({f"b/{name}": batch for name, batch in zip(names, batches)}, mode="w:gz")


def emnist():
    pictures, labels = np.arange(8, dtype="u1").reshape(2, 2, 2), np.array([1, 2], "u1")
    names = [name for names in EMNIST_FILES.values() for name in names]
    arrays = [pictures, labels, pictures, labels]
    return packed_zip({name: gzip.compress(format_idx(array)) for name, array in zip(names, arrays)})


FILES = {
    "an IDX file in gzip": (gzip.compress(format_idx(np.arange(24, dtype="u1").reshape(2, 3, 4))), parse_idx),
    "CIFAR-10, binary": (cifar("binary"), parse_cifar10),
    "CIFAR-10, pickles": (cifar("pickles"), parse_cifar10),
    "EMNIST": (emnist(), parse_emnist),
}


def flattened(found):
    """The bytes and shapes of what a reader returned."""
    arrays = [found] if isinstance(found, np.ndarray) else [each for split in found.values() for each in split]
    return [(array.dtype, array.shape, array.tobytes()) for array in arrays]


def damaged(content):
    """Every beginning of `content`, and `content` with each of its bits flipped."""
    yield from (content[:length] for length in range(len(content)))
    for bit in range(8 * len(content)):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def check_that_it_is_equal_or_refused(name, every):
    content, read = FILES[name]
    right, equal, refused = flattened(read(content, "file")), 0, 0
    for each in itertools.islice(damaged(content), 0, None, every):
        try:
            assert flattened(read(each, "file")) == right
            equal += 1
        except tn.DataError:
            refused += 1
    assert refused > equal > 0


@pytest.mark.parametrize("name", FILES)
def test_a_cut_and_a_flipped_bit_changes_nothing_or_is_refused(name):
    check_that_it_is_equal_or_refused(name, 7)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_every_cut_and_every_flipped_bit_changes_nothing_or_is_refused(name):
    check_that_it_is_equal_or_refused(name, 1)


def test_a_cut_and_a_flipped_bit_of_a_plain_idx_file_are_refused_or_change_a_pixel():
    """IDX has no checksum. `load` compares the files of the catalog with theirs."""
    content = format_idx(np.arange(6, dtype="u1").reshape(2, 3))
    for each in damaged(content):
        try:
            assert parse_idx(each).nbytes == 6
            assert len(each) == len(content)
        except tn.DataError:
            continue


# Strange ones ---------------------------------------------------------------------------------------------------------


def header(name=b"a", size=b"00000000000", kind=b"0"):
    """A tar header with a right checksum."""
    block = bytearray(name.ljust(124, b"\0") + size.ljust(12, b"\0") + b" " * 20 + bytes(356))
    block[156:157] = kind
    block[148:156] = b"%06o\0 " % sum(block[:148] + b" " * 8 + block[156:])
    return bytes(block)


TARS = {
    "empty members": header() * 2000,
    "a negative size": header(size=b"-0000001000"),
    "a size of terabytes": header(size=b"77777777777"),
    "a size in base 256": header(size=b"\x80" + b"\xff" * 10),
    "half a header": header()[:300],
    "a wrong checksum": header().replace(b"a", b"b", 1),
    "text": b"<html>" * 1000,
}


@pytest.mark.parametrize("name", TARS)
def test_strange_tar_archives_are_refused(name):
    with pytest.raises(ValueError, match="more than 1,024 members|too early|checksum|number in a header"):
        untar(TARS[name], ["a"])


def test_links_and_long_names_of_a_tar_archive_are_passed_over():
    links = b"".join(header(kind=kind) for kind in (b"1", b"2", b"3", b"4", b"5", b"6", b"x", b"g", b"L", b"S"))
    assert untar(links + header(b"b", b"%011o" % 3) + b"abc".ljust(512, b"\0"), ["a", "b"]) == {"b": b"abc"}


GOOD = packed_zip({"a": CONTENT})
DIRECTORY = GOOD.index(b"PK\1\2")
ZIPS = {
    "encrypted": GOOD[: DIRECTORY + 8] + b"\x01" + GOOD[DIRECTORY + 9 :],
    "a method that is unknown": GOOD[: DIRECTORY + 10] + b"\x63" + GOOD[DIRECTORY + 11 :],
    "bzip2": packed_zip({"a": CONTENT}, zipfile.ZIP_BZIP2),
    "LZMA": packed_zip({"a": CONTENT}, zipfile.ZIP_LZMA),
    "a size of gigabytes": GOOD[: DIRECTORY + 24] + b"\xff" * 4 + GOOD[DIRECTORY + 28 :],
    "a place far away": GOOD[: DIRECTORY + 42] + b"\xff" * 4 + GOOD[DIRECTORY + 46 :],
    "more entries than there are": GOOD[:-12] + b"\xff\xff" + GOOD[-10:],
    "a directory far away": GOOD[:-6] + b"\xff" * 4 + GOOD[-2:],
    "no directory": GOOD[:DIRECTORY],
    "nothing": b"",
}


@pytest.mark.parametrize("name", ZIPS)
def test_strange_zip_archives_are_refused(name):
    with pytest.raises(DAMAGE):
        unzip(ZIPS[name], ["a"], 10**6)


@pytest.mark.parametrize("error", [EOFError, MemoryError, OverflowError, RecursionError, UnicodeError, OSError])
def test_whatever_a_parser_raises_becomes_the_documented_error(error):
    with pytest.raises(tn.DataError, match="file: expected IDX, got a damaged one .*; (fetch it|close other programs)"):  # noqa: SIM117
        with damage("file", "IDX", "fetch it"):
            raise error
    with pytest.raises(KeyboardInterrupt), damage("file", "IDX", "fetch it"):
        raise KeyboardInterrupt


def test_a_cause_that_could_command_a_terminal_is_not_printed():
    causes = []
    for text in ("harmless", "\x1b[2J"):
        with pytest.raises(tn.DataError) as caught, damage("file", "IDX", "fetch it"):
            raise ValueError(text)
        causes.append(caught.value.__cause__)
    assert (str(causes[0]), causes[1]) == ("harmless", None)


# Memory and time ------------------------------------------------------------------------------------------------------


def test_a_small_file_takes_as_much_memory_as_its_header_says():
    bomb = gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 1000) + bytes(5_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(tn.DataError, match="it holds more than 1,008 bytes"):
            parse_idx(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2**18
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "content", [gzip.compress(b"") * 200_000, gzip.compress(b"\0") * 100_000], ids=["empty", "one"]
)
def test_millions_of_parts_are_given_up_soon(content):
    began = time.process_time()
    with pytest.raises(ValueError, match="more than 32,768 parts"):
        gunzip(content, 10**9)
    assert time.process_time() - began < 5


def test_archives_are_read_from_files(tmp_path):
    for name, read in (("CIFAR-10, binary", read_cifar10), ("EMNIST", read_emnist)):
        (tmp_path / "file").write_bytes(FILES[name][0])
        assert flattened(read(tmp_path / "file")) == flattened(FILES[name][1](FILES[name][0], "file"))
        if hasattr(os, "mkfifo"):
            os.mkfifo(tmp_path / "pipe")
            with pytest.raises(tn.DataError, match="pipe: expected a regular file, got a pipe"):
                read(tmp_path / "pipe")
            (tmp_path / "pipe").unlink()
        with pytest.raises(tn.DataError, match="expected a regular file, got a folder"):
            read(tmp_path)
