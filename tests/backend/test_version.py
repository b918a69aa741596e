"""The version is stated once."""

import tinynet as tn
from tinynet.backend.arrays import CPU
from tinynet.backend.environment import describe
from tinynet.backend.version import __version__


def test_the_version_is_the_same_everywhere():
    assert tn.__version__ == __version__ == describe(CPU)["tinynet"]
