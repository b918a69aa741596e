"""Whether threads pay depends on the size of a batch and of the network."""

from tinynet.backend.threads import team_size


def test_small_batches_stay_on_one_thread(monkeypatch):
    """docs/performance.md measured where threads pay: not for 100,000 parameters at batch 128, but at batch 10,000."""
    monkeypatch.setattr("tinynet.backend.threads.blas_threads", lambda: 2)
    assert team_size(None, 3 * 100_000 * 128) == 1
    assert team_size(None, 3 * 100_000 * 10_000) == 2
