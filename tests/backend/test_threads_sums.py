"""Sums over the members of a team: equal to the last bit in all of them, whoever comes first."""

import time

import numpy as np

from tinynet.backend.threads import AllReduce, Team


def test_every_member_has_the_same_bits_whoever_comes_first():
    """In another order, 1e16 + 1 - 1e16 is 0 or 1."""
    values = [np.array([1e16, 0.1]), np.array([1.0, 0.2]), np.array([-1e16, 0.3])]
    for late in range(3):
        members = AllReduce(3)

        def work(number, members=members, late=late):
            with members.member(number) as all_reduce:
                time.sleep(0.02 * (number == late))
                return all_reduce(values[number])

        with Team(3) as team:
            sums = team.map(work, range(3))
        for total in sums:
            np.testing.assert_array_equal(total, values[0] + values[1] + values[2])
