"""`load`: names, sources, archives and refused files."""

import codecs
import dataclasses
import gzip
import hashlib
import io
import os
import pickle
import tarfile
import tracemalloc
import zipfile

import numpy as np
import pytest

import tinynet as tn
from tinynet.data import catalog, sources
from tinynet.data.archives import read_cifar10, read_emnist
from tinynet.data.idx import format_idx

RNG = np.random.default_rng(0)
RECORDS = RNG.integers(0, 10, (6, 4, 3073)).astype("uint8")  # 5 training batches and a test batch of 4 pictures


def tar(path, members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def batch_names():
    return [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def binary_archive(path):
    members = {f"cifar-10-batches-bin/{name}.bin": rows.tobytes() for name, rows in zip(batch_names(), RECORDS)}
    return tar(path, {"cifar-10-batches-bin/readme.html": b"<html>", **members})


def python_archive(path):
    def content(rows):
        return pickle.dumps({b"data": rows[:, 1:], b"labels": rows[:, 0].tolist()}, protocol=2)

    return tar(path, {f"cifar-10-batches-py/{name}": content(rows) for name, rows in zip(batch_names(), RECORDS)})


@pytest.mark.parametrize("make", [binary_archive, python_archive])
def test_cifar10_is_read_from_either_archive(tmp_path, make):
    splits = read_cifar10(make(tmp_path / "cifar.tar.gz"))
    images, labels = splits["train"]
    assert images.shape == (20, 32, 32, 3)
    np.testing.assert_array_equal(labels, RECORDS[:5, :, 0].reshape(-1))
    first = RECORDS[0, 0, 1:].reshape(3, 32, 32)
    np.testing.assert_array_equal(images[0, 5, 7], first[:, 5, 7])
    assert len(splits["test"][1]) == 4


class Evil:
    def __reduce__(self):
        return print, ("this pickle was executed",)


def test_a_pickle_that_wants_more_than_arrays_is_refused_and_not_run(tmp_path, capsys):
    path = tar(tmp_path / "evil.tar.gz", {"data_batch_1": pickle.dumps({b"data": Evil(), b"labels": []}, protocol=2)})
    with pytest.raises(tn.DataError, match="it asks for (builtins|__builtin__).print, which no data set needs"):
        read_cifar10(path)
    assert "executed" not in capsys.readouterr().out


class Huge:
    """An array of 10^11 bytes, made with the names that the unpickler knows."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize(
    "huge",
    [
        Huge(np.ndarray, (10**11,), "u1"),
        Huge(np.zeros(0).__reduce__()[0], np.ndarray, (10**11,), b"B"),
        Huge(codecs.encode, Huge(codecs.encode, b"x" * 1000, "hex"), "hex"),
    ],
    ids=["ndarray", "_reconstruct", "encode"],
)
def test_a_pickle_takes_no_memory_that_its_file_does_not_fill(huge, tmp_path):
    path = tar(tmp_path / "evil.tar.gz", {"data_batch_1": pickle.dumps({b"data": huge, b"labels": []}, protocol=2)})
    tracemalloc.start()
    try:
        with pytest.raises(tn.DataError):
            read_cifar10(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, "expected a member data_batch_1 or data_batch_1.bin, got none"),
        ({"data_batch_1.bin": b"\0" * 3074}, "expected records of 3073 bytes, got 3,074 bytes"),
        ({"data_batch_1.bin": b""}, "got 0 bytes in all"),
        ({"data_batch_1": b"not a pickle"}, "expected a batch of CIFAR-10's Python archive, got"),
        (
            {"data_batch_1": pickle.dumps({b"data": np.zeros((2, 5)), b"labels": [1, 2]}, 2)},
            "an array holds other things than uint8",
        ),
        ({"data_batch_1": pickle.dumps({b"data": np.zeros((1, 3072), "u1"), b"labels": [-1]}, 2)}, "got -1 to -1"),
        (
            {"data_batch_1": pickle.dumps({b"data": np.zeros((1, 3072), "u1"), b"labels": [1.5]}, 2)},
            "operation BINFLOAT is one that",
        ),
        (
            {"data_batch_1": pickle.dumps({b"data": np.zeros((1, 3072), "i1"), b"labels": [1]}, 2)},
            "an array holds other things than uint8",
        ),
    ],
)
def test_a_damaged_cifar_archive_is_one_clear_error(tmp_path, members, message):
    with pytest.raises(tn.DataError, match=message):
        read_cifar10(tar(tmp_path / "cifar.tar.gz", members))


def test_a_file_that_is_not_a_tar_archive_is_named(tmp_path):
    (tmp_path / "x.tar.gz").write_bytes(b"<html>not found</html>")
    with pytest.raises(tn.DataError, match="expected CIFAR-10's tar archive, got a damaged one"):
        read_cifar10(tmp_path / "x.tar.gz")
    whole = binary_archive(tmp_path / "y.tar.gz").read_bytes()
    (tmp_path / "y.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(tn.DataError, match="a damaged one|a member"):
        read_cifar10(tmp_path / "y.tar.gz")


def emnist_zip(path, pictures):
    with zipfile.ZipFile(path, "w") as archive:
        for split in ("train", "test"):
            labels = np.arange(len(pictures), dtype="uint8")
            for part, array in (("images-idx3", pictures), ("labels-idx1", labels)):
                content = gzip.compress(format_idx(array))
                archive.writestr(f"gzip/emnist-balanced-{split}-{part}-ubyte.gz", content)
    return path


def test_emnist_is_read_upright_from_its_zip(tmp_path):
    pictures = RNG.integers(0, 256, (3, 28, 28)).astype("uint8")
    images, labels = read_emnist(emnist_zip(tmp_path / "gzip.zip", pictures))["train"]
    np.testing.assert_array_equal(images, pictures.transpose(0, 2, 1))
    assert list(labels) == [0, 1, 2]
    (tmp_path / "no.zip").write_bytes(b"PK no")
    with pytest.raises(tn.DataError, match="expected EMNIST's zip, got another file"):
        read_emnist(tmp_path / "no.zip")


def known(path):
    content = path.read_bytes()
    return catalog.File(path.name, len(content), hashlib.sha256(content).hexdigest())


def test_load_checks_the_archive_and_gives_pictures(tmp_path, monkeypatch):
    path = binary_archive(tmp_path / "cifar-10-binary.tar.gz")
    entry = dataclasses.replace(catalog.CIFAR10, files=(known(path),), sizes=(20, 4))
    monkeypatch.setitem(catalog.CATALOG, "cifar10", entry)
    train, test = tn.data.load("cifar10", data=tmp_path)
    assert train.images.shape == (20, 3072)
    assert tn.data.load("cifar10", data=tmp_path, flatten=False)[1].images.shape == (4, 32, 32, 3)
    assert train.pictures(slice(0, 2)).shape == (2, 32, 32, 3)
    assert (train.class_names[0], test.provenance["licence"][:4]) == ("airplane", "none")
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(tn.DataError, match="cifar-10-binary.tar.gz: expected SHA-256 [0-9a-f]{64}, got [0-9a-f]{64}"):
        tn.data.load("cifar10", data=tmp_path)


def test_names_and_sources_are_checked():
    with pytest.raises(ValueError, match="unknown data set 'fashion_minst'; did you mean 'fashion_mnist'"):
        tn.data.load("fashion_minst")
    with pytest.raises(ValueError, match="unknown source 'cach'; did you mean 'cache'"):
        tn.data.load("mnist", source="cach")
    for source in ("folder", "cache"):
        with pytest.raises(tn.DataNotFoundError, match=f"the source '{source}' forbids a download"):
            tn.data.load("mnist", source=source)


def test_every_entry_has_classes_a_licence_a_source_and_checksums():
    for entry in catalog.CATALOG.values():
        assert len(set(entry.class_names)) == len(entry.class_names) >= 10
        assert entry.licence
        assert entry.source
        assert entry.mirrors
        for file in entry.files:
            assert len(file.sha256) == 64
            assert file.length > 1000


def test_labels_outside_the_classes_are_refused(tmp_path, monkeypatch):
    images = RNG.integers(0, 256, (2, 28, 28)).astype("uint8")
    for name, array in zip(catalog.IDX_NAMES, [images, np.array([3, 10], "uint8")] * 2):
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(format_idx(array)))
    files = tuple(known(tmp_path / f"{name}.gz") for name in catalog.IDX_NAMES)
    monkeypatch.setitem(catalog.CATALOG, "mnist", dataclasses.replace(catalog.MNIST, files=files, sizes=(2, 2)))
    with pytest.raises(tn.DataError, match=r"MNIST, train: expected 2 pictures of \(28, 28\), labels below 10, got"):
        tn.data.load("mnist", data=tmp_path)


# What is checked is what is read --------------------------------------------------------------------------------------


def idx_files(folder, monkeypatch):
    """Small files of MNIST in `folder`, known to the catalog by the sums of the compressed files."""
    images = RNG.integers(0, 256, (2, 28, 28)).astype("uint8")
    for name, array in zip(catalog.IDX_NAMES, [images, np.array([3, 9], "uint8")] * 2):
        (folder / f"{name}.gz").write_bytes(gzip.compress(format_idx(array)))
    files = tuple(known(folder / f"{name}.gz") for name in catalog.IDX_NAMES)
    monkeypatch.setitem(catalog.CATALOG, "mnist", dataclasses.replace(catalog.MNIST, files=files, sizes=(2, 2)))
    return images


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_file_that_is_replaced_after_its_sum_was_taken_is_not_read(name, tmp_path, monkeypatch):
    if name == "mnist":
        right = idx_files(tmp_path, monkeypatch)
        paths = [tmp_path / f"{each}.gz" for each in catalog.IDX_NAMES]
    else:
        paths = [binary_archive(tmp_path / "cifar-10-binary.tar.gz")]
        entry = dataclasses.replace(catalog.CIFAR10, files=(known(paths[0]),), sizes=(20, 4))
        monkeypatch.setitem(catalog.CATALOG, "cifar10", entry)
        right = read_cifar10(paths[0])["train"][0]
    compare = sources._compare_sums

    def compare_and_replace(path, *others):
        compare(path, *others)
        for each in paths:  # whatever comes after the check, every file is another one now
            if each == path:
                (tmp_path / "another").write_bytes(b"another")
                (tmp_path / "another").replace(each)

    monkeypatch.setattr(sources, "_compare_sums", compare_and_replace)
    train, _ = tn.data.load(name, data=tmp_path, flatten=False)
    np.testing.assert_array_equal(train.images, right)


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to nothing", "link to itself", "link to a device"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_what_stands_in_the_place_of_a_data_file_is_refused_at_once(kind, ending, tmp_path, monkeypatch):
    idx_files(tmp_path, monkeypatch)
    (tmp_path / f"{catalog.IDX_NAMES[1]}.gz").rename(tmp_path / "kept")
    path = tmp_path / f"{catalog.IDX_NAMES[1]}{ending}"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"nothing": "nowhere", "itself": path.name, "device": "/dev/zero"}[kind.split()[-1]])
    with pytest.raises(tn.DataError, match=f"ubyte{ending}: expected a file, got something else.*; remove it, or give"):
        tn.data.load("mnist", data=tmp_path)
    path.rmdir() if kind == "folder" else path.unlink()  # as the message says
    (tmp_path / "kept").rename(tmp_path / f"{catalog.IDX_NAMES[1]}.gz")
    assert len(tn.data.load("mnist", data=tmp_path)[0]) == 2


def test_numbers_of_another_type_are_refused(tmp_path, monkeypatch):
    idx_files(tmp_path, monkeypatch)
    path = tmp_path / f"{catalog.IDX_NAMES[1]}.gz"
    path.write_bytes(gzip.compress(format_idx(np.array([3.5, 1.0]))))
    files = tuple(known(tmp_path / f"{name}.gz") for name in catalog.IDX_NAMES)
    monkeypatch.setitem(catalog.CATALOG, "mnist", dataclasses.replace(catalog.MNIST, files=files, sizes=(2, 2)))
    with pytest.raises(tn.DataError, match="got uint8 .*, float64 .*; the files are damaged"):
        tn.data.load("mnist", data=tmp_path)


# Duplicates and the report --------------------------------------------------------------------------------------------


def with_repeats():
    images = RNG.integers(0, 256, (8, 4)).astype("uint8")
    images[5], images[6] = images[1], images[0]
    make = tn.data.from_arrays
    return make(images[:6], np.arange(6) % 2, ("a", "b")), make(images[[6, 7, 7]], np.array([0, 1, 1]), ("a", "b"))


def test_repeated_pictures_are_found_and_dropped():
    from tinynet.data.duplicates import find_duplicates, without_duplicates

    train, test = with_repeats()
    found = find_duplicates(train, test)
    assert (list(found.within_train), list(found.within_test), list(found.between)) == ([5], [2], [0])
    left, held_out = without_duplicates(train, test)
    np.testing.assert_array_equal(left.images, train.images[1:5])
    assert len(held_out) == 2


def test_the_report_counts(capsys):
    train, test = with_repeats()
    text = tn.data.data_report(train, test)
    assert "1 within train, 1 within test, 1 of train in test" in text
    assert "a                         3          1" in text
