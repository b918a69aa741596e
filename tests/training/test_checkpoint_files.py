"""What a checkpoint says is compared with itself: step, name, epochs, losses. The advice, to delete it, works."""

import numpy as np
import pytest

import tinynet as tn
from tests.support.checkpoints import resumed, saved, state_of
from tinynet.io.array_files import read_arrays, write_arrays
from tinynet.training.checkpoints import Checkpoints


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
    with pytest.warns(UserWarning, match=f"{message}.*; delete it; trying the checkpoint before it"):
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
    changed(keeper, 1002, {"history": [{f"{column}": 0 for column in range(11)}] * 1000}, version=version)
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
