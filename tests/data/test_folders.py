"""Pictures in class folders."""

import numpy as np
import pytest

import tinynet as tn

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


def test_what_does_not_fit_is_named(folder, tmp_path, monkeypatch):
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
    monkeypatch.setattr("tinynet.data.folders.MAX_PIXELS", 10)
    with pytest.raises(tn.DataError, match="expected at most 10 pixels, got 6 x 4"):
        read(folder)


def test_without_pillow_it_says_so(folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(ImportError, match=r"from_folder needs Pillow: pip install 'tinynet\[data\]'"):
        tn.data.from_folder(folder)


def test_a_model_learns_from_a_folder(folder):
    data = tn.data.from_folder(folder, flatten=True)
    model = tn.Sequential(tn.Dense(24, 2))
    tn.fit(model, data, optimizer=tn.SGD(0.5), epochs=300, batch_size=6)
    np.testing.assert_array_equal(model.predict(data).argmax(axis=1), data.labels)
