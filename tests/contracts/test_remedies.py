"""Each remedy in a message of tinynet, followed literally, cures the case that it is printed for.

The table is in tests/support/remedies. The last test finds remedies in the source that have no row.
"""

import re

import pytest

from tests.support.remedies.arguments import ARGUMENTS
from tests.support.remedies.files import FILES
from tests.support.remedies.layers import LAYERS
from tests.support.remedies.results import RESULTS
from tests.support.remedies.row import Reason
from tests.support.remedies.source import remedies_by_module, remedies_of
from tests.support.remedies.training import TRAINING

ROWS = [*LAYERS, *TRAINING, *RESULTS, *FILES, *ARGUMENTS]
# Modules with rows still missing, and why.
GAPS = {  # remedies without a row here, and why: most are followed in the tests of their module
    "backend/gpu/cublas.py": "needs a GPU",
    "backend/gpu/device.py": "needs a GPU",
    "backend/locks.py": "followed in tests/backend/test_locks.py",
    "backend/habits.py": "followed in tests/backend/test_habits.py",
    "backend/files.py": "followed in tests/backend/test_files.py",
    "cli/doctor.py": "needs a GPU that multiplies wrongly",
    "data/archives.py": "an archive of the catalog is fetched again: tests/data/test_sources.py",
    "backend/plain.py": "followed in tests/contracts/test_door.py",
    "data/batches.py": "followed in tests/data/test_batches.py",
    "data/dataset.py": "followed in tests/contracts/test_door.py and tests/data/test_dataset.py",
    "data/decoding.py": "followed in tests/data/test_decoding.py",
    "data/entry.py": "followed in tests/data/test_entry.py",
    "data/download.py: set .* to a folder that you can write to": "followed in tests/data/test_download.py",
    "data/folders.py": "followed in tests/data/test_folders.py",
    "data/idx.py": "a damaged file is fetched again: tests/data/test_idx.py",
    "data/layout.py": "followed in tests/data/test_transforms.py",
    "data/pictures.py": "followed in tests/data/test_pictures.py",
    "data/preprocessing.py": "a damaged file is saved again: tests/io/test_models.py",
    "data/raw_inputs.py": "followed in tests/data/test_raw_inputs.py",
    "data/sources.py": "data of the catalog are fetched: tests/data/test_sources.py",
    "data/tfds.py": "needs tensorflow-datasets: tests/data/test_tfds.py",
    "data/unpacking.py": "programs on the machine are not a test's to close: tests/data/test_unpacking.py",
    "io/array_files.py": "followed in tests/io/test_array_files.py",
    "io/tensor_files.py": "followed in tests/io/test_tensor_files.py",
    "io/round_trip.py": "followed in tests/io/test_round_trip.py",
    "layers/context.py": "followed in tests/test_model.py",
    "layers/reshape.py": "followed in tests/layers/test_reshape.py",
    "layers/windows.py: use a smaller padding or window": "followed in tests/layers/test_windows.py",
    "losses.py": "followed in tests/contracts/test_door.py and tests/test_losses.py",
    "metrics.py": "conversions are followed in tests/contracts/test_door.py",
    "model.py": "followed in tests/test_model.py",
    "optimizers/base.py": "followed in tests/optimizers/test_base.py",
    "plots/pictures.py": "followed in tests/plots/test_pictures.py",
    "study/configuration.py": "tests/test_errors.py",
    "study/recipes.py": "tests/study/test_recipes.py",
    "study/study.py: the same command continues from there": "Ctrl-C in a study: tests/study/test_program.py",
    "study/verify.py": "files of a command line: tests/study/test_verify.py",
    "study/workers.py: change to a folder that exists, or pass workers=0": "tests/study/test_workers.py",
    "study/workers.py: save the program as a file, or pass workers=0": "tests/study/test_workers.py",
    "study/workers.py: call run() under `if __name__ == '__main__':`, or pass workers=0": "tests/study/test_workers.py",
    "training/callbacks.py: name it .*": "followed in tests/training/test_callbacks.py",
    "training/checkpoint_files.py": "followed in tests/training/test_checkpoint_files.py",
    "training/checkpoints.py": "followed in tests/training/test_checkpoints_that_cannot_be_read.py",
    "training/settings.py": "followed in tests/training/test_settings.py",
    "training/state.py": "a damaged checkpoint is deleted: tests/training/test_checkpoint_files.py",
    "training/trainer.py": "tests/test_errors.py",
    "zoo.py": "tests/test_errors.py",
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.module}: {row.says}")
def test_an_advice_is_printed_and_followed_literally_cures_its_case(row, tmp_path):
    with pytest.raises(Exception) as caught:  # noqa: PT011  of any type: the text is compared
        row.provoke(tmp_path)
    message = " ".join(str(caught.value).split()).strip('"')
    assert message.endswith(f"; {row.says}")
    if not isinstance(row.follow, Reason):
        (tmp_path / "followed").mkdir()
        assert row.follow(tmp_path / "followed")


def unescaped(pattern):
    """A pattern as text: without the backslashes of re.escape."""
    return re.sub(r"\\(.)", r"\1", pattern)


def test_each_remedy_in_the_source_has_a_row():
    """A remedy that is new needs a row: how it is provoked, and its advice followed."""
    missing = [
        f"{module}: {unescaped(pattern)}"
        for module, patterns in remedies_by_module().items()
        for pattern in patterns
        if not {module, f"{module}: {unescaped(pattern)}"} & set(GAPS)
        and not any(row.module == module and re.fullmatch(pattern, row.says) for row in ROWS)
    ]
    assert not sorted(missing)


def test_each_row_and_each_gap_stands_for_a_remedy_in_the_source():
    found = remedies_by_module()
    for row in ROWS:
        assert any(re.fullmatch(pattern, row.says) for pattern in found[row.module]), row.says
    known = {f"{module}: {unescaped(pattern)}" for module, patterns in found.items() for pattern in patterns}
    assert set(GAPS) <= known | set(found)


def test_the_finder_sees_every_way_to_say_a_remedy(tmp_path):
    (tmp_path / "a.py").write_text(SOURCE)
    assert set(map(unescaped, remedies_of(tmp_path / "a.py"))) == set("abcdefghij") | {"take .* of it"}


SOURCE = """
LATER = "a"

def check(x):
    remedy, other = "b", 3
    if x:
        remedy = "c" if x > 1 else f"take {x} of it"
    raise ValueError(mismatch("who", "this", x, remedy))

def more(x):
    raise ValueError(mismatch("who", "this", x, LATER))
    raise TypeError(f"who: expected this, got {x}; d")
    whole_number("who", x, remedy="e")
    layer.expect(x, (3,), advice(x))
    instance("who", x, int, found(x) or "f")

def advice(x):
    if x:
        return "g"
    return "h" if x else "i"

def shape_remedy(x):
    return "j"
"""
