"""Whatever a run remembers is read back: histories of any columns, vectors of any dtype; or it is refused at once."""

import csv
import math

import numpy as np
import pytest

import tinynet as tn
from tests.support.breaking import Break, BreakOff
from tests.support.models import small_model
from tinynet.training.checkpoints import Checkpoints
from tinynet.training.settings import Settings
from tinynet.training.state import Meter, TrainingState

pytest.importorskip("safetensors", reason="checkpoints are files of safetensors, which is not installed")
pytest.importorskip("filelock", reason="checkpoints need filelock, which is not installed")


def settings(small_data, **changes):
    usual = dict(validation=small_data[1], optimizer=tn.Adam(0.01), epochs=5, batch_size=100, seed=3, progress=False)
    return {**usual, **changes}


COLUMNS = {"validation": {"validation_loss", "validation_accuracy"}, "train": {"train_loss", "train_accuracy"}}


@pytest.mark.parametrize("first", [(), ("validation",), ("train",), ("train", "validation")], ids=str)
@pytest.mark.parametrize("then", [(), ("validation",), ("train",), ("train", "validation")], ids=str)
@pytest.mark.parametrize("broken_off_at", [11, 12, 13])  # in an epoch, at its end, in the next one
def test_what_is_evaluated_may_change_when_a_run_is_resumed(first, then, broken_off_at, small_data, tmp_path):
    def evaluated(names):
        return settings(
            small_data, epochs=4, validation=small_data[1] if "validation" in names else None,
            measure_train="train" in names,
        )  # fmt: skip

    whole = small_model()
    tn.fit(whole, small_data[0], **evaluated(first))
    keeper = Checkpoints(tmp_path / "run", every_steps=1)
    callbacks = [BreakOff(broken_off_at)]
    with pytest.raises(Break):
        tn.fit(small_model(), small_data[0], checkpoint=keeper, callbacks=callbacks, **evaluated(first))
    for _ in range(2):  # the second time from the checkpoint that has rows of both kinds
        history = tn.fit(model := small_model(), small_data[0], checkpoint=keeper, resume=True, **evaluated(then))
    assert model.theta.tobytes() == whole.theta.tobytes()
    assert len(history) == 4
    before = (broken_off_at - 1) // 6  # rows; the twelfth step is saved before its epoch is evaluated
    for name, columns in COLUMNS.items():
        for column in columns & set(history.columns):
            known = [name in first] * before + [name in then] * (4 - before)
            assert [not np.isnan(value) for value in history[column]] == known
    history.to_csv(tmp_path / "history.csv")
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [{name: float(value) for name, value in row.items() if value} for row in rows] == list(history)
    assert {name: len(column) for name, column in history.to_dict().items()} == dict.fromkeys(history.columns, 4)


def test_an_old_history_with_rows_of_two_kinds_is_read(small_data, tmp_path):
    """Earlier versions wrote such files and then refused them."""
    state = TrainingState.of(model := small_model(), tn.SGD(0.1), 0)
    state.meter, state.step = Meter(6, model.device), 12
    state.history.rows = [{"epoch": 1, "running_loss": 1.0}, {"epoch": 2, "running_loss": 1.0, "validation_loss": 2.0}]
    rows = list(state.history)
    keeper = Checkpoints(tmp_path)
    with keeper:
        keeper.begin(state, Settings({}, {}, {}), False)
        keeper.save(state)
        state.history.rows = []
        keeper.begin(state, Settings({}, {}, {}), True)
    assert list(state.history) == rows


class Note(tn.Callback):
    """Writes a column of its own into the history."""

    def __init__(self, value):
        self.value = value

    def epoch_ends(self, history):
        history.last["mine"] = self.value


@pytest.mark.parametrize(
    "value",
    [0, 2.5, np.float32(0.5), np.int64(3), np.array(0.25), True, np.bool_(True), math.nan, math.inf, -1e308],
    ids=str,
)
def test_a_number_that_a_callback_adds_to_the_history_comes_back(value, small_data, tmp_path):
    keeper, callbacks = Checkpoints(tmp_path, every_steps=1), [Note(value), BreakOff(9)]
    with pytest.raises(Break):
        tn.fit(small_model(), small_data[0], checkpoint=keeper, callbacks=callbacks, **settings(small_data))
    history = tn.fit(small_model(), small_data[0], checkpoint=keeper, resume=True, **settings(small_data))
    np.testing.assert_equal(history["mine"], [float(value), math.nan, math.nan, math.nan, math.nan])


@pytest.mark.parametrize("value", ["text", None, [1], 10**400, np.zeros(2)], ids=str)
def test_what_is_no_number_in_the_history_is_told_and_the_run_goes_on(value, small_data, tmp_path):
    with pytest.warns(UserWarning, match="expected numbers in the column 'mine', got .*; checkpoints leave it out"):
        tn.fit(small_model(), small_data[0], checkpoint=tmp_path, callbacks=[Note(value)], **settings(small_data))
    history = tn.fit(small_model(), small_data[0], checkpoint=tmp_path, resume=True, **settings(small_data))
    assert len(history) == 5
    assert "mine" not in history.columns


class Remembering(tn.SGD):
    """An optimizer of one's own that remembers in any dtype."""

    def __init__(self, learning_rate, dtype, shape):
        super().__init__(learning_rate)
        self.dtype, self.shape = dtype, shape

    def start(self, theta):
        return {"count": np.zeros(self.shape, self.dtype)}

    def move(self, theta, gradient, state, rate):
        state["count"] += np.ones((), self.dtype)
        super().move(theta, gradient, state, rate * (1 + 1e-3 * float(state["count"].ravel()[0].real)))


@pytest.mark.parametrize("shape", [(1,), (), (2, 3)], ids=str)
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint32", "float16", "float32", "float64"])
def test_what_an_optimizer_remembers_comes_back_in_its_dtype(dtype, shape, small_data, tmp_path):
    usual = settings(small_data, optimizer=Remembering(0.1, dtype, shape), epochs=2)
    whole = small_model()
    tn.fit(whole, small_data[0], **usual)
    keeper = Checkpoints(tmp_path, every_steps=1)
    with pytest.raises(Break):
        tn.fit(small_model(), small_data[0], checkpoint=keeper, callbacks=[BreakOff(8)], **usual)
    tn.fit(model := small_model(), small_data[0], checkpoint=keeper, resume=True, **usual)
    assert model.theta.tobytes() == whole.theta.tobytes()


@pytest.mark.parametrize("dtype", ["complex64", "uint64"])
def test_what_a_file_cannot_hold_is_refused_before_the_training(dtype, small_data, tmp_path):
    usual = settings(small_data, optimizer=Remembering(0.1, dtype, (1,)))
    model = small_model()
    with pytest.raises(TypeError, match=r"expected optimizer.count of floats or whole numbers, got \w+; let start"):
        tn.fit(model, small_data[0], checkpoint=tmp_path, **usual)
    assert np.array_equal(model.theta, small_model().theta)
    tn.fit(small_model(), small_data[0], checkpoint=tmp_path, **usual | {"optimizer": Remembering(0.1, "int64", (1,))})
