"""A lock file never empties another file, whatever stands in its place."""

import os

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import python
from tests.support.models import small_model
from tests.versions import floors
from tinynet.backend.locks import file_lock
from tinynet.data import download as downloads
from tinynet.data.catalog import File

filelock = pytest.importorskip("filelock")
X = np.zeros((8, 20), "float32")


def links_to(folder, name):
    """A file with content, and a link to it called `name`."""
    victim = folder / "victim"
    victim.write_text("precious")
    (folder / name).symlink_to(victim)
    return victim


def train(folder):
    return tn.fit(small_model(), (X, np.arange(8) % 4), epochs=1, checkpoint=folder, progress=False)


def download(folder):
    return downloads.fetch(File("a.gz", 1, "0" * 64), (), folder)


@pytest.mark.parametrize(("use", "name"), [(train, ".lock"), (download, "a.gz.lock")])
def test_a_link_in_the_place_of_a_lock_is_refused_and_its_target_is_whole(use, name, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "WAITS", (0,))
    pytest.importorskip("safetensors")
    victim = links_to(tmp_path, name)
    with pytest.raises(
        tn.DataError, match=f"{name}: expected a regular file, got something else, such as a link or a folder; remove"
    ):
        use(tmp_path)
    assert victim.read_text() == "precious"
    (tmp_path / name).unlink()  # as the message says
    if use is train:
        assert len(train(tmp_path)) == 1
    else:
        with pytest.raises(tn.DataNotFoundError, match="a.gz: expected to download it"):
            download(tmp_path)
    assert victim.read_text() == "precious"


def test_a_folder_in_the_place_of_a_lock_is_refused(tmp_path):
    (tmp_path / "lock").mkdir()
    with pytest.raises(tn.DataError, match="lock: expected a regular file, got something else"):
        file_lock(tmp_path / "lock", "this test needs")


def test_a_link_that_is_made_after_the_check_is_refused_by_filelock(tmp_path):
    """By the installed version; setup.cfg asks for one that does."""
    lock = file_lock(tmp_path / "lock", "this test needs", timeout=0)
    victim = links_to(tmp_path, "lock")
    with pytest.raises(OSError, match=r"lock"):
        lock.acquire()
    assert victim.read_text() == "precious"


def test_the_lowest_version_is_one_that_refuses_links():
    """3.20.1 was the first (CVE-2025-68146); 3.20.3 also closes the gap of SoftFileLock (CVE-2026-22701)."""
    for extra in ("data", "files"):
        assert tuple(map(int, floors(extra)["filelock"].split("."))) >= (3, 20, 3)


def test_a_missing_filelock_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "filelock", None)
    for use, who in ((train, "checkpoints need"), (lambda folder: file_lock(folder / "a", "downloading needs"), "")):
        with pytest.raises(ImportError, match=rf"{who} filelock .*; install it with: pip install filelock"):
            use(tmp_path / "new")
    assert not os.listdir(tmp_path)


def test_one_process_holds_the_lock_at_a_time(tmp_path):
    ask = "import signal; signal.alarm(20) if hasattr(signal, 'alarm') else None  # whoever waits is ended"
    ask += f"\nfrom tinynet.backend.locks import file_lock\nfile_lock({str(tmp_path / 'lock')!r}, '', 0.01).acquire()"
    with file_lock(tmp_path / "lock", "this test needs"):
        assert "could not be acquired" in python("-c", ask).stderr
    file_lock(tmp_path / "lock", "this test needs", 0).acquire()
