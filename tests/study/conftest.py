"""A small study of the main example, for all tests that look at its files."""

import pytest

import tinynet as tn
from tests.support.studies import SMALL
from tinynet.study import options


@pytest.fixture(scope="session")
def clothes():
    """(train, test): 600 and 200 drawings."""
    return tn.data.synthetic_fashion(600, 200)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, clothes):
    """The folder of a tiny study of every part, run in this process."""
    for needed in ("matplotlib", "jinja2", "scipy"):
        pytest.importorskip(needed)
    import fashion_mnist  # examples/ is on the path: setup.cfg

    folder = tmp_path_factory.mktemp("study")
    before, options.open_data = options.open_data, lambda *asked: clothes
    arguments = [*SMALL, "--jobs", "1", "--out", str(folder)]
    try:
        assert fashion_mnist.main(arguments) == 0
    finally:
        options.open_data = before
    return folder
