"""After `fit` has set malloc, an epoch takes no new memory from the system; predict and evaluate set nothing."""

import ctypes
from types import SimpleNamespace

import pytest

import tinynet as tn
from tests.support.child import python
from tests.support.models import small_model
from tinynet.backend.memory import BY_USER, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, keep_freed_memory

pytestmark = pytest.mark.skipif(not keep_freed_memory.__wrapped__(), reason="not glibc, or set in the environment")

FAULTS = """
import resource
import numpy as np
import tinynet as tn
from tinynet.training.callbacks import Callback

pixels = np.zeros((20_000, 784), np.uint8)
data = tn.data.from_arrays(pixels, np.arange(20_000) % 10)
model = tn.Sequential(tn.Dense(784, 256), tn.ReLU(), tn.Dropout(0.2), tn.Dense(256, 10))
seen = []
class Watch(Callback):
    def epoch_ends(self, history):
        seen.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
tn.fit(model, data, epochs=3, batch_size=1000, threads=1, progress=False, callbacks=[Watch()])
print(seen[2] - seen[1])
"""


def page_faults(**environment):
    unset = dict.fromkeys((*BY_USER, "TINYNET_KEEP_MEMORY"))
    return int(python("-c", FAULTS, check=True, **{**unset, **environment}).stdout)


@pytest.fixture
def mallopt(monkeypatch):
    """The options that are set with a stand-in for glibc's mallopt."""
    options, load = [], ctypes.CDLL
    glibc = SimpleNamespace(gnu_get_libc_version=None, mallopt=lambda option, value: options.append(option) or 1)
    monkeypatch.setattr(ctypes, "CDLL", lambda name, *rest, **more: load(name, *rest, **more) if name else glibc)
    keep_freed_memory.cache_clear()
    yield options
    keep_freed_memory.cache_clear()


def test_predict_and_evaluate_leave_malloc_alone(mallopt, small_data):
    model, (train, test) = small_model(), small_data
    model(test.images)
    model.predict(test)
    tn.evaluate(model, test)
    assert mallopt == []
    tn.fit(model, train, epochs=1, threads=1)
    tn.fit(model, train, epochs=1, threads=1)
    assert mallopt == [M_MMAP_THRESHOLD, M_TRIM_THRESHOLD]  # once in a process


def test_an_epoch_takes_no_memory_anew():
    assert page_faults() < 500  # one batch of inputs alone has 766 pages, and an epoch 20 batches


def test_a_setting_made_by_the_user_is_kept():
    mapped = {"MALLOC_MMAP_THRESHOLD_": "65536"}  # every larger array gets new pages: inputs have 766
    assert page_faults(**mapped) > 20 * 766
    assert page_faults(TINYNET_KEEP_MEMORY="0", **mapped) > 20 * 766
