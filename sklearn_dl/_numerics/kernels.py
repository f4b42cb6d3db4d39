"""Vector updates by BLAS, where they take one pass over memory instead of two.

Knows nothing about what the vectors mean; they are contiguous and of one precision, and `y` changes in place.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg.blas import daxpy, dger, saxpy, sger

__all__ = ["add_outer", "axpy"]

AXPY = {"f": saxpy, "d": daxpy}
GER = {"f": sger, "d": dger}


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
