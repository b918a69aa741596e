"""Download a file into the cache from several mirrors, in bounded time, with its checksum checked."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tinynet.backend.locks import file_lock
from tinynet.backend.terminal import FAILURES, is_terminal
from tinynet.data.catalog import File
from tinynet.data.transfer import transfer
from tinynet.errors import DataNotFoundError, mismatch

WAITS = (0, 0.5, 2)  # seconds to wait before each round of attempts
LOCK_SECONDS = 900  # the longest time to wait for another process that downloads the same file


def cache_folder() -> Path:
    """The folder for downloads: $TINYNET_CACHE, or tinynet's folder in the system's cache.

    Raises DataNotFoundError, a DataError, for a user without a home directory.
    """
    if os.environ.get("TINYNET_CACHE"):
        return Path(os.environ["TINYNET_CACHE"])
    if sys.platform == "darwin":
        return home_folder("TINYNET_CACHE") / "Library" / "Caches" / "tinynet"
    local = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME")
    usual = "AppData/Local" if sys.platform == "win32" else ".cache"
    return (Path(local) if local else home_folder("TINYNET_CACHE") / usual) / "tinynet"


def home_folder(variable: str) -> Path:
    """The user's home directory. DataNotFoundError if there is none; `variable` then names a folder in its place."""
    try:
        return Path.home()
    except RuntimeError as error:
        remedy = f"set {variable} to a folder that you can write to"
        raise DataNotFoundError(mismatch("cache", "a home directory", "none", remedy)) from error


def fetch(file: File, mirrors: Sequence[str], folder: Path) -> Path:
    """The path of `file` in `folder`. Downloads it if it is not there.

    Tries each mirror up to three times, with growing pauses; a transfer that was cut or too slow (transfer.py) starts
    again. The bytes go to a temporary file, which is renamed when its length and SHA-256 are right. A second process
    waits for the first one's download. Raises DataNotFoundError with the answer of each mirror.
    """
    path = folder / file.name
    answers: dict[str, str] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file_lock(f"{path}.lock", "downloading needs", LOCK_SECONDS):
            for wait in WAITS:
                time.sleep(wait)
                for mirror in mirrors:
                    if path.is_file():  # downloaded by the process that held the lock before
                        return path
                    try:
                        return _retrieve(f"{mirror}/{file.name}", file, folder)
                    except Exception as error:  # the next mirror may work; all errors are reported below
                        answers[mirror] = _reason(error)
                if answers and not any(map(_may_pass, answers.values())):
                    break
    except (OSError, ImportError, TimeoutError) as error:
        answers[str(folder)] = _reason(error)
    raise DataNotFoundError(
        f"{file.name}: expected to download it, got:\n  "
        + "\n  ".join(f"{mirror}: {answer}" for mirror, answer in answers.items())
        + f"\nput the file into {folder}, or give its folder with --data (data=...) or TINYNET_DATA"
    )


def _retrieve(url: str, file: File, folder: Path) -> Path:
    """Download with pooch, which checks a temporary file and then renames it."""
    try:
        import pooch
    except ImportError as error:
        raise ImportError("downloading needs pooch: pip install pooch") from error
    pooch.get_logger().setLevel("ERROR")

    def downloader(address: str, output: str, _: Any) -> None:
        with open(output, "wb") as target, _progress(file.length, address) as update:
            transfer(address, target, file.length, update)

    return Path(pooch.retrieve(url, f"sha256:{file.sha256}", fname=file.name, path=folder, downloader=downloader))


@contextlib.contextmanager
def _progress(length: int, address: str) -> Iterator[Callable[[int], object]]:
    """A function to call with each number of received bytes. Draws a bar on a terminal."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda count: None
        return
    name, hidden = address.rpartition("/")[2], not is_terminal(sys.stderr)
    bar = tqdm(total=length, desc=name, unit="B", unit_scale=True, disable=hidden)

    def update(count: int) -> None:
        with contextlib.suppress(*FAILURES):  # of standard error
            bar.update(count)

    try:
        yield update
    finally:
        with contextlib.suppress(*FAILURES):
            bar.close()


def _reason(error: Exception) -> str:
    """The error of a download in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _may_pass(answer: str) -> bool:
    """Whether to try again: not if the server refuses, the bytes are other ones, or a package is missing."""
    return not answer.startswith(("HTTPError: 4", "ValueError", "ImportError"))
