"""The documented program runs, learning rates are chosen on held-out data, and wrong studies are refused."""

import io
import json
import sys

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import python
from tests.support.studies import configurations, documented_program, network
from tinynet.study import Configuration, Study
from tinynet.study.progress import minutes
from tinynet.study.study import choose

pytest.importorskip("scipy")


def test_parts_that_do_not_exist_are_refused(small_data):
    for parts in ("best", ["bset"]):  # a string was read as its letters, and nothing ran
        with pytest.raises(ValueError, match="Study: unknown part .* Known: best, given, long"):
            Study(configurations(), small_data, parts=parts)


def test_the_documented_program_has_at_most_twenty_lines():
    assert len([line for line in documented_program().splitlines() if line.strip()]) <= 20


def test_the_documented_program_runs_on_two_processes_and_continues(tmp_path):
    for needed in ("matplotlib", "jinja2"):
        pytest.importorskip(needed)
    (tmp_path / "mine.py").write_text(documented_program())
    done = python("-W", "error", "mine.py", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 side by side" in done.stdout
    table = [line for line in done.stdout.splitlines() if line.startswith("| ReLU")]
    assert len(table) == 2  # of accuracies, and of the grid
    out = tmp_path / "results" / "mine"
    assert {"report.html", "results.json", "results.md", "results.csv"} <= {path.name for path in out.iterdir()}
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [(run["part"], run["arm"]) for run in results["runs"]].count(("best", "relu")) == 3
    assert "learning rate 0.1 for" not in (out / "results.md").read_text(encoding="utf-8")

    again = python("-W", "error", "mine.py", folder=tmp_path)
    assert "12 runs" not in again.stdout
    assert "[ " not in again.stdout  # nothing is run again
    assert [line for line in again.stdout.splitlines() if line.startswith("| ReLU")] == table


def test_the_rate_is_chosen_without_the_test_set_and_used(tmp_path, small_data, capsys):
    result = Study(configurations(), small_data, seeds=2, epochs=2, batch_size=50, workers=0).run(
        tmp_path, progress=False
    )
    assert capsys.readouterr().out == ""
    for name, grid in result.summary["grids"].items():
        best = max(accuracy for _, accuracy in grid)
        assert dict(grid)[result.summary["chosen"][name]] == best
    tuned = [run for run in result.runs if run["part"] == "best"]
    assert all(run["learning_rate"] == result.summary["chosen"][run["arm"]] for run in tuned)
    assert "ReLU" in result.table()


def test_a_single_rate_needs_no_grid_and_a_loss_of_ones_own_is_used(tmp_path, small_data):
    softer = Configuration("softer", network, fit={"loss": tn.SoftmaxCrossEntropy(label_smoothing=0.2)}, epochs=3)
    study = Study(
        {"plain": Configuration("plain", network), "softer": softer}, small_data, seeds=1, epochs=1, workers=0
    )
    result = study.run(tmp_path)
    assert [run["part"] for run in result.runs] == ["best", "best"]
    plain, other = result.runs
    assert (plain["settings"]["epochs"], other["settings"]["epochs"]) == (1, 3)
    assert "label_smoothing=0.2" in other["settings"]["loss"]
    by_hand = network(0)
    tn.fit(by_hand, small_data[0], optimizer=tn.SGD(0.1), epochs=3, loss=softer.fit["loss"], threads=1, progress=False)
    assert other["test"]["accuracy"] == tn.evaluate(by_hand, small_data[1]).accuracy


def plan(small_data, **arguments):
    """The jobs of a study of two configurations, of which the second has settings of its own."""
    own = Configuration("own", network, tn.SGD, (0.2, 0.4), epochs=7, batch_size=25, long=True)
    usual = dict(seeds=5, epochs=2, batch_size=50, learning_rate=0.1, workers=0)
    study = Study({"plain": Configuration("plain", network, shared=False), "own": own}, small_data, **usual | arguments)
    jobs = [*study.first_jobs(), *study.second_jobs({"plain": 0.1, "own": 0.4})]
    return {part: [job for job in jobs if job.part == part] for part in ("given", "grid", "best", "long")}


def test_the_jobs_of_a_study_are_those_that_its_docstring_names(small_data):
    jobs = plan(small_data)
    assert [(job.name, job.seed, job.learning_rate, job.every) for job in jobs["given"]] == [
        ("own", seed, 0.1, 1) for seed in range(5)
    ]
    assert [(job.name, job.seed, job.learning_rate) for job in jobs["grid"]] == [("own", 0, 0.2), ("own", 0, 0.4)]
    assert [(job.name, job.seed, job.learning_rate) for job in jobs["best"]] == [
        (name, seed, rate) for name, rate in (("plain", 0.1), ("own", 0.4)) for seed in range(5)
    ]
    assert [(job.name, job.seed, job.epochs, job.every) for job in jobs["long"]] == [
        ("own", seed, 35, 2)
        for seed in range(3)  # five times as many epochs, three seeds
    ]
    for job in [each for part in jobs.values() for each in part]:
        own = job.name == "own"
        assert job.batch_size == (25 if own else 50)
        assert job.epochs == (7 if own else 2) * (5 if job.part == "long" else 1)
        assert (job.threads, job.split) == (1, "validation" if job.part == "grid" else "test")
    assert not plan(small_data, parts=["best"])["given"]
    assert not plan(small_data, parts=["given"])["best"]
    assert [job.seed for job in plan(small_data, seeds=[3, 8])["best"]] == [3, 8, 3, 8]


def test_learning_rates_are_chosen_on_a_tenth_that_is_not_trained_on(small_data):
    data = Study(configurations(), small_data, workers=0).data
    rest, held_out = data.of("grid")
    assert (len(rest), len(held_out)) == (540, 60)
    rows = np.concatenate([rest.images, held_out.images])
    np.testing.assert_array_equal(np.sort(rows[:, 0]), np.sort(small_data[0].images[:, 0]))
    for part in ("given", "best", "long"):
        assert data.of(part) == (data.train, data.test)


def test_a_fresh_start_deletes_the_finished_runs_and_any_other_keeps_them(tmp_path, small_data):
    study = Study({"relu": Configuration("ReLU", network)}, small_data, seeds=1, epochs=1, workers=0)
    study.run(tmp_path, progress=False)
    (kept,) = (tmp_path / "runs").glob("*.json")
    times = [kept.stat().st_mtime_ns]
    for fresh in (False, True):
        study.run(tmp_path, progress=False, fresh=fresh)
        times.append(kept.stat().st_mtime_ns)
    assert times[0] == times[1] < times[2]


def test_a_learning_rate_that_diverges_in_the_grid_is_no_failure_of_the_study(tmp_path, small_data):
    wild = Configuration("wild", network, tn.SGD, (0.1, 1e30))
    result = Study({"wild": wild}, small_data, seeds=1, epochs=1, workers=0).run(tmp_path, progress=False)
    assert sum("diverged" in run for run in result.runs) == 1
    assert result.diverged == []
    assert result.summary["chosen"] == {"wild": 0.1}


def test_times_are_told_in_seconds_or_minutes():
    assert [minutes(seconds) for seconds in (0, 12.4, 89, 90, 150, 3600)] == [
        "0 s", "12 s", "89 s", "1.5 min", "2.5 min", "60.0 min",
    ]  # fmt: skip


def test_a_line_for_each_run_counts_them(tmp_path, small_data, capsys):
    Study(configurations(), small_data, seeds=2, epochs=1, batch_size=50, workers=0).run(tmp_path)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert [line.split("]")[0] for line in lines] == [f"[  {number}/8" for number in range(1, 9)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": 0}, "Study: seeds: expected a whole number from 1, got 0; try seeds=5"),
        ({"workers": -1}, "Study: workers: expected a whole number from 0, got -1; try workers=2"),
        ({"epochs": 1.5}, "Study: epochs: expected a whole number from 1, got 1.5; try epochs=10"),
    ],
)
def test_a_wrong_number_is_refused(small_data, change, message):
    with pytest.raises(ValueError) as refused:  # noqa: PT011  (compared as a whole)
        Study(configurations(), small_data, **change)
    assert str(refused.value) == message


def test_what_cannot_be_compared_is_refused(tmp_path, small_data):
    with pytest.raises(ValueError, match="Study: expected at least one configuration, got none"):
        Study({}, small_data)
    with pytest.raises(ValueError, match="ReLU: unknown baseline 'sigmoit'"):
        Study({"relu": Configuration("ReLU", network, baseline="sigmoit")}, small_data)
    train, test = small_data
    regression = train.images, train.images[:, :1]
    with pytest.raises(tn.DataError, match="expected integer labels"):
        Study({"relu": Configuration("ReLU", network)}, (regression, test))


def test_importing_tinynet_does_not_import_the_study():
    seen = python("-c", "import sys, tinynet; print('tinynet.study' in sys.modules)", check=True)
    assert seen.stdout.strip() == "False"
    seen = python("-c", "import sys, tinynet.study; print(*sys.modules)", check=True).stdout.split()
    assert not {"scipy", "matplotlib", "jinja2"} & set(seen)


def test_the_smaller_of_two_equally_good_rates_is_chosen_and_a_diverged_one_never():
    def tried(rate, accuracy):
        run = {"part": "grid", "arm": "relu", "learning_rate": rate}
        return run | ({"diverged": "yes"} if accuracy is None else {"validation": {"accuracy": accuracy}})

    assert choose([tried(1.0, 0.8), tried(0.3, 0.8), tried(3.0, None)]) == {"relu": 0.3}
    assert choose([tried(3.0, None)]) == {}


def test_a_study_is_silent_where_there_is_no_output_and_shows_its_table_without_signs(
    tmp_path, small_data, monkeypatch
):
    study = Study(configurations(), small_data, seeds=2, epochs=1, batch_size=50, workers=0)
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    result = study.run(tmp_path)
    result.show()
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding="ascii"))
    result.show()
    assert " +- " in printed.getvalue().decode("ascii")
    assert "±" in result.table()
