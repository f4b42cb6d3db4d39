"""Vector updates by BLAS, where they take one pass over memory instead of two, and vectors for fast passes.

Knows nothing about what the vectors mean; they are contiguous and of one precision, and `y` changes in place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg.blas import daxpy, dger, saxpy, sger

__all__ = ["add_outer", "axpy", "new"]

LINE = 64  # bytes of the cache that are read and written together

AXPY = {"f": saxpy, "d": daxpy}
GER = {"f": sger, "d": dger}


def new(size: int, dtype: Any) -> np.ndarray:
    """A new vector, uninitialised, that begins with a line of the cache.

    NumPy's begin anywhere at multiples of 16 bytes, and then each load of 64 bytes meets two lines.

    Parameters
    ----------
    size : int
        Its length.
    dtype : numpy.dtype or type
        Its type.

    Returns
    -------
    ndarray of shape (size,)
    """
    n_bytes = size * np.dtype(dtype).itemsize
    memory = np.empty(n_bytes + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + n_bytes].view(dtype)


def axpy(a: float, x: np.ndarray, y: np.ndarray) -> None:
    """y ← y + a x

    Parameters
    ----------
    a : float
        The factor.
    x, y : ndarray of shape (k,)
        Contiguous, both float32 or both float64; `y` is changed.
    """
    AXPY[y.dtype.char](x, y, a=a)


def add_outer(u: np.ndarray, v: np.ndarray, y: np.ndarray) -> None:
    """y ← y + u vᵀ

    NumPy's broadcast of a short row over a matrix takes about twice as long, for one inner loop a row.

    Parameters
    ----------
    u, v : ndarray of shape (n,) and (k,)
        Contiguous, of the precision of `y`.
    y : ndarray of shape (n, k)
        Contiguous, float32 or float64; it is changed.
    """
    GER[y.dtype.char](1.0, v, u, a=y.T, overwrite_a=1)
