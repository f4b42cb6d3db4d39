"""A table as the network sees it: columns of numbers, and columns of codes for learnt embeddings.

Knows nothing about where the columns come from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Columns"]


class Columns:
    """Numbers and codes of the same rows.

    Parameters
    ----------
    numeric : ndarray of shape (n, d)
        Numbers, in the precision of the network.
    codes : ndarray of shape (n, q)
        Non-negative ints: position of each row's level in the embedding table of its column.
    """

    __slots__ = ("codes", "numeric")

    def __init__(self, numeric: np.ndarray, codes: np.ndarray):
        self.numeric, self.codes = numeric, codes

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, and columns of both kinds."""
        return len(self.numeric), self.numeric.shape[1] + self.codes.shape[1]

    def __len__(self) -> int:
        return len(self.numeric)

    def __getitem__(self, rows: Any) -> Columns:
        return Columns(self.numeric[rows], self.codes[rows])
