"""tensorflow-datasets: prepare data sets without a network or TensorFlow, and read them."""

import dataclasses
import io
import json
import os
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import Process
from tests.support.data import REAL_DATA
from tinynet.data import catalog
from tinynet.data import tfds as module
from tinynet.data.store import load_arrays, save_arrays

RNG = np.random.default_rng(0)


def small(name="fashion_mnist", count=30):
    """An entry of the catalog and small arrays of its shape."""
    entry = dataclasses.replace(catalog.CATALOG[name], sizes=(count, count))
    make = lambda: (  # noqa: E731
        RNG.integers(0, 256, (count, *entry.image_shape)).astype("uint8"),
        RNG.integers(0, len(entry.class_names), count).astype("uint8"),
    )
    return entry, {"train": make(), "test": make()}


def refuse(*_, **__):
    raise AssertionError("this should not have been asked for")


class TestWithTfds:
    """Needs tensorflow-datasets and array_record, and no TensorFlow."""

    pytestmark = [
        pytest.mark.tfds,
        # tfds and its dependencies use deprecated functions
        pytest.mark.filterwarnings("ignore"),
    ]

    @pytest.fixture(autouse=True)
    def _installed(self):
        pytest.importorskip("array_record")
        pytest.importorskip("tensorflow_datasets")

    @pytest.mark.parametrize("name", ["fashion_mnist", "emnist", "cifar10"])
    def test_what_is_missing_is_prepared_and_read_back(self, tmp_path, monkeypatch, name):
        monkeypatch.setattr(socket.socket, "connect", refuse)
        entry, splits = small(name)
        for obtain in (lambda: splits, refuse):  # the second read needs no arrays
            read = module.read_tfds(entry, tmp_path, obtain)
            for split in ("train", "test"):
                for found, expected in zip(read[split], splits[split]):
                    np.testing.assert_array_equal(found, expected)

    def test_what_a_user_has_prepared_as_parquet_is_read(self, tmp_path):
        pytest.importorskip("pyarrow")
        entry, splits = small()
        module._prepare(entry, tmp_path / "fashion_mnist", splits, file_format="parquet")
        read = module.read_tfds(entry, tmp_path, refuse)
        for split in ("train", "test"):
            for found, expected in zip(read[split], splits[split]):
                np.testing.assert_array_equal(found, expected)

    def test_our_copy_serves_the_second_read_until_the_files_change(self, tmp_path, monkeypatch):
        entry, splits = small()
        module.read_tfds(entry, tmp_path, lambda: splits)
        with monkeypatch.context() as patch:
            patch.setattr(module, "_read", refuse)
            module.read_tfds(entry, tmp_path, refuse)
        (copy,) = module.cache_folder().glob("fashion_mnist/tfds-*/train-images")
        copy.write_bytes(copy.read_bytes()[:-1] + b"\0")  # a damaged copy is replaced
        read = module.read_tfds(entry, tmp_path, refuse)
        np.testing.assert_array_equal(read["train"][0], splits["train"][0])

    def test_damaged_records_are_one_clear_error(self, tmp_path):
        entry, splits = small()
        module._prepare(entry, tmp_path / "fashion_mnist", splits)
        records = list((tmp_path / "fashion_mnist" / "3.0.1").glob("*array_record*"))
        assert records
        for path in records:
            path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(tn.DataError, match="expected Fashion-MNIST as tfds prepares it, got .*; remove the folder"):
            module.read_tfds(entry, tmp_path, refuse)

    @pytest.mark.slow
    @pytest.mark.skipif(not REAL_DATA, reason="needs the real Fashion-MNIST: set TINYNET_DATA to its folder")
    def test_the_four_real_files_come_back_byte_for_byte(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TINYNET_DATA", REAL_DATA)
        monkeypatch.setattr(socket.socket, "connect", refuse)
        seconds = []
        for _ in range(2):
            began = time.perf_counter()
            found = tn.data.load("fashion_mnist", source="tfds", data=tmp_path, offline=True)
            seconds.append(time.perf_counter() - began)
        for ours, theirs in zip(tn.data.fashion_mnist(REAL_DATA), found):
            np.testing.assert_array_equal(theirs.images, ours.images)
            np.testing.assert_array_equal(theirs.labels, ours.labels)
            assert theirs.provenance["sha256"] == ours.provenance["sha256"]
        print(f"first load with preparation {seconds[0]:.1f} s, second {seconds[1]:.2f} s")


def test_a_format_that_only_tensorflow_reads_is_named(tmp_path):
    folder = tmp_path / "fashion_mnist" / "3.0.1"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text(json.dumps({"fileFormat": "tfrecord"}))
    with pytest.raises(
        tn.DataError, match="got tfrecord; only TensorFlow can read that; prepare it again with file_fo"
    ):
        module.read_tfds(small()[0], tmp_path, refuse)
    (folder / "dataset_info.json").write_text("{")
    with pytest.raises(tn.DataError, match="expected a dataset_info.json of tfds, got a damaged one .JSONDecodeError"):
        module.read_tfds(small()[0], tmp_path, refuse)


@pytest.mark.parametrize(
    ("name", "mode", "size"),
    [("mnist", "P", (28, 28)), ("mnist", "I;16", (28, 28)), ("mnist", "LA", (28, 28)), ("mnist", "L", (49, 16)),
     ("mnist", "RGB", (28, 28)), ("cifar10", "L", (32, 32)),
     ("cifar10", "RGBA", (32, 32)), ("cifar10", "RGB", (64, 16))],
)  # fmt: skip
def test_pictures_of_another_mode_or_size_are_refused(name, mode, size):
    image = pytest.importorskip("PIL.Image")
    image.new(mode, size).save(file := io.BytesIO(), "PNG")
    read = image.open(file).mode  # I for I;16 in older versions of Pillow
    with pytest.raises(ValueError, match=rf"a picture of {size[1]} x {size[0]} in mode {read}, not (L|RGB)"):
        module._decode(file.getvalue(), catalog.CATALOG[name])


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_pictures_are_decoded_as_they_were_encoded(name):
    pytest.importorskip("PIL.Image")
    entry, splits = small(name, 1)
    picture = splits["train"][0][0]
    np.testing.assert_array_equal(module._decode(module._encode(picture).getvalue(), entry), picture)


def test_the_newest_version_is_chosen(tmp_path):
    for version in ("3.0.1", "3.0.9", "3.0.10", "2.9.0", "incomplete.X_9.0.0"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "dataset_info.json").write_text("{}")
    assert module._newest_version(tmp_path).name == "3.0.10"
    assert module._newest_version(tmp_path / "nothing") is None


def test_a_changed_data_set_has_another_fingerprint(tmp_path):
    """Our copy of it is named after the fingerprint: a change of a size or a time makes the copy useless."""
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"content")
        os.utime(tmp_path / name, ns=(0, 10**9))
    seen = [module._fingerprint(tmp_path), module._fingerprint(tmp_path)]
    (tmp_path / "a").write_bytes(b"contents")
    os.utime(tmp_path / "a", ns=(0, 10**9))
    seen.append(module._fingerprint(tmp_path))
    os.utime(tmp_path / "a", ns=(0, 10**9 + 1))
    seen.append(module._fingerprint(tmp_path))
    (tmp_path / "b").rename(tmp_path / "c")
    seen.append(module._fingerprint(tmp_path))
    assert seen[0] == seen[1]
    assert len(set(seen)) == 4


def test_without_tfds_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_datasets", None)
    entry, splits = small()
    with pytest.raises(
        ImportError,
        match=r"the source 'tfds' needs packages that are missing .*: pip install tensorflow-datasets array_record",
    ):
        module.read_tfds(entry, tmp_path, lambda: splits)


def test_offline_with_nothing_prepared_ends_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(tn.DataNotFoundError, match="--offline forbids a download"):
        tn.data.load("mnist", source="tfds", data=tmp_path, offline=True)


@pytest.mark.parametrize("changes", [True, False])
def test_a_copy_is_kept_unless_files_changed_while_they_were_read(changes, tmp_path, monkeypatch):
    entry, splits = small()
    folder = tmp_path / "tfds" / "fashion_mnist" / "3.0.1"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text("{}")

    def read(*_):
        if changes:
            (folder / "dataset_info.json").write_text('{"another": 1}')
        return {
            f"{split}-{part}": array for split in splits for part, array in zip(("images", "labels"), splits[split])
        }

    monkeypatch.setattr(module, "_read", read)
    module.read_tfds(entry, tmp_path / "tfds", refuse)
    assert len([*(tmp_path / "cache").rglob("sha256.json")]) == (not changes)


def test_a_copy_of_something_else_is_read_again(tmp_path, monkeypatch):
    entry, splits = small()
    folder = tmp_path / "tfds" / "fashion_mnist" / "3.0.1"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text("{}")
    arrays = {f"{split}-{part}": array for split in splits for part, array in zip(("images", "labels"), splits[split])}
    save_arrays(
        tmp_path / "cache" / "fashion_mnist" / f"tfds-{module._fingerprint(folder)}", {"other": arrays.popitem()[1]}
    )
    arrays["test-labels"] = splits["test"][1]
    monkeypatch.setattr(module, "_read", lambda *_: arrays)
    found = module.read_tfds(entry, tmp_path / "tfds", refuse)
    np.testing.assert_array_equal(found["test"][1], splits["test"][1])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of Unix")
@pytest.mark.parametrize("name", ["dataset_info.json", "mnist-train.array_record-00000-of-00001"])
def test_a_pipe_in_a_prepared_data_set_is_refused_at_once(name, tmp_path):
    folder = tmp_path / "fashion_mnist" / "3.0.1"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text('{"fileFormat": "array_record"}')
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    with pytest.raises(tn.DataError, match=f"{name}: expected a file, got something else, or a link to nothing"):
        module.read_tfds(small()[0], tmp_path, refuse)


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b"\xff", b"[]", b'{"fileFormat": {"a": []}}', b'{"fileFormat": 3}', b" " * (1 << 20) + b"{}"],
    ids=["deep", "no text", "a list", "an object", "a number", "large"],
)
def test_a_damaged_description_of_a_prepared_data_set_is_one_clear_error(content, tmp_path):
    folder = tmp_path / "fashion_mnist" / "3.0.1"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_bytes(content)
    with pytest.raises(tn.DataError, match="expected (a dataset_info.json of tfds, got|at most)"):
        module.read_tfds(small()[0], tmp_path, refuse)


# The store of arrays -------------------------------------------------------------------------------------------------


def test_saved_arrays_are_read_and_damage_is_detected(tmp_path):
    arrays = {"a": RNG.integers(0, 256, (3, 4)).astype("uint8"), "b": np.arange(5, dtype="uint8")}
    save_arrays(tmp_path / "store", arrays)
    save_arrays(tmp_path / "store", arrays)  # replaces the folder
    for name, found in load_arrays(tmp_path / "store").items():
        np.testing.assert_array_equal(found, arrays[name])
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    whole = (tmp_path / "store" / "a").read_bytes()
    (tmp_path / "store" / "a").write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))  # one bit of one number
    assert load_arrays(tmp_path / "store") is None
    (tmp_path / "store" / "a").write_bytes(whole)
    assert load_arrays(tmp_path / "store") is not None
    (tmp_path / "store" / "a").write_bytes(b"half")
    assert load_arrays(tmp_path / "store") is None
    (tmp_path / "store" / "sha256.json").write_text("[")
    assert load_arrays(tmp_path / "store") is None
    assert load_arrays(tmp_path / "nothing") is None


@pytest.mark.parametrize("name", ["a", "sha256.json"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "link to nothing", "huge", "deep"])
def test_a_copy_in_which_something_else_stands_is_not_read(kind, name, tmp_path):
    save_arrays(tmp_path / "store", {"a": np.arange(5, dtype="uint8")})
    path = tmp_path / "store" / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "huge":
        path.touch()
        os.truncate(path, 1 << 40)  # a file of holes, which takes no room on the disk
    elif kind == "deep":
        path.write_text("[" * 4000)
    else:
        path.symlink_to("nowhere")
    assert load_arrays(tmp_path / "store") is None


SAVING = """
import sys, pathlib, numpy as np
from tinynet.data.store import save_arrays
for value in range(10**9):
    arrays = {"a": np.full(200_000, value % 256, "uint8"), "b": np.array([value % 256], "uint8")}
    save_arrays(pathlib.Path(sys.argv[1]), arrays)
    if value == 0:
        print("saved once", flush=True)
"""


def test_a_process_killed_while_saving_leaves_no_unfinished_folder(tmp_path):
    outcomes = set()
    for wait in np.random.default_rng(0).uniform(0, 0.05, 12):
        child = Process([sys.executable, "-c", SAVING, tmp_path / "store"], stdout=subprocess.PIPE)
        child.stdout.readline()
        time.sleep(wait)
        child.kill()
        child.communicate()
        found = load_arrays(tmp_path / "store")
        outcomes.add("nothing" if found is None else "whole")
        assert found is None or (found["a"] == found["b"][0]).all()
    assert "whole" in outcomes
    save_arrays(tmp_path / "store", {"a": np.arange(5, dtype="uint8")})
    assert load_arrays(tmp_path / "store") is not None


def test_a_failing_save_keeps_the_previous_folder(tmp_path, monkeypatch):
    arrays = {"a": np.arange(5, dtype="uint8")}
    save_arrays(tmp_path / "store", arrays)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save_arrays(tmp_path / "store", {"a": np.zeros(5, "uint8")})
    np.testing.assert_array_equal(load_arrays(tmp_path / "store")["a"], arrays["a"])
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_stored_folder_can_be_read_by_those_whom_the_umask_lets_read(mask, tmp_path):
    before = os.umask(mask)
    try:
        save_arrays(tmp_path / "store", {"a": np.zeros(3, np.uint8)})
    finally:
        os.umask(before)
    assert (tmp_path / "store").stat().st_mode & 0o777 == 0o777 & ~mask
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
