"""Fixtures of the tests of plots. Without matplotlib, these tests are skipped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _global_state(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that imports pyplot or changes a setting of matplotlib."""
    matplotlib = pytest.importorskip("matplotlib")
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    before = matplotlib.rcParams.copy()  # of a copy: reading the backend of the original imports pyplot
    yield
    assert matplotlib.rcParams.copy() == before


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures saved in this test."""
    from matplotlib.figure import Figure

    figures: list[Any] = []
    save = Figure.savefig

    def keep(figure: Any, *args: Any, **settings: Any) -> None:
        figures.append(figure)
        save(figure, *args, **settings)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[Any, None]:
    """The texts drawn in this test, in order, without ticks that are out of view."""
    from matplotlib.text import Text

    texts: dict[Any, None] = {}
    draw = Text.draw

    def keep(text: Any, renderer: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            texts[text] = None
        draw(text, renderer)

    monkeypatch.setattr(Text, "draw", keep)
    return texts
