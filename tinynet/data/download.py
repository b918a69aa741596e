"""Fetching a file: from several mirrors, in bounded time, checked before it gets its name in the cache."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from tinynet.data.catalog import File
from tinynet.errors import DataNotFoundError

CONNECT_SECONDS = 5  # a machine without a network learns it soon, mirror by mirror
READ_SECONDS = 20  # without a byte
SLOWEST = 20_000  # bytes a second, on average after the first READ_SECONDS: a mirror that drips is given up
WAITS = (0, 0.5, 2)  # seconds before each attempt at all mirrors
LOCK_SECONDS = 900  # how long a second process waits while a first one downloads


def cache_folder() -> Path:
    """Where downloads are kept: $TINYNET_CACHE, or the system's place for caches."""
    if os.environ.get("TINYNET_CACHE"):
        return Path(os.environ["TINYNET_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "tinynet"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tinynet"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinynet"


def fetch(file: File, mirrors: Sequence[str], folder: Path) -> Path:
    """The path of `file` in `folder`, downloaded if it is not there.

    Tries each mirror, three times with growing pauses; a cut or slow transfer starts anew. The bytes go to a temporary
    file beside the final one, are checked by length and SHA-256, and only then renamed. Two processes share one
    download: the second waits. Raises DataNotFoundError with every mirror's answer.
    """
    path = folder / file.name
    answers: dict[str, str] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _lock(path):
            for wait in WAITS:
                time.sleep(wait)
                for mirror in mirrors:
                    if path.is_file():  # the process that held the lock before has fetched it
                        return path
                    try:
                        return _retrieve(f"{mirror}/{file.name}", file, folder)
                    except Exception as error:  # whatever stops one mirror, the next may work; all is reported below
                        answers[mirror] = _reason(error)
                if answers and not any(map(_passing, answers.values())):
                    break
    except (OSError, ImportError, TimeoutError) as error:
        answers[str(folder)] = _reason(error)
    raise DataNotFoundError(
        f"{file.name}: expected to download it, got:\n  "
        + "\n  ".join(f"{mirror}: {answer}" for mirror, answer in answers.items())
        + f"\nput the file into {folder}, or name its folder with --data (data=...) or TINYNET_DATA"
    )


def _retrieve(url: str, file: File, folder: Path) -> Path:
    """Download with pooch: into a temporary file, checked, then renamed."""
    try:
        import pooch
    except ImportError as error:
        raise ImportError("downloading needs pooch: pip install 'tinynet[data]'") from error
    pooch.get_logger().setLevel("ERROR")

    def downloader(address: str, output: str, _: Any) -> None:
        with open(output, "wb") as target:
            _stream(address, target, file.length)

    return Path(pooch.retrieve(url, f"sha256:{file.sha256}", fname=file.name, path=folder, downloader=downloader))


def _stream(address: str, target: BinaryIO, length: int) -> None:
    """Copy what is at `address` into `target`, as long as it comes fast enough and is not longer than it should be."""
    import requests

    began, received = time.monotonic(), 0
    with requests.get(address, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as answer:
        answer.raise_for_status()
        update = _progress(length, address)
        while block := answer.raw.read1(1 << 16):  # what has come, and no waiting for more: a drip would fill no block
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
    """A function that takes the bytes that came, and None at the end: a bar on a terminal, else nothing."""
    try:
        from tqdm import tqdm
    except ImportError:
        return lambda count: None
    bar = tqdm(
        total=length, desc=address.rpartition("/")[2], unit="B", unit_scale=True, disable=not sys.stderr.isatty()
    )
    return lambda count: bar.close() if count is None else bar.update(count)


def _lock(path: Path) -> Any:
    """A lock between processes, released by the system if its holder dies."""
    try:
        from filelock import FileLock
    except ImportError as error:
        raise ImportError("downloading needs filelock: pip install 'tinynet[data]'") from error
    return FileLock(f"{path}.lock", timeout=LOCK_SECONDS)


def _reason(error: Exception) -> str:
    """The gist of a download's error in one line."""
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text[:200]}"


def _passing(answer: str) -> bool:
    """Whether trying again may help: not where the server says no, has other bytes, or a package is missing."""
    return not answer.startswith(("HTTPError: 4", "ValueError", "ImportError"))
