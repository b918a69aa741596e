"""What a checkpoint says is compared with itself: step, name, epochs, losses. The advice, to delete it, works."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tests.support.checkpoints import SETTINGS, resumed, saved, state_of
from tinynet.io.array_files import read_arrays, write_arrays
from tinynet.training.checkpoint_files import check_vectors, rows_to_json, storable
from tinynet.training.checkpoints import Checkpoints
from tinynet.training.settings import REMEDY
from tinynet.training.state import TrainingState


def changed(keeper, step, about=None, arrays=None, version=2):
    """Write the checkpoint of a step with other contents, and the right checksum."""
    path = keeper.path(step)
    old, description, _ = read_arrays(path, "checkpoint", 2)
    arrays = {name: values for name, values in {**old, **(arrays or {})}.items() if values is not None}
    write_arrays(path, "checkpoint", version, arrays, {**description, **(about or {})})


ROWS = [{"epoch": number, "running_loss": 0.5} for number in range(1, 5)]
CHANGES = {
    "another step": ({"about": {"step": 28}}, "expected step 29, as its name says, got 28"),
    "a step that is true": ({"about": {"step": True}}, "a step, a history, seconds"),
    "a step of 10,000 digits": ({"about": {"step": 10**3000}}, "a step, a history, seconds"),
    "more epochs than steps": ({"about": {"history": [{"running_loss": 1}] * 30}}, "a step of at least 35, got 29"),
    "an epoch twice": ({"about": {"history": [ROWS[0], *ROWS[:3]]}}, "a step, a history, seconds"),
    "an epoch that is missing": ({"about": {"history": ROWS[1:]}}, "a step, a history, seconds"),
    "a row that is a list": ({"about": {"history": [[1]]}}, "a step, a history, seconds"),
    "a text in a row": ({"about": {"history": [{"running_loss": "high"}]}}, "a step, a history, seconds"),
    "a number of 400 digits": ({"about": {"history": [{"running_loss": 10**400}]}}, "a step, a history, seconds"),
    "seconds below zero": ({"about": {"seconds": -1.0}}, "a step, a history, seconds"),
    "a best result that is a text": ({"about": {"best": "0.5"}}, "a step, a history, seconds"),
    "losses without sizes": ({"arrays": {"meter.counts": None}}, "the losses of an epoch"),
    "losses of two axes": ({"arrays": {"meter.losses": np.zeros((5, 1))}}, "the losses of an epoch"),
    "losses without an axis": ({"arrays": {"meter.losses": np.zeros(())}}, "the losses of an epoch"),
    "too many losses": ({"arrays": {f"meter.{name}": np.ones(7) for name in ("losses", "counts", "weights")}
                         | {"meter.hits": np.ones(7, "i8")}}, "at most 6 losses, got 7"),
    "a size of 0": ({"arrays": {"meter.counts": np.zeros(5)}}, "numbers of examples, hits and weights"),
    "a size that is no number": ({"arrays": {"meter.counts": np.full(5, np.nan)}}, "numbers of examples"),
    "an infinite weight": ({"arrays": {"meter.weights": np.full(5, np.inf)}}, "numbers of examples"),
    "hits below zero": ({"arrays": {"meter.hits": np.full(5, -1)}}, "numbers of examples"),
    "an enormous empty array": ({"arrays": {"theta": np.zeros((0, 10**12), "f4")}}, r"theta of shape \(32,\), got \("),
    "no parameters": ({"arrays": {"theta": None}}, r"theta of shape \(32,\), got none"),
}  # fmt: skip


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("kind", CHANGES)
def test_a_checkpoint_that_contradicts_itself_gives_way_and_the_advice_works(kind, version, tmp_path):
    changes, message = CHANGES[kind]
    keeper = saved(tmp_path, 28, 29)
    changed(keeper, 29, version=version, **changes)
    told = f"^{re.escape(str(keeper.path(29)))}: .*{message}.*; delete it; trying the checkpoint before it"
    with pytest.warns(UserWarning, match=told):
        step, state = resumed(tmp_path)
    assert (step, state.meter.done, len(state.history)) == (28, 4, 4)
    keeper.path(29).unlink()
    assert resumed(tmp_path)[0] == 28


def test_a_file_that_is_changed_within_its_meaning_is_read(tmp_path):
    """The changes above, and not the way they are made, are what is refused."""
    keeper = saved(tmp_path, 28, 29)
    changed(keeper, 29, {"history": ROWS, "seconds": 1}, {"meter.losses": np.full(5, np.nan)})
    step, state = resumed(tmp_path)
    assert (step, state.seconds, list(state.history)) == (29, 1, ROWS)


@pytest.mark.parametrize("version", [1, 2])
def test_a_table_that_would_be_far_larger_than_its_file_is_refused(version, tmp_path):
    """Each row with columns of its own: 1,000 rows and 11,000 columns, a table of 11 million cells."""
    rows = [{f"{row} {column}": 0 for column in range(11)} for row in range(1000)]
    keeper = saved(tmp_path, 28, 1002)
    changed(keeper, 1002, {"history": rows}, version=version)
    with pytest.warns(UserWarning, match="a step, a history, seconds.*; trying the checkpoint before it"):
        assert resumed(tmp_path)[0] == 28
    within = [{f"{row} {column}": 0 for column in range(10)} for row in range(1000)]
    for rows in [{f"{column}": 0 for column in range(11)}] * 1000, within:
        changed(keeper, 1002, {"history": rows}, version=version)
        assert len(resumed(tmp_path)[1].history) == 1000


def test_half_a_character_in_a_column_can_be_written_as_a_table(tmp_path):
    """JSON can hold one, and UTF-8 cannot."""
    keeper = saved(tmp_path, 28, 29)
    changed(keeper, 29, {"history": [{"epoch": 1, "\ud800": 2}]})
    _, state = resumed(tmp_path)
    state.history.to_csv(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_bytes().split() == [b"epoch,\\ud800", b"1,2"]


def test_a_state_that_is_refused_is_not_changed(tmp_path):
    keeper = saved(tmp_path, 29)
    changed(keeper, 29, {"seconds": -1.0})
    state = state_of(seed=1)
    before = state.theta.tobytes(), state.meter.done, state.step, list(state.history)
    with pytest.warns(UserWarning, match="a step, a history"), pytest.raises(tn.DataError, match="that can be read"):
        Checkpoints(tmp_path).begin(state, keeper._settings, resume=True)
    assert before == (state.theta.tobytes(), state.meter.done, state.step, list(state.history))


# What is written, and what is refused: the pieces by themselves ------------------------------------------------------


class Scalar:
    """A number of another library, as far as Python knows it."""

    def item(self):
        return 4


def test_the_rows_of_a_history_are_written_as_json_has_numbers():
    """An old reader, or one of another language, meets no NaN, and no number that is a truth value or a text."""
    row = {
        "whole": np.int64(3), "true": True, "numpy's true": np.bool_(True), "float": np.float32(0.5), "none": None,
        "two": np.zeros(2), "an array of one": np.array([2.5]), "nan": math.nan,
        "inf": np.float64(math.inf), "-inf": -math.inf, "scalar": Scalar(),
    }  # fmt: skip
    told = (
        "history: expected numbers in the column '(none|two)', got .*; keep other things elsewhere; checkpoints leave"
    )
    with pytest.warns(UserWarning, match=told):
        written = rows_to_json([row, {}, {"one": 1}])
    assert json.dumps(written, allow_nan=False) == (
        '[{"whole": 3, "true": 1, "numpy\'s true": 1, "float": 0.5, "an array of one": 2.5, "nan": "nan", '
        '"inf": "inf", "-inf": "-inf", "scalar": 4}, {}, {"one": 1}]'
    )


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float16", "float32"), ("float32", "float32"), ("float64", "float64"), ("bool", "int64"), ("int8", "int64"),
     ("uint32", "int64"), ("int64", "int64"), (">f4", "float32"), (">i2", "int64")],
)  # fmt: skip
def test_a_vector_is_written_in_the_narrowest_dtype_of_files_that_holds_it(dtype, expected):
    values = np.array([0, 1, 1], dtype)
    found = storable("v", values)
    assert (found.dtype, found.dtype.isnative, found.tolist()) == (np.dtype(expected), True, values.tolist())
    if dtype == expected:
        assert np.shares_memory(found, values)  # theta may be large


def test_a_vector_that_files_cannot_hold_is_named():
    expected = "Checkpoints: expected m of floats or whole numbers, got complex64; let start() of the optimizer return"
    with pytest.raises(TypeError) as told:
        storable("m", np.zeros(2, "complex64"))
    assert str(told.value) == f"{expected} such vectors"


def masked(weight, dtype="float32"):
    """The state of a run of AdamW whose mask has this number for each weight."""
    model = tn.Sequential(tn.Dense(3, 2), dtype=dtype)
    return TrainingState.of(model, tn.AdamW(0.1, mask=model.mask() * weight), 0)


def test_format_1_is_compared_by_its_arrays():
    """The mask and the dtype are named in the settings of format 2, and seen only in the arrays of format 1."""
    path, state = Path("step-000000001.safetensors"), masked(1)
    arrays = {name: storable(name, values) for name, values in state.vectors().items()}
    check_vectors(state, arrays, 1, path)
    check_vectors(masked(2), arrays, 2, path)
    check_vectors(state, {}, 1, path)  # `restore` says what is missing
    check_vectors(state_of(), {"theta": arrays["theta"]}, 1, path)  # it has no mask
    remedy = re.escape(f"; {REMEDY}")
    with pytest.raises(ValueError, match=f"^{path}: expected the mask of this optimizer, got another{remedy}$"):
        check_vectors(masked(2), arrays, 1, path)
    with pytest.raises(ValueError, match=f"^{path}: expected a model of dtype float64, got float32{remedy}$"):
        check_vectors(masked(1, "float64"), arrays, 1, path)
    ours, others = "theta, statistics, optimizer.velocity", "optimizer.mask, optimizer.mean, optimizer.square"
    with pytest.raises(ValueError, match=f"expected the vectors {ours}, got also {others}{remedy}$"):
        check_vectors(state_of(), arrays, 2, path)


def begun_at(folder, step, **about):
    """The state that a run goes on with from a checkpoint of this step."""
    keeper = saved(folder, 5)
    changed(keeper, 5, {"step": step, **about})
    keeper.path(5).rename(keeper.path(step))
    keeper.begin(state := state_of(), SETTINGS, resume=True)
    return state


@pytest.mark.parametrize("step", [5, 10**9, 2**53 - 1])  # 5: each of its losses is of a step of its own
def test_steps_up_to_the_limit_are_read(step, tmp_path):
    assert begun_at(tmp_path, step).step == step


def test_steps_beyond_what_a_float_counts_are_refused(tmp_path):
    with pytest.warns(UserWarning, match="a step, a history, seconds"), pytest.raises(tn.DataError, match="be read"):
        begun_at(tmp_path, 2**53)


def test_the_first_checkpoint_of_a_run_is_read(tmp_path):
    """Before the first step, a signal may come."""
    keeper = saved(tmp_path, 0)
    keeper.begin(state := state_of(), SETTINGS, resume=True)
    assert (state.step, keeper.steps(), state.meter.done) == (0, [0], 0)


def test_whole_numbers_come_back_exactly(tmp_path):
    """Counts of an optimizer beyond 2^53, which float64 would round."""
    keeper, state = saved(tmp_path, 5), state_of()
    counts = np.array([2**53 + 1, -(2**63)])
    changed(keeper, 5, arrays={"optimizer.count": counts})
    state.optimizer["count"] = np.zeros(2, "int64")
    keeper.begin(state, SETTINGS, resume=True)
    np.testing.assert_array_equal(state.optimizer["count"], counts)


def test_numbers_of_a_history_that_are_not_finite_come_back(tmp_path):
    row = {"epoch": 1, "running_loss": "nan", "largest": "inf", "smallest": "-inf", "whole": 3}
    state = begun_at(tmp_path, 6, history=[row])
    np.testing.assert_equal(state.history.rows, [{**row, "running_loss": math.nan, "largest": math.inf,
                                                  "smallest": -math.inf}])  # fmt: skip


def test_an_epoch_whose_seconds_are_not_known_has_taken_none(tmp_path):
    keeper = saved(tmp_path, 5)
    arrays, about, _ = read_arrays(keeper.path(5), "checkpoint", 2)
    del about["seconds"]
    write_arrays(keeper.path(5), "checkpoint", 2, arrays, about)
    keeper.begin(state := state_of(), SETTINGS, resume=True)
    assert (state.step, state.seconds) == (5, 0)


def test_where_no_model_was_the_best_the_next_one_is(tmp_path):
    keeper = saved(tmp_path, 6)
    keeper.begin(state := state_of(), SETTINGS, resume=True)
    state.history.append({"epoch": 2, "validation_loss": 1e300})
    keeper.after_epoch(state, tn.Sequential(tn.Dense(3, 2)))
    assert tn.load(tmp_path / "best.safetensors")(np.zeros((1, 3), "f4")).shape == (1, 2)


def test_the_best_result_so_far_is_read(tmp_path):
    """The best model has a loss of 0.5, so one of 0.75 does not take its place."""
    keeper = saved(tmp_path, 6, best=True)
    before = (tmp_path / "best.safetensors").read_bytes()
    keeper.begin(state := state_of(), SETTINGS, resume=True)
    state.history.append({"epoch": 2, "validation_loss": 0.75})
    keeper.after_epoch(state, tn.Sequential(tn.Dense(3, 2), seed=1))
    assert (tmp_path / "best.safetensors").read_bytes() == before
