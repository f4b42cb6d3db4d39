"""Rows of a large table that are encoded when a batch asks for them, so that the table is never copied whole.

Knows nothing about how rows are encoded: that is a function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, final

import numpy as np

__all__ = ["LazyRows"]


@final
class LazyRows:
    """Encoded rows of an array, in memory or on disk, or of a sparse table that is encoded as a dense one.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_all, d)
        The table as it lies; a `numpy.memmap` is read row by row.
    index : ndarray of shape (n,) or None
        Which rows; None for all.
    encode : callable
        From some of its rows to what the network sees of them.
    width : int
        Encoded columns.
    """

    def __init__(self, X: Any, index: np.ndarray | None, encode: Callable[[Any], Any], width: int):
        self._X, self._index, self._encode = X, index, encode
        self.shape = (X.shape[0] if index is None else len(index), width)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | np.ndarray) -> Any:
        """The encoded rows, in new memory."""
        return self._encode(self._X[rows if self._index is None else self._index[rows]])
