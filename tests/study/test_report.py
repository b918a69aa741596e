"""The report names the packages that it needs before anything is trained."""

import sys

import pytest

from tinynet.study.report import check_packages


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
