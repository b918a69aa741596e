"""Run a layer on the rows of a batch in parts, as threads do that share a batch."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.gradcheck.passes import Arrays, Subject, failing
from tinynet.gradcheck.report import Row

TITLE = "rows in parts"


class Sums:
    """`all_reduce` for parts in threads of their own. Raises where the parts call it a different number of times."""

    def __init__(self, parts: int) -> None:
        self._given: list[list[Any]] = [[] for _ in range(parts)]
        self._ended = [False] * parts
        self._changed = threading.Condition()

    def member(self, part: int) -> Callable[[Any], Any]:
        """The all_reduce of one part."""

        def all_reduce(value: Any) -> Any:
            with self._changed:
                self._given[part].append(np.array(value) if hasattr(value, "shape") else value)
                call = len(self._given[part]) - 1
                self._changed.notify_all()
                self._changed.wait_for(lambda: all(len(own) > call for own in self._given) or any(self._ended))
                if any(len(own) <= call for own in self._given):
                    raise ValueError("the parts of a batch call context.all_reduce a different number of times")
                return sum((own[call] for own in self._given[1:]), start=self._given[0][call])

        return all_reduce

    def ends(self, part: int) -> None:
        """Tell the other parts that this one calls `all_reduce` no more."""
        with self._changed:
            self._ended[part] = True
            self._changed.notify_all()


def check_parts(subject: Subject) -> Row | None:
    """Whether the first row alone and the others together give what the whole batch gives."""
    y, x = subject.first["y"], subject.x
    if y.ndim == 0 or len(y) != subject.rows:
        return failing(TITLE, f"splittable = True, but y has the shape {y.shape}: not a row for each row of x")
    parts = [slice(0, 1), slice(1, len(x))]
    results = _in_threads(subject, parts)
    for result in results:
        if isinstance(result, Exception):
            return failing(TITLE, f"splittable = True, but a part of the rows raises {type(result).__name__}: {result}")
    arrays: Arrays = {
        name: np.concatenate([result[name] for result in results])
        for name in ("y", "x")
        if all(name in result for result in results) and name in subject.first
    }
    arrays |= {name: sum(result[name] for result in results) for name in subject.layout}
    arrays |= {name: results[1][name] for name in subject.statistics_layout if name in results[1]}
    return subject.difference(TITLE, arrays, _hint(subject))


def _in_threads(subject: Subject, parts: list[slice]) -> list[Any]:
    """For each part the arrays of its pass, or its exception."""
    sums, results = Sums(len(parts)), [None] * len(parts)

    def run(number: int, rows: slice) -> None:
        own = subject.context._replace(first_row=rows.start, all_reduce=sums.member(number))
        try:
            with np.errstate(all="ignore"):
                results[number] = subject.run(subject.x[rows].copy(), subject.dy[rows].copy(), own)  # type: ignore[call-overload]
        except Exception as error:  # any layer may raise anything
            results[number] = error  # type: ignore[call-overload]
        finally:
            sums.ends(number)

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(parts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _hint(subject: Subject) -> str:
    other = subject.context._replace(seed=subject.context.seed + 1)
    if not np.array_equal(subject.run(context=other)["y"], subject.first["y"]):
        return (
            "{name} of a part is not that of the whole batch, though splittable = True: first_row is ignored; draw with"
            " stream.lanes(shape, context.first_row), so that each row has its own numbers"
        )
    return (
        "{name} of a part is not that of the whole batch: the rows are not independent although splittable = True;"
        " take sums over the batch with context.all_reduce, or leave splittable out"
    )
