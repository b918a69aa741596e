"""Every picture: size, legible text, file formats, and independence of the user's matplotlib settings."""

from __future__ import annotations

import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.plots import DRAWINGS, contrast, counts, examples, history, text_of
from tinynet import plots
from tinynet.errors import DataError


def size_of(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the header of a PNG file."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


@pytest.mark.parametrize("drawing", DRAWINGS)
def test_pictures_fit_a_page_carry_their_note_and_no_text_overlaps(
    drawing: str, tmp_path: Path, drawn: dict[Any, None]
) -> None:
    DRAWINGS[drawing](path := tmp_path / "picture.png", "synthetic data")
    width, height = size_of(path)
    assert 400 <= width <= 2000
    assert 150 <= height <= 2000
    assert "synthetic data" in [text.get_text() for text in drawn]
    boxes = np.array([text.get_window_extent().extents for text in drawn])  # (texts, 4): x0, y0, x1, y1
    assert (boxes[:, :2] >= -1).all()
    assert (boxes[:, 2:] <= (width + 1, height + 1)).all()
    upright = [index for index, text in enumerate(drawn) if not text.get_rotation() % 90]  # slanted: box is too large
    low, high = boxes[upright, :2] + (2, 4), boxes[upright, 2:] - (2, 4)  # less the room around the letters, in pixels
    overlap = np.triu(((low[:, None] < high) & (low < high[:, None])).all(axis=2), 1)
    words = [list(drawn)[index].get_text() for index in upright]
    assert not [(words[a], words[b]) for a, b in np.argwhere(overlap)]


@pytest.mark.parametrize("ending", ["png", "PNG", "svg", "pdf"])
def test_the_ending_of_the_path_chooses_the_format(ending: str, tmp_path: Path) -> None:
    DRAWINGS["regression"](path := tmp_path / f"picture.{ending}", "")
    begins = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending.lower()]
    assert path.read_bytes().startswith(begins)
    DRAWINGS["regression"](str(path), "")  # type: ignore[arg-type]  # a plain string will do


def test_names_are_text_not_formulas(tmp_path: Path) -> None:
    text = text_of("comparison_long", tmp_path)
    assert "<!-- $x$ -->" in text
    assert "<!-- _hidden -->" in text
    broken = r"$\frac{$"  # as a formula it would raise
    plots.learning_curves({broken: history(1)}, tmp_path / "picture.svg", broken)
    plots.confusion_matrix(counts(2), [broken, broken], tmp_path / "picture.svg", broken)
    plots.predictions(*examples(1), [broken] * 10, tmp_path / "picture.svg")


def test_the_same_call_writes_the_same_bytes_also_from_threads(tmp_path: Path) -> None:
    DRAWINGS["regression"](tmp_path / "alone.png", "")
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda number: DRAWINGS["regression"](tmp_path / f"{number}.png", ""), range(3)))
    assert len({path.read_bytes() for path in tmp_path.glob("*.png")}) == 1


def test_pictures_are_legible_under_a_dark_style_sheet(
    tmp_path: Path, saved: list[Any], drawn: dict[Any, None]
) -> None:
    import matplotlib
    from matplotlib.colors import to_rgb
    from matplotlib.image import imread

    dark = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), "white")
    dark |= {f"{part}.facecolor": "black" for part in ("axes", "figure", "savefig")}
    with matplotlib.rc_context({**dark, "axes.grid": True, "image.origin": "lower"}):
        for drawing in ("curves", "comparison_one", "confusion_2", "predictions_colour", "weights_colour"):
            DRAWINGS[drawing](tmp_path / f"{drawing}.png", "synthetic data")
            assert (imread(tmp_path / f"{drawing}.png")[0, 0] == 1).all()  # white, opaque
    in_cells = {text for figure in saved for axes in figure.axes if axes.images for text in axes.texts}
    for text in set(drawn) - in_cells:
        assert contrast(to_rgb(text.get_color()), (1, 1, 1)) >= 4.5, text


@pytest.mark.parametrize("name", ["picture.bmp", "picture", "missing/picture.png"])
def test_a_path_that_cannot_be_written_is_refused(name: str, tmp_path: Path) -> None:
    for drawing in ("curves", "comparison", "confusion", "predictions", "weights"):
        with pytest.raises(DataError) as caught:
            DRAWINGS[drawing](tmp_path / name, "")
        expected = "plots: expected a path ending in .png, .svg or .pdf, in a folder that exists, got "
        assert str(caught.value) == f"{expected}{str(tmp_path / name)!r}; create the folder, or change the name"


def test_without_matplotlib_the_error_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    for drawing in DRAWINGS.values():
        with pytest.raises(ImportError, match=r"needs matplotlib; install it with: pip install matplotlib"):
            drawing(tmp_path / "picture.png", "")
