"""Finding a file: the user's folder, then the cache, then the internet."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tinynet.data.idx import find_file
from tinynet.errors import DataError, DataNotFoundError

CONNECT_SECONDS, READ_SECONDS = 5, 30  # a machine without a network learns it soon, mirror by mirror


def data_folders(data: str | os.PathLike[str] | None, subfolders: Sequence[str]) -> list[Path]:
    """Where to look for local files: `data` or else $TINYNET_DATA, and the `subfolders` in it; [] if neither is set.

    Raises DataError if the folder does not exist: somebody meant something else.
    """
    chosen = data if data is not None else os.environ.get("TINYNET_DATA")
    if not chosen:
        return []
    folder = Path(chosen)
    if not folder.is_dir():
        raise DataError(f"data: expected a folder, got {str(folder)!r}, which is none; check --data and TINYNET_DATA")
    return [folder, *(folder / name for name in subfolders)]


def cache_folder() -> Path:
    """Where downloads are kept: $TINYNET_CACHE, or the system's place for caches."""
    if os.environ.get("TINYNET_CACHE"):
        return Path(os.environ["TINYNET_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "tinynet"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tinynet"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tinynet"


def locate(name: str, sha256: str, folders: Sequence[Path], mirrors: Sequence[str], cache: Path) -> Path:
    """The path of file `name`: from the first of `folders` that has it, the cache, or a mirror.

    A download is checked against `sha256` before it gets its name in the cache. Raises DataNotFoundError, saying where
    it looked, what each mirror answered, and where to put the file by hand.
    """
    for folder in (*folders, cache):
        found = find_file(folder, name)
        if found is not None:
            return found
    answers = []
    for mirror in mirrors:
        try:
            return _download(f"{mirror}/{name}.gz", sha256, cache)
        except Exception as error:  # whatever stops one mirror, the next may work; all of it is reported below
            answers.append(f"{mirror}: {_reason(error)}")
    looked = ", ".join(str(folder) for folder in (*folders, cache))
    raise DataNotFoundError(
        f"{name}.gz: expected it in {looked}, or from a mirror; got:\n  "
        + "\n  ".join(answers)
        + f"\nput the file into {cache}, or name its folder with --data (data=...) or TINYNET_DATA"
    )


def _download(url: str, sha256: str, cache: Path) -> Path:
    """Fetch one file: into a temporary one, checked, then renamed, so that the cache never holds half a file."""
    try:
        import pooch
    except ImportError as error:
        raise ImportError("downloading needs pooch: pip install 'tinynet[data]'") from error
    pooch.get_logger().setLevel("ERROR")
    downloader = pooch.HTTPDownloader(progressbar=_has_progress_bar(), timeout=(CONNECT_SECONDS, READ_SECONDS))
    name = url.rpartition("/")[2]
    return Path(pooch.retrieve(url, f"sha256:{sha256}", fname=name, path=cache, downloader=downloader))


def _has_progress_bar() -> bool:
    try:
        import tqdm  # noqa: F401
    except ImportError:
        return False
    return sys.stderr.isatty()


def _reason(error: Exception) -> str:
    """The gist of a download's error in one line."""
    text = str(error).splitlines()[0] if str(error) else ""
    return f"{type(error).__name__}: {text[:200]}"
