"""The README's promises: its layer runs, its check prints what it says, its links and commands exist."""

import re
from pathlib import Path

import numpy as np

import tinynet as tn

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language):
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [content for name, content in fenced if name == language]


def test_the_layer_of_ones_own_is_ten_lines_and_right(capsys):
    source, check = blocks("python")[1:3]
    assert len([line for line in source.splitlines() if line.strip()]) <= 10
    names = {"tn": tn, "np": np}
    exec(source + check, names)
    printed = capsys.readouterr().out
    shown = next(block for block in blocks("") if block.startswith("Gradient check of Swish()"))
    assert re.sub(r"\d\.\de-\d\d", "E", printed).split() == re.sub(r"\d\.\de-\d\d", "E", shown).split()


def test_the_usage_block_runs_on_a_small_set(monkeypatch, tmp_path, capsys):
    usage = blocks("python")[0]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tn.data, "fashion_mnist", lambda: tn.data.synthetic_fashion(1000, 100))
    exec(usage.replace("batch_size=1000", "batch_size=100").replace("history.plot", "# history.plot"), {})
    assert "235,146 parameters" in capsys.readouterr().out


def test_every_file_it_links_to_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_extras_it_names_exist():
    named = set(re.findall(r"\.\[([\w,-]+)\]", README))
    declared = (ROOT / "setup.cfg").read_text()
    assert named
    for extra in {part for group in named for part in group.split(",")}:
        assert re.search(rf"^{extra} =", declared, re.MULTILINE), extra


def test_its_table_is_the_one_of_the_results_page():
    rows = [line for line in README.splitlines() if line.startswith("| ")]
    page = (ROOT / "docs" / "results.md").read_text()
    assert len(rows) >= 5
    assert not [row for row in rows if row not in page]
