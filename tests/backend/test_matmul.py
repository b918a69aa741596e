"""Matrix products: a device may bring its own, and on the CPU factors are rounded to the precision."""

import numpy as np
import pytest

import tinynet as tn
from tinynet.backend.arrays import CPU, Device
from tinynet.backend.matmul import (
    PRECISIONS,
    check_precision,
    column_sums,
    current_multiplier,
    largest_relative_error,
    matmul,
    rounded,
    use_multiplier,
    use_precision,
)


class Halving(Device):
    """A device whose own products are half of what they should be."""

    on_host = False

    def multiplier(self, precision):
        return None if precision == "float32" else lambda a, b, out=None: np.matmul(a, b, out) / 2


def test_a_device_multiplies_with_its_own_products():
    ones = np.ones((2, 2), "float32")
    with use_precision(Halving(), "tf32"):
        assert (matmul(ones, ones) == 1).all()
    with use_precision(Halving(), "float32"):
        assert current_multiplier() is None
    assert (matmul(ones, ones) == 2).all()


def test_the_cpu_rounds_factors():
    x = np.float32([[1 + 2.0**-9]])  # 10 bits: bfloat16 keeps 8 of them
    with use_precision(CPU, "bfloat16"):
        assert matmul(x, x) == 1
    with use_precision(CPU, "float32"):
        assert current_multiplier() is None


@pytest.mark.parametrize("device", [CPU, Halving()])
def test_an_unknown_precision_is_refused(device):
    with pytest.raises(ValueError, match="precision: expected one of float32, tf32, bfloat16, float16, got 'fp8'"):
        use_precision(device, "fp8")


def mlp(seed=0):
    return tn.Sequential(tn.Dense(20, 16), tn.ReLU(), tn.Dense(16, 4), seed=seed)


@pytest.fixture
def pixels():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (400, 20), dtype=np.uint8)
    return tn.data.Dataset(images, (images[:, :4].astype(int)).argmax(axis=1), ["a", "b", "c", "d"])


def numbers():
    """float32 of every size, on ties and beside them, and what is no number."""
    generator = np.random.default_rng(1)
    bits = generator.integers(0, 2**32, 20_000, dtype=np.uint64).astype(np.uint32)
    ties = np.concatenate([(bits[:3000] & 0xFFFF0000) | 0x8000, (bits[:3000] & 0xFFFFE000) | 0x1000])
    ordinary = generator.normal(size=3000).astype("float32").view(np.uint32)
    return np.concatenate([bits, ties, ordinary]).view(np.float32)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@np.errstate(over="ignore", invalid="ignore")
def test_factors_are_rounded_as_pytorch_rounds(precision):
    torch = pytest.importorskip("torch")
    expected = torch.from_numpy(numbers()).to(getattr(torch, precision)).to(torch.float32).numpy()
    np.testing.assert_array_equal(rounded(numbers(), precision), expected)


@np.errstate(over="ignore", invalid="ignore")
def test_tf32_keeps_eleven_bits():
    x = numbers()
    x = x[np.isfinite(x) & (np.abs(x) > 1e-37) & (np.abs(x) < 1e38)].astype("float64")
    mantissa, exponent = np.frexp(x)
    expected = np.ldexp(np.rint(np.ldexp(mantissa, 11)), exponent - 11)  # rint: ties to even
    np.testing.assert_array_equal(rounded(x.astype("float32"), "tf32"), expected)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_products_are_as_near_as_their_factors(precision):
    generator = np.random.default_rng(2)
    a, b = (generator.normal(size=(40, 40)).astype("float32") for _ in range(2))
    with use_precision(CPU, precision):
        product, double = matmul(a, b), matmul(a.astype("float64"), b.astype("float64"))
    bound = np.abs(a.astype("float64")) @ np.abs(b)
    error = np.abs(product - a.astype("float64") @ b)
    assert (error <= 2.1 * largest_relative_error(precision) * bound + 40 * 2.0**-24 * bound).all()
    if precision != "float32":
        assert error.max() > 2.0**-16  # and no nearer: they were rounded
    np.testing.assert_array_equal(double, a.astype("float64") @ b.astype("float64"))


def test_helping_threads_multiply_alike(pixels):
    pytest.importorskip("threadpoolctl")
    one, two, exact = (
        tn.fit(mlp(), pixels, epochs=2, batch_size=100, threads=threads, precision=precision)["running_loss"][-1]
        for threads, precision in ((1, "bfloat16"), (2, "bfloat16"), (2, "float32"))
    )
    assert two == pytest.approx(one, rel=1e-6)
    assert two != pytest.approx(exact, rel=1e-6)


def test_the_multiplier_is_put_back():
    calls = []

    def multiplier(a, b, out=None):
        calls.append(1)
        return a @ b

    with use_multiplier(multiplier):
        matmul(np.ones((1, 1)), np.ones((1, 1)))
    with pytest.raises(ValueError, match="mismatch"), use_multiplier(multiplier):
        matmul(np.ones((1, 1)), np.ones((2, 1)))
    matmul(np.ones((1, 1)), np.ones((1, 1)))
    assert len(calls) == 2


def test_a_precision_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="precision: expected one of float32, tf32, bfloat16, float16, got 'fp8'"):
        check_precision("fp8")


@pytest.mark.parametrize("rows", [1, 2, 1024, 1025, 1089, 100_003])
def test_column_sums_are_exact_in_float32(rows):
    for a in (np.full((rows, 3), 10.1, "float32"), np.random.default_rng(0).random((rows, 2)).astype("float32")):
        sums = column_sums(a)
        assert sums.dtype == np.float32
        np.testing.assert_allclose(sums, a.sum(axis=0, dtype="float64"), rtol=1e-5)  # one sum of 100,003: 1e-4
