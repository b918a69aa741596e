"""A save is flushed to the disk before and after it is renamed, and its temporary file is new."""

import errno
import os
import stat

import pytest

from tinynet.backend.files import write_atomically

posix = pytest.mark.skipif(os.name != "posix", reason="a matter of Unix")


@posix
def test_the_content_is_on_the_disk_before_its_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    """A crash of the machine after a save must not lose it: both are flushed, in this order."""
    (tmp_path / "file").write_bytes(b"old")
    events, folder = [], os.stat(tmp_path).st_ino
    flush, rename = os.fsync, os.replace

    def fsync(descriptor):
        kind = os.fstat(descriptor)
        events.append("folder" if kind.st_ino == folder else kind.st_size)
        flush(descriptor)

    def replace(source, target):
        events.append("rename")
        rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_atomically(tmp_path / "file", b"content")
    assert events == [len(b"content"), "rename", "folder"]
    events.clear()
    monkeypatch.chdir(tmp_path)
    write_atomically("file", b"again")  # a name without a folder is one of the working directory
    assert events == [len(b"again"), "rename", "folder"]


@posix
def test_a_folder_that_cannot_be_flushed_is_no_error(tmp_path, monkeypatch):
    """The new content is there, under its name: some network file systems refuse to flush a folder."""
    flush = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"


@posix
def test_a_file_or_link_with_the_name_of_the_temporary_one_is_left_alone(tmp_path, monkeypatch):
    """Nobody can guess the name, and if somebody could, a planted link would not be followed."""
    numbers = iter([b"\x00\x00\x00\x00", b"\x00\x00\x00\x01", b"\x00\x00\x00\x02"])
    monkeypatch.setattr(os, "urandom", lambda count: next(numbers))
    (tmp_path / "victim").write_bytes(b"untouched")
    os.symlink("victim", tmp_path / ".file.00000000.part")
    (tmp_path / ".file.00000001.part").write_bytes(b"of another process")
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "victim").read_bytes() == b"untouched"
    assert (tmp_path / ".file.00000000.part").is_symlink()
    assert (tmp_path / ".file.00000001.part").read_bytes() == b"of another process"
    assert not (tmp_path / ".file.00000002.part").exists()
