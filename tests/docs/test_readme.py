"""The README's code runs, its links and extras exist, and its figures are those that were measured."""

import json
import re
import statistics
from pathlib import Path

import numpy as np

import tinynet as tn

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [content for name, content in fenced if name == language]


def test_the_layer_of_ones_own_is_ten_lines_and_right(capsys):
    source, check = blocks("python")[5:7]
    assert len([line for line in source.splitlines() if line.strip()]) <= 10
    names = {"tn": tn, "np": np}
    exec(source + check, names)
    printed = capsys.readouterr().out
    shown = next(block for block in blocks("") if block.startswith("Gradient check of Swish()"))
    # Which element has the worst error, some 1e-10, is a matter of the last bit of exp: processors differ in it.
    error, where, value = r"\d\.\de-\d\d", r"\[\d, \d\]", r"-?0\.\d{7,}"
    row = re.compile(rf"x +{error} +{where} +{value} +{value} +ok")
    assert row.search(printed)
    assert row.sub("row", printed).split() == row.sub("row", shown).split()


def test_the_usage_block_runs_on_a_small_set(monkeypatch, tmp_path, capsys):
    usage, by_hand, optimizers, network, keeping = blocks("python")[:5]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tn.data, "fashion_mnist", lambda: tn.data.synthetic_fashion(1000, 100))
    names = {}
    exec(usage.replace("batch_size=1000", "batch_size=100").replace("history.plot", "# history.plot"), names)
    before = names["model"].theta.copy()
    exec(by_hand, names)
    assert names["step"] == 10
    assert not np.array_equal(names["model"].theta, before)
    exec(optimizers, names)
    assert 1e-4 <= names["found"].steepest <= 1
    assert (tmp_path / "rates.png").exists()
    assert "235,146 parameters" in capsys.readouterr().out
    exec(network, names)
    exec(keeping.replace("epochs=50", "epochs=1"), names)
    assert names["again"].parameter_count == names["model"].parameter_count
    assert names["network"].predict(tn.data.synthetic_fashion(20, 5)[1]).shape == (5, 10)


def test_every_file_it_links_to_exists():
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_extras_it_names_exist():
    named = set(re.findall(r"\.\[([\w,-]+)\]", README))
    declared = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert named
    for extra in {part for group in named for part in group.split(",")}:
        assert re.search(rf"^{extra} =", declared, re.MULTILINE), extra


def test_its_figures_are_those_of_the_results_page():
    """tests/docs/test_results.py checks that both are what was measured."""
    table = README.partition("<!-- results: begin -->")[2].partition("<!-- results: end -->")[0]
    figures = re.findall(r"\d+\.\d+% ± \d+\.\d+", table)
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert len(figures) >= 10
    assert not [figure for figure in figures if figure not in page]


def test_its_speeds_are_those_of_the_measurements():
    results = json.loads((ROOT / "docs" / "measurements" / "throughput.json").read_text(encoding="utf-8"))
    wanted = ("mlp", "sgd", "relu")
    relu = [each for each in results["training"] if (each["network"], each["optimizer"], each["activation"]) == wanted]
    rows = dict(re.findall(r"^\| (\w.*?) +\| (\d.*) \|$", README.partition("<!-- speed: begin -->")[2], re.MULTILINE))
    assert len(rows) == 6
    sizes = rows.pop("batch").split("|")
    assert [size.strip() for size in sizes] == [f"{each['batch_size']:,}" for each in relu]
    for name, row in rows.items():
        named = [n for n in relu[0]["seconds"] if n == name or (name.startswith("PyTorch") and n.startswith("PyTorch"))]
        best = [min(statistics.median(each["seconds"][n]) for n in named) for each in relu]
        speeds = [each["examples"] / seconds for each, seconds in zip(relu, best)]
        assert [cell.strip() for cell in row.split("|")] == [f"{speed:,.0f}" for speed in speeds], name
