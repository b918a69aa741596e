"""Jobs in processes of their own give the same bits, and can be continued; what cannot be sent to them is refused."""

import signal

import pytest

from tests.support.child import python
from tests.support.studies import configurations, documented_program, network
from tinynet import study as library
from tinynet.study import Configuration, Study

pytest.importorskip("scipy")


def test_one_process_or_two_give_the_same_bits(tmp_path, small_data):
    summaries = []
    for workers in (0, 2):
        study = Study(
            configurations(), small_data, seeds=2, epochs=2, batch_size=50, learning_rate=0.1, workers=workers
        )
        summaries.append(study.run(tmp_path / str(workers)).runs)
    assert [library.jobs.without_times(run) for run in summaries[0]] == [
        library.jobs.without_times(run) for run in summaries[1]
    ]


def test_an_unfinished_run_continues_from_its_checkpoint(tmp_path, small_data, monkeypatch):
    pytest.importorskip("safetensors")

    def study():
        return Study({"relu": Configuration("ReLU", network)}, small_data, seeds=1, epochs=3, threads=None)

    expected = study().run(tmp_path / "whole").runs[0]
    from tinynet.study.workers import EpochPrinter

    def stop(self, history):
        if len(history) == 2:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as stopping:
        stopping.setattr(EpochPrinter, "epoch_ends", stop)
        with pytest.raises(KeyboardInterrupt, match="0 finished runs and the unfinished one"):
            study().run(tmp_path / "broken", checkpoints=True)
    assert list((tmp_path / "broken" / "runs").glob("*/step-*.safetensors"))
    seen = []
    monkeypatch.setattr(EpochPrinter, "epoch_ends", lambda self, history: seen.append(len(history)))
    found = study().run(tmp_path / "broken", checkpoints=True).runs[0]
    assert seen
    assert seen[-1] == 3
    assert 1 not in seen
    assert library.jobs.without_times(found) == library.jobs.without_times(expected)
    assert not list((tmp_path / "broken" / "runs").glob("*/"))


def test_a_lambda_is_refused_before_processes_start_and_runs_in_this_one(tmp_path, small_data):
    study = {"mine": Configuration("mine", lambda seed: network(seed))}
    with pytest.raises(ValueError, match="Study: mine: expected .* no lambdas, or pass workers=0"):
        Study(study, small_data, workers=2).run(tmp_path)
    result = Study(study, small_data, seeds=1, epochs=1, workers=0).run(tmp_path)
    assert len(result.runs) == 1


def test_a_program_without_a_main_guard_is_told_so(tmp_path):
    program = documented_program().replace('if __name__ == "__main__":', "if True:")
    (tmp_path / "mine.py").write_text(program)
    done = python("mine.py", folder=tmp_path)
    assert done.returncode == 1
    assert "call run() under `if __name__ == '__main__':`, or pass workers=0" in done.stderr
