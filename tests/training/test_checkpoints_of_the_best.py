"""A resumed run knows the best model so far, and how far its epoch was."""

import pytest

import tinynet as tn
from tests.support.models import small_model
from tinynet.training.checkpoints import Checkpoints
from tinynet.training.settings import Settings
from tinynet.training.state import Meter, TrainingState

pytest.importorskip("safetensors", reason="checkpoints are files of safetensors, which is not installed")
pytest.importorskip("filelock", reason="checkpoints need filelock, which is not installed")


def marked(number):
    """A model that can be told from others."""
    model = tn.Sequential(tn.Dense(2, 2))
    model.theta[...] = number
    return model


def mark_of_the_best(folder):
    return tn.load(folder / "best.safetensors").theta[0]


def epoch_ends(keeper, state, model, **measured):
    state.history.append({"epoch": len(state.history) + 1, **measured})
    state.step += 2  # of an epoch
    keeper.after_epoch(state, model)


def new_state():
    state = TrainingState.of(model := small_model(), tn.SGD(0.1), 0)
    state.meter = Meter(6, model.device)
    return state


@pytest.mark.parametrize("name", ["validation_accuracy", "validation_loss"])
def test_a_resumed_run_knows_how_good_the_best_model_was(name, tmp_path):
    """By accuracy, or where there is none by loss, of which the best is the smallest."""
    good, better, worse = (0.9, 0.95, 0.8) if name == "validation_accuracy" else (0.5, 0.4, 0.7)
    with Checkpoints(tmp_path) as keeper:
        keeper.begin(state := new_state(), Settings({}, {}, {}), False)
        epoch_ends(keeper, state, marked(1), **{name: worse})
        epoch_ends(keeper, state, marked(2), **{name: good})
        assert mark_of_the_best(tmp_path) == 2
        epoch_ends(keeper, state, marked(3), **{name: worse})
        keeper.save(state)
    with Checkpoints(tmp_path) as keeper:  # in a new process
        keeper.begin(state := new_state(), Settings({}, {}, {}), True)
        epoch_ends(keeper, state, marked(4), **{name: worse})
        epoch_ends(keeper, state, marked(5), **{name: good})  # as good is not better
        assert mark_of_the_best(tmp_path) == 2
        epoch_ends(keeper, state, marked(6), **{name: better})
        assert mark_of_the_best(tmp_path) == 6


def test_a_best_model_that_could_not_be_written_is_not_the_best(tmp_path):
    (tmp_path / "best.safetensors").mkdir()
    with Checkpoints(tmp_path) as keeper:
        keeper.begin(state := new_state(), Settings({}, {}, {}), False)
        with pytest.warns(UserWarning, match="best.safetensors could not be saved .*; training goes on"):
            epoch_ends(keeper, state, marked(1), validation_accuracy=0.9)
        (tmp_path / "best.safetensors").rmdir()
        epoch_ends(keeper, state, marked(2), validation_accuracy=0.8)
    assert mark_of_the_best(tmp_path) == 2


def test_an_epoch_in_progress_is_resumed_with_its_seconds_and_losses(tmp_path):
    state = new_state()
    state.seconds, state.step = 5.5, 8
    state.meter.add(0.5, 3, 10)
    state.meter.add(0.25, 9, 10)
    with Checkpoints(tmp_path) as keeper:
        keeper.begin(state, Settings({}, {}, {}), False)
        keeper.save(state)
        keeper.begin(again := new_state(), Settings({}, {}, {}), True)
    assert (again.seconds, again.step, again.meter.done) == (5.5, 8, 2)
    assert again.meter.means() == state.meter.means() == {"loss": 0.375, "accuracy": 0.6}
