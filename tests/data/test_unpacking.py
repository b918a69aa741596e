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
from tinynet.data.unpacking import MAX_MEMBERS, damage, gunzip, gunzip_start, untar, unzip

RNG = np.random.default_rng(0)
CONTENT = bytes(RNG.integers(0, 4, 40_000).astype("uint8"))
DAMAGE = (ValueError, OSError, EOFError, LookupError, RuntimeError, zlib.error, tarfile.TarError, zipfile.BadZipFile)
MOST = 10**6


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
    for mode in ("w", "w:gz"):
        file = io.BytesIO(tar(members, form, mode))
        assert untar(file, ["a", "b", "c.bin"], MOST) == {"a": CONTENT, "b": b"", "c.bin": b"c" * 512}
    without_end = tar(members, form).rstrip(b"\0").ljust(len(CONTENT) + 4096, b"\0")
    assert untar(io.BytesIO(without_end), ["other"], MOST) == {"other": b"!"}


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_zip_is_read(method):
    content = packed_zip({"folder/a": CONTENT, "b": b"", "other": b"!"}, method)
    for each in (content, content[:-2] + b"\x09\0a comment"):
        assert unzip(io.BytesIO(each), ["folder/a", "b"], MOST) == {"folder/a": CONTENT, "b": b""}
    with pytest.raises(ValueError, match="too many bytes"):
        unzip(io.BytesIO(content), ["folder/a", "b"], len(CONTENT) - 1)
    with pytest.raises(KeyError, match="no item named 'c'"):
        unzip(io.BytesIO(content), ["c"], MOST)


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


def read(name, content):
    """What the reader of this file of FILES returns for these bytes."""
    parse = FILES[name][1]
    return parse(content if parse is parse_idx else io.BytesIO(content), "file")


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
    content, _ = FILES[name]
    right, equal, refused = flattened(read(name, content)), 0, 0
    for each in itertools.islice(damaged(content), 0, None, every):
        try:
            assert flattened(read(name, each)) == right
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


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", TARS)
def test_strange_tar_archives_are_refused(name, pack):
    with pytest.raises(DAMAGE, match="more than 1,024 members|truncated|checksum|invalid|bytes|plain files"):
        untar(io.BytesIO(pack(TARS[name])), ["a"], MOST)


def test_a_tar_archive_has_a_limited_number_of_members():
    end = bytes(1024)
    assert untar(io.BytesIO(header() * MAX_MEMBERS + end), ["a"], MOST) == {"a": b""}
    with pytest.raises(ValueError, match="more than 1,024 members"):
        untar(io.BytesIO(header() * (MAX_MEMBERS + 1) + end), ["a"], MOST)


@pytest.mark.parametrize("kind", [b"L", b"K", b"S"])
def test_extensions_of_a_tar_archive_are_refused_before_they_are_read(kind):
    content = header(b"a", b"%011o" % 1024, kind) + b"9" * 1024 + header(b"b")
    with pytest.raises(ValueError, match="something else than plain files"):
        untar(io.BytesIO(content), ["a", "b"], MOST)


def test_links_and_pax_headers_of_a_tar_archive_are_passed_over():
    others = b"".join(header(kind=kind) for kind in (b"1", b"2", b"3", b"4", b"5", b"6"))
    for kind in (b"x", b"g", b"X"):
        others += header(b"a", b"%011o" % 600, kind) + b"20 path=elsewhere\n".ljust(1024, b"9")
    content = others + header(b"b", b"%011o" % 3) + b"abc".ljust(512, b"\0")
    assert untar(io.BytesIO(content), ["a", "b"], MOST) == {"b": b"abc"}


def test_a_tar_archive_is_read_to_its_end_and_no_further():
    content = tar({"a": CONTENT})
    assert untar(io.BytesIO(content), ["a"], len(content)) == {"a": CONTENT}
    for pack in (bytes, gzip.compress):
        with pytest.raises(ValueError, match="it holds more than"):
            untar(io.BytesIO(pack(content)), ["a"], len(content) - 1)
    damaged = bytearray(gzip.compress(content))
    damaged[-8] ^= 1
    with pytest.raises(OSError, match="CRC"):
        untar(io.BytesIO(damaged), ["a"], MOST)


GOOD = packed_zip({"a": CONTENT})
DIRECTORY = GOOD.index(b"PK\1\2")
ZIPS = {
    "encrypted": GOOD[: DIRECTORY + 8] + b"\x01" + GOOD[DIRECTORY + 9 :],
    "a method that is unknown": GOOD[: DIRECTORY + 10] + b"\x63" + GOOD[DIRECTORY + 11 :],
    "bzip2": packed_zip({"a": CONTENT}, zipfile.ZIP_BZIP2),
    "LZMA": packed_zip({"a": CONTENT}, zipfile.ZIP_LZMA),
    "a size of gigabytes": GOOD[: DIRECTORY + 24] + b"\xff" * 4 + GOOD[DIRECTORY + 28 :],
    "a place far away": GOOD[: DIRECTORY + 42] + b"\xff" * 4 + GOOD[DIRECTORY + 46 :],
    "another size": GOOD[: DIRECTORY + 24] + b"\1\0\0\0" + GOOD[DIRECTORY + 28 :],
    "a directory far away": GOOD[:-6] + b"\xff" * 4 + GOOD[-2:],
    "no directory": GOOD[:DIRECTORY],
    "nothing": b"",
}


@pytest.mark.parametrize("name", ZIPS)
def test_strange_zip_archives_are_refused(name):
    with pytest.raises(DAMAGE):
        unzip(io.BytesIO(ZIPS[name]), ["a"], MOST)


def test_the_members_of_a_zip_archive_share_a_limit():
    content = packed_zip({"a": bytes(600), "b": bytes(500)})
    assert unzip(io.BytesIO(content), ["a", "b"], 1100) == {"a": bytes(600), "b": bytes(500)}
    with pytest.raises(ValueError, match="b holds too many bytes"):
        unzip(io.BytesIO(content), ["a", "b"], 1099)


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


def test_a_zip_inflates_no_more_than_its_directory_says():
    content = packed_zip({"a": bytes(50_000_000)})
    at = content.index(b"PK\1\2") + 24
    content = content[:at] + struct.pack("<I", 1000) + content[at + 4 :]
    tracemalloc.start()
    try:
        with pytest.raises(zipfile.BadZipFile, match="Bad CRC"):
            unzip(io.BytesIO(content), ["a"], MOST)
        assert tracemalloc.get_traced_memory()[1] < 2**19
    finally:
        tracemalloc.stop()


def test_a_hundred_thousand_parts_take_seconds():
    began = time.process_time()
    assert gunzip(gzip.compress(b"") * 100_000 + gzip.compress(CONTENT), MOST) == CONTENT
    assert time.process_time() - began < 5


def test_archives_are_read_from_files(tmp_path):
    for name, read_path in (("CIFAR-10, binary", read_cifar10), ("EMNIST", read_emnist)):
        (tmp_path / "file").write_bytes(FILES[name][0])
        assert flattened(read_path(tmp_path / "file")) == flattened(read(name, FILES[name][0]))
        if hasattr(os, "mkfifo"):
            os.mkfifo(tmp_path / "pipe")
            with pytest.raises(tn.DataError, match="pipe: expected a regular file, got a pipe"):
                read_path(tmp_path / "pipe")
            (tmp_path / "pipe").unlink()
        with pytest.raises(tn.DataError, match="expected a regular file, got a folder"):
            read_path(tmp_path)
