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


@pytest.mark.parametrize(
    ("apart", "status", "verdict"),
    [
        (9e-5, 0, "ok"),
        (1e-4, 0, "ok"),
        (2e-4, 1, "TOO FAR"),
        (float("nan"), 1, "TOO FAR"),
        (float("inf"), 1, "TOO FAR"),
    ],
)
@pytest.mark.parametrize("where", [0, 1])
def test_the_exit_status_says_whether_the_largest_difference_is_rounding(
    monkeypatch, capsys, apart, status, verdict, where
):
    differences = [[0.0, 0.0], [0.0, 0.0]]
    differences[1][where] = apart
    monkeypatch.setattr("tinynet.cli.compare.compare", lambda *arguments: [tuple(pair) for pair in differences])
    assert program.main(["compare", "--devices", "cpu", "cpu"]) == status
    assert capsys.readouterr().out.rstrip().endswith(verdict)


def test_parameters_are_compared_where_they_differ_most(monkeypatch):
    """One of a thousand numbers is wrong by a tenth of the largest."""
    here, there = np.linspace(0, 2, 1000), np.linspace(0, 2, 1000)
    there[7] += 0.2
    runs = iter([[(4.0, here)], [(3.0, there)]])
    monkeypatch.setattr("tinynet.cli.compare.trajectory", lambda *arguments: next(runs))
    ((loss, theta),) = compare("cpu", "cpu", None, None)
    assert (loss, theta) == pytest.approx((0.25, 0.1))


def test_the_number_of_steps_and_the_dtype_are_those_asked_for(capsys):
    asked = ["--steps", "3", "--batch-size", "50", "--dtype", "float64"]
    assert program.main(["compare", "--devices", "cpu", "cpu", *asked]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "cpu and cpu, float64, batch 50: relative differences"
    assert [line.split()[0] for line in lines[2:-1]] == ["1", "2", "3"]
    assert lines[-1].endswith("limit 1e-10: ok")
