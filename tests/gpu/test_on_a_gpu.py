"""On a GPU: graphs replay, kernels run, and training allocates and transfers nothing unexpected."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.backend import arrays
from tinynet.backend.arrays import to_numpy
from tinynet.backend.random import Purpose, Stream

pytestmark = pytest.mark.gpu


@pytest.fixture
def cupy():
    return pytest.importorskip("cupy")


@pytest.fixture
def gpu():
    return arrays.find_device("gpu")


@pytest.fixture(scope="module")
def pixels():
    generator = np.random.default_rng(0)
    return tn.data.from_arrays(generator.integers(0, 256, (6000, 784)).astype("uint8"), generator.integers(0, 10, 6000))


def mlp(**settings):
    layers = tn.Dense(784, 256), tn.ReLU(), tn.Dropout(0.2), tn.Dense(256, 128), tn.Sigmoid(), tn.Dense(128, 10)
    return tn.Sequential(*layers, **settings)


def cnn():
    block = tn.Residual(tn.Conv2D(4, 4, padding="same"), tn.BatchNorm(4), tn.ReLU())
    return tn.Sequential(tn.Reshape(28, 28, 1), tn.Conv2D(1, 4, 3, 2), block, tn.Flatten(), tn.Dense(676, 10))


OPTIMIZERS = [
    tn.SGD(tn.schedules.cosine(0.1, 40), momentum=0.9, nesterov=True, weight_decay=1e-4),
    tn.RMSprop(0.001, momentum=0.5),
    tn.Nadam(0.001),
    tn.AdamW(tn.schedules.warm_up(tn.schedules.constant(0.001), 5)),
    tn.Averaged(tn.Clipped(tn.Adam(0.001), 0.5), 0.9),
]


def test_the_kernels_compile_and_compute(gpu):
    assert gpu.kernels() is not None


@pytest.mark.parametrize("start", [0, 3, 2**34 + 1])
def test_random_numbers_are_the_cpus(gpu, start):
    stream = Stream(9, Purpose.DROPOUT, layer=2, step=2**40)
    there = stream.words(100_001, start, like=gpu.put(np.zeros(1)))
    np.testing.assert_array_equal(to_numpy(there), stream.words(100_001, start))
    there = Stream(9, Purpose.SHUFFLE).permutation(60_000, like=there)
    np.testing.assert_array_equal(to_numpy(there), Stream(9, Purpose.SHUFFLE).permutation(60_000))


@pytest.mark.parametrize("make", [mlp, cnn])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("per_graph", [True, 2])
def test_captured_equals_eager(make, optimizer, per_graph, pixels):
    """Ten batches of 590 and one of 100. Eager steps use CuPy's products, so the last bits may differ."""
    thetas, losses = [], []
    for capture in (False, per_graph):
        model = make()
        history = tn.fit(model, pixels, optimizer=optimizer, epochs=3, batch_size=590, device="gpu", capture=capture)
        thetas.append(to_numpy(model.theta))
        losses.append(history["running_loss"])
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=1e-3, atol=1e-5)
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_captured_twice_is_the_same_to_the_bit(pixels):
    thetas = []
    for per_graph in (1, 10):
        model = mlp()
        tn.fit(model, pixels, epochs=2, batch_size=600, device="gpu", capture=per_graph)
        thetas.append(to_numpy(model.theta))
    np.testing.assert_array_equal(*thetas)


def test_kernels_and_formulas_agree(pixels, monkeypatch):
    thetas = []
    for enabled in ("1", "0"):
        monkeypatch.setenv("TINYNET_KERNELS", enabled)
        model = mlp()
        tn.fit(model, pixels, epochs=2, batch_size=600, device="gpu", capture=True)
        thetas.append(to_numpy(model.theta))
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=1e-4, atol=1e-6)


class AtEpochs(tn.Callback):
    def __init__(self, look):
        self.look, self.seen = look, []

    def epoch_ends(self, history):
        self.seen.append(self.look())


def test_no_epoch_takes_memory_from_the_driver(pixels, gpu, cupy):
    """From the third of a thousand epochs on, neither CuPy's pool nor the driver's memory in use grows."""

    def memory():
        gpu.synchronize()
        return cupy.get_default_memory_pool().total_bytes(), cupy.cuda.runtime.memGetInfo()[0]

    watch = AtEpochs(memory)
    tn.fit(mlp(), pixels, epochs=1000, batch_size=1000, device="gpu", capture=True, callbacks=[watch], progress=False)
    assert len({pool for pool, _ in watch.seen[2:]}) == 1
    assert watch.seen[2][1] - watch.seen[-1][1] <= 2 << 20  # the driver's bookkeeping comes in 2 MiB


def test_no_array_comes_back_within_an_epoch(pixels, gpu, cupy, monkeypatch):
    """Each epoch may transfer to the host only what it reads at its end."""
    transfers = []
    real = arrays.to_numpy
    monkeypatch.setattr("tinynet.training.fit.to_numpy", lambda array: transfers.append(1) or real(array))
    watch = AtEpochs(lambda: len(transfers))
    tn.fit(mlp(), pixels, epochs=4, batch_size=100, device="gpu", capture=True, callbacks=[watch])
    assert set(np.diff(watch.seen)) <= {0, 1, 2, 3}


@pytest.mark.parametrize("precision", ["tf32", "bfloat16", "float16"])
def test_other_precisions_are_near(precision, pixels):
    from tinynet.backend.matmul import largest_relative_error

    losses = []
    for each in ("float32", precision):
        model = mlp()
        settings = dict(epochs=2, batch_size=600, device="gpu", precision=each)
        losses.append(tn.fit(model, pixels, **settings)["running_loss"][-1])
        assert model.theta.dtype == np.float32
    assert losses[1] == pytest.approx(losses[0], rel=20 * largest_relative_error(precision))


def test_float32_is_float32_even_where_cupy_would_use_tf32(gpu, monkeypatch):
    monkeypatch.setenv("CUPY_TF32", "1")
    from tinynet.backend.matmul import matmul, use_precision

    generator = np.random.default_rng(0)
    a, b = (generator.normal(size=(512, 512)).astype("float32") for _ in range(2))
    with gpu.active(), use_precision(gpu, "float32"):
        there = to_numpy(matmul(gpu.put(a), gpu.put(b)))
    exact = a.astype("float64") @ b
    assert np.abs(there - exact).max() < 1e-3  # 10-bit factors would be off by 0.03


def test_two_devices_train_alike(pixels, cupy):
    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("there is one GPU only")
    thetas = []
    for device in ("gpu:0", "gpu:1"):
        model = mlp()
        tn.fit(model, pixels, epochs=2, batch_size=600, device=device)
        assert model.device.name == device
        thetas.append(to_numpy(model.theta))
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=1e-4, atol=1e-6)


def test_a_model_trained_there_is_loaded_where_there_is_none(pixels, tmp_path):
    pytest.importorskip("safetensors")
    model = mlp()
    tn.fit(model, pixels, epochs=1, batch_size=600, device="gpu")
    model.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(tn.load(tmp_path / "model.safetensors").theta, to_numpy(model.theta))
