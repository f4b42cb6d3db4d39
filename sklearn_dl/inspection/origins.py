"""From encoded columns back to the table's own, and the encoded row in the middle of all.

Knows the order in which `TableEncoder` and the layer `TableInput` lay out their columns.
"""

from __future__ import annotations

import numpy as np

from ..encoding.table_encoder import TableEncoder

__all__ = ["middle", "origins", "random_rows"]

MISSING = 0.1  # share of missing numbers in random rows, in columns that had some


def origins(encoder: TableEncoder | None, n_features: int, tables: list[np.ndarray]) -> np.ndarray:
    """Position in the table of the column that each embedded column comes from.

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
    ndarray of int of shape (d_embedded,)
    """
    if encoder is None:
        return np.arange(n_features)
    one_hot = [np.full(book.width, i) for i, book in encoder._books() if book.one_hot]
    coded = [i for i, book in encoder._books() if not book.one_hot]
    embedded = [np.full(table.shape[1], i) for i, table in zip(coded, tables, strict=True)]
    return np.concatenate([encoder.numeric_features_, encoder.missing_features_, *one_hot, *embedded])


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
    numbers = np.zeros(len(encoder.numeric_features_) + len(encoder.missing_features_))
    levels = [table.mean(axis=0) for table in _levels(encoder, tables)]
    return np.concatenate([numbers, *levels])[None]


def random_rows(
    encoder: TableEncoder | None, n_features: int, tables: list[np.ndarray], n_rows: int, rng: np.random.Generator
) -> np.ndarray:
    """Rows as the scaling makes them likely: normal numbers, each level of a category as often, independent columns.

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
    z = rng.standard_normal((n_rows, len(encoder.numeric_features_)))
    if encoder._scaling.clips:
        z /= 1.349  # the distance of a normal variable's quartiles is 1.349 standard deviations, and 1 after scaling
        z /= np.sqrt(1 + (z / 3) ** 2)
    z[:, encoder.scale_ == 0] = 0
    gaps = encoder._scaling.gaps
    missing = rng.random((n_rows, len(gaps))) < MISSING
    z[:, gaps] *= ~missing
    levels = [table[rng.integers(0, len(table), n_rows)] for table in _levels(encoder, tables)]
    return np.hstack([z, missing, *levels])


def _levels(encoder: TableEncoder, tables: list[np.ndarray]) -> list[np.ndarray]:
    """What each known level of each category becomes, (n_levels, width): indicators first, then embeddings."""
    books = [book for _, book in encoder._books()]
    one_hot = [(book, book.one_hot_table(np.float64)) for book in books if book.one_hot]
    coded = zip((book for book in books if not book.one_hot), tables, strict=True)
    return [table[0 if book.has_else else 1 :] for book, table in (*one_hot, *coded)]  # code 0: rare, unseen
