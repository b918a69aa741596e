"""A multiplier belongs to the thread that set it, and ends with its block."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tinynet.backend.matmul import current_multiplier, matmul, use_multiplier


def test_a_multiplier_is_that_of_its_thread_alone_and_is_taken_back_after_an_error():
    a, seen = np.eye(2), []

    def noted(a, b, out=None):
        seen.append(threading.get_ident())
        return np.matmul(a, b, out)

    def fail_inside():
        with use_multiplier(noted):
            matmul(a, a)
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(current_multiplier).result() is None
                pool.submit(matmul, a, a).result()
            raise ArithmeticError("on purpose")

    with pytest.raises(ArithmeticError, match="on purpose"):
        fail_inside()
    matmul(a, a)
    assert current_multiplier() is None
    assert seen == [threading.get_ident()]
