"""glibc keeps what was freed: an epoch asks the system for no memory anew."""

import pytest
from child import python

from tinynet.backend.memory import BY_USER, keep_freed_memory

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


def test_an_epoch_takes_no_memory_anew():
    assert page_faults() < 500  # one batch of inputs alone has 766 pages, and an epoch 20 batches


def test_whoever_made_the_setting_keeps_it():
    mapped = {"MALLOC_MMAP_THRESHOLD_": "65536"}  # every larger array is mapped anew: 766 pages for inputs
    assert page_faults(**mapped) > 20 * 766
    assert page_faults(TINYNET_KEEP_MEMORY="0", **mapped) > 20 * 766
