"""`tinynet compare` accepts equal devices, and finds a wrong dropout mask."""

import numpy as np
import pytest

from tests.support import strict
from tests.support.host_kernels import HostKernels
from tinynet.cli import main as program
from tinynet.cli.compare import LIMITS, Settings, compare, pixels

SMALL = dict(widths=(30, 16, 12, 4), steps=25, batch_size=50)


def test_the_cpu_is_like_itself(capsys):
    assert program.main(["compare", "--devices", "cpu", "cpu", "--steps", "12", "--batch-size", "500"]) == 0
    printed = capsys.readouterr().out
    assert "    12   0.00e+00   0.00e+00" in printed
    assert "largest 0.00e+00, limit 1e-04: ok" in printed


def test_a_device_that_is_not_there_is_named(capsys):
    assert program.main(["compare", "--devices", "cpu", "gpu:99", "--steps", "1"]) == 2
    assert "device 'gpu:99' cannot be used" in capsys.readouterr().err


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("captured", [False, True])
def test_the_stand_in_with_kernels_stays_within_rounding(monkeypatch, dtype, captured):
    monkeypatch.setattr(strict.StrictDevice, "own_kernels", HostKernels())
    monkeypatch.setattr(strict.StrictDevice, "records", True)
    settings = Settings(**SMALL, dtype=dtype, captured=captured)
    differences = compare("cpu", strict.device, pixels(settings, 120), settings)
    assert len(differences) == 25
    assert 0 < np.max(differences) <= LIMITS[dtype]


def test_a_wrong_mask_is_too_far(monkeypatch):
    class Wrong(HostKernels):
        def bias_activation(self, y, bias, activation, mask):
            wrong = None if mask is None else mask._replace(step=mask.step + 1)
            return super().bias_activation(y, bias, activation, wrong)

    monkeypatch.setattr(strict.StrictDevice, "own_kernels", Wrong())
    settings = Settings(**SMALL)
    assert np.max(compare("cpu", strict.device, pixels(settings, 120), settings)) > 100 * LIMITS["float32"]


@pytest.mark.gpu
@pytest.mark.parametrize("captured", [False, True])
@pytest.mark.parametrize("dtype", LIMITS)
def test_the_gpu_stays_within_rounding(dtype, captured):
    settings = Settings(dtype=dtype, captured=captured)
    assert np.max(compare("cpu", "gpu", pixels(settings), settings)) <= LIMITS[dtype]


def test_compare_reports_the_same_bits_on_the_same_device(capsys):
    assert program.main(["compare", "--devices", "cpu", "cpu", "--steps", "2", "--batch-size", "50"]) == 0
    assert "largest 0.00e+00, limit 1e-04: ok" in capsys.readouterr().out
