"""`tinynet doctor` works without a GPU, and names one remedy for each problem."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinynet.backend.arrays import CPU
from tinynet.backend.gpu.device import gpu_problem
from tinynet.cli import doctor
from tinynet.cli import main as program
from tinynet.errors import DeviceError

ROOT = Path(__file__).parents[2]


def test_it_runs_as_a_program_and_is_useful_without_a_gpu():
    environment = {"PATH": "", "PYTHONPATH": str(ROOT), "OPENBLAS_CORETYPE": "Haswell", "TINYNET_CACHE": "/nowhere"}
    command = [sys.executable, "-m", "tinynet", "doctor"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    for part in ("ok      processor: ", "BLAS", "GFLOP/s in float32", "slow    environment: OPENBLAS_CORETYPE=Haswell",
                 "        -> unset OPENBLAS_CORETYPE", "GPU", "0 broken, "):  # fmt: skip
        assert part in done.stdout, done.stdout


def test_each_finding_has_one_remedy_where_something_is_wrong(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    findings = doctor.examine()
    for finding in findings:
        assert finding.verdict in ("ok", "note", "slow", "broken")
        assert bool(finding.remedy) == (finding.verdict != "ok"), finding
        assert "\n" not in finding.found + finding.remedy
    assert any(finding.found.startswith("OMP_NUM_THREADS=1 overrides") for finding in findings)


def test_a_gpu_that_was_asked_for_and_is_not_there_is_broken(capsys):
    if not gpu_problem():
        pytest.skip("there is a GPU here")
    assert program.main(["doctor", "--device", "gpu"]) == 1
    assert "broken  GPU: CuPy" in capsys.readouterr().out
    assert program.main(["doctor", "--device", "auto"]) == 0
    assert "note    GPU: CuPy" in capsys.readouterr().out
    assert program.main(["doctor", "--device", "cpu"]) == 0
    assert "GPU: " not in capsys.readouterr().out


def test_data_that_were_named_and_are_not_there_are_broken(monkeypatch, capsys):
    monkeypatch.setenv("TINYNET_DATA", "/no/such/folder")
    assert program.main(["doctor", "--device", "cpu"]) == 1
    assert "-> correct TINYNET_DATA, or unset it" in capsys.readouterr().out


def test_two_wheels_of_cupy_are_named(monkeypatch):
    monkeypatch.setattr(doctor, "_installed", lambda name: "14.0" if name in ("cupy-cuda12x", "cupy-cuda13x") else None)
    (finding,) = doctor._gpu("gpu")
    assert finding.verdict == "broken"
    assert finding.found.startswith("cupy-cuda12x and cupy-cuda13x are installed")


def test_little_memory_is_slow():
    assert [f.verdict for f in doctor._memory((2**30, 100 * 2**30))] == ["slow"]
    assert [f.verdict for f in doctor._memory((90 * 2**30, 100 * 2**30))] == ["ok"]


def test_versions_are_read_as_nvidia_writes_them():
    assert [doctor._version(number) for number in (12090, 13000, 11080)] == ["12.9", "13.0", "11.8"]


@pytest.mark.gpu
def test_with_a_gpu_nothing_is_broken():
    findings = {finding.subject: finding for finding in doctor.examine("gpu")}
    assert {"GPU", "CUDA", "GPU memory", "product on the GPU", "kernels", "CUDA graphs"} <= set(findings)
    assert findings["kernels"].verdict == findings["CUDA graphs"].verdict == "ok"


def test_a_user_without_a_home_is_told_how_to_have_a_cache(monkeypatch):
    def unknown():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("pathlib.Path.home", unknown)
    for name in ("TINYNET_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    (finding,) = [each for each in doctor.examine("cpu") if each.subject == "data"]
    assert finding[:2] == ("slow", "data")
    assert finding.remedy == "set TINYNET_CACHE to a folder of yours"


def test_blas_is_slow_where_it_leaves_cores_idle(monkeypatch):
    monkeypatch.setattr(doctor, "_usable_cores", lambda: {0, 1, 2, 3})
    for threads, verdict in ((1, "slow"), (3, "slow"), (4, "ok"), (8, "ok"), (None, "note")):
        library = {"library": "openblas 0.3", "kernel": "Haswell", "threads": threads}
        monkeypatch.setattr(doctor, "blas", lambda library=library: library)
        (found,) = [finding for finding in doctor._processor() if finding.subject == "BLAS"]
        assert found.verdict == verdict


def test_packages_that_are_missing_are_named_with_what_they_are_for(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "_installed", lambda name: None if name in ("filelock", "tqdm") else "1.0")
    (finding,) = doctor._extras()
    assert finding == ("note", "extras", "filelock, tqdm not installed; needed for checkpoints, progress bars",
                       "pip install filelock tqdm")  # fmt: skip
    monkeypatch.setattr(doctor, "_installed", lambda name: "1.0")
    assert list(doctor._extras()) == []


def test_a_product_that_is_wrong_is_not_timed():
    class Wrong(type(CPU)):
        class module:  # noqa: N801  (a stand-in for numpy)
            @staticmethod
            def ones(shape, dtype):
                return np.full(shape, 2, dtype)

    with pytest.raises(DeviceError, match="expected 784 in each element of a product of ones, got others"):
        doctor._gigaflops(Wrong())
    assert doctor._gigaflops(CPU) > 0.1


@pytest.mark.parametrize(("replayed", "verdict"), [(True, "ok"), (False, "slow")])
def test_a_graph_whose_replay_gives_another_sum_is_noticed(replayed, verdict):
    class Recorder:
        def run(self, function):
            function()

        def record(self, function):
            return function if replayed else lambda: None

    class Records(type(CPU)):
        def recorder(self, precision):
            return Recorder()

    finding = doctor._capture(Records())
    assert finding.verdict == verdict
    assert (finding.found == "a replay gave another sum") != replayed
