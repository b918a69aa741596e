"""The public API of tinynet.study: the program of its documentation, and studies of one's own."""

import json
import signal
import textwrap
from dataclasses import replace
from functools import partial

import pytest

import tinynet as tn
from tests.support.child import python

pytest.importorskip("scipy")
from tinynet import study as library
from tinynet.study import Configuration, Recipe, Study


def network(seed, activation=tn.ReLU):
    return tn.Sequential(tn.Dense(20, 8), activation(), tn.Dense(8, 4), seed=seed)


def configurations(**changes):
    sigmoid = Configuration("sigmoid", partial(network, activation=tn.Sigmoid), tn.SGD, (0.1, 1.0), **changes)
    return {"sigmoid": sigmoid, "relu": Configuration("ReLU", network, tn.SGD, (0.1, 1.0), "sigmoid", **changes)}


def documented_program():
    text = library.__doc__
    indented = text[text.index("    from functools") : text.index("The learning rate of each")]
    return textwrap.dedent(indented)


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
    results = json.loads((out / "results.json").read_text())
    assert [(run["part"], run["arm"]) for run in results["runs"]].count(("best", "relu")) == 3
    assert "learning rate 0.1 for" not in (out / "results.md").read_text()

    again = python("-W", "error", "mine.py", folder=tmp_path)
    assert "12 runs" not in again.stdout
    assert "[ " not in again.stdout  # nothing is run again
    assert [line for line in again.stdout.splitlines() if line.startswith("| ReLU")] == table


def test_one_process_or_two_give_the_same_bits(tmp_path, small_data):
    summaries = []
    for workers in (0, 2):
        study = Study(
            configurations(), small_data, seeds=2, epochs=2, batch_size=50, learning_rate=0.1, workers=workers
        )
        summaries.append(study.run(tmp_path / str(workers)).runs)
    assert [library.jobs.without_times(run) for run in summaries[0]] == [
        library.jobs.without_times(run) for run in summaries[1]
    ]


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


def test_a_report_needs_no_pictures_and_survives_divergence(tmp_path, small_data):
    for needed in ("matplotlib", "jinja2"):
        pytest.importorskip(needed)
    wild = {"wild": Configuration("wild", network, tn.SGD, (1e30,), "sigmoid")}
    study = Study(
        {**configurations(), **wild}, small_data, seeds=2, epochs=1, batch_size=50, learning_rate=0.1, workers=0
    )
    result = study.run(tmp_path, progress=False)
    assert {run["arm"] for run in result.diverged} == {"wild"}
    names = {path.name for path in result.write_report()}
    assert {"report.html", "comparison.png", "learning_curves.png", "why.png", "confusion_matrix.png"} <= names
    assert "predictions.png" not in names  # the examples are no pictures
    assert "diverged" in (tmp_path / "results.md").read_text()
    everything = Study({"wild": replace(wild["wild"], baseline="")}, small_data, seeds=1, epochs=1, workers=0)
    result = everything.run(tmp_path / "wild", progress=False)
    assert "Every run diverged." in result.table()
    assert "report.html" in {path.name for path in result.write_report()}


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


def test_a_change_of_ones_own_function_is_run_again(tmp_path, small_data):
    def with_function(build):
        return Study({"mine": Configuration("mine", build)}, small_data, seeds=1, epochs=1, workers=0)

    def wide(seed):
        return tn.Sequential(tn.Dense(20, 4), seed=seed)

    def wider(seed):
        return tn.Sequential(tn.Dense(20, 4), seed=seed + 1)

    def doubled(seed, factor=1):
        model = wide(seed)
        model.theta *= factor
        return model

    builds = wide, wider, doubled, partial(doubled, factor=2), wide
    keys = [with_function(build).second_jobs({"mine": 0.1})[0].key("") for build in builds]
    assert keys[0] == keys[-1]
    assert len(set(keys)) == 4


def test_a_recipe_is_a_configuration(tmp_path, small_data):
    images = tn.data.synthetic_fashion(200, 50)
    build = partial(tn.zoo.mlp, 784, (8,), 10)
    recipe = Recipe("recipe", lambda seed: build(seed=seed), learning_rates=(0.005,), transforms=(tn.data.Shift(1),))
    result = Study({"mine": recipe}, images, seeds=[3], epochs=1, threads=None).run(tmp_path)
    (run,) = result.runs
    assert run["seed"] == 3
    assert "one_cycle(peak=0.005" in run["optimizer"]
    assert run["epochs"][0]["epoch"] == 1
    assert "samples/s" in result.table()


def test_an_unfinished_run_continues_from_its_checkpoint(tmp_path, small_data, monkeypatch):
    pytest.importorskip("safetensors")

    def study():
        return Study({"relu": Configuration("ReLU", network)}, small_data, seeds=1, epochs=3, threads=None)

    expected = study().run(tmp_path / "whole").runs[0]
    from tinynet.study.workers import EpochPrinter

    def stop(self, history):
        if len(history) == 2:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as stopping:
        stopping.setattr(EpochPrinter, "epoch_ends", stop)
        with pytest.raises(KeyboardInterrupt, match="0 finished runs and the unfinished one"):
            study().run(tmp_path / "broken", checkpoints=True)
    assert list((tmp_path / "broken" / "runs").glob("*/step-*.safetensors"))
    seen = []
    monkeypatch.setattr(EpochPrinter, "epoch_ends", lambda self, history: seen.append(len(history)))
    found = study().run(tmp_path / "broken", checkpoints=True).runs[0]
    assert seen
    assert seen[-1] == 3
    assert 1 not in seen
    assert library.jobs.without_times(found) == library.jobs.without_times(expected)
    assert not list((tmp_path / "broken" / "runs").glob("*/"))


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
    with pytest.raises(
        ValueError,
        match="ReLU: expected settings of fit that a study does not decide, got epochs; leave epochs to the study",
    ):
        Configuration("ReLU", network, fit={"epochs": 3})
    with pytest.raises(ValueError, match="ReLU: expected at least one learning rate, got none"):
        Configuration("ReLU", network, learning_rates=())
    train, test = small_data
    regression = train.images, train.images[:, :1]
    with pytest.raises(tn.DataError, match="expected integer labels"):
        Study({"relu": Configuration("ReLU", network)}, (regression, test))


def test_a_lambda_is_refused_before_processes_start_and_runs_in_this_one(tmp_path, small_data):
    study = {"mine": Configuration("mine", lambda seed: network(seed))}
    with pytest.raises(ValueError, match="Study: mine: expected .* no lambdas, or pass workers=0"):
        Study(study, small_data, workers=2).run(tmp_path)
    result = Study(study, small_data, seeds=1, epochs=1, workers=0).run(tmp_path)
    assert len(result.runs) == 1


def test_a_program_without_a_main_guard_is_told_so(tmp_path):
    program = documented_program().replace('if __name__ == "__main__":', "if True:")
    (tmp_path / "mine.py").write_text(program)
    done = python("mine.py", folder=tmp_path)
    assert done.returncode == 1
    assert "call run() under `if __name__ == '__main__':`, or pass workers=0" in done.stderr


def test_importing_tinynet_does_not_import_the_study():
    seen = python("-c", "import sys, tinynet; print('tinynet.study' in sys.modules)", check=True)
    assert seen.stdout.strip() == "False"
    seen = python("-c", "import sys, tinynet.study; print(*sys.modules)", check=True).stdout.split()
    assert not {"scipy", "matplotlib", "jinja2"} & set(seen)
