"""From encoded columns back to the table's own, and the encoded row in the middle of all.

Knows the layout of an encoded table, and nothing about the kinds of columns in it.
"""

from __future__ import annotations

import numpy as np

from ..encoding.layout import Layout
from ..encoding.table_encoder import TableEncoder

__all__ = ["middle", "origins", "random_rows"]


def origins(encoder: TableEncoder | None, n_features: int) -> np.ndarray:
    """Position in the table of the column that each embedded column comes from.

    Parameters
    ----------
    encoder : TableEncoder or None
        The fitted encoder.
    n_features : int
        Number of the table's columns.

    Returns
    -------
    ndarray of int of shape (d_embedded,)
    """
    return (Layout.plain(n_features) if encoder is None else encoder.layout).origins


def middle(encoder: TableEncoder | None, n_features: int, tables: list[np.ndarray]) -> np.ndarray:
    """The encoded row in the middle: numbers at the centre, none missing, categories the plain mean of their levels.

    Without an encoder all zeros.

    Parameters
    ----------
    encoder : TableEncoder or None
        The fitted encoder.
    n_features : int
        Number of the table's columns.
    tables : list of ndarray of shape (n_codes, width)
        Embeddings of each column of codes.

    Returns
    -------
    ndarray of shape (1, d_embedded)
    """
    if encoder is None:
        return np.zeros((1, n_features))
    numbers, codes = np.empty((1, encoder.layout.n_numeric)), []
    for part, block in encoder.blocks(numbers):
        codes += part.middle(block)
    return np.hstack([numbers, *(table[c].mean(axis=0)[None] for table, c in zip(tables, codes, strict=True))])


def random_rows(
    encoder: TableEncoder | None, n_features: int, tables: list[np.ndarray], n_rows: int, rng: np.random.Generator
) -> np.ndarray:
    """Rows that are likely by what the encoder learnt: normal numbers, each level as often, independent columns.

    Parameters
    ----------
    encoder : TableEncoder or None
        The fitted encoder.
    n_features : int
        Number of the table's columns.
    tables : list of ndarray of shape (n_codes, width)
        Embeddings of each column of codes.
    n_rows : int
        How many.
    rng : numpy.random.Generator
        Decides them.

    Returns
    -------
    ndarray of shape (n_rows, d_embedded)
    """
    if encoder is None:
        return rng.standard_normal((n_rows, n_features))
    numbers, codes = np.empty((n_rows, encoder.layout.n_numeric)), []
    for part, block in encoder.blocks(numbers):
        codes += part.random_rows(rng, block)
    return np.hstack([numbers, *(table[c] for table, c in zip(tables, codes, strict=True))])
