"""Matrices for every way of computing products, and a stand-in for MKL that shows how it is called."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from sklearn_dl._numerics import mkl

HALVES = np.dtype(np.uint16)
AMX = "Intel(R) Advanced Vector Extensions 512 (Intel(R) AVX-512) with ... (Intel(R) AMX) with INT8 and BF16"


class Case(NamedTuple):
    """Makers of a and b from a generator of matrices of a shape, and of what the product is written into."""

    name: str
    a: Callable[[Any], np.ndarray]
    b: Callable[[Any], np.ndarray]
    out: Callable[[tuple[int, ...]], np.ndarray] = lambda shape: np.full(shape, np.nan, np.float32)


def _columns_of_wider(shape: tuple[int, ...]) -> np.ndarray:
    return np.full((shape[0], shape[1] + 7), np.nan, np.float32)[:, 3 : 3 + shape[1]]


def _transposed(shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape[::-1], np.nan, np.float32).T


SHAPES = [(1, 1, 1), (1, 5, 3), (5, 1, 3), (5, 3, 1), (1, 300, 1), (64, 64, 64), (500, 44, 128), (33, 130, 17)]
EMPTY = [(0, 5, 3), (5, 0, 3), (5, 3, 0)]


def _of(n: int, k: int, m: int) -> list[Case]:
    name = f"{n} x {k} x {m}"
    return [
        Case(name, lambda r: r(n, k), lambda r: r(k, m)),
        Case(name + ", a transposed", lambda r: r(k, n).T, lambda r: r(k, m)),
        Case(name + ", b transposed", lambda r: r(n, k), lambda r: r(m, k).T),
        Case(name + ", both transposed", lambda r: r(k, n).T, lambda r: r(m, k).T),
    ]


CASES = [
    *[case for shape in SHAPES + EMPTY for case in _of(*shape)],
    Case("rows of a transposed matrix", lambda r: r(90, 60).T[10:40], lambda r: r(90, 20)),
    Case("columns of a", lambda r: r(40, 90)[:, 30:50], lambda r: r(20, 30)),
    Case("every other row", lambda r: r(80, 20)[::2], lambda r: r(20, 30)),
    Case("every other column", lambda r: r(40, 40)[:, ::2], lambda r: r(20, 30)),
    Case("backwards", lambda r: r(40, 20)[::-1], lambda r: r(20, 30)[:, ::-1]),
    Case("one row again and again", lambda r: np.broadcast_to(r(1, 20), (40, 20)), lambda r: r(20, 30)),
    Case("one column again and again", lambda r: np.broadcast_to(r(40, 1), (40, 20)), lambda r: r(20, 30)),
    Case("a new axis of one", lambda r: r(20)[None], lambda r: r(20)[:, None]),
    Case("a new axis of one, transposed", lambda r: r(40)[None].T, lambda r: r(30)[:, None].T),
    Case("a member of several", lambda r: r(40, 3, 20)[:, 1], lambda r: r(3, 20, 30)[1]),
    Case("into columns", lambda r: r(40, 20), lambda r: r(20, 30), _columns_of_wider),
    Case("into a transposed matrix", lambda r: r(40, 20), lambda r: r(20, 30), _transposed),
]


def numbers(seed: int = 0) -> Callable[..., np.ndarray]:
    """What gives float32 matrices of a shape."""
    rng = np.random.default_rng(seed)
    return lambda *shape: rng.standard_normal(shape).astype(np.float32)


def in_bfloat16(seed: int = 0) -> Callable[..., np.ndarray]:
    """What gives matrices of bfloat16 numbers, as uint16."""
    made = numbers(seed)
    return lambda *shape: (made(*shape).view(np.uint32) >> 16).astype(np.uint16)


def as_float(a: np.ndarray) -> np.ndarray:
    """The numbers themselves, in double precision."""
    return (a.astype(np.uint32) << 16).view(np.float32).astype(float) if a.dtype == HALVES else a.astype(float)


def _matrix(address: int, rows: int, columns: int, step: int, dtype: Any) -> np.ndarray:
    assert step >= columns, "BLAS refuses rows that overlap"
    size = np.dtype(dtype).itemsize
    memory = (ctypes.c_char * (((rows - 1) * step + columns) * size)).from_address(address)
    return np.lib.stride_tricks.as_strided(np.frombuffer(memory, dtype), (rows, columns), (step * size, size))


def _gemm(dtype: Any) -> Callable[..., None]:
    """C ← A B by CBLAS's arguments, for matrices of a type, in double precision within."""

    def gemm(order, a_form, b_form, n, m, k, alpha, a, a_step, b, b_step, beta, c, c_step):
        assert (order, alpha, beta) == (101, 1.0, 0.0)
        left = _matrix(a, n, k, a_step, dtype) if a_form == 111 else _matrix(a, k, n, a_step, dtype).T
        right = _matrix(b, k, m, b_step, dtype) if b_form == 111 else _matrix(b, m, k, b_step, dtype).T
        _matrix(c, n, m, c_step, np.float32)[...] = as_float(np.ascontiguousarray(left)) @ as_float(
            np.ascontiguousarray(right)
        )

    return gemm


def stand_in(processor: str = AMX) -> mkl._Library:
    """MKL as NumPy would have written it: looks at memory by address, as MKL does."""
    return mkl._Library(_gemm(np.float32), _gemm(np.uint16), processor)


def check(products: Any, case: Case, made: Callable[..., np.ndarray]) -> None:
    """Both methods give the product, to float32's rounding, and write nothing beside it."""
    a, b = case.a(made), case.b(made)
    truth = as_float(np.ascontiguousarray(a)) @ as_float(np.ascontiguousarray(b))
    allowed = 1e-6 * (np.abs(as_float(np.ascontiguousarray(a))) @ np.abs(as_float(np.ascontiguousarray(b))))
    for name in ("dot", "matmul"):
        out = case.out(truth.shape)
        if name == "dot" and not out.flags.c_contiguous:
            continue
        around = out if out.base is None else out.base
        before = np.isnan(around).sum()
        with np.errstate(invalid="ignore"):  # of what lies behind a short row, with which OpenBLAS computes too
            assert getattr(products, name)(a, b, out) is out
        assert (np.abs(out - truth) <= allowed + 1e-30).all(), name
        assert np.isnan(around).sum() == before - out.size
