"""The description of the environment of a run names what its numbers depend on."""

import json

from tinynet.backend import environment
from tinynet.backend.arrays import CPU


def test_the_manifest_is_json_and_names_what_matters(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    manifest = json.loads(json.dumps(environment.describe(CPU)))
    assert manifest["device"] == "cpu"
    assert manifest["gpu"] is None
    assert manifest["pins"]["OPENBLAS_CORETYPE"] == "Haswell"
    assert manifest["cpu"]
    assert manifest["blas"]["kernel"]


def test_without_threadpoolctl_it_says_so(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "threadpoolctl", None)
    assert environment.blas()["library"] == "unknown (threadpoolctl is not installed)"


def test_the_blas_is_numpys_though_scipy_brings_its_own():
    before = environment.blas()
    import scipy.linalg  # noqa: F401

    assert environment.blas() == before
