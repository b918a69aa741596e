"""Whatever stands in the place of a checkpoint, a run goes on from the one before, says so, and waits for nothing."""

import os
import signal
import socket
import tempfile
import warnings
from pathlib import Path

import pytest

import tinynet as tn
from tests.support.checkpoints import SETTINGS, resumed, saved, state_of
from tests.support.models import small_model
from tinynet.training.checkpoints import Checkpoints
from tinynet.training.settings import Settings

posix = pytest.mark.skipif(os.name != "posix", reason="a matter of Unix")


@pytest.fixture(autouse=True)
def no_waiting():
    """Whatever waits for a pipe is interrupted."""
    if os.name == "posix":

        def waited(number, frame):
            raise KeyboardInterrupt("waited")  # an OSError would be taken for one of the disk

        before = signal.signal(signal.SIGALRM, waited)
        signal.alarm(20)
        yield
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    else:
        yield


def bound(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


KINDS = {
    "a folder": (lambda path: path.mkdir(), "a regular file, got a folder"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "cannot be opened (No such file"),
    "a link to itself": (lambda path: path.symlink_to(path.name), "cannot be opened (Too many levels"),
    "a link to a folder": (lambda path: path.symlink_to("."), "a regular file, got a folder"),
    "a link through a file": (lambda path: path.symlink_to("step-000000028.safetensors/x"), "cannot be opened (Not a"),
    "a pipe": (os.mkfifo, "a regular file, got a pipe"),
    "a socket": (bound, "a regular file, got a socket"),
    "/dev/zero": (lambda path: path.symlink_to("/dev/zero"), "a regular file, got a device"),
    "an empty file": (lambda path: path.write_bytes(b""), "a whole safetensors file"),
    "another model": (lambda path: tn.Sequential(tn.Dense(3, 2)).save(path), "a checkpoint of tinynet, got a model"),
    "the one before": (
        lambda path: path.write_bytes(path.with_name("step-000000028.safetensors").read_bytes()),
        "step 30, as its name says, got 28",
    ),
    "a copy with a bit flipped": (lambda path: path.write_bytes(b"\x01" + FLIPPED[0][1:]), "a whole safetensors file"),
}
FLIPPED = [b""]


@posix
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_goes_on_from_the_checkpoint_before_and_says_so(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make, message = KINDS[kind]
    newest = saved(tmp_path, 28, 30).path(30)
    FLIPPED[0] = newest.read_bytes()
    newest.unlink()
    make(newest)
    with pytest.warns(UserWarning, match="trying the checkpoint before it") as told:
        assert resumed(tmp_path)[0] == 28
    assert len(told) == 1
    assert str(newest) in str(told[0].message)
    assert message in str(told[0].message)


@posix
@pytest.mark.parametrize("kind", ["a folder", "a link to itself", "a pipe", "/dev/zero"])
def test_a_run_that_comes_to_the_same_step_does_not_wait_and_ends_as_ever(kind, tmp_path, small_data):
    """Its checkpoint of that step is missing: a pipe would take the bytes."""
    usual = dict(batch_size=100, progress=False, validation=small_data[1])
    whole = small_model()
    tn.fit(whole, small_data[0], epochs=2, **usual)
    tn.fit(small_model(), small_data[0], epochs=1, checkpoint=tmp_path, **usual)
    for name in ("step-000000012.safetensors", "best.safetensors"):
        (tmp_path / name).unlink(missing_ok=True)
        KINDS[kind][0](tmp_path / name)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        tn.fit(model := small_model(), small_data[0], epochs=2, checkpoint=tmp_path, resume=True, **usual)
    assert model.theta.tobytes() == whole.theta.tobytes()
    texts = [str(each.message) for each in told]
    assert [text for text in texts if "step-000000012" in text and "trying the checkpoint before" in text]
    assert [text for text in texts if "step-000000012.safetensors could not be saved" in text]
    assert [text for text in texts if "best.safetensors" in text and "the best model so far is lost" in text]
    with pytest.raises((tn.DataError, OSError)):
        tn.load(tmp_path / "best.safetensors")


@pytest.fixture
def shared():
    """A folder that another user may enter: pytest's own belong to one user."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
        os.chmod(folder, 0o700)


def as_a_user(folder):
    """What a process that is not root says when it resumes, a line each. The folder and its files are its own."""
    for path in [folder, *folder.iterdir()]:
        if os.geteuid() == 0:
            os.chown(path, 54321, 54321)
    there, here = os.pipe()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        child = os.fork()  # Python 3.12 warns of it where there are threads
        if not child:
            told.clear()
            try:
                if os.geteuid() == 0:
                    os.setgid(54321)
                    os.setuid(54321)
                told.append(f"step {resumed(folder)[0]}")
            except BaseException as error:
                told.append(error)
            finally:
                os.write(here, "\n".join(str(getattr(each, "message", each)) for each in told).encode())
                os._exit(0)
    os.close(here)
    os.waitpid(child, 0)
    with os.fdopen(there) as answer:
        return answer.read()


@posix
def test_a_checkpoint_that_may_not_be_read_gives_way(shared):
    newest = saved(shared, 28, 30).path(30)
    newest.chmod(0)
    told = f"{newest} cannot be opened (Permission denied); trying the checkpoint before it"
    assert as_a_user(shared) == f"{told}\nstep 28"
    newest.chmod(0o600)
    assert as_a_user(shared) == "step 30"


@posix
def test_a_folder_that_cannot_be_listed_is_not_taken_for_an_empty_one(shared):
    """The run would begin again, and replace its checkpoints one by one."""
    saved(shared, 28, 30)
    shared.chmod(0o300)
    assert "expected a folder that can be listed, got Permission denied; make it readable, or" in as_a_user(shared)
    shared.chmod(0o700)
    assert as_a_user(shared) == "step 30"


@posix
def test_a_lock_that_may_not_be_written_is_named_and_the_advice_works(shared):
    saved(shared, 28, 30)
    (shared / ".lock").touch()
    (shared / ".lock").chmod(0o444)
    assert f".lock: expected a file that can be locked, got Permission denied; make {shared} and" in as_a_user(shared)
    (shared / ".lock").chmod(0o644)
    assert as_a_user(shared) == "step 30"


@posix
@pytest.mark.parametrize("make", [
    lambda path: path.mkdir(), lambda path: path.symlink_to("precious"), lambda path: path.symlink_to("nowhere"),
    os.mkfifo, lambda path: path.symlink_to("/dev/null"),
], ids=["a folder", "a link", "a link to nothing", "a pipe", "a link to a device"])  # fmt: skip
def test_a_lock_that_is_no_file_is_refused_and_its_target_stays(make, tmp_path):
    saved(tmp_path, 28, 30)
    (tmp_path / "precious").write_text("precious")
    lock = tmp_path / ".lock"
    make(lock)
    with pytest.raises(tn.DataError, match=f"expected a regular file, got something else.*; remove {lock}$"):
        resumed(tmp_path)
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()
    lock.rmdir() if lock.is_dir() and not lock.is_symlink() else lock.unlink()
    assert resumed(tmp_path)[0] == 30


def test_a_checkpoint_that_vanishes_after_the_listing_gives_way(tmp_path):
    class Vanishing(Checkpoints):
        def steps(self):
            found = super().steps()
            self.path(found[-1]).unlink()
            return found

    saved(tmp_path, 28, 30)
    state = state_of()
    with pytest.warns(UserWarning, match="30.safetensors cannot be opened .No such file.*; trying the checkpoint"):
        Vanishing(tmp_path).begin(state, SETTINGS, resume=True)
    assert state.step == 28


@pytest.mark.parametrize("follow", ["delete", "copy"])
def test_where_no_checkpoint_can_be_read_the_error_says_so_and_the_advice_works(follow, tmp_path):
    keeper = saved(tmp_path / "run", 28, 30)
    good = keeper.path(30).read_bytes()
    for step in keeper.steps():
        keeper.path(step).write_bytes(b"nothing")
    with pytest.warns(UserWarning, match="whole safetensors file") as told, pytest.raises(tn.DataError) as refused:
        resumed(tmp_path / "run")
    assert [str(each.message).endswith("trying the checkpoint before it") for each in told] == [True, False]
    assert str(refused.value) == (
        f"{tmp_path / 'run'}: expected a checkpoint that can be read, got 2 that cannot be read; "
        f"put a good copy of one there, or delete step-*.safetensors in {tmp_path / 'run'} to begin again"
    )
    if follow == "delete":
        for path in (tmp_path / "run").glob("step-*.safetensors"):
            path.unlink()
        assert resumed(tmp_path / "run")[0] == 0
    else:
        keeper.path(30).write_bytes(good)
        assert resumed(tmp_path / "run")[0] == 30


def test_a_damaged_file_of_a_later_step_does_not_push_out_the_good_ones(tmp_path):
    """It is the newest by name for ever; with keep=1 the checkpoint just written was removed."""
    saved(tmp_path, 28)
    (tmp_path / "step-999999999.safetensors").write_bytes(b"nothing")
    keeper, state = Checkpoints(tmp_path, keep=1), state_of()
    with keeper:
        with pytest.warns(UserWarning, match="trying the checkpoint before it"):
            keeper.begin(state, SETTINGS, resume=True)
        state.step, state.meter.counts[4], state.meter.done = 29, 10, 5
        state.theta[...] = 29
        keeper.save(state)
    assert keeper.steps() == [29, 999999999]
    with pytest.warns(UserWarning, match="trying the checkpoint before it"):
        assert resumed(tmp_path)[0] == 29


def test_a_checkpoint_of_other_settings_is_not_passed_over(tmp_path):
    """It is whole, so another run has been in this folder; the one before may be of that run, too."""
    saved(tmp_path, 27)
    (tmp_path / "other").mkdir()
    name = "step-000000028.safetensors"
    other = Settings({"seed": 1}, {}, {"seed": 1})
    keeper, state = Checkpoints(tmp_path / "other"), state_of()
    keeper._settings, state.step, state.theta[...] = other, 28, 28
    keeper.save(state)
    os.replace(tmp_path / "other" / name, tmp_path / name)
    with pytest.raises(ValueError, match="seed"):
        resumed(tmp_path)
    assert resumed(tmp_path, other)[1].step == 28


def test_a_step_has_one_name(tmp_path):
    """Others are not checkpoints: a run would look for them under the usual name."""
    keeper = saved(tmp_path, 28)
    for name in ("step-0000000030", "step-30", "step-" + "\u0663" * 9, "step-" + "9" * 30, "step-000000030.x"):
        (tmp_path / f"{name}.safetensors").write_bytes(b"nothing")
    assert keeper.steps() == [28]
    assert keeper.path(10**9).name == "step-1000000000.safetensors"
    keeper.path(28).rename(keeper.path(10**9))
    assert keeper.steps() == [10**9]


def test_what_was_left_half_written_and_cannot_be_removed_is_left(tmp_path):
    saved(tmp_path, 28)
    (tmp_path / ".step-000000030.safetensors.ab12.part").mkdir()
    (tmp_path / ".best.safetensors.ab12.part").write_bytes(b"half")
    (tmp_path / ".other.part").write_bytes(b"of somebody else")
    assert resumed(tmp_path)[0] == 28
    assert sorted(path.name for path in tmp_path.glob(".*.part")) == [
        ".other.part", ".step-000000030.safetensors.ab12.part",
    ]  # fmt: skip


@pytest.mark.parametrize("damage", ["a folder", "a flipped bit", "a checkpoint"])
def test_a_best_model_that_cannot_be_read_is_told_and_the_next_one_saved(damage, tmp_path):
    keeper = saved(tmp_path, 28, best=True)
    best = tmp_path / "best.safetensors"
    raw = bytearray(best.read_bytes())
    raw[-1] ^= 1
    best.unlink()
    if damage == "a folder":
        best.mkdir()
    else:
        best.write_bytes(raw if damage == "a flipped bit" else keeper.path(28).read_bytes())
    with pytest.warns(UserWarning, match="best.safetensors.*; the best model so far is lost, and that of the next"):
        assert resumed(tmp_path)[0] == 28
    if damage == "a folder":
        return
    model, state = tn.Sequential(tn.Dense(3, 2)), state_of()
    with pytest.warns(UserWarning, match="the best model so far is lost"):
        keeper.begin(state, SETTINGS, resume=True)
    state.history.append({"epoch": 5, "validation_loss": 0.75})  # worse than the 0.5 of the model that was lost
    keeper.after_epoch(state, model)
    assert tn.load(best).theta.tobytes() == model.theta.tobytes()


def test_an_old_checkpoint_that_cannot_be_removed_stays_alone(tmp_path):
    keeper = saved(tmp_path, 27, 28)
    keeper.path(27).unlink()
    keeper.path(27).mkdir()
    keeper = Checkpoints(tmp_path, keep=1)
    keeper._settings, (_, state) = SETTINGS, resumed(tmp_path)
    state.step = 29
    state.meter.add(0.5, 3, 10)
    keeper.save(state)
    assert keeper.steps() == [27, 29]


@pytest.mark.parametrize("folder", [3, None, b"run"], ids=repr)
def test_what_is_no_name_of_a_folder_is_refused(folder):
    with pytest.raises(TypeError, match="^Checkpoints: expected the name of a file or folder, got "):
        Checkpoints(folder)
