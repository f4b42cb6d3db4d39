"""Matrix products by Intel's MKL, through ctypes: in float32, and of bfloat16 numbers with float32 sums.

Knows how they are asked for, where the wheel `mkl` puts its library and what that says of the processor; nothing about
what the matrices mean.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
from threadpoolctl import ThreadpoolController

from .compiled import with_kernels
from .products import NUMPY, Lend, Products

__all__ = ["VARIABLE", "BFloat16Products", "MKLProducts", "bfloat16_products", "float32_products"]

VARIABLE = "SKLEARN_DL_BLAS"
INSTALL = 'python -m pip install "sklearn-dl[mkl]"'
LIBRARY = re.compile(r"(lib)?mkl_rt(\.\d+)?\.(so(\.\d+)?|dll|dylib)")  # Linux, Windows, macOS

MIN_WORK = 2**22  # multiplications of a product: below, what comes before MKL's takes as long as it saves
STRETCH = 2**15  # numbers that are rounded at a time: they stay in the cache

ROWS, AS_IT_IS, TRANSPOSED = 101, 111, 112  # CBLAS's names for them
HALF, HALVES = np.uint32(0x8000), np.dtype(np.uint16)


def float32_products() -> Products:
    """The way that the environment variable `SKLEARN_DL_BLAS` asks for: NumPy's, unless it is "mkl".

    Returns
    -------
    Products

    Raises
    ------
    ValueError
        Where it names something else.
    ImportError
        Where MKL is asked for and is not there.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked in ("", "numpy"):
        return with_kernels(NUMPY)
    if asked != "mkl":
        raise ValueError(f"the environment variable {VARIABLE} must be 'mkl', 'numpy' or not set; got {asked!r}.")
    _library(f"{VARIABLE}='mkl'")
    return with_kernels(MKL)


def bfloat16_products() -> Products:
    """Products of bfloat16 numbers with float32 sums.

    Returns
    -------
    Products

    Raises
    ------
    ImportError
        Where MKL is not there.
    ValueError
        Where the processor has no unit for them.
    """
    library = _library("dtype='bfloat16'")
    if not re.search("bf16|bfloat16", library.processor, re.IGNORECASE):
        raise ValueError(
            "dtype='bfloat16' needs a processor with AMX or AVX512_BF16; MKL takes this one for "
            f"{library.processor!r}: use dtype='float32'."
        )
    return with_kernels(BFLOAT16)


# ---------------------------------------------------------------- the library


class _Library(NamedTuple):
    """MKL's two products, and what it takes the processor for."""

    sgemm: Callable[..., None]
    gemm_bf16: Callable[..., None]
    processor: str


class _Version(ctypes.Structure):
    """MKL's struct `MKLVersion`."""

    _fields_ = (
        *[(name, ctypes.c_int) for name in ("major", "minor", "update")],
        *[(name, ctypes.c_char_p) for name in ("status", "build", "processor", "platform")],
    )


def _library(wanted_by: str) -> _Library:
    """MKL, loaded; an error says who asked for it."""
    try:
        return _loaded()
    except ModuleNotFoundError as error:
        raise ImportError(f"{wanted_by} needs the package mkl, which is not installed: {INSTALL}.") from error
    except (OSError, AttributeError) as error:
        raise ImportError(f"{wanted_by} needs the package mkl, which cannot be loaded: {error}.") from error


@cache
def _loaded() -> _Library:
    path = next(_places(), None)
    if path is None:
        raise ModuleNotFoundError(f"the package mkl is not installed: {INSTALL}.")  # seen by who unpickled products
    in_use = ThreadpoolController().select(internal_api="mkl").lib_controllers  # by NumPy, say: it has its threads
    if hasattr(os, "add_dll_directory"):
        os.add_dll_directory(str(path.parent))
    mkl = ctypes.CDLL(str(path))
    if not in_use:
        mkl.MKL_Set_Threading_Layer(1)  # sequential: MKL would else look for an OpenMP runtime
    version = _Version()
    mkl.MKL_Get_Version(ctypes.byref(version))
    return _Library(_gemm(mkl, "cblas_sgemm_64"), _gemm(mkl, "cblas_gemm_bf16bf16f32_64"), version.processor.decode())


def _places() -> Iterator[Path]:
    """Where the library lies: as the wheel's list of files says, or where conda puts it."""
    from importlib import metadata  # imports half of `email`

    try:
        files = metadata.files("mkl") or []
    except metadata.PackageNotFoundError:
        files = []
    folders = [Path(sys.prefix, *parts) for parts in (("lib",), ("Library", "bin"))]
    listed = (Path(str(file.locate())) for file in files if LIBRARY.fullmatch(file.name))
    found = (file for folder in folders if folder.is_dir() for file in sorted(folder.iterdir(), reverse=True))
    for file in (*listed, *found):
        if LIBRARY.fullmatch(file.name) and file.is_file():
            yield file.resolve()


def _gemm(mkl: ctypes.CDLL, name: str) -> Callable[..., None]:
    """C ← α A B + β C of CBLAS, with sizes of 64 bits, whichever MKL's interface has otherwise."""
    gemm = getattr(mkl, name)
    size, number, address = ctypes.c_int64, ctypes.c_float, ctypes.c_void_p
    matrix = (address, size)
    gemm.argtypes = (*[ctypes.c_int] * 3, *[size] * 3, number, *matrix, *matrix, number, *matrix)
    gemm.restype = None
    return gemm


# ---------------------------------------------------------------- products


@final
class MKLProducts(Products):
    """MKL's in float32; NumPy's for double precision, for stacks and for small layers."""

    def of(self, n: int, n_in: int, n_out: int) -> Products:
        return self if n * n_in * n_out >= MIN_WORK else NUMPY

    def dot(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
        return _multiply(_loaded().sgemm, a, b, out) if _is_single(a, b, out) else np.dot(a, b, out=out)

    def matmul(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
        return _multiply(_loaded().sgemm, a, b, out) if _is_single(a, b, out) else np.matmul(a, b, out=out)


@final
class BFloat16Products(Products):
    """Products of numbers rounded to bfloat16, with float32 sums; NumPy's of what is not rounded, as in small layers.

    bfloat16 is the high half of a float32: its exponent and 7 bits of the fraction. Here it is held as uint16.
    """

    def of(self, n: int, n_in: int, n_out: int) -> Products:
        return self if n * n_in * n_out >= MIN_WORK else NUMPY

    def take(self, a: np.ndarray, name: str, lend: Lend) -> np.ndarray:
        return rounded(a, lend(name + " in bfloat16", a.shape, HALVES))

    def dot(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
        return _multiply(_loaded().gemm_bf16, a, b, out) if a.dtype == HALVES else np.dot(a, b, out=out)

    def matmul(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
        return _multiply(_loaded().gemm_bf16, a, b, out) if a.dtype == HALVES else np.matmul(a, b, out=out)


MKL, BFLOAT16 = MKLProducts(), BFloat16Products()


def _is_single(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> bool:
    return out.ndim == 2 and a.dtype == b.dtype == out.dtype == np.float32


def _multiply(gemm: Callable[..., None], a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
    """out ← a b, all of two axes and of the types that `gemm` takes."""
    (n, k), m = a.shape, b.shape[1]
    if not (n and k and m):
        out.fill(0)
        return out
    (a, a_form, a_step), (b, b_form, b_step) = _as_blas(a), _as_blas(b)
    c, c_form, c_step = _as_blas(out)
    if c_form != AS_IT_IS or c is not out:
        out[...] = _multiply(gemm, a, b, np.empty((n, m), np.float32))
        return out
    gemm(ROWS, a_form, b_form, n, m, k, 1.0, a.ctypes.data, a_step, b.ctypes.data, b_step, 0.0, c.ctypes.data, c_step)
    return out


def _as_blas(a: np.ndarray) -> tuple[np.ndarray, int, int]:
    """A matrix, or a copy where BLAS cannot read it; whether it lies there transposed; from row to row there."""
    (n, k), (down, right), size = a.shape, a.strides, a.itemsize
    if right == size and (down >= k * size or n == 1) and not down % size:
        return a, AS_IT_IS, max(down // size, k)
    if down == size and (right >= n * size or k == 1) and not right % size:
        return a, TRANSPOSED, max(right // size, n)
    return np.ascontiguousarray(a), AS_IT_IS, k


_SCRATCH = threading.local()


def rounded(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    """The nearest bfloat16 of each number, of two that are equally near the one farther from 0.

    Parameters
    ----------
    a : ndarray of float32
        Any numbers.
    out : ndarray of uint16, of the shape of `a`
        Contiguous.

    Returns
    -------
    ndarray
        `out`.
    """
    words, halves = np.ascontiguousarray(a).reshape(-1).view(np.uint32), out.reshape(-1)
    if not hasattr(_SCRATCH, "sums"):
        memory = np.empty(4 * STRETCH + 2, np.uint8)
        # the high halves of the sums are the low halves of words that begin two bytes later, which NumPy copies fast
        _SCRATCH.sums = memory[:-2].view(np.uint32)
        _SCRATCH.later = np.ndarray((STRETCH,), np.uint32, memory, offset=2)
    sums, later = _SCRATCH.sums, _SCRATCH.later
    for start in range(0, len(words), STRETCH):
        some = words[start : start + STRETCH]
        n = len(some)
        np.add(some, HALF, out=sums[:n])
        np.copyto(halves[start : start + n], later[:n], casting="unsafe")
    return out
