"""Whatever standard output is, a line is printed as well as it can be, and no failure ends the program."""

import io
import os
import subprocess
import sys

import pytest

from tests.support.child import ROOT, python
from tinynet.backend.terminal import end_output, is_terminal, say, spelled

LINE = "mean ± 0.3 − “café” … ≥ 中 ✓"


class Bare:
    """A stream with `write` alone."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


class Refusing(Bare):
    """Claims an encoding, and refuses characters of it, as some consoles do."""

    encoding = "utf-8"

    def write(self, text):
        text.encode("ascii")
        super().write(text)


class Failing:
    encoding = "ascii"

    def __init__(self, error):
        self.error = error

    def write(self, text=""):
        raise self.error

    flush = isatty = write


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("utf-8", LINE),
        ("ascii", 'mean +- 0.3 - "cafe" ... >= \\u4e2d ok'),
        ("latin-1", 'mean ± 0.3 - "café" ... >= \\u4e2d ok'),
        ("cp1252", "mean ± 0.3 - “café” … >= \\u4e2d ok"),
        ("no-such-encoding", 'mean +- 0.3 - "cafe" ... >= \\u4e2d ok'),
    ],
)
def test_a_character_that_the_encoding_lacks_is_spelled_in_ascii(encoding, expected):
    assert spelled(LINE, encoding) == expected


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_a_line_reaches_a_terminal_of_any_encoding(encoding, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    say(LINE)
    assert written.getvalue().decode(encoding) == spelled(LINE, encoding) + "\n"


def test_an_undecodable_file_name_is_printed(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="utf-8"))
    say("wrote r\udce9sultats")
    assert written.getvalue() == b"wrote r\\udce9sultats\n"


@pytest.mark.parametrize("kind", [Bare, Refusing])
def test_a_stream_with_write_alone_is_enough(kind, monkeypatch):
    stream = kind()
    monkeypatch.setattr(sys, "stderr", stream)
    say("0.9 ± 0.1", "stderr")
    assert stream.text == ("0.9 ± 0.1\n" if kind is Bare else "0.9 +- 0.1\n")
    assert not is_terminal(stream)


@pytest.mark.parametrize("error", [BrokenPipeError(32, "gone"), OSError(28, "full"), ValueError("closed file")])
def test_a_stream_that_fails_ends_nothing(error, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Failing(error))
    say("one")
    end_output()
    assert not is_terminal(sys.stdout)


def test_a_missing_or_closed_stream_drops_the_line(monkeypatch, capsys):
    for stream in (None, io.StringIO()):
        if stream:
            stream.close()
        monkeypatch.setattr(sys, "stderr", stream)
        say("lost", "stderr")
        assert not is_terminal(stream)
    assert capsys.readouterr().out == ""  # print(..., file=None) would print it there


def test_a_terminal_is_one(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    assert is_terminal(stream)


def test_a_program_whose_reader_has_gone_ends_in_silence(tmp_path):
    (tmp_path / "program.py").write_text(
        "import os\n"
        "from tinynet.backend.terminal import end_output, say\n"
        "reader, writer = os.pipe()\n"
        "os.dup2(writer, 1)\n"
        "os.close(reader)\n"
        "say('to nobody')\n"
        "end_output()\n",
        encoding="utf-8",
    )
    done = python("program.py", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="a matter of Unix")
@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_program_whose_reader_has_gone_ends_in_silence_with_status_0(stream):
    """A real pipe without a reader: Python would complain at its exit, with status 120."""
    program = "import sys; from tinynet.backend.terminal import end_output; "
    program += f"sys.{stream}.write('a line'); end_output()"
    reading, writing = os.pipe()
    os.close(reading)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: writing}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run([sys.executable, "-c", program], check=False, env=environment, **pipes)
    os.close(writing)
    assert done.returncode == 0
    assert not done.stdout
    assert not done.stderr
