"""A report needs no pictures, and survives runs that diverge."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest

import tinynet as tn
from tests.support.studies import configurations, network
from tinynet.study import Configuration, Study, report
from tinynet.study.report import check_packages

for needed in ("matplotlib", "jinja2", "scipy"):
    pytest.importorskip(needed)


def test_a_report_needs_no_pictures_and_survives_divergence(tmp_path, small_data):
    for needed in ("matplotlib", "jinja2"):
        pytest.importorskip(needed)
    wild = {"wild": Configuration("wild", network, tn.SGD, (1e30,), "sigmoid")}
    study = Study(
        {**configurations(), **wild}, small_data, seeds=2, epochs=1, batch_size=50, learning_rate=0.1, workers=0
    )
    result = study.run(tmp_path, progress=False)
    assert {run["arm"] for run in result.diverged} == {"wild"}
    (tmp_path / "predictions.png").write_bytes(b"of an earlier study")
    names = {path.name for path in result.write_report()}
    assert {"report.html", "comparison.png", "learning_curves.png", "why.png", "confusion_matrix.png"} <= names
    assert "predictions.png" not in names  # the examples are no pictures
    assert not (tmp_path / "predictions.png").exists()
    assert "diverged" in (tmp_path / "results.md").read_text(encoding="utf-8")
    everything = Study({"wild": replace(wild["wild"], baseline="")}, small_data, seeds=1, epochs=1, workers=0)
    result = everything.run(tmp_path / "wild", progress=False)
    assert "Every run diverged." in result.table()
    assert "report.html" in {path.name for path in result.write_report()}


def test_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch):
    for name in ("jinja2", "scipy"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="pip install scipy jinja2$"):
        check_packages("scipy", "jinja2", "json")
    check_packages("json")


def test_a_program_without_them_stops_before_training(monkeypatch, capsys):
    from tinynet.study.options import program
    from tinynet.study.program import run_study, study_options, study_parser

    monkeypatch.setitem(sys.modules, "jinja2", None)
    options = study_options(study_parser(None, "files", "out", ["a"]), [], ["a"], ["a"])
    assert program(lambda arguments: run_study(options, dict, ()))([]) == 2
    assert "pip install jinja2" in capsys.readouterr().err


@pytest.mark.parametrize("broken", ["draw", "html"])
def test_an_error_of_drawing_loses_no_number(broken, tmp_path, small_data, monkeypatch):
    result = Study({"relu": Configuration("ReLU", network)}, small_data, seeds=2, epochs=1, workers=0).run(tmp_path)
    monkeypatch.setattr(report, broken, lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        result.write_report()
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [run["key"] for run in found["runs"]] == [run["key"] for run in result.runs]
    assert {"results.csv", "results.md"} <= {path.name for path in tmp_path.iterdir()}


def test_statistics_and_pictures_do_not_depend_on_numpys_settings(tmp_path, small_data):
    study = Study(configurations(), small_data, seeds=3, epochs=1, batch_size=50, learning_rate=0.1, workers=0)
    usual = study.run(tmp_path / "usual")
    usual.write_report()
    with np.errstate(all="raise"):
        result = study.run(tmp_path / "raising", runs=tmp_path / "usual" / "runs")  # times are measured once
        result.write_report()
    for part in ("given", "best"):
        assert result.summary[part] == usual.summary[part]
    pictures = sorted(path.name for path in (tmp_path / "usual").glob("*.png"))
    assert pictures
    for name in pictures:
        assert (tmp_path / "raising" / name).read_bytes() == (tmp_path / "usual" / name).read_bytes()
