"""JSON from a file that may be damaged or hostile: one meaning for each text, and bounded numbers and nesting."""

from __future__ import annotations

import json
from typing import Any

LONGEST_NUMBER = 4300  # digits of a whole number: to read one takes time in the square of them
DEEPEST = 300  # levels of lists and objects; Python's own limit is 1000 nested calls


def parse(text: str | bytes) -> Any:
    """The value of a JSON text.

    Raises ValueError for anything that is not JSON, for a name that an object has twice (readers disagree on which one
    counts), for NaN and Infinity, and for numbers and nesting beyond the limits of this module.
    """
    if isinstance(text, bytes):
        text = text.decode()  # json.loads would guess UTF-16 and others
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_int=_whole_number, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError(f"more than {DEEPEST} levels") from error
    _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object with the same name twice")
    return found


def _whole_number(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant}, which is no JSON")


def _check_depth(value: Any) -> None:
    level = [value]  # all lists and objects of one depth
    for _ in range(DEEPEST):
        level = [
            part
            for each in level
            if isinstance(each, (dict, list))
            for part in (each.values() if isinstance(each, dict) else each)
            if isinstance(part, (dict, list))
        ]
        if not level:
            return
    raise ValueError(f"more than {DEEPEST} levels")
