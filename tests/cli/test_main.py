"""The command line: its help, its version, and its exit status for a wrong command."""

import pytest

import tinynet as tn
from tests.support.child import python
from tinynet.cli.main import COMMANDS, main


def test_python_m_tinynet_prints_its_version():
    assert python("-m", "tinynet", "--version", check=True).stdout == f"tinynet {tn.__version__}\n"


def test_help_names_every_command_and_what_it_does(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert len(COMMANDS) == 3
    for command in ("doctor", "compare", "data list", "data report"):
        assert f"tinynet {command}" in text
    assert "exit status: 0" in text


@pytest.mark.parametrize("arguments", [[], ["train"], ["data"], ["data", "report"]])
def test_a_command_that_is_incomplete_or_unknown_ends_with_status_2_and_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: tinynet" in capsys.readouterr().err


def test_the_exit_status_is_that_of_the_command(monkeypatch):
    """As a program gives it to its shell, too."""
    for status in (0, 1, 2):
        monkeypatch.setattr("tinynet.cli.doctor.run", lambda options, status=status: status)
        assert main(["doctor"]) == status
    assert python("-m", "tinynet", "data", "report", "nothing").returncode == 2
    assert python("-m", "tinynet", "doctor", "--device", "cpu", TINYNET_DATA="/no/such/folder").returncode == 1
