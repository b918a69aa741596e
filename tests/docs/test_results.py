"""The README and the results page show what the study measured."""

import importlib.util
import json
from pathlib import Path

import pytest

for needed in ("matplotlib", "jinja2", "scipy"):
    pytest.importorskip(needed)
ROOT = Path(__file__).parents[2]
specification = importlib.util.spec_from_file_location("publish", ROOT / "docs" / "publish.py")
publish = importlib.util.module_from_spec(specification)
specification.loader.exec_module(publish)


@pytest.mark.parametrize("name", publish.PAGES)
def test_a_page_shows_what_was_measured(name):
    study = json.loads(publish.SOURCE.read_text(encoding="utf-8"))
    page = (ROOT / name).read_text(encoding="utf-8")
    assert publish.fill(page, study) == page, "run: python docs/publish.py --fill"
    assert "<!-- study-answer: begin -->" in page


def test_a_change_of_a_figure_is_noticed():
    study = json.loads(publish.SOURCE.read_text(encoding="utf-8"))
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    study["given"]["rows"][0]["test_accuracy"] += 0.001
    assert publish.fill(page, study) != page


def test_the_source_is_small_and_was_real_data():
    study = json.loads(publish.SOURCE.read_text(encoding="utf-8"))
    assert not study["synthetic"]
    assert publish.SOURCE.stat().st_size < 100_000
    assert "/" not in study["manifest"]["cpu"]
    assert {"given", "best", "long", "grids"} <= set(study)
