"""Print to standard output or standard error, whatever they are; printing never ends a run.

Either may be missing (`2>&-`, pythonw), closed, broken (a pipe whose reader has gone), without `isatty`, `encoding` or
`flush` (notebooks, editors), or unable to express a character (an ASCII or cp1252 terminal).
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Literal

from tinynet.errors import printable

Name = Literal["stdout", "stderr"]
FAILURES = (OSError, ValueError, AttributeError)  # of a stream: broken; closed; incomplete

# In plain ASCII, where a terminal cannot show the character itself.
PLAIN = {"±": "+-", "−": "-", "–": "-", "—": "-", "×": "x", "…": "...", "✓": "ok", "✗": "wrong", "≤": "<=", "≥": ">=",
         "‘": "'", "’": "'", "“": '"', "”": '"'}  # fmt: skip


def say(text: object, stream: Name = "stdout") -> None:
    """Print a line and flush it. What the stream cannot express is spelled in ASCII; a failure is not raised.

    Characters that a terminal obeys or hides are escaped: the text may hold names from a file.

    A line for a missing stderr is dropped, while `print(..., file=sys.stderr)` would print it on standard output. Of a
    full disk Python tells at its exit.
    """
    target: Any = getattr(sys, stream)
    if target is None:
        return
    with contextlib.suppress(*FAILURES):
        _write(target, f"{printable(text)}\n")
        target.flush()


def _write(target: Any, text: str) -> None:
    """Write the text as it is; if that fails, as far as the encoding goes; then in ASCII."""
    for encoding in (None, getattr(target, "encoding", None) or "ascii", "ascii"):
        try:
            target.write(text if encoding is None else spelled(text, encoding))
            return
        except UnicodeError:  # nothing was written: a stream encodes a whole text first
            continue


def spelled(text: str, encoding: str) -> str:
    """`text` in characters that the encoding has: "+-" for "±", "e" for "é", "\\u4e2d" where nothing is close."""
    try:
        text.encode(encoding)
        return text
    except LookupError:  # an encoding that Python does not know
        return spelled(text, "ascii")
    except UnicodeError:
        return "".join(_spelled_character(character, encoding) for character in text)


def _spelled_character(character: str, encoding: str) -> str:
    try:
        character.encode(encoding)
        return character
    except UnicodeError:
        import unicodedata  # start-up time: only a terminal without the character needs it

        base = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
        return PLAIN.get(character) or base or character.encode("ascii", "backslashreplace").decode()


def is_terminal(stream: Any) -> bool:
    """Whether somebody looks at this stream: False if it is missing or closed, or does not say."""
    try:
        return bool(stream.isatty())
    except FAILURES:
        return False


def end_output() -> None:
    """For a program's end: if the reader of its output has gone (`| head`), let Python exit without an error."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            with contextlib.suppress(*FAILURES), open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())
        except FAILURES:  # Python reports it at its exit, if it can
            continue
