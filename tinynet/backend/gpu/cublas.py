"""Matrix products with a cuBLAS handle of our own, so that a CUDA graph can record them.

CuPy's products raise NotImplementedError inside a capture, because its shared handle may allocate memory there. Our
handle has a fixed stream and a fixed workspace, and allocates nothing. cuBLAS expects column-major matrices and NumPy's
are row-major: `column_major` translates, and is tested on the CPU with a BLAS of the same convention.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Any, NamedTuple

from tinynet.backend.arrays import Array, array_module
from tinynet.backend.matmul import check_precision
from tinynet.errors import DeviceError, ShapeError, mismatch

WORKSPACE = 32 << 20  # bytes: what NVIDIA recommends for Hopper and later; older GPUs need 4 MiB
LIBRARIES = ("libcublas.so.13", "libcublas.so.12", "cublas64_13.dll", "cublas64_12.dll")

# Constants of cublas_api.h and library_types.h.
OPERATION = {"N": 0, "T": 1}
DEFAULT_MATH = 0
REAL_32, REAL_64 = 0, 1
HALF = {"float16": 2, "bfloat16": 14}  # the 16-bit types
COMPUTE_32, COMPUTE_32_FAST_TF32, COMPUTE_64 = 68, 77, 70
ALGORITHM_DEFAULT = -1
STATUS = {
    1: "not initialized",
    3: "allocation failed",
    7: "invalid value",
    8: "unsupported GPU",
    13: "execution failed",
    14: "internal error",
    15: "not supported",
}


class Gemm(NamedTuple):
    """The arguments of xGEMM: C (m, n) = op(A) (m, k) op(B) (k, n), all column-major with leading dimensions."""

    operation_a: str
    operation_b: str
    m: int
    n: int
    k: int
    a: Array
    lda: int
    b: Array
    ldb: int
    c: Array
    ldc: int


def column_major(a: Array, b: Array, out: Array) -> Gemm:
    """The call that writes a @ b into `out`, for matrices (M, K), (K, N), (M, N) without negative strides.

    A row-major matrix X in memory is the column-major matrix X^T. The call therefore computes out^T = b^T a^T: the
    operands are exchanged, and a row-major operand needs no transposition. An operand is copied only if its elements
    are contiguous along neither axis.
    """
    if not _leading(out, 1):  # out is column-major, so its transpose is row-major
        if not _leading(out, 0):
            raise ShapeError(mismatch("matmul", "an out that is contiguous along one axis", out.strides, "copy it"))
        return column_major(b.T, a.T, out.T)
    (rows, inner), columns = a.shape, b.shape[1]
    b, operation_b, ldb = _operand(b)
    a, operation_a, lda = _operand(a)
    return Gemm(operation_b, operation_a, columns, rows, inner, b, ldb, a, lda, out, _leading(out, 1))


def _operand(x: Array) -> tuple[Array, str, int]:
    """A matrix that BLAS can read, whether to transpose it ("T") or not ("N"), and its leading dimension."""
    if _leading(x, 1):
        return x, "N", _leading(x, 1)
    if _leading(x, 0):
        return x, "T", _leading(x, 0)
    return _operand(array_module(x).array(x, order="C"))


def _leading(x: Array, axis: int) -> int:
    """The leading dimension of a matrix whose elements are contiguous along `axis`; 0 if they are not."""
    other = 1 - axis
    if x.shape[axis] > 1 and x.strides[axis] != x.itemsize:
        return 0
    if x.shape[other] <= 1:
        return max(1, x.shape[axis])
    distance, left_over = divmod(x.strides[other], x.itemsize)
    return distance if not left_over and distance >= max(1, x.shape[axis]) else 0


def as_matrices(a: Array, b: Array) -> tuple[Array, Array, tuple[int, ...]]:
    """`a` as (M, K), `b` as (K, N), and the shape of a @ b. A vector is a row on the left, a column on the right."""
    if not (1 <= a.ndim <= 2 and 1 <= b.ndim <= 2) or a.shape[-1] != b.shape[0]:
        expected = "a (M, K) or (K,), and b (K, N) or (K,)"
        raise ShapeError(mismatch("matmul", expected, f"{tuple(a.shape)} and {tuple(b.shape)}", "reshape them"))
    shape = (*a.shape[:-1], *b.shape[1:])
    return a if a.ndim == 2 else a.reshape(1, -1), b if b.ndim == 2 else b.reshape(-1, 1), shape


class CuBLAS:
    """Matrix products on one stream of one GPU, called like `matmul`. `precision` is one of matmul.PRECISIONS.

    float32   never TF32, whatever CUPY_TF32 says
    tf32      factors with 10 bits after the point, float32 sums
    bfloat16  factors with 7 bits after the point, float32 sums
    float16   factors with 10 bits after the point, at most 65504; float32 sums
    float64 arrays are always multiplied in float64. Raises DeviceError if cuBLAS is missing or reports an error.
    """

    def __init__(self, stream: Any, module: Any, precision: str = "float32", kernels: Any = None) -> None:
        self.precision, self.module, self.kernels = check_precision(precision), module, kernels
        if precision == "bfloat16" and kernels is None:
            remedy = "unset TINYNET_KERNELS, or run: python -m tinynet doctor --device gpu"
            raise DeviceError(
                mismatch("precision='bfloat16'", "tinynet's own kernels, which round to it", "none", remedy)
            )
        self.library = load_library()
        self.workspace = module.empty(WORKSPACE, "uint8")
        self.handle = ctypes.c_void_p()
        self._call("cublasCreate_v2", ctypes.byref(self.handle))
        # In this order: setting the stream replaces the workspace by one that cuBLAS allocates.
        self._call("cublasSetStream_v2", self.handle, ctypes.c_void_p(stream.ptr))
        pointer = ctypes.c_void_p(self.workspace.data.ptr)
        self._call("cublasSetWorkspace_v2", self.handle, pointer, ctypes.c_size_t(WORKSPACE))
        self._call("cublasSetMathMode", self.handle, DEFAULT_MATH)

    def __call__(self, a: Array, b: Array, out: Array | None = None) -> Array:
        left, right, shape = as_matrices(a, b)
        if out is None:
            out = array_module(a).empty(shape, a.dtype)
        flat = out if out.ndim == 2 else out.reshape(len(left), right.shape[1])
        if 0 in (*left.shape, *right.shape):
            out[...] = 0
            return out
        half = HALF.get(self.precision) if a.dtype.itemsize == 4 else None
        if half is not None:
            left, right = self._halved(left), self._halved(right)
        self._multiply(column_major(left, right, flat), half)
        return out

    def _halved(self, x: Array) -> Array:
        return x.astype("float16") if self.precision == "float16" else self.kernels.to_bfloat16(x)

    def _multiply(self, gemm: Gemm, operands: int | None) -> None:
        single = gemm.c.dtype.itemsize == 4
        real: Any = ctypes.c_float if single else ctypes.c_double
        kind = REAL_32 if single else REAL_64
        compute = COMPUTE_32 if single else COMPUTE_64
        if single and self.precision == "tf32":
            compute = COMPUTE_32_FAST_TF32
        operands = kind if operands is None else operands
        self._call(
            "cublasGemmEx",
            *(self.handle, OPERATION[gemm.operation_a], OPERATION[gemm.operation_b], gemm.m, gemm.n, gemm.k),
            *(ctypes.byref(real(1)), _address(gemm.a), operands, gemm.lda),
            *(_address(gemm.b), operands, gemm.ldb, ctypes.byref(real(0))),
            *(_address(gemm.c), kind, gemm.ldc, compute, ALGORITHM_DEFAULT),
        )

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self.library, name)(*arguments)
        if status:
            found = f"{name}: {STATUS.get(status, 'error')} (status {status})"
            raise DeviceError(mismatch("cuBLAS", "success", found, "run: python -m tinynet doctor"))

    def __del__(self) -> None:
        if getattr(self, "handle", None):
            with contextlib.suppress(Exception):  # at the program's end the library may be unloaded already
                self.library.cublasDestroy_v2(self.handle)


def load_library() -> Any:
    """libcublas: the library that CuPy has loaded, else the one it would load. Raises DeviceError if there is none."""
    for mode in (getattr(os, "RTLD_NOLOAD", 0), 0):
        for name in LIBRARIES:
            with contextlib.suppress(OSError):
                return ctypes.CDLL(name, ctypes.DEFAULT_MODE | mode)
        with contextlib.suppress(Exception):  # older versions of CuPy come without pathfinder
            from cuda.pathfinder import load_nvidia_dynamic_lib  # an optional dependency

            return ctypes.CDLL(load_nvidia_dynamic_lib("cublas").abs_path)
    remedy = "install it: pip install 'cupy-cuda12x[ctk]' (or cuda13x)"
    raise DeviceError(mismatch("cuBLAS", "the library libcublas", "none", remedy))


def _address(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.data.ptr)
