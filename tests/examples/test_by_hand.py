"""The example without `fit` is short, and reaches its accuracy on drawings."""

import pytest

from tests.support.child import ROOT, python

SOURCE = ROOT / "examples" / "by_hand.py"


def test_it_fits_on_a_screen():
    assert len(SOURCE.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.slow
def test_it_reaches_its_accuracy_on_drawings(tmp_path):
    """Its last line asserts the accuracy; without data and network it says what it trains on."""
    no_network = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = python("-W", "error", SOURCE, TINYNET_DATA=None, TINYNET_CACHE=str(tmp_path), **no_network)
    assert done.returncode == 0, done.stderr
    assert "Synthetic drawings are used instead of Fashion-MNIST." in done.stdout
    assert "epoch 8: training loss" in done.stdout
