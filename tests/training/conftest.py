"""The stand-in for a GPU, with a recorder."""

import pytest

from tests.support import strict


@pytest.fixture
def recording(monkeypatch):
    monkeypatch.setattr(strict.StrictDevice, "records", True)
