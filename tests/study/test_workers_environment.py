"""The environment of worker processes: one BLAS thread each, and nothing left behind."""

import os

import pytest

from tinynet.backend.arrays import CPU
from tinynet.study.jobs import Data
from tinynet.study.workers import ONE_THREAD, Workers, _environment

pytest.importorskip("scipy")


def test_variables_are_set_inside_and_as_they_were_after(monkeypatch):
    monkeypatch.setenv("TINYNET_TEST_OLD", "before")
    monkeypatch.delenv("TINYNET_TEST_NEW", raising=False)
    with _environment({"TINYNET_TEST_OLD": "inside", "TINYNET_TEST_NEW": "inside"}):
        assert [os.environ[f"TINYNET_TEST_{name}"] for name in ("OLD", "NEW")] == ["inside", "inside"]
    assert os.environ["TINYNET_TEST_OLD"] == "before"
    assert "TINYNET_TEST_NEW" not in os.environ


def test_a_worker_is_told_to_use_one_blas_thread(tmp_path, small_data, monkeypatch):
    for name in ONE_THREAD:
        monkeypatch.setenv(name, "7")
    with Workers(Data(*small_data, CPU), tmp_path, 1).open() as workers:
        seen = [workers.executor.submit(os.getenv, name).result() for name in ONE_THREAD]
    assert seen == ["1"] * len(ONE_THREAD)
    assert {os.environ[name] for name in ONE_THREAD} == {"7"}
