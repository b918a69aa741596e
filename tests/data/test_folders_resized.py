"""Pictures of a folder in another size."""

import numpy as np
import pytest

import tinynet as tn

Image = pytest.importorskip("PIL.Image")


def test_a_size_is_height_and_width(tmp_path):
    """A picture of a white left half, 4 high and 12 wide, in half its size."""
    (tmp_path / "class").mkdir()
    pixels = np.zeros((4, 12), "uint8")
    pixels[:, :6] = 255
    Image.fromarray(pixels).save(tmp_path / "class" / "x.png")
    (picture,) = tn.data.from_folder(tmp_path, size=(2, 6)).images
    assert picture.shape == (2, 6)
    assert (picture[:, :2] == 255).all()
    assert (picture[:, 4:] == 0).all()
