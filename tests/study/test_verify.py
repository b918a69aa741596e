"""Results are computed again and compared bit for bit; damaged and hostile files are refused."""

import json
import os

import pytest

import tinynet as tn
from tests.support.studies import SMALL

for needed in ("matplotlib", "jinja2", "scipy"):
    pytest.importorskip(needed)
import fashion_mnist  # noqa: E402  (examples/ is on the path: setup.cfg)

from tinynet.study import options  # noqa: E402
from tinynet.study.jobs import read_result  # noqa: E402
from tinynet.study.verify import problem_of, read  # noqa: E402


def test_a_finished_study_runs_nothing_again_and_verifies(finished, clothes, monkeypatch, capsys):
    monkeypatch.setattr(options, "open_data", lambda *asked: clothes)
    assert fashion_mnist.main([*SMALL, "--jobs", "1", "--out", str(finished)]) == 0
    assert "[  1/" not in capsys.readouterr().out
    checking = ["--verify", str(finished / "results.json"), "--device", "cpu", "--jobs", "1", "--sample", "4"]
    checking += ["--out", str(finished / "again")]
    assert fashion_mnist.main(checking) == 0
    assert "bit for bit" in capsys.readouterr().out
    for path in (finished / "again" / "verify").glob("*.json"):  # results from before would prove nothing
        path.write_text(path.read_text().replace('"accuracy": ', '"accuracy": 1'))
    assert fashion_mnist.main(checking) == 0
    assert "all that was compared agrees" in capsys.readouterr().out
    said = json.loads((finished / "results.json").read_text())
    said["runs"][0]["test"]["accuracy"] += 0.01
    wrong = finished / "again" / "wrong.json"
    wrong.write_text(json.dumps(said))
    checking[1] = str(wrong)
    assert fashion_mnist.main(checking) == 1
    assert "differs in test" in capsys.readouterr().out


def test_runs_are_not_verified_on_other_data(finished, monkeypatch, capsys):
    monkeypatch.setattr(options, "open_data", lambda *asked: tn.data.synthetic_fashion(600, 200, seed=1))
    assert fashion_mnist.main(["--verify", str(finished / "results.json"), "--device", "cpu", "--jobs", "1"]) == 2
    assert "expected the train set it was measured on, got another one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        (b"\xff\xfe\x00", "expected JSON"),
        (b'{"format": NaN}', "NaN is not a number"),
        (b"[]", "another kind of file"),
        (b'{"format": "tinynet-study", "version": 99}', "version 99, where this program knows 1"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, content, message, capsys):
    (tmp_path / "results.json").write_bytes(content)
    assert fashion_mnist.main(["--verify", str(tmp_path / "results.json")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path / 'results.json'}: expected ")
    assert message in error


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of Unix")
def test_a_pipe_in_the_place_of_results_is_refused_at_once(tmp_path, capsys):
    os.mkfifo(tmp_path / "results.json")
    assert fashion_mnist.main(["--verify", str(tmp_path / "results.json")]) == 2
    assert "expected a regular file, got a pipe" in capsys.readouterr().err
    assert read_result(tmp_path / "results.json") is None
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert read_result(tmp_path / "deep.json") is None


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("arm", "__import__('os').system('true')", "the unknown configuration"),
        ("arm", ["relu"], "the unknown configuration"),
        ("learning_rate", "0.1", "the learning rate"),
        ("learning_rate", 1e300, "the learning rate"),
        ("seed", -1, "seed -1"),
        ("seed", True, "seed True"),
        ("part", "../../etc", "no settings or part"),
        ("settings", {"hidden": [10**9], "epochs": 1, "batch_size": 1, "every": 0}, "hidden 1000000000"),
        ("settings", {"hidden": [], "epochs": 1, "batch_size": 1, "every": 0}, "no hidden layers"),
        ("settings", {"hidden": [4], "epochs": 10**9, "batch_size": 1, "every": 0}, "epochs 1000000000"),
        ("test", {"accuracy": "high"}, "no numbers for test"),
        ("predictions", "\u20ac", "predictions that are not classes"),
    ],
)
def test_a_hostile_file_is_refused(finished, name, value, problem):
    said = json.loads((finished / "results.json").read_text())
    assert problem_of(said, fashion_mnist.configurations()) == ""
    said["runs"][0][name] = value
    assert problem_of(said, fashion_mnist.configurations()).startswith(problem)


def test_a_file_too_large_is_not_read_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("tinynet.study.verify.LARGEST", 100)
    (tmp_path / "results.json").write_bytes(b" " * 200)
    with pytest.raises(options.CannotStart, match="at most 100 bytes"):
        read(tmp_path / "results.json", fashion_mnist.configurations())
