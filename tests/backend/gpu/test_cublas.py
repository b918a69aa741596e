"""Matrix products for cuBLAS, compared with a Fortran BLAS on the CPU, which is column-major, too."""

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest

import tinynet as tn
from tests.support.host_kernels import HostKernels
from tinynet.backend import matmul as products
from tinynet.backend.arrays import register_array_type
from tinynet.backend.gpu import cublas

blas = pytest.importorskip("scipy.linalg.blas", reason="SciPy is not installed")


def by_fortran(gemm):
    """The call, made to SciPy's xGEMM on the memory as a column-major BLAS reads it."""
    function = blas.sgemm if gemm.c.dtype == np.float32 else blas.dgemm
    a = columns_first(gemm.a, gemm.lda, gemm.m if gemm.operation_a == "N" else gemm.k)
    b = columns_first(gemm.b, gemm.ldb, gemm.k if gemm.operation_b == "N" else gemm.n)
    a = a[:, : gemm.k if gemm.operation_a == "N" else gemm.m]
    b = b[:, : gemm.n if gemm.operation_b == "N" else gemm.k]
    c = columns_first(gemm.c, gemm.ldc, gemm.m)[:, : gemm.n]
    c[...] = function(1.0, a, b, trans_a=gemm.operation_a == "T", trans_b=gemm.operation_b == "T")


def columns_first(x, leading, rows):
    """The memory at an array's address as a column-major matrix, whatever the array's own shape."""
    owner = x
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    start = x.__array_interface__["data"][0]
    end = owner.__array_interface__["data"][0] + owner.nbytes
    count = (end - start) // x.itemsize
    columns = (count - rows) // leading + 1
    memory = np.frombuffer((ctypes.c_char * (count * x.itemsize)).from_address(start), x.dtype)
    return np.lib.stride_tricks.as_strided(memory, (rows, columns), (x.itemsize, leading * x.itemsize))


def layouts(rows, columns, dtype, seed):
    """A matrix row-major, column-major, as part of a larger one of each kind, and as every second element."""
    x = np.random.default_rng(seed).normal(size=(rows, columns)).astype(dtype)
    wide = np.zeros((rows + 2, columns + 3), dtype)
    wide[1:-1, 1:-2] = x
    tall = np.zeros((columns + 1, rows + 5), dtype)
    tall[1:, 2:-3] = x.T
    gaps = np.zeros((2 * rows, 2 * columns), dtype)
    gaps[::2, ::2] = x
    yield from (x, np.asfortranarray(x), wide[1:-1, 1:-2], tall[1:, 2:-3].T, gaps[::2, ::2])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 4, 5), (3, 1, 5), (3, 4, 1), (1, 1, 1), (1, 7, 1), (5, 1, 1)])
def test_every_layout_gives_the_product(shape, dtype):
    rows, inner, columns = shape
    for a in layouts(rows, inner, dtype, 0):
        for b in layouts(inner, columns, dtype, 1):
            for out in list(layouts(rows, columns, dtype, 2))[:4]:
                gemm = cublas.column_major(a, b, out)
                assert gemm.lda >= max(1, gemm.m if gemm.operation_a == "N" else gemm.k)
                assert gemm.ldb >= max(1, gemm.k if gemm.operation_b == "N" else gemm.n)
                assert gemm.ldc >= max(1, gemm.m)
                by_fortran(gemm)
                np.testing.assert_allclose(out, a @ b, rtol=1e-5 if dtype == "float32" else 1e-12)


def test_nothing_is_copied_where_blas_can_read_it():
    a, b = np.ones((3, 4)), np.ones((5, 4)).T
    gemm = cublas.column_major(a, b, np.empty((3, 5)))
    assert np.shares_memory(gemm.a, b)
    assert np.shares_memory(gemm.b, a)
    gaps = np.ones((6, 8))[::2, ::2]
    assert not np.shares_memory(cublas.column_major(gaps, b, np.empty((3, 5))).b, gaps)


def test_an_out_with_gaps_is_refused():
    with pytest.raises(tn.ShapeError, match="matmul: expected an out that is contiguous along one axis"):
        cublas.column_major(np.ones((3, 4)), np.ones((4, 5)), np.empty((6, 10))[::2, ::2])


class Imitation(cublas.CuBLAS):
    """CuBLAS with SciPy's BLAS in place of the library."""

    def __init__(self, precision="float32"):
        self.precision, self.handle = precision, None

    def _multiply(self, gemm, operands):
        by_fortran(gemm)


@pytest.mark.parametrize(
    ("a", "b"),
    [((4,), (4, 5)), ((3, 4), (4,)), ((4,), (4,)), ((3, 4), (4, 5)), ((3, 0), (0, 5)), ((0, 4), (4, 5))],
)
def test_vectors_and_empty_matrices(a, b):
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=a), generator.normal(size=b)
    np.testing.assert_allclose(Imitation()(a, b), a @ b)
    strided = np.zeros(2 * a.size).reshape(*a.shape[:-1], -1)[..., ::2] if a.size else a
    strided[...] = a
    np.testing.assert_allclose(Imitation()(strided, b), a @ b)
    out = np.full((a @ b).shape, np.nan)
    if out.ndim:
        assert Imitation()(a, b, out) is out
        np.testing.assert_allclose(out, a @ b)


def test_shapes_that_do_not_meet_are_named():
    with pytest.raises(tn.ShapeError, match=r"matmul: expected .* got \(3, 4\) and \(5, 6\)"):
        Imitation()(np.ones((3, 4)), np.ones((5, 6)))


def test_training_through_such_calls_equals_training():
    """For convolutions, norms and dense layers, forward and backward."""
    x = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1)).astype("uint8")
    thetas = []
    for multiplier in (None, Imitation()):
        block = tn.Residual(tn.Conv2D(4, 4, padding="same"), tn.BatchNorm(4), tn.ReLU())
        model = tn.Sequential(tn.Conv2D(1, 4), block, tn.Flatten(), tn.LayerNorm(144), tn.Dense(144, 3))
        with products.use_multiplier(multiplier):
            tn.fit(model, (x, np.arange(24) % 3), epochs=2, batch_size=10, threads=1)
        thetas.append(model.theta)
    np.testing.assert_allclose(thetas[1], thetas[0], rtol=1e-4, atol=1e-6)


# The calls of the library ---------------------------------------------------------------------------------------------


class Pointed(np.ndarray):
    """A NumPy array with its address in `data.ptr`, as CuPy's arrays have it."""

    data = property(lambda self: SimpleNamespace(ptr=self.ctypes.data))


class PointedModule:
    """The functions of an array module that products use."""

    __name__ = "pointed"

    def empty(self, shape, dtype):
        return np.empty(shape, dtype).view(Pointed)

    def array(self, x, order):
        return np.array(x, order=order).view(Pointed)


register_array_type(Pointed, PointedModule())


class Library:
    """The functions of libcublas that are called, with their documented signatures, computed by NumPy."""

    TYPES = {0: "float32", 1: "float64", 2: "float16", 14: "uint16"}  # CUDA_R_32F, CUDA_R_64F, CUDA_R_16F, CUDA_R_16BF

    def __init__(self):
        self.calls, self.computed = [], []

    def __getattr__(self, name):
        assert name.startswith("cublas")
        return lambda *arguments: self.calls.append(name) or 0

    def cublasGemmEx(self, handle, op_a, op_b, m, n, k, alpha, a, a_type, lda, b, b_type, ldb, beta, c, c_type, ldc,
                     compute, algorithm):  # fmt: skip
        assert algorithm == -1
        self.computed.append((self.TYPES[a_type], compute))
        left = self.read(a, a_type, lda, (m, k) if op_a == 0 else (k, m))
        right = self.read(b, b_type, ldb, (k, n) if op_b == 0 else (n, k))
        out = self.view(c, c_type, ldc, (m, n))
        out[...] = alpha._obj.value * (left if op_a == 0 else left.T) @ (right if op_b == 0 else right.T)
        assert beta._obj.value == 0
        return 0

    def view(self, address, kind, leading, shape):
        dtype = np.dtype(self.TYPES[kind])
        count = leading * (shape[1] - 1) + shape[0]
        memory = np.frombuffer((ctypes.c_char * (count * dtype.itemsize)).from_address(address.value), dtype)
        return np.lib.stride_tricks.as_strided(memory, shape, (dtype.itemsize, leading * dtype.itemsize))

    def read(self, *about):
        found = self.view(*about)
        found = found.astype("float32") if found.dtype == np.float16 else found
        return (found.astype("uint32") << 16).view("float32") if found.dtype == np.uint16 else found


@pytest.fixture
def library(monkeypatch):
    library = Library()
    monkeypatch.setattr(cublas, "load_library", lambda: library)
    return library


def own_cublas(precision="float32"):
    return cublas.CuBLAS(SimpleNamespace(ptr=7), PointedModule(), precision, HostKernels())


@pytest.mark.parametrize(
    ("precision", "dtype", "computed"),
    [
        ("float32", "float32", ("float32", 68)),  # CUBLAS_COMPUTE_32F
        ("tf32", "float32", ("float32", 77)),  # CUBLAS_COMPUTE_32F_FAST_TF32
        ("bfloat16", "float32", ("uint16", 68)),
        ("float16", "float32", ("float16", 68)),
        ("tf32", "float64", ("float64", 70)),  # CUBLAS_COMPUTE_64F
        ("bfloat16", "float64", ("float64", 70)),
    ],
)
def test_the_calls_and_their_precision(library, precision, dtype, computed):
    multiply = own_cublas(precision)
    assert library.calls == ["cublasCreate_v2", "cublasSetStream_v2", "cublasSetWorkspace_v2", "cublasSetMathMode"]
    for shape in ((3, 4, 5), (1, 7, 2), (6, 1, 1)):
        rows, inner, columns = shape
        for a in layouts(rows, inner, dtype, 0):
            for b in layouts(inner, columns, dtype, 1):
                out = np.empty((rows, columns), dtype).view(Pointed)
                multiply(a.view(Pointed), b.view(Pointed), out)
                error = 2.1 * products.largest_relative_error(precision if dtype == "float32" else "float32")
                assert (np.abs(out - a @ b) <= error * (np.abs(a) @ np.abs(b)) + 1e-6).all()
    assert set(library.computed) == {computed}


def test_a_refusal_is_named(library, monkeypatch):
    multiply = own_cublas()
    monkeypatch.setattr(Library, "cublasGemmEx", lambda self, *arguments: 15)
    with pytest.raises(
        tn.DeviceError, match=r"cuBLAS: expected success, got cublasGemmEx: not supported \(status 15\)"
    ):
        multiply(np.ones((2, 2)).view(Pointed), np.ones((2, 2)).view(Pointed), np.ones((2, 2)).view(Pointed))


def test_bfloat16_needs_the_kernels(library):
    with pytest.raises(tn.DeviceError, match="precision='bfloat16': expected tinynet's own kernels"):
        cublas.CuBLAS(None, None, "bfloat16", None)
