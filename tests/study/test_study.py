"""The study: it goes on where it was killed, finds its own numbers again, and says only what they say."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn

for needed in ("matplotlib", "jinja2", "scipy"):
    pytest.importorskip(needed)
import fashion_mnist  # noqa: E402  (examples/ is on the path: setup.cfg)

from tinynet.study import Configuration, Study, options, probe, sentences  # noqa: E402
from tinynet.study.jobs import without_times  # noqa: E402
from tinynet.study.study import choose  # noqa: E402
from tinynet.study.verify import problem_of, read  # noqa: E402

ROOT = Path(__file__).parents[2]
SMALL = ["--dataset", "synthetic_fashion", "--device", "cpu", "--jobs", "2", "--epochs", "2", "--seeds", "2"]
SMALL += ["--arms", "sigmoid", "relu", "relu-dropout", "--hidden", "8", "4", "--batch-size", "500"]
TIMES = ("cpu_seconds",)


def start(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TINYNET_CACHE": str(folder)}
    environment.pop("TINYNET_DATA", None)
    command = [sys.executable, "-W", "error", ROOT / "examples" / "fashion_mnist.py", "--offline", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder, env=environment
    )


def run_to_its_end(folder, *arguments):
    running = start(folder, *arguments)
    said = running.communicate(timeout=300)[0]
    assert running.returncode == 0, said


def results(folder):
    found = json.loads((folder / "results.json").read_text())
    rows = [row for part in ("given", "best", "long") for row in found.get(part, {"rows": []})["rows"]]
    for row in [*rows, found]:
        for name in ("seconds", "samples_per_second", *TIMES):
            row.pop(name, None)
    found["runs"] = [without_times(run) for run in found["runs"]]
    found["manifest"].pop("command")
    for name in ("out", "jobs", "checkpoint"):
        found["settings"].pop(name)
    return found


@pytest.fixture(scope="module")
def small_data():
    return tn.data.synthetic_fashion(600, 200)


@pytest.fixture(scope="module")
def finished(tmp_path_factory, small_data):
    """A tiny study in this process: every part of it."""
    folder = tmp_path_factory.mktemp("study")
    before, options.open_data = options.open_data, lambda *asked: small_data
    arguments = [*SMALL, "--jobs", "1", "--out", str(folder)]
    try:
        assert fashion_mnist.main(arguments) == 0
    finally:
        options.open_data = before
    return folder


def test_it_has_both_tables_the_grid_and_the_long_runs(finished):
    found = json.loads((finished / "results.json").read_text())
    assert [row["arm"] for row in found["given"]["rows"]] == ["sigmoid", "relu", "relu-dropout"]
    assert [row["seeds"] for row in found["best"]["rows"]] == [2, 2, 2]
    assert [row["arm"] for row in found["long"]["rows"]] == ["relu", "relu-dropout"]
    assert found["long"]["curves"]["relu"]["epoch"][-1] == 10
    for name, grid in found["grids"].items():
        best = max(accuracy for _, accuracy in grid if accuracy is not None)
        assert dict(map(tuple, grid))[found["chosen"][name]] == best
    tuned = {run["arm"]: run for run in found["runs"] if run["part"] == "best"}
    assert all(run["learning_rate"] == found["chosen"][name] for name, run in tuned.items())


def test_the_grid_never_sees_the_test_set(finished):
    found = json.loads((finished / "results.json").read_text())
    grid = [run for run in found["runs"] if run["part"] == "grid"]
    assert grid
    assert not [run for run in grid if {"test", "predictions"} & set(run)]
    assert all(row["curve"] == [] for row in found["runs"] if row["part"] == "best" and "diverged" not in row)


def test_seeds_are_paired(small_data):
    relu, sigmoid, dropout = (
        fashion_mnist.configurations(hidden=(8, 4))[name].build(3) for name in ("relu", "sigmoid", "relu-dropout")
    )
    assert np.array_equal(relu.theta, sigmoid.theta)
    assert np.array_equal(relu.theta, dropout.theta)


def test_a_finished_study_runs_nothing_again_and_verifies(finished, small_data, monkeypatch, capsys):
    monkeypatch.setattr(options, "open_data", lambda *asked: small_data)
    assert fashion_mnist.main([*SMALL, "--jobs", "1", "--out", str(finished)]) == 0
    assert "[  1/" not in capsys.readouterr().out
    checking = ["--verify", str(finished / "results.json"), "--device", "cpu", "--jobs", "1", "--sample", "4"]
    checking += ["--out", str(finished / "again")]
    assert fashion_mnist.main(checking) == 0
    assert "bit for bit" in capsys.readouterr().out
    said = json.loads((finished / "results.json").read_text())
    said["runs"][0]["test"]["accuracy"] += 0.01
    wrong = finished / "again" / "wrong.json"
    wrong.write_text(json.dumps(said))
    checking[1] = str(wrong)
    assert fashion_mnist.main(checking) == 1
    assert "differs in test" in capsys.readouterr().out


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


@pytest.mark.slow
def test_killed_three_times_it_ends_as_if_nothing_had_been(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run_to_its_end(tmp_path, *SMALL, "--out", str(whole))
    chance = random.Random(4)
    for _ in range(3):
        running = start(tmp_path, *SMALL, "--out", str(broken))
        before = len(list(broken.glob("runs/*.json")))
        deadline, wanted = time.monotonic() + 120, before + chance.randint(1, 8)
        while len(list(broken.glob("runs/*.json"))) < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(chance.random() / 4)
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.stdout.close()
    assert not (broken / "results.json").exists()
    run_to_its_end(tmp_path, *SMALL, "--out", str(broken))
    assert results(broken) == results(whole)


def test_ctrl_c_says_what_is_kept_and_leaves_with_130(tmp_path):
    running = start(tmp_path, *SMALL, "--seeds", "9", "--out", "out")
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out/runs/*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[0]
    assert running.returncode == 130, said
    assert "Traceback" not in said
    assert "finished runs in out/runs; the same command continues from there" in said


# Insight ------------------------------------------------------------------------------------------------------------


def test_gradient_norms_and_activation_state_are_pytorchs(small_data):
    torch = pytest.importorskip("torch")
    train = small_data[0]
    x = train.inputs(slice(0, 64), np.dtype("float32"))
    for name, activation in (("sigmoid", torch.sigmoid), ("relu", torch.relu)):
        model = fashion_mnist.configurations(hidden=(8, 4))[name].build(1)
        weights = [torch.tensor(np.array(model.parameters[f"{n}.weight"]), requires_grad=True) for n in (0, 3, 6)]
        h, states = torch.tensor(x), []
        for weight in weights[:-1]:
            h = activation(h @ weight)
            states.append(h.detach().numpy())
        torch.nn.functional.cross_entropy(h @ weights[-1], torch.tensor(train.labels[:64].astype("int64"))).backward()
        norms = probe.gradient_norms(model, x, train.labels[:64])
        assert norms == pytest.approx([float(weight.grad.norm()) for weight in weights], rel=1e-4)
        state = probe.activation_state(model, x)
        slope = [(s * (1 - s)).mean() if name == "sigmoid" else (s > 0).mean() for s in states]
        assert state["slope"] == pytest.approx(slope, rel=1e-4)
        dead = [0, 0] if name == "sigmoid" else [float((s.max(axis=0) == 0).mean()) for s in states]
        assert state["dead"] == pytest.approx(dead)


def test_the_probe_changes_no_number(small_data):
    train, test = small_data
    thetas = []
    for every in (0, 1):
        model = fashion_mnist.configurations(hidden=(8, 4))["relu-dropout"].build(0)
        watching = probe.Probe(model, train, test, every)
        tn.fit(model, train, epochs=2, batch_size=50, callbacks=[watching], progress=False)
        thetas.append(model.theta.copy())
    assert np.array_equal(*thetas)
    assert [row["epoch"] for row in watching.rows] == [0, 1, 2]


# Sentences ----------------------------------------------------------------------------------------------------------


def comparison(difference, p, low=-0.01, high=0.01):
    return {"arm": "a", "against": "b", "seeds": 5, "difference": difference, "low": low, "high": high, "p_holm": p}


def test_words_follow_from_the_numbers():
    study = {"arms": {"a": {"title": "A"}, "b": {"title": "B"}}}
    assert sentences.comparison_sentence(study, comparison(0.02, 0.001)).startswith("A: 2.00 points better than B")
    assert sentences.comparison_sentence(study, comparison(-0.02, 0.001)).startswith("A: 2.00 points worse than B")
    assert sentences.comparison_sentence(study, comparison(0.02, 0.2)).startswith(
        "A: no significant difference from B at 5 seeds"
    )
    assert "not tested" in sentences.comparison_sentence(study, comparison(0.02, None))


def test_the_smaller_of_two_equally_good_rates_is_chosen_and_a_diverged_one_never():
    def tried(rate, accuracy):
        run = {"part": "grid", "arm": "relu", "learning_rate": rate}
        return run | ({"diverged": "yes"} if accuracy is None else {"validation": {"accuracy": accuracy}})

    assert choose([tried(1.0, 0.8), tried(0.3, 0.8), tried(3.0, None)]) == {"relu": 0.3}
    assert choose([tried(3.0, None)]) == {}


def test_a_configuration_of_ones_own_is_a_value(small_data):
    def network(seed):
        return tn.Sequential(tn.Dense(784, 3), tn.Tanh(), tn.Dense(3, 10), seed=seed)

    mine = Configuration("tanh", network, learning_rates=(0.1, 0.3))
    study = Study({"mine": mine}, small_data, seeds=1, learning_rate=0.1)
    jobs = study.first_jobs()
    assert [(job.part, job.name, job.learning_rate) for job in jobs] == [
        ("given", "mine", 0.1), ("grid", "mine", 0.1), ("grid", "mine", 0.3),
    ]  # fmt: skip
    assert "Tanh" in repr(mine.build(0))
