"""The planted bugs stand in the code, every room has some, and the program tells a found one from a missed one."""

import pytest

from tests.planted import run
from tests.planted.bug import ROOT, Bug
from tests.planted.table import BUGS


def test_every_room_has_bugs_and_no_two_of_a_module_are_called_alike():
    rooms = {path.name for path in (ROOT / "tinynet").iterdir() if path.is_dir() and any(path.glob("[!_]*.py"))}
    assert rooms <= {bug.file.partition("/")[0] for bug in BUGS}
    assert len({(bug.file, bug.what) for bug in BUGS}) == len(BUGS) > 400
    assert not [bug for bug in BUGS if bug.old == bug.new]


@pytest.mark.slow  # whoever changes the text of a row sees it in CI; it stands in the way of no quick change
def test_every_bug_can_be_planted():
    assert [problem for bug in BUGS if (problem := bug.problem())] == []


FOUND = Bug("a small fan", "initializers.py", "return window * shape[-2], window * shape[-1]", "return 1, 1")
MISSED = Bug("other words", "initializers.py", '"""All 0."""', '"""All zeros."""')


@pytest.mark.slow  # each bug is a run of pytest
def test_a_found_bug_is_told_from_a_missed_one(monkeypatch, capsys):
    for bugs, status in (([FOUND], 0), ([FOUND, MISSED], 1), ([], 2), ([FOUND._replace(old="gone")], 2)):
        monkeypatch.setattr(run, "BUGS", bugs)
        assert run.main(["--own"]) == status
    said = capsys.readouterr()
    assert "1 of 2 planted bugs found" in said.out
    assert "missed: initializers.py: other words" in said.out
    assert "initializers.py: a small fan: its old text stands there 0 times, not once: 'gone'" in said.err
    assert MISSED.problem() == ""  # in the working tree nothing was planted
