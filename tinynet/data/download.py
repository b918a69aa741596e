"""Download a file into the cache from several mirrors, in bounded time, with its checksum checked."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from tinynet.backend.locks import file_lock
from tinynet.backend.terminal import FAILURES, is_terminal
from tinynet.data.catalog import File
from tinynet.errors import DataNotFoundError, mismatch

CONNECT_SECONDS = 5  # for each mirror: without a network the download fails soon
READ_SECONDS = 20  # the longest time without a byte
SLOWEST = 20_000  # bytes per second on average, after the first READ_SECONDS; a slower mirror is given up
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

    Tries each mirror up to three times, with growing pauses; an interrupted or slow transfer starts again. The bytes go
    to a temporary file, which is renamed when its length and SHA-256 are right. A second process waits for the first
    one's download. Raises DataNotFoundError with the answer of each mirror.
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
        with open(output, "wb") as target:
            _stream(address, target, file.length)

    return Path(pooch.retrieve(url, f"sha256:{file.sha256}", fname=file.name, path=folder, downloader=downloader))


def _stream(address: str, target: BinaryIO, length: int) -> None:
    """Copy the content of `address` into `target`. Raises if it comes too slowly or has another length."""
    import requests

    began, received = time.monotonic(), 0
    with requests.get(address, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as answer:
        answer.raise_for_status()
        update = _progress(length, address)
        while block := answer.raw.read1(1 << 16):  # the bytes that are there, without waiting for a full block
            target.write(block)
            update(len(block))
            received += len(block)
            seconds = time.monotonic() - began
            if received > length:
                raise ValueError(f"expected {length:,} bytes, got more")
            if seconds > READ_SECONDS and received < SLOWEST * seconds:
                raise TimeoutError(f"slower than {SLOWEST:,} bytes a second")
        update(None)
    if received < length:
        raise ConnectionError(f"expected {length:,} bytes, got {received:,}: the transfer was cut")


def _progress(length: int, address: str) -> Callable[[int | None], object]:
    """A function to call with each number of received bytes, and with None at the end. Draws a bar on a terminal."""
    try:
        from tqdm import tqdm
    except ImportError:
        return lambda count: None
    name, hidden = address.rpartition("/")[2], not is_terminal(sys.stderr)
    bar = tqdm(total=length, desc=name, unit="B", unit_scale=True, disable=hidden)

    def update(count: int | None) -> None:
        with contextlib.suppress(*FAILURES):  # of standard error
            bar.close() if count is None else bar.update(count)

    return update


def _reason(error: Exception) -> str:
    """The error of a download in one line."""
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text[:200]}"


def _may_pass(answer: str) -> bool:
    """Whether to try again: not if the server refuses, the bytes are other ones, or a package is missing."""
    return not answer.startswith(("HTTPError: 4", "ValueError", "ImportError"))
