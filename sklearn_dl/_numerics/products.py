"""Matrix products, of which there may be several ways of computing: all those of a network go through one of them.

Knows nothing about what the matrices mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import numpy as np

__all__ = ["NUMPY", "NumPyProducts", "Products"]


class Products(ABC):
    """A way of computing matrix products."""

    @abstractmethod
    def dot(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
        """out ← a b

        Parameters
        ----------
        a, b : ndarray of shape (n, k) and (k, m)
            Of one precision; either may be a transposed view.
        out : ndarray of shape (n, m)
            Contiguous.

        Returns
        -------
        ndarray of shape (n, m)
            `out`.
        """

    @abstractmethod
    def matmul(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
        """out ← a b, or outⱼ ← aⱼ bⱼ for each member or column j.

        Parameters
        ----------
        a, b : ndarray of shape (..., n, k) and (..., k, m)
            Of one precision, in any order in memory.
        out : ndarray of shape (..., n, m)
            In any order in memory.

        Returns
        -------
        ndarray of shape (..., n, m)
            `out`.
        """


@final
class NumPyProducts(Products):
    """NumPy's, by the BLAS that it was built with."""

    # nothing stands between a layer and NumPy; `dot` is faster for small matrices, `matmul` keeps the bits of rows
    dot = staticmethod(np.dot)  # type: ignore[assignment]
    matmul = staticmethod(np.matmul)  # type: ignore[assignment]


NUMPY = NumPyProducts()
