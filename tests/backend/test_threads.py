"""Teams of threads: their size, the number of BLAS threads inside and after, exceptions, and sums over members."""

import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import tinynet as tn
from tests.support.child import python
from tests.support.models import small_model
from tinynet.backend.threads import PRODUCTS_PER_THREAD, AllReduce, Team, blas_threads, team_size

RNG = np.random.default_rng(0)


def threads_of_blas():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_nobody_waits_for_a_member_that_fails_before_its_all_reduce():
    members = AllReduce(2)

    def work(number):
        with members.member(number) as all_reduce:
            if number == 0:
                raise ArithmeticError("number 0 has failed")
            return all_reduce(1)

    for order in ([0, 1], [1, 0]):
        with pytest.raises(ArithmeticError, match="number 0"), Team(2) as team:
            team.map(work, order)


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_a_number_of_threads_that_is_none(threads, small_data):
    with pytest.raises(ValueError, match="threads: expected a whole number from 1, got .*; (leave it out|write 2)"):
        tn.fit(small_model(), small_data[0], epochs=1, threads=threads)


def test_the_number_is_chosen_by_the_work():
    usual = blas_threads()
    assert team_size(None, 0.99 * usual * PRODUCTS_PER_THREAD) == 1
    assert team_size(None, 1.01 * usual * PRODUCTS_PER_THREAD) == usual
    assert team_size(None, 1e15, on_host=False) == 1
    with threadpool_limits(1, "blas"):  # one BLAS thread means one thread for tinynet, too
        assert team_size(None, 1e15) == 1
    with pytest.raises(ValueError, match="expected 1 on a GPU, got 4"):
        team_size(4, 1e15, on_host=False)


def test_blas_has_one_thread_inside_a_team_and_its_own_again_after():
    before = threads_of_blas()
    with threadpool_limits(2, "blas"):
        with Team(2) as outer:
            assert set(threads_of_blas()) == {1}
            with Team(3):
                assert set(threads_of_blas()) == {1}
                assert blas_threads() == 2  # what a team would be given, if it were the only one
            assert set(threads_of_blas()) == {1}
            assert outer.map(lambda number: number * number, range(5)) == [0, 1, 4, 9, 16]
        assert set(threads_of_blas()) == {2}
    assert threads_of_blas() == before


def test_an_exception_comes_out_after_everybody_is_done():
    finished, before = [], threads_of_blas()

    def work(number):
        if number == 0:
            raise ArithmeticError("number 0")
        time.sleep(0.05)
        finished.append(number)

    with pytest.raises(ArithmeticError, match="number 0"), Team(2) as team:
        team.map(work, range(2))
    assert finished == [1]
    assert threads_of_blas() == before
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tinynet")]


def test_helpers_treat_overflow_as_their_caller_does():
    """pytest makes warnings errors, in every thread."""
    huge = np.full(3, 1e300)
    with np.errstate(over="ignore"), Team(2) as team:
        assert [y[0] for y in team.map(lambda _: huge * huge, range(8))] == [np.inf] * 8
    with pytest.raises(RuntimeWarning), Team(2) as team:
        team.map(lambda _: huge * huge, range(8))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_of_blas_threads_changes_nothing_but_rounding(dtype):
    generator = np.random.default_rng(0)
    data = tn.data.from_arrays(generator.integers(0, 256, (1024, 400)).astype("uint8"), generator.integers(0, 10, 1024))
    thetas = []
    for number in (1, 2, 4):  # the products are large enough for OpenBLAS to spread them
        model = tn.Sequential(tn.Dense(400, 256), tn.ReLU(), tn.Dropout(0.2), tn.Dense(256, 10), dtype=dtype)
        with threadpool_limits(limits=number, user_api="blas"):
            assert set(threads_of_blas()) <= {1, number}  # a build without threads keeps to one
            tn.fit(model, data, epochs=2, batch_size=256, threads=1, progress=False)
        thetas.append(model.theta.copy())
    for theta in thetas[1:]:  # eight steps; each adds a rounding or two to numbers up to 1
        np.testing.assert_allclose(theta, thetas[0], rtol=0, atol=100 * np.finfo(dtype).eps)


def test_without_threadpoolctl_one_thread_works_and_more_are_refused():
    program = """
import sys
sys.modules["threadpoolctl"] = None
import numpy as np, tinynet as tn
from tinynet.backend.threads import team_size
assert team_size(None, 1e15) == 1
model, data = tn.Sequential(tn.Dense(3, 2)), (np.zeros((4, 3)), np.zeros(4, int))
tn.fit(model, data, epochs=1)
tn.fit(model, data, epochs=1, threads=2)
"""
    done = python("-c", program)
    assert done.returncode == 1
    assert "ImportError: threads share a batch only with threadpoolctl" in done.stderr
    assert "pip install threadpoolctl" in done.stderr
