"""Pictures in class folders, and malicious folders."""

import io
import os
import struct
import sys
import zlib

import numpy as np
import pytest

import tinynet as tn
from tests.support.child import python
from tinynet.backend.files import open_regular

Image = pytest.importorskip("PIL.Image")


def picture(path, size=(6, 4), colour=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (colour, colour, colour)).save(path)


@pytest.fixture
def folder(tmp_path):
    for number, name in enumerate(["cat", "dog"]):
        picture(tmp_path / "pets" / name / "1.png", colour=50 * (number + 1))
        picture(tmp_path / "pets" / name / "2.PNG", colour=50 * (number + 1))
        picture(tmp_path / "pets" / name / "3.jpg", colour=50 * (number + 1))
    (tmp_path / "pets" / "notes.txt").write_text("no class")
    (tmp_path / "pets" / ".hidden").mkdir()
    return tmp_path / "pets"


def test_folders_are_classes(folder):
    data = tn.data.from_folder(folder)
    assert data.class_names == ("cat", "dog")
    assert data.images.shape == (6, 4, 6)
    assert list(data.labels) == [0, 0, 0, 1, 1, 1]
    assert abs(int(data.images[0, 0, 0]) - 50) <= 1
    assert abs(int(data.images[5, 0, 0]) - 100) <= 1
    assert tn.data.from_folder(folder, colour=True, size=(8, 8)).images.shape == (6, 8, 8, 3)
    flat = tn.data.from_folder(folder, flatten=True)
    assert (flat.images.shape, flat.image_shape) == ((6, 24), (4, 6))
    assert tn.data.from_folder(folder, class_names=("dog",)).class_names == ("dog",)


@pytest.mark.parametrize("size", [28, "28", (28,), (0, 28), (28, -1), (28, 28, 3), {28}, 2**70])
def test_a_size_that_is_none_is_refused_and_the_advice_gives_pictures(folder, size):
    with pytest.raises(
        (TypeError, ValueError), match=r"from_folder: .*size.* got .*; write size=\(28, 28\), the height"
    ):
        tn.data.from_folder(folder, size=size)
    assert tn.data.from_folder(folder, size=(28, 28)).images.shape == (6, 28, 28)


def test_unsuitable_folders_and_pictures_are_named(folder, tmp_path, monkeypatch):
    read = tn.data.from_folder
    with pytest.raises(tn.DataError, match="from_folder: expected a folder, got"):
        read(tmp_path / "nowhere")
    picture(tmp_path / "loose" / "1.png")
    with pytest.raises(tn.DataError, match="got 1 pictures and no class folders; sort the pictures into"):
        read(tmp_path / "loose")
    picture(folder / "dog" / "4.png", size=(7, 7))
    with pytest.raises(tn.DataError, match=r"4.png: expected \(4, 6\) like the pictures before it, got \(7, 7\); give"):
        read(folder)
    (folder / "dog" / "4.png").write_bytes(b"no picture")
    with pytest.raises(tn.DataError, match="4.png: expected a PNG or JPEG picture, got UnidentifiedImageError"):
        read(folder)
    (folder / "dog" / "4.png").unlink()
    (folder / "dog" / "4.png").symlink_to(tmp_path / "loose" / "1.png")
    with pytest.raises(tn.DataError, match="expected a picture inside the folder, got a link out of it"):
        read(folder)
    (folder / "dog" / "4.png").unlink()
    (folder / "empty").mkdir()
    with pytest.raises(tn.DataError, match="class folder .*empty.: expected PNG or JPEG pictures, got none"):
        read(folder)
    (folder / "empty").rmdir()
    monkeypatch.setattr("tinynet.data.decoding.MAX_PIXELS", 10)
    with pytest.raises(tn.DataError, match="expected at most 10 pixels, got 6 x 4"):
        read(folder)


def test_without_pillow_the_error_says_what_to_install(folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ImportError, match=r"from_folder needs Pillow: pip install pillow"):
        tn.data.from_folder(folder)


def test_a_model_learns_from_a_folder(folder):
    data = tn.data.from_folder(folder, flatten=True)
    model = tn.Sequential(tn.Dense(24, 2))
    tn.fit(model, data, optimizer=tn.SGD(0.5), epochs=300, batch_size=6)
    np.testing.assert_array_equal(model.predict(data).argmax(axis=1), data.labels)


# Folders that are meant to do harm ------------------------------------------------------------------------------------


def png(width, height, rows=b"", extra=b""):
    """A grey PNG with this size in its header, whatever its content, and correct checksums."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def jpeg(width, height):
    """A JPEG of 8 x 8 with another size in its header."""
    content = io.BytesIO()
    Image.new("L", (8, 8)).save(content, "JPEG")
    raw = content.getvalue()
    at = raw.index(b"\xff\xc0") + 5
    return raw[:at] + struct.pack(">HH", height, width) + raw[at + 4 :]


HOSTILE = {
    "a bomb": png(60_000, 60_000, bytes(1000)),
    "a smaller bomb": png(9_000, 9_000, bytes(1000)),
    "the largest size there is": png(2**31 - 1, 2**31 - 1),
    "no pixels": png(0, 0),
    "a negative size": png(2**32 - 1, 4),
    "more pixels than so few bytes can hold": png(8_000, 8_000, bytes(5 * 3)),
    "a bomb of text": png(4, 4, bytes(20), extra=b"\x00\x00\x00\x00zTXt" + bytes(4)),
    "a large JPEG": jpeg(65_000, 65_000),
    "a JPEG of no rows": jpeg(8, 0),
    "half a PNG": png(4, 4, bytes(20))[:45],
    "half a JPEG": jpeg(8, 8)[:200],
    "a GIF": b"GIF89a" + bytes(100),
    "a script": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) run",
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("ending", [".png", ".JPG"])
@pytest.mark.filterwarnings("default::PIL.Image.DecompressionBombWarning")
def test_pictures_that_lie_are_refused(name, ending, tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / f"x{ending}").write_bytes(HOSTILE[name])
    with pytest.raises(tn.DataError, match=f"x{ending}: expected (a PNG or JPEG picture|at most [0-9,]+ pixels), got"):
        tn.data.from_folder(tmp_path)
    with pytest.raises(tn.DataError):
        tn.data.from_folder(tmp_path, size=(4, 4))


def test_a_valid_picture_made_in_the_same_way_is_read(tmp_path):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "x.png").write_bytes(png(4, 3, b"".join(b"\0" + bytes([row] * 4) for row in range(3))))
    assert tn.data.from_folder(tmp_path).images.tolist() == [[[0] * 4, [1] * 4, [2] * 4]]


MEASURE = """
import resource, sys, warnings, tinynet as tn
from PIL import Image, PngImagePlugin, JpegImagePlugin
warnings.simplefilter("ignore")
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 2**20)
before = peak()
for arguments in ({}, {"size": (8, 8)}, {"colour": True}):
    for name in sys.argv[2:]:
        try: tn.data.from_folder(sys.argv[1], class_names=(name,), **arguments)
        except tn.DataError: pass
print(peak() - before)
"""


def test_memory_is_bounded_whatever_the_pictures_say(tmp_path):
    pytest.importorskip("resource", reason="the peak of memory is asked of Unix")
    for number, content in enumerate(HOSTILE.values()):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "x.png").write_bytes(content)
    done = python("-c", MEASURE, tmp_path, *range(len(HOSTILE)), check=True)
    assert float(done.stdout) < 20  # MiB; the headers claim 3.6 GB


def test_many_small_files_that_would_be_too_much_together_are_refused(folder, monkeypatch):
    monkeypatch.setattr("tinynet.data.folders.MAX_BYTES", 100)
    with pytest.raises(
        tn.DataError, match=r"at most 100 bytes, got 6 pictures of 24, 144 in all; give a smaller size="
    ):
        tn.data.from_folder(folder)
    assert tn.data.from_folder(folder, size=(4, 4)).images.nbytes == 96


def test_links_pipes_and_folders_in_the_place_of_pictures(folder, tmp_path):
    secret = tmp_path / "secret"
    picture(secret / "1.png")
    entry = folder / "dog" / "4.png"
    for target in (secret / "1.png", "/dev/zero", "../../secret/1.png", entry, "nowhere.png/../../../x.png"):
        entry.symlink_to(target)
        with pytest.raises(tn.DataError, match=r"4.png: expected a (picture inside the folder|file), got"):
            tn.data.from_folder(folder)
        entry.unlink()
    entry.symlink_to("1.png")  # a link inside the folder is allowed
    assert len(tn.data.from_folder(folder)) == 7
    entry.unlink()
    if hasattr(os, "mkfifo"):
        os.mkfifo(entry)
        with pytest.raises(tn.DataError, match=r"4.png: expected a file, got something else; remove it"):
            tn.data.from_folder(folder)
        entry.unlink()
    entry.mkdir()
    with pytest.raises(tn.DataError, match=r"4.png: expected a file"):
        tn.data.from_folder(folder)
    entry.rmdir()
    (folder / "away").symlink_to(secret)
    with pytest.raises(tn.DataError, match=r"1.png: expected a picture inside the folder, got a link out of it"):
        tn.data.from_folder(folder)
    with pytest.raises(tn.DataError, match="a picture inside the folder"):
        tn.data.from_folder(folder, class_names=("../secret",))


@pytest.mark.parametrize("back", [False, True], ids=["before it is opened", "and back, after it was opened"])
def test_a_link_that_changes_between_check_and_reading_is_refused(back, folder, tmp_path, monkeypatch):
    picture(tmp_path / "secret.png", colour=200)
    entry = folder / "dog" / "4.png"
    entry.symlink_to("1.png")
    assert len(tn.data.from_folder(folder)) == 7

    def point(target):
        entry.unlink()
        entry.symlink_to(target)

    def open_after_a_change(path):
        if path != entry:
            return open_regular(path)
        point(tmp_path / "secret.png")
        stream = open_regular(path)
        if back:
            point("1.png")
        return stream

    monkeypatch.setattr("tinynet.data.folders.open_regular", open_after_a_change)
    with pytest.raises(tn.DataError, match=r"4.png: expected a picture inside the folder, got a link out of it"):
        tn.data.from_folder(folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_picture_that_may_not_be_read_is_named(folder):
    (folder / "dog" / "1.png").chmod(0)
    with pytest.raises(tn.DataError, match=r"1.png: expected a file, got Permission denied; replace or remove it"):
        tn.data.from_folder(folder)


def test_pictures_that_do_not_fit_the_memory_are_refused(folder, monkeypatch):
    """A small file can be the first of many: the size of all is known from it."""

    def full(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("tinynet.data.folders.np.empty", full)
        with pytest.raises(tn.DataError, match=r"pictures that fit the memory, got 144 bytes for 6 pictures; give"):
            tn.data.from_folder(folder)
    assert len(tn.data.from_folder(folder, size=(2, 2))) == 6


def test_only_one_level_is_read_however_deep_a_folder_is(folder):
    deep = folder / "cat"
    for _ in range(100):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "x.png").write_bytes(b"never opened")
    assert len(tn.data.from_folder(folder)) == 6


# Under LANG=C without UTF-8 mode, Python cannot name such a file.
needs_names = pytest.mark.skipif(sys.getfilesystemencoding() == "ascii", reason="needs file names beyond ASCII")


@pytest.mark.parametrize("name", ["a\nb", "\x1b[31mred", "tab\t", pytest.param("\u202etxt", marks=needs_names)])
def test_names_that_do_something_to_a_terminal_are_refused_and_shown_harmlessly(name, folder):
    picture(folder / name / "1.png")
    with pytest.raises(tn.DataError, match="class folders with printable names, got '") as told:
        tn.data.from_folder(folder)
    assert str(told.value).isprintable()
    (folder / "cat" / f"{name}.png").write_bytes(b"no picture")
    with pytest.raises(tn.DataError, match="expected a PNG or JPEG picture") as told:
        tn.data.from_folder(folder, class_names=("cat",))
    assert str(told.value).isprintable()


@needs_names
def test_names_in_other_scripts_are_accepted(folder):
    picture(folder / "k\u00e4fer \u7532\u866b \U0001f41e" / "\u00fc.png", colour=50)
    assert tn.data.from_folder(folder).class_names[2].startswith("k\u00e4fer")


@pytest.mark.filterwarnings("ignore")  # Pillow warns of large pictures
def test_damaged_folders_end_in_a_data_set_or_the_documented_error():
    from tests.stress.fuzz_data import fuzz

    outcomes, wrong = fuzz(300, seed=1, pictures=True)
    assert not wrong
    assert set(outcomes) == {"a data set", "the documented error"}
