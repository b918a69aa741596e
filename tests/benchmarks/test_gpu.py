"""The GPU benchmark runs on a CPU as far as possible, and names the peers that it skips."""

import json

import pytest

from tests.support.child import ROOT, python


def test_its_tables_and_picture(tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    import gpu

    timed = {"1000": {"first": 9.0, "seconds": [0.006, 0.005, 0.007]}}
    peers = {"tinynet captured": timed, "bare products": {"1000": {"first": 1.0, "seconds": [0.003]}}}
    about = {"gpu": "a GPU", "cpu": "a CPU", "versions": "python 3.12"}
    results = {"date": "2026-01-01", "environment": about, "batch_sizes": [1000]}
    results["peers"] = {**peers, "JAX jit": {"skipped": "No module named 'jax'"}}
    text = gpu.markdown(results)
    # 60 steps in 6 ms; 2 * 1000 * (3 * 234752 - 200704) operations each
    assert ["tinynet captured", "100.0", "10,000,000", "10.07", "50%"] in [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()
    ]
    assert "- JAX jit: No module named 'jax'" in text
    gpu.draw(results, tmp_path / "gpu.png")
    assert (tmp_path / "gpu.png").stat().st_size > 5000


@pytest.mark.slow
def test_it_runs_on_a_cpu_and_names_who_is_for_gpus(tmp_path):
    arguments = ["--device", "cpu", "--quick", "--peers", "tinynet eager", "tinynet captured", "--out", tmp_path]
    done = python(ROOT / "benchmarks/gpu.py", *arguments, folder=ROOT)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "gpu.json").read_text())
    assert results["peers"]["tinynet captured"] == {"skipped": "it needs a GPU"}
    assert len(results["peers"]["tinynet eager"]["10000"]["seconds"]) == 2
    assert "| tinynet eager " in (tmp_path / "gpu.md").read_text()


@pytest.mark.gpu
def test_it_measures_on_a_gpu(tmp_path):
    arguments = ["--batch-sizes", 1000, "--repeats", 3, "--peers", "bare products", "tinynet captured"]
    done = python(ROOT / "benchmarks/gpu.py", *arguments, "--out", tmp_path, folder=ROOT)
    assert done.returncode == 0, done.stderr
    assert "skipped" not in json.loads((tmp_path / "gpu.json").read_text())["peers"]["tinynet captured"]
