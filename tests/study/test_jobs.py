"""A job is run again when a function that it depends on has changed."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest

import tinynet as tn
from tinynet.backend.arrays import CPU
from tinynet.study import Configuration, Study
from tinynet.study.jobs import Data, Job, hash_of_surroundings, read_result, write_result
from tinynet.study.recipes import AS_IT_IS, FIVE_PLACES, TEN_VIEWS, Recipe

pytest.importorskip("scipy")


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


def network(seed):
    return tn.Sequential(tn.Dense(20, 4), seed=seed)


class Darker:
    """A transform of one's own, whose repr is an address."""

    def __init__(self, factor=0.5):
        self.factor = factor

    def __call__(self, pictures, lanes):
        return pictures * self.factor


class Own(Configuration):
    def predict(self, model, data, threads=None):
        return super().predict(model, data, threads)


@dataclass(frozen=True, eq=False)
class WithField(Configuration):
    scale: float = 1.0


MASKS = [np.zeros(96, "float32"), np.ones(96, "float32")]


def key(configuration, data):
    study = Study({"mine": configuration}, data, seeds=1, epochs=1, workers=0)
    return study.second_jobs({"mine": 0.1})[-1].key("")


@pytest.mark.parametrize(
    "configurations",
    [
        [Configuration("a", network, optimizer=partial(tn.AdamW, mask=mask)) for mask in MASKS],
        [Configuration("a", network, optimizer=partial(tn.AdamW, weight_decay=decay)) for decay in (0, 0.01)],
        [Configuration("a", network, fit={"transforms": [Darker(factor)]}) for factor in (0.5, 0.4)],
        [Configuration("a", network, fit={"loss": tn.SoftmaxCrossEntropy(0, weights)}) for weights in (None, [1] * 4)],
        [Recipe("a", network, views=views) for views in (AS_IT_IS, FIVE_PLACES, TEN_VIEWS)],
        [kind("a", network) for kind in (Configuration, Own, WithField)],
        [WithField("a", network, scale=scale) for scale in (1.0, 2.0)],
    ],
    ids=["mask", "default", "transform", "weights", "views", "class", "field"],
)
def test_runs_that_give_other_numbers_have_other_results(configurations, small_data):
    """Otherwise the second would be given the result of the first."""
    keys = [key(each, small_data) for each in configurations]
    assert len(set(keys)) == len(keys)


def test_titles_and_plans_are_no_part_of_a_result(small_data):
    same = [
        Configuration("a", network, fit={"transforms": [Darker()]}),
        Configuration("b", network, learning_rates=(0.1, 0.2), long=True, fit={"transforms": [Darker()]}),
    ]
    assert len({key(each, small_data) for each in same}) == 1


# What a result depends on ---------------------------------------------------------------------------------------------


def test_the_key_of_a_result_depends_on_every_setting_of_its_job(small_data):
    job = Job("best", "a", Configuration("a", network), 0.1, 0, 2, 50)
    others = [replace(job, **{name: value}) for name, value in (
        ("learning_rate", 0.2), ("seed", 1), ("epochs", 3), ("batch_size", 100), ("every", 1), ("threads", None),
        ("part", "grid"), ("configuration", Configuration("a", shifted)),
    )]  # fmt: skip
    keys = {each.key("surroundings") for each in (job, *others)}
    assert len(keys) == 1 + len(others)
    assert replace(job, name="another", part="long").key("surroundings") == job.key("surroundings")
    assert job.key("other surroundings") not in keys


def shifted(seed):
    """The same layers with other initial weights."""
    model = network(seed)
    model.theta += 1
    return model


def test_a_result_depends_on_both_sets_on_the_code_and_on_the_machine(small_data, tmp_path, monkeypatch):
    train, test = small_data
    data = Data(train, test, CPU)
    seen = [hash_of_surroundings(data), hash_of_surroundings(Data(train, test, CPU))]
    seen += [hash_of_surroundings(Data(*sets, CPU)) for sets in ((train.subset(slice(1, None)), test), (train, train))]
    package = tmp_path / "tinynet"
    for number in range(2):  # another text of the same length
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text(f"x = {number}")
        monkeypatch.setattr(tn, "__file__", str(package / "__init__.py"))
        seen.append(hash_of_surroundings(data))
    monkeypatch.setattr("tinynet.study.jobs.machine_kind", lambda manifest: ["another BLAS"])
    seen.append(hash_of_surroundings(data))
    assert seen[0] == seen[1]
    assert len(set(seen)) == len(seen) - 1


def test_a_result_under_the_name_of_another_is_not_read(tmp_path):
    written = write_result(tmp_path / "abc.json", {"test": {"accuracy": 0.5}})
    assert read_result(tmp_path / "abc.json") == written
    (tmp_path / "abc.json").rename(tmp_path / "abd.json")
    assert read_result(tmp_path / "abd.json") is None
    for content in ("", "[1]", "{"):
        (tmp_path / "abc.json").write_text(content)
        assert read_result(tmp_path / "abc.json") is None
    assert read_result(tmp_path / "nothing.json") is None
