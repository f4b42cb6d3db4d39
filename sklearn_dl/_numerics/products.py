"""Matrix products, of which there may be several ways of computing: all those of a network go through one of them.

Knows nothing about what the matrices mean.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, final

import numpy as np

__all__ = ["NUMPY", "Lend", "NumPyProducts", "Products"]

Lend = Callable[[str, tuple[int, ...], Any], np.ndarray]  # an array of some name, shape and type, to be filled


class Products(ABC):
    """A way of computing matrix products. It has no state: it is pickled, copied and used by several threads.

    Parameters
    ----------
    compiled : bool, default=False
        Whether what layers and solvers do between the products is compiled, where there is a compiled form.
    """

    def __init__(self, compiled: bool = False):
        self.compiled = compiled

    def of(self, n: int, n_in: int, n_out: int) -> Products:
        """The way for the products of a dense layer of this size: itself where that pays, else NumPy's.

        Parameters
        ----------
        n, n_in, n_out : int
            Rows, and shape of the weights.

        Returns
        -------
        Products
        """
        return self

    def take(self, a: np.ndarray, name: str, lend: Lend) -> np.ndarray:
        """An array in the form in which `dot` and `matmul` take it, made once for several products.

        Parameters
        ----------
        a : ndarray
            Of the network's precision.
        name : str
            Whose memory it may lie in.
        lend : callable
            Gives memory: ``lend(name, shape, dtype)``.

        Returns
        -------
        ndarray of the shape of `a`
            Maybe `a` itself.
        """
        return a

    @abstractmethod
    def dot(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> np.ndarray:
        """out ← a b

        Parameters
        ----------
        a, b : ndarray of shape (n, k) and (k, m)
            Both as `take` gives them, or both of the precision of `out`; either may be a transposed view.
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
            As for `dot`, in any order in memory.
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
