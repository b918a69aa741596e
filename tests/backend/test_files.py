"""A file is written completely or not at all: if a write fails, the previous file stays, and no part of the new one."""

import errno
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
import threading

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import ROOT, python
from tests.support.failing_disk import FailingDisk
from tinynet.backend.files import open_regular, read_regular, write_atomically

pytest.importorskip("safetensors", reason="models are files of safetensors, which is not installed")
pytest.importorskip("filelock", reason="checkpoints need filelock, which is not installed")

posix = pytest.mark.skipif(os.name != "posix", reason="a matter of Unix")
MOST = 20  # more than the number of operations of one save


def save_model(folder):
    tn.Sequential(tn.Dense(3, 2), seed=len(os.listdir(folder))).save(folder / "file")


def save_history(folder):
    tn.History([{"epoch": 1.0, "running_loss": float(len(os.listdir(folder)))}]).to_csv(folder / "file")


@pytest.mark.parametrize("dead", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC], ids=errno.errorcode.get)
@pytest.mark.parametrize("save", [save_model, save_history])
def test_whichever_operation_fails_the_file_before_is_whole(save, number, dead, tmp_path, monkeypatch):
    save(tmp_path)
    before = (tmp_path / "file").read_bytes()
    for at in range(1, MOST):
        with monkeypatch.context() as patched:
            disk = FailingDisk(patched, at, number, dead)
            told = None
            try:
                save(tmp_path)
            except tn.SaveError as error:
                told = error
        if told is None:
            break
        assert told.errno == number
        assert f"file could not be saved ({os.strerror(number)}); what was there before is untouched" in str(told)
        assert (tmp_path / "file").read_bytes() == before
        assert os.listdir(tmp_path) == ["file"]
    operations = ["create_beside", "fdopen", "chmod", "write", "flush", "fsync", "close", "replace"]
    assert disk.asked == operations  # each has failed
    assert (tmp_path / "file").read_bytes() != before


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot open folders")
def test_the_content_is_on_the_disk_before_the_new_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    """What a power cut finds: only the order of the calls tells, since no test can cut the power."""
    seen, flush, rename = [], os.fsync, os.replace

    def fsync(descriptor):
        about = os.fstat(descriptor)
        seen.append(("flush", "folder" if stat.S_ISDIR(about.st_mode) else "file", about.st_ino, about.st_size))
        flush(descriptor)

    def replace(temporary, target):
        seen.append(("rename", os.stat(temporary).st_ino))
        rename(temporary, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_atomically(tmp_path / "file", b"content")
    file, folder = os.stat(tmp_path / "file"), os.stat(tmp_path)
    assert seen[:2] == [("flush", "file", file.st_ino, 7), ("rename", file.st_ino)]
    assert [entry[:3] for entry in seen[2:]] == [("flush", "folder", folder.st_ino)]
    monkeypatch.chdir(tmp_path)
    write_atomically("other", b"content")
    assert [entry[:3] for entry in seen[5:]] == [("flush", "folder", folder.st_ino)]


def test_a_folder_that_cannot_be_flushed_is_no_error(tmp_path, monkeypatch):
    opened = os.open

    def refusing(path, flags, *mode):
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "as on Windows")
        return opened(path, flags, *mode)

    monkeypatch.setattr(os, "open", refusing)
    write_atomically(tmp_path / "file", b"content")
    assert (tmp_path / "file").read_bytes() == b"content"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_what_was_never_a_file_is_not_called_untouched():
    with pytest.raises(tn.SaveError) as told:
        write_atomically("/dev/full", b"content")
    reason = os.strerror(errno.ENOSPC)
    expected = f"/dev/full could not be saved ({reason}): free some space, or name another folder"
    assert str(told.value).endswith(expected)


def test_the_first_error_is_told_even_if_nothing_can_be_cleared_away(tmp_path, monkeypatch):
    def dead(*_):
        raise OSError(errno.EIO, "the disk is gone")

    def gone(*_):
        raise OSError(errno.EROFS, "read-only by now")

    monkeypatch.setattr(os, "replace", dead)
    monkeypatch.setattr(os, "unlink", gone)
    with pytest.raises(tn.SaveError, match="the disk is gone") as told:
        write_atomically(tmp_path / "file", b"content")
    assert told.value.errno == errno.EIO


@posix
def test_the_new_content_of_a_private_file_is_never_readable_by_others(tmp_path, monkeypatch):
    made, opened = [], os.open

    def noting(path, flags, *mode):
        descriptor = opened(path, flags, *mode)
        if flags & os.O_CREAT:
            made.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        return descriptor

    write_atomically(tmp_path / "file", b"old")
    os.chmod(tmp_path / "file", 0o600)
    monkeypatch.setattr(os, "open", noting)
    write_atomically(tmp_path / "file", b"secret")
    assert made == [0o600]
    assert stat.S_IMODE(os.stat(tmp_path / "file").st_mode) == 0o600


def test_ctrl_c_while_a_file_is_written_leaves_nothing_beside(tmp_path, monkeypatch):
    save_model(tmp_path)

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_model(tmp_path)
    assert os.listdir(tmp_path) == ["file"]


LIMITED = """
import resource, sys, warnings, numpy as np, tinynet as tn
small, large = tn.Sequential(tn.Dense(3, 2)), tn.Sequential(tn.Dense(300, 200))
small.save(sys.argv[1])
before = open(sys.argv[1], "rb").read()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))  # longer writes fail half-way
try:
    large.save(sys.argv[1])
except tn.SaveError as error:
    print(error)
assert open(sys.argv[1], "rb").read() == before
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    data = np.zeros((20, 300), "float32"), np.arange(20) % 200
    tn.fit(large, data, epochs=1, checkpoint=sys.argv[2], progress=False)
print(told[0].message)
"""


def test_a_file_that_the_system_cuts_off_is_told(tmp_path):
    """Without a patch: the kernel refuses the write."""
    pytest.importorskip("resource", reason="limits of the file size are a matter of Unix")
    paths = [tmp_path / "model", tmp_path / "run"]
    done = python("-c", LIMITED, *paths)
    assert done.returncode == 0, done.stderr
    model, run = done.stdout.splitlines()
    assert "model could not be saved (File too large); what was there before is untouched" in model
    assert "(File too large); what was there before is untouched" in run
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["model"]
    assert not list((tmp_path / "run").glob("*.safetensors"))
    assert np.isfinite(tn.load(paths[0]).theta).all()


def test_a_disk_that_is_really_full():
    """Mounts a file system of one MiB, as root or in a user namespace, where that is allowed."""
    done = python(ROOT / "tests/stress/full_disk.py", "--step", 40000)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 wrong" in done.stdout


def test_a_missing_folder_is_named_and_the_advice_works(tmp_path):
    path = tmp_path / "missing" / "model"
    with pytest.raises(tn.SaveError, match="create the folder .*missing first"):
        write_atomically(path, b"x")
    path.parent.mkdir()
    write_atomically(path, b"x")
    assert path.read_bytes() == b"x"


# What a path can be ------------------------------------------------------------------------------------------------


def through_a_link(folder):
    os.symlink("real", folder / "file")
    return folder / "real"


def through_two_links(folder):
    (folder / "inner").mkdir()
    os.symlink("inner/second", folder / "file")
    os.symlink("../real", folder / "inner/second")
    return folder / "real"


@posix
@pytest.mark.parametrize("existing", [True, False], ids=["a file", "no file yet"])
@pytest.mark.parametrize("link", [through_a_link, through_two_links])
def test_a_symbolic_link_stays_and_its_target_is_written(link, existing, tmp_path):
    target = link(tmp_path)
    if existing:
        target.write_bytes(b"old")
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").is_symlink()
    assert not target.is_symlink()
    assert target.read_bytes() == b"new"
    assert not list(tmp_path.rglob("*.part"))


@posix
def test_links_that_lead_nowhere_are_refused_and_the_advice_works(tmp_path):
    path = tmp_path / "file"
    os.symlink("file", path)
    with pytest.raises(tn.SaveError, match="remove the link"):
        write_atomically(path, b"new")
    path.unlink()
    os.symlink("missing/real", path)
    with pytest.raises(tn.SaveError, match=f"create the folder {tmp_path}/missing first"):
        write_atomically(path, b"new")
    (tmp_path / "missing").mkdir()
    write_atomically(path, b"new")
    assert (tmp_path / "missing/real").read_bytes() == b"new"


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755, 0o2660])
def test_a_file_keeps_its_permissions(mode, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomically(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"new"


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_that_open_gives(umask, tmp_path):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "file", b"new")
        (tmp_path / "opened").write_bytes(b"new")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "opened").stat().st_mode


@posix
@pytest.mark.skipif(getattr(os, "geteuid", lambda: 1)() != 0, reason="only root may give files away")
def test_a_file_keeps_its_owner_and_group(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 54321, 54322)
    path.chmod(0o4750)  # a change of the owner clears the first bit
    write_atomically(path, b"new")
    status = path.stat()
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (54321, 54322, 0o4750)


@posix
def test_other_names_of_a_file_keep_the_old_content(tmp_path):
    """So a copy made of hard links is a backup. docs/reliability.md says so."""
    (tmp_path / "file").write_bytes(b"old")
    os.link(tmp_path / "file", tmp_path / "backup")
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "backup").read_bytes() == b"old"
    assert (tmp_path / "file").read_bytes() == b"new"


AS_A_USER = """
import os, sys, pathlib
from tinynet.backend.files import write_atomically
from tinynet.errors import SaveError
folder = pathlib.Path(sys.argv[1])
if os.geteuid() == 0:
    os.chown(folder, 54321, 54321)
    os.setuid(54321)
(folder / "locked").mkdir()
for path, change in ((folder / "file", folder / "file"), (folder / "locked" / "file", folder / "locked")):
    path.write_bytes(b"old")
    mode = change.stat().st_mode
    change.chmod(mode & ~0o222)
    try:
        write_atomically(path, b"new")
    except SaveError as error:
        print(error)
    assert path.read_bytes() == b"old"
    change.chmod(mode)
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
"""


@posix
def test_a_file_or_folder_that_is_read_only_is_refused_and_the_advice_works():
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders belong to one user
        done = python("-c", AS_A_USER, folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "(Permission denied); what was there before is untouched: make the file and its folder writable" in line


@posix
def test_pipes_and_devices_are_written_and_stay(tmp_path):
    """Never with /dev/null: for root, a fault in the code would replace it for the whole machine."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_atomically(pipe, b"new")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    reader.join()
    assert read == [b"new"]
    master, slave = os.openpty()
    os.symlink(os.ttyname(slave), tmp_path / "terminal")
    write_atomically(tmp_path / "terminal", b"new")
    assert os.read(master, 10) == b"new"
    os.close(master)
    os.close(slave)


@posix
def test_a_table_can_go_to_standard_output_even_where_that_is_a_file(tmp_path):
    program = "import tinynet as tn; tn.History([{'epoch': 1}]).to_csv('/dev/fd/1')"
    with open(tmp_path / "out", "wb") as out:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True, env=environment)
        assert os.fstat(out.fileno()).st_size  # the file that was open, and not another of its name
    assert (tmp_path / "out").read_text().split() == ["epoch", "1"]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="Linux lists open files there")
def test_an_open_file_is_written_and_not_another_of_its_name(tmp_path):
    with open(tmp_path / "out", "wb") as out:
        write_atomically(f"/proc/self/fd/{out.fileno()}", b"new")
        assert os.fstat(out.fileno()).st_size == 3


@pytest.mark.parametrize("path", ["folder", "folder/", "new/", ".", "..", "folder/."])
def test_a_folder_is_refused_and_the_advice_works(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(tn.SaveError, match="name a file in that folder"):
        write_atomically(path, b"new")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
    (tmp_path / path).mkdir(exist_ok=True)
    write_atomically(os.path.join(path, "file"), b"new")
    assert (tmp_path / path / "file").read_bytes() == b"new"


@pytest.mark.parametrize(
    "name",
    ["n" * 255, "ä" * 127, "\U0001f600" * 63, "a.", "a..", " a ", "...", "-", "a\nb", "a.part", b"bytes", "x" * 201],
    ids=repr,
)
@posix
def test_every_name_that_open_takes(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if not str(name).isascii() and sys.getfilesystemencoding() == "ascii":
        pytest.skip("`open` takes no such name here")
    for content in (b"old", b"new"):
        write_atomically(name, content)
        with open(name, "rb") as file:
            assert file.read() == content
    assert [os.fsencode(each) for each in os.listdir()] == [os.fsencode(name)]


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("n" * 300, "name a shorter file"), ("a\0b", "name another file"), ("", "create the folder"),
     ("file/x", "name a file in a folder")],
)  # fmt: skip
def test_names_that_open_refuses_are_refused(name, remedy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(tn.SaveError, match=remedy):
        write_atomically(name, b"new")
    assert os.listdir() == ["file"]


@posix
def test_threads_that_save_at_once_leave_whole_files_and_the_umask():
    """Reading the umask by changing it gave files that all may write, and now and then the umask itself was lost."""
    program = """
import os, sys, threading
from tinynet.backend.files import write_atomically
os.umask(0o027)
sys.setswitchinterval(1e-6)
def save(number):
    for turn in range(100):
        write_atomically(f"own-{number}-{turn}", b"")
        write_atomically("shared", bytes([number]) * 5000)
threads = [threading.Thread(target=save, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
content = open("shared", "rb").read()
assert len(content) == 5000 and len(set(content)) == 1
modes = {os.stat(name).st_mode & 0o777 for name in os.listdir()}
assert modes == {0o640}, [oct(mode) for mode in modes]
assert os.umask(0) == 0o027
assert len(os.listdir()) == 801
"""
    with tempfile.TemporaryDirectory() as folder:
        done = python("-c", program, folder=folder)
    assert done.returncode == 0, done.stderr


# What is read --------------------------------------------------------------------------------------------------------


def make_pipe(path):
    os.mkfifo(path)


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(os.path.relpath(path))  # the address of a socket is short


NOT_REGULAR = {
    "a folder": (lambda path: path.mkdir(), "got a folder; name a file in it"),
    "a pipe": (make_pipe, "got a pipe; write what comes out of it to a file, and name that"),
    "a socket": (make_socket, "got a socket; write what comes out of it to a file"),
    "/dev/zero": (lambda path: path.symlink_to("/dev/zero"), "got a device; copy its content to a file"),
    "a terminal": (lambda path: path.symlink_to("/dev/tty"), "got a device; copy its content to a file"),
}


@posix
@pytest.mark.parametrize("linked", [False, True], ids=["itself", "behind a link"])
@pytest.mark.parametrize("kind", NOT_REGULAR)
def test_only_a_regular_file_is_read_and_nothing_is_waited_for(kind, linked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, message = NOT_REGULAR[kind]
    make(tmp_path / "real")
    if linked:
        (tmp_path / "file").symlink_to("real")
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    for read in (open_regular, read_regular):
        with pytest.raises(tn.DataError, match=message):
            read(tmp_path / ("file" if linked else "real"))
    assert before == (os.listdir("/proc/self/fd") if before else [])  # nothing stays open


@posix
@pytest.mark.parametrize("kind", ["a folder", "a pipe", "/dev/zero"])
def test_the_advice_for_what_is_no_file_works(kind, tmp_path):
    """Literally: `cat pipe > file`, and name that."""
    make, _ = NOT_REGULAR[kind]
    make(tmp_path / "it")
    copy = {"a folder": "echo content > it/copy", "a pipe": "(echo content > it &) ; cat it > copy",
            "/dev/zero": "head -c 10 it > copy"}  # fmt: skip
    subprocess.run(copy[kind], shell=True, check=True, cwd=tmp_path)
    assert read_regular(tmp_path / ("it/copy" if kind == "a folder" else "copy")) in (b"content\n", bytes(10))


@posix
def test_a_file_that_becomes_a_pipe_between_check_and_opening_is_refused(tmp_path, monkeypatch):
    """The one moment that no real program can hit at will."""
    path, stat_of = tmp_path / "file", os.stat
    path.write_bytes(b"content")

    def changed_after(name, **arguments):
        found = stat_of(name, **arguments)
        if name == str(path):
            path.unlink()
            os.mkfifo(path)
        return found

    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    monkeypatch.setattr(os, "stat", changed_after)
    with pytest.raises(tn.DataError, match="got a pipe"):
        open_regular(path)
    assert before == (os.listdir("/proc/self/fd") if before else [])  # nothing stays open


@posix
def test_what_open_says_of_a_name_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "dangling").symlink_to("missing")
    (tmp_path / "circle").symlink_to("circle")
    cases = [("missing", "ENOENT"), ("dangling", "ENOENT"), ("circle", "ELOOP"), ("file/x", "ENOTDIR"),
             ("n" * 300, "ENAMETOOLONG")]  # fmt: skip
    for name, number in cases:
        with pytest.raises(OSError, match=re.escape(name)) as told:
            open_regular(tmp_path / name)
        assert errno.errorcode[told.value.errno] == number
    with pytest.raises(tn.DataError, match=r"'a.x00b': expected the name of a file, got embedded null"):
        open_regular("a\0b")
    for wrong in (0, None, True):  # 0 is standard input
        with pytest.raises(TypeError, match="os.PathLike"):
            open_regular(wrong)


def test_a_regular_file_is_read_whole_or_refused_by_its_size(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link") == read_regular(os.fsencode(path)) == b"content"
    assert read_regular(path, most=7) == b"content"
    with pytest.raises(tn.DataError, match="at most 6 bytes, got 7; check which file this is"):
        read_regular(path, most=6)


def test_a_file_that_grows_is_not_followed(tmp_path, monkeypatch):
    """Whoever writes faster than it is read would never let it end."""
    path, fstat_of = tmp_path / "file", os.fstat
    path.write_bytes(b"content")

    def grown_after(descriptor):
        found = fstat_of(descriptor)
        with open(path, "ab") as file:
            file.write(b"more")
        return found

    monkeypatch.setattr(os, "fstat", grown_after)
    content = read_regular(path)
    monkeypatch.undo()
    assert content == path.read_bytes()[: len(content)]
    assert len(content) < path.stat().st_size


# Who writes ----------------------------------------------------------------------------------------------------------

# terminal.py writes to /dev/null; the others make new files only.
WRITERS = {"backend/files.py", "backend/terminal.py", "data/download.py", "data/store.py", "study/workers.py"}


def test_every_file_of_a_users_name_is_written_by_this_writer():
    """A lint: nothing else in the library opens a file to write, or hands a path to a function that does."""
    writing = re.compile(r"""open\([^)]*["'][wax]b?["']|\.write_(text|bytes)\(|\.savefig\(path|np\.save|\.tofile\(""")
    found = {
        path.relative_to(ROOT / "tinynet").as_posix()
        for path in (ROOT / "tinynet").rglob("*.py")
        if writing.search(path.read_text(encoding="utf-8"))
    }
    assert found <= WRITERS
