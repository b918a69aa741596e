"""Files are written completely or not at all, and the message says what to do."""

import pytest

from tinynet.backend.files import write_atomically
from tinynet.errors import SaveError


def test_a_missing_folder_is_named_and_the_advice_works(tmp_path):
    path = tmp_path / "missing" / "model"
    with pytest.raises(SaveError, match="create the folder .*missing first"):
        write_atomically(path, b"x")
    path.parent.mkdir()
    write_atomically(path, b"x")
    assert path.read_bytes() == b"x"
