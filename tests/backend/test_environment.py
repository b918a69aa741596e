"""The description of the environment of a run names what its numbers depend on."""

import json
import os

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


def test_the_command_needs_no_working_directory_and_no_arguments(monkeypatch):
    def deleted():
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("os.getcwd", deleted)
    monkeypatch.setattr("sys.argv", [__file__, "--quick"])
    assert environment.command() == f"python {__file__} --quick"
    monkeypatch.setattr("sys.argv", [])
    assert environment.command() == "python "


def test_an_undecodable_argument_is_text(monkeypatch):
    monkeypatch.setattr("sys.argv", ["-c", "--out", os.fsdecode(b"r\xe9sultats \xc3\xa9")])
    command = environment.command()
    assert command.encode("utf-8") == b"python -c --out r\\xe9sultats \xc3\xa9"


def test_a_machine_without_proc_has_a_processor(monkeypatch):
    def missing(*arguments, **options):
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("pathlib.Path.read_text", missing)
    assert environment.cpu_name()
