"""Whoever computes, and beside whom: BLAS has its number of threads, and training gives the same bits."""

import threading
import time

import numpy as np
import pytest
import threadpoolctl
from threadpoolctl import threadpool_info, threadpool_limits

import tinynet as tn
from tests.support.child import python
from tinynet.backend import blas
from tinynet.backend.blas import Blas
from tinynet.backend.threads import AllReduce, Team

RNG = np.random.default_rng(0)
DATA = tn.data.from_arrays(RNG.integers(0, 256, (768, 400)).astype("uint8"), RNG.integers(0, 10, 768))


def threads_of_blas():
    """The numbers of threads of the libraries that were there at first: SciPy, loaded later, brings one of its own."""
    known = {library.filepath for library in blas.BLAS.libraries}
    return {pool["num_threads"] for pool in threadpool_info() if pool["filepath"] in known}


EACH_THREAD = any(library.user_api == "openmp" for library in blas.BLAS.libraries)


def trained(threads, epochs=2):
    """The parameters after training; the products are so large that OpenBLAS shares them among its threads."""
    model = tn.Sequential(tn.Dense(400, 256), tn.ReLU(), tn.Dense(256, 10))
    tn.fit(model, DATA, validation=DATA, epochs=epochs, batch_size=256, threads=threads, progress=False)
    return model.theta.tobytes()


def in_threads(*functions):
    """The results of `functions`, each called in a thread of its own at the same time."""
    results = [None] * len(functions)

    def call(index):
        results[index] = functions[index]()

    threads = [threading.Thread(target=call, args=(index,)) for index in range(len(functions))]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert not any(thread.is_alive() for thread in threads)
    return results


@pytest.fixture(autouse=True)
def two_blas_threads():
    """Two BLAS threads, also where the environment asks for one. Afterwards the number is as it was."""
    before = threads_of_blas()
    with threadpool_limits(2, "openmp" if EACH_THREAD else "blas"):
        if threads_of_blas() != {2}:
            pytest.skip("this BLAS has one thread")
        yield
        assert threads_of_blas() == {2}
    assert threads_of_blas() == before


def number_in_a_turn(size=2):
    with Team(size):
        return threads_of_blas()


def test_a_team_limits_blas_in_every_thread_and_restores_it():
    assert number_in_a_turn() == {1}
    assert in_threads(number_in_a_turn) == [{1}]
    assert threads_of_blas() == {2}
    assert in_threads(number_in_a_turn) == [{1}]  # a thread after another one has ended
    assert number_in_a_turn() == {1}
    assert number_in_a_turn(1) == {2}


def test_a_thread_trains_to_the_bits_of_the_main_thread():
    for threads in (2, 1):
        expected = trained(threads)
        assert in_threads(lambda threads=threads: trained(threads)) == [expected]
        assert threads_of_blas() == {2}


def test_one_thread_beside_several_trains_to_the_bits_that_it_has_alone():
    alone = [trained(threads) for threads in (1, 2, 3)]
    beside = in_threads(*(lambda threads=threads: trained(threads) for threads in (1, 2, 3, 1)))
    assert beside == [*alone, alone[0]]
    assert alone[0] != alone[1]  # the rounding does differ


def test_predict_and_evaluate_beside_a_team_give_the_bits_that_they_give_alone():
    model = tn.Sequential(tn.Dense(400, 256), tn.ReLU(), tn.Dense(256, 10))

    def measured():
        found = {(tn.evaluate(model, DATA, threads=1), model.predict(DATA, threads=1).tobytes()) for _ in range(4)}
        return len(found), found

    alone = measured()
    assert alone[0] == 1
    assert in_threads(measured, lambda: trained(2))[0] == alone


def test_what_goes_on_between_two_steps_has_the_usual_number():
    seen = set()

    class Look(tn.Callback):
        def batch_ends(self, examples, numbers):
            seen.update(threads_of_blas())

    tn.fit(tn.Sequential(tn.Dense(400, 10)), DATA, epochs=1, threads=2, progress=False, callbacks=[Look()])
    assert seen == {2}


def test_turns_that_end_in_another_order_than_they_began():
    first_ends, second_ends = threading.Event(), threading.Event()
    seen = []

    def turn(began, ends):
        with Team(2):
            began.set()
            ends.wait(30)
            seen.append(threads_of_blas())

    begun = [threading.Event(), threading.Event()]
    threads = [threading.Thread(target=turn, args=each) for each in zip(begun, (first_ends, second_ends))]
    for thread, event in zip(threads, begun):
        thread.start()
        event.wait(30)
    first_ends.set()
    threads[0].join(30)
    assert threads_of_blas() == ({2} if EACH_THREAD else {1})  # the second one computes
    second_ends.set()
    threads[1].join(30)
    assert seen == [{1}, {1}]
    assert threads_of_blas() == {2}


@pytest.mark.parametrize("sizes", [(1, 1, 2), (2, 2, 1)])
def test_both_kinds_get_on_however_many_of_one_kind_there_are(sizes):
    end = threading.Event()

    latest = time.monotonic() + 20

    def take(size, turns):
        team = Team(size)
        with team.open():
            while turns > 0 and not end.is_set() and time.monotonic() < latest:
                with team.turn():
                    turns -= 1
                    time.sleep(0.0005)
        return turns

    def take_some():
        left = take(sizes[2], 20)
        end.set()
        return left

    first, second, third = in_threads(lambda: take(sizes[0], 1e6), lambda: take(sizes[1], 1e6), take_some)
    assert third == 0
    assert 1e6 - first < 1e3  # they have waited for it
    assert 1e6 - second < 1e3


def test_the_users_own_limit_is_kept_around_a_team_of_another_thread():
    with threadpool_limits(1, "blas"):
        assert in_threads(number_in_a_turn) == [{1}]
        assert threads_of_blas() == {1}
        with threadpool_limits(2, "blas"):
            assert in_threads(number_in_a_turn) == [{1}]
            assert threads_of_blas() == {2}
        assert threads_of_blas() == {1}
    assert threads_of_blas() == {2}


def test_a_thread_that_has_ended_its_turn_lets_others_set_the_number():
    """threadpoolctl 3.8 obeys one thread alone, for as long as that one lives."""
    ended, end = threading.Event(), threading.Event()

    def work():
        number_in_a_turn()
        ended.set()
        end.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    ended.wait(30)
    with threadpool_limits(1, "blas"):
        assert threads_of_blas() == {1}
    end.set()
    thread.join(30)
    assert threads_of_blas() == {2}


def test_a_number_that_is_set_during_a_turn_stays():
    numpys = blas.BLAS.libraries[0]
    with threadpool_limits(3, "blas"):
        allowed = numpys.get_num_threads()
    with threadpool_limits(2, "blas"):
        with Team(2):
            numpys.set_num_threads(3)
        assert numpys.get_num_threads() == allowed


def test_a_process_that_is_forked_in_a_turn_has_the_usual_number_and_no_turn():
    """What Python calls in a forked process, here without one; below, with one."""
    turns = Blas()
    turns.enter(1)
    assert threads_of_blas() == {1}
    turns._forked()
    assert threads_of_blas() == {2}
    assert turns.thread.depth == 0


def test_a_turn_inside_a_turn_is_part_of_it():
    """Also in a helper: a layer may call the `predict` of another model."""
    other = tn.Sequential(tn.Dense(400, 10))
    with Team(2) as team:
        numbers = team.map(lambda _: (len(other.predict(DATA, threads=1)), *threads_of_blas()), range(8))
    assert numbers == [(768, 1)] * 8


def test_an_exception_in_a_turn_ends_it():
    with pytest.raises(ArithmeticError), Team(2):
        raise ArithmeticError
    assert in_threads(lambda: number_in_a_turn(1)) == [{2}]


def test_a_turn_whose_end_was_broken_off_ends_with_its_team():
    """Ctrl-C may come between the last step and the end of its turn."""
    team = Team(2)
    with team.open():
        team.turn().__enter__()
        assert threads_of_blas() == {1}
    assert threads_of_blas() == {2}
    assert in_threads(lambda: number_in_a_turn(1)) == [{2}]


def test_a_broken_off_wait_keeps_nobody_waiting(monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    def work():
        with pytest.raises(KeyboardInterrupt):
            number_in_a_turn(2)
        return blas.BLAS.thread.depth  # the turns that this thread is in

    with Team(1):
        monkeypatch.setattr(blas.BLAS._changed, "wait_for", stop)
        assert in_threads(work) == [0]
        monkeypatch.undo()
        assert in_threads(lambda: number_in_a_turn(1)) == [{2}]
    assert in_threads(number_in_a_turn, lambda: number_in_a_turn(1)) == [{1}, {2}]


def test_one_blas_thread_lasts_between_turns_and_in_every_thread():
    def numbers():
        with blas.one_blas_thread():
            return threads_of_blas(), number_in_a_turn(1), number_in_a_turn(2), threads_of_blas()

    number_in_a_turn()
    assert numbers() == ({1},) * 4
    assert in_threads(numbers) == [({1},) * 4]


def test_a_turn_that_waits_for_this_thread_itself_is_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(blas, "PATIENCE", 0.05)
    told = []

    def work():
        with pytest.warns(UserWarning, match="waited 0.05 s .*; results may differ by rounding") as caught:
            number_in_a_turn(2)
        told.extend(caught)

    began = time.monotonic()
    with Team(1):
        in_threads(work)
    assert time.monotonic() - began < 5
    assert len(told) == 1
    assert in_threads(number_in_a_turn, lambda: number_in_a_turn(1)) == [{1}, {2}]


def test_members_do_not_wait_for_the_caller_if_it_fails_on_its_way_to_them():
    """Ctrl-C may come before the caller has begun its own part."""
    members, main = AllReduce(2), threading.current_thread()

    def work(number):
        if threading.current_thread() is main:
            raise KeyboardInterrupt
        with members.member(number) as all_reduce:
            return all_reduce(1)

    with pytest.raises(KeyboardInterrupt), Team(2) as team:
        team.map(work, range(2), members.abort)
    assert threads_of_blas() == {2}


FORK = """
import os, sys, threading, time
import numpy as np, tinynet as tn
from threadpoolctl import threadpool_info, threadpool_limits
from tinynet.backend.threads import Team
threadpool_limits(2, "blas")
x = np.random.default_rng(0).normal(size=(512, 400)).astype("float32")
def theta(threads):
    model = tn.Sequential(tn.Dense(400, 256), tn.ReLU(), tn.Dense(256, 10))
    tn.fit(model, (x, np.arange(512) % 10), epochs=1, batch_size=256, threads=threads, progress=False)
    return model.theta.tobytes()
def number():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}
alone = [theta(1), theta(2)]
at_work, end = threading.Event(), threading.Event()
def work():
    with Team(2):
        at_work.set()
        end.wait(60)
def in_a_child(check):
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    return os.waitpid(child, 0)[1]
thread = threading.Thread(target=work); thread.start(); at_work.wait(60)
assert in_a_child(lambda: number() == {2} and [theta(1), theta(2)] == alone) == 0, "beside a team"
end.set(); thread.join()
team = Team(2)
with team.open():
    assert team.map(abs, [-1, -2, -3]) == [1, 2, 3]
    assert in_a_child(lambda: team.map(abs, [-4, -5]) == [4, 5] and number() == {2}) == 0, "inside a team"
    with team.turn():
        status = in_a_child(lambda: number() == {2} and theta(1) == alone[0])
        assert status == 0, "inside a turn"
    assert team.map(abs, [-1, -2, -3]) == [1, 2, 3]
assert number() == {2} and [theta(1), theta(2)] == alone
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(blas.os, "fork"), reason="this system does not fork")
def test_a_process_that_is_forked_while_a_team_computes_has_the_usual_number():
    done = python("-W", "ignore::DeprecationWarning", "-c", FORK)  # of fork beside threads, from Python 3.12 on
    assert done.returncode == 0, done.stderr


class PerThread:
    """The controller of OpenMP, whose number belongs to a thread."""

    user_api = "openmp"

    def __init__(self):
        self.own = threading.local()

    def get_num_threads(self):
        return getattr(self.own, "number", 4)

    def set_num_threads(self, number):
        self.own.number = number


def test_where_each_thread_has_a_number_the_helpers_are_limited_too(monkeypatch):
    """A stand-in: no wheel of NumPy has an OpenBLAS with OpenMP. (Debian's libopenblas0-openmp passes these tests.)"""
    library, meet = PerThread(), threading.Barrier(2)

    def number(_):
        meet.wait(30)  # so that each thread takes one
        return library.get_num_threads()

    with monkeypatch.context() as patch:
        patch.setitem(blas.BLAS.__dict__, "libraries", [library])
        team = Team(2)
        with team.open():
            assert team.map(number, range(2)) == [1, 1]
            assert library.get_num_threads() == 4
            assert blas.BLAS.threads() == 4
        assert in_threads(library.get_num_threads) == [4]


@pytest.mark.parametrize("version", ["3.1.0", "3.4.0", "2.2.0rc1"])
def test_a_version_of_threadpoolctl_that_does_not_see_this_blas_is_refused(version, monkeypatch):
    """threadpoolctl 3.4 finds no BLAS in the wheels of NumPy 2, so nothing would be limited."""
    monkeypatch.setattr(threadpoolctl, "__version__", version)
    with pytest.raises(ImportError, match=f"3.5 or later .*{version}.*; .*pip install --upgrade threadpoolctl"):
        Blas().threads()
    for good in ("3.5.0", "3.10.0.dev1", "4.0"):
        monkeypatch.setattr(threadpoolctl, "__version__", good)
        assert Blas().threads() == 2
