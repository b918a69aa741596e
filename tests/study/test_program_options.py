"""The command line of a study: what each option becomes."""

import pytest

import tinynet as tn
from tests.support.studies import network
from tinynet.study import Configuration, options, program, recipes

for needed in ("matplotlib", "jinja2", "scipy"):
    pytest.importorskip(needed)


def make(inputs=784, classes=10):
    grid = (0.1, 0.2, 0.3, 0.4)
    first = Configuration("A", network, tn.SGD, grid, long=True)
    return {"a": first, "b": Configuration("B", network, tn.SGD, grid, "a", long=True)}


def study(monkeypatch, *arguments):
    monkeypatch.setattr(options, "open_data", lambda *asked: tn.data.synthetic_fashion(80, 20))
    monkeypatch.setattr(program, "QUICK_EXAMPLES", 50)
    parser = program.study_parser(None, "files", "out", ["a", "b"])
    told = program.study_options(parser, ["--device", "cpu", *arguments], ["a", "b"], quick=["b"])
    return program.study_of(told, make, ())


def test_what_is_left_out_is_the_whole_study(monkeypatch):
    whole = study(monkeypatch)
    assert (list(whole.configurations), whole.seeds, whole.epochs) == (["a", "b"], [0, 1, 2, 3, 4], 10)
    assert (whole.learning_rate, whole.batch_size, len(whole.data.train)) == (0.1, 1000, 80)
    b = whole.configurations["b"]
    assert (b.baseline, b.learning_rates, b.long) == ("a", (0.1, 0.2, 0.3, 0.4), True)


def test_numbers_that_are_told_are_used(monkeypatch):
    told = study(monkeypatch, "--lr", "0.7", "--seeds", "3", "--epochs", "4", "--batch-size", "16", "--jobs", "1")
    assert (told.learning_rate, told.seeds, told.epochs, told.batch_size) == (0.7, [0, 1, 2], 4, 16)
    assert told.workers == 1
    assert study(monkeypatch, "--as-given").parts == ["given"]


def test_a_quick_look_has_fewer_of_everything_and_no_baseline_that_is_left_out(monkeypatch):
    quick = study(monkeypatch, "--quick")
    assert (list(quick.configurations), quick.seeds, quick.epochs, len(quick.data.train)) == (["b"], [0, 1], 3, 50)
    b = quick.configurations["b"]
    assert (b.baseline, b.learning_rates, b.long) == ("", (0.1, 0.2, 0.3), False)


@pytest.mark.parametrize("validate", [[], ["--validate"]])
def test_what_recipes_are_measured_on_is_scaled_like_what_they_are_trained_on(monkeypatch, validate):
    seen = []

    class Asked(Exception):
        pass

    def asked(configurations, data, **settings):
        seen.append((*data, settings))
        raise Asked

    monkeypatch.setattr(recipes, "Study", asked)
    monkeypatch.setattr(options, "open_data", lambda *asked: tn.data.synthetic_fashion(90, 30))
    known = {"mine": recipes.Recipe("mine", network)}
    parser = recipes.recipe_parser(None, "files", "out", known, ["mine"], {})
    told = recipes.recipe_options(parser, ["--device", "cpu", "--first-seed", "4", "--seeds", "2", *validate], known)
    with pytest.raises(Asked):
        recipes.run_recipes(told, known)
    ((train, test, settings),) = seen
    assert (train.mean, train.deviation) == (test.mean, test.deviation) != (0, 1)
    assert (len(train), len(test)) == ((75, 15) if validate else (90, 30))
    assert (list(settings["seeds"]), settings["held_out"]) == ([4, 5], "validation" if validate else "test")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [(options.count, "1", 1), (options.whole, "0", 0), (options.positive, "0.5", 0.5), (options.fraction, "0", 0.0)],
)
def test_numbers_of_a_command_line(kind, text, value):
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [(options.count, "0"), (options.whole, "-1"), (options.positive, "0"), (options.positive, "inf"),
     (options.fraction, "1"), (options.fraction, "-0.1")],
)  # fmt: skip
def test_numbers_out_of_range_are_refused(kind, text):
    from argparse import ArgumentTypeError

    with pytest.raises(ArgumentTypeError, match=f"expected a .*, got {text}"):
        kind(text)
