"""Weighted statistics of columns: moments, quantiles, counts; a weight of 2 equals the row twice.

Knows nothing about what the columns mean; nothing overflows, and columns times 2^k give the same figures times 2^k.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.sparsefuncs import min_max_axis

from .._numerics import Purpose, generator

__all__ = ["moments", "quantiles", "row_blocks", "sample_rows", "sparse_sizes"]

BLOCK = 2**18  # numbers handled at once: temporaries stay small whatever the table's size
SAMPLE = 2**16  # rows that decide a quantile of a larger table: its standard error is below 0.2 % in rank


def row_blocks(n_rows: int, n_columns: int) -> list[slice]:
    """Blocks of rows of about `BLOCK` numbers."""
    step = max(1, BLOCK // max(1, n_columns))
    return [slice(start, start + step) for start in range(0, n_rows, step)]


def moments(X: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and standard deviation of each column of finite numbers; the latter is 1 for a constant column.

    Computed on columns scaled by powers of two, which is exact. Two passes, so a large offset costs no precision.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Finite numbers.
    weight : ndarray of shape (n,) or None
        Weight of each row; None for 1.

    Returns
    -------
    mean, deviation : ndarray of shape (d,)
    """
    n, d = X.shape
    total = n if weight is None else weight.sum()
    blocks = row_blocks(n, d)

    def mean_of(f: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        summed = np.zeros(d)
        for rows in blocks:
            block = f(np.ldexp(X[rows], -exponent, dtype=np.float64))
            summed += block.sum(axis=0) if weight is None else weight[rows] @ block
        return summed / total

    largest = np.zeros(d)
    for rows in blocks:
        np.maximum(largest, np.abs(X[rows]).max(axis=0, initial=0), out=largest)
    exponent = np.frexp(largest)[1]
    center = mean_of(lambda block: block)
    center += mean_of(lambda block: block - center)
    spread = np.sqrt(mean_of(lambda block: np.square(block - center)))
    constant = spread <= 4 * np.finfo(X.dtype).eps * np.abs(center)
    return np.ldexp(center, exponent), np.where(constant, 1.0, np.ldexp(spread, exponent))


def sparse_sizes(X: Any, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """How large the numbers of each column of a CSR matrix are where they are not zero, and how many these are.

    Parameters
    ----------
    X : CSR matrix of shape (n, d)
        Finite numbers.
    weight : ndarray of shape (n,) or None
        Weight of each row; None for 1.

    Returns
    -------
    size : ndarray of shape (d,)
        Root of the weighted mean square of the numbers other than zero; 0 for a constant column.
    total : ndarray of shape (d,)
        Total weight of the rows where they stand.
    """
    low, high = min_max_axis(X, axis=0)
    exponent = np.frexp(np.maximum(-low, high))[1]
    data = np.ldexp(X.data, -exponent.take(X.indices, mode="clip"), dtype=np.float64)
    w = np.ones(X.shape[0]) if weight is None else weight
    there = np.repeat(w, np.diff(X.indptr)) * (X.data != 0)
    total = np.bincount(X.indices, there, minlength=X.shape[1])
    squares = np.bincount(X.indices, there * data**2, minlength=X.shape[1])
    mean = np.divide(squares, total, out=np.zeros(X.shape[1]), where=total > 0)
    return np.where(low == high, 0.0, np.ldexp(np.sqrt(mean), exponent)), total


def sample_rows(n: int, weight: np.ndarray | None = None) -> np.ndarray | None:
    """Positions of the rows that decide the quantiles of a table of `n` rows; None for all.

    Parameters
    ----------
    n : int
        Number of rows.
    weight : ndarray of shape (n,) or None, default=None
        Weight of each row: a row of weight 2 is drawn twice as often, and what is drawn counts once.

    Returns
    -------
    ndarray of shape (65536,) or None
    """
    if n <= SAMPLE:
        return None
    rng = generator(0, Purpose.SAMPLE)
    if weight is None or weight.min() == weight.max():
        return rng.integers(0, n, SAMPLE)
    reach = np.cumsum(weight, dtype=np.float64)
    return np.searchsorted(reach, rng.random(SAMPLE) * reach[-1], side="right").clip(max=n - 1)


def quantiles(x: np.ndarray, weight: np.ndarray | None, levels: tuple[float, ...]) -> np.ndarray:
    """Weighted quantiles of one column, missing values (NaN) left out; NaN where nothing is left.

    The inverse of the weighted distribution function, averaged where it jumps (Hyndman & Fan 1996, definition 2).
    Above 65 536 rows, a sample of them decides.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Numbers or NaN.
    weight : ndarray of shape (n,) or None
        Weight of each row; None for 1.
    levels : tuple of float in [0, 1]
        Which quantiles.

    Returns
    -------
    ndarray of shape (n_levels,)
    """
    rows = sample_rows(len(x), weight)
    if rows is not None:
        x, weight = x[rows], None
    there = ~np.isnan(x)
    if not there.all():
        x, weight = x[there], None if weight is None else weight[there]
    if not len(x):
        return np.full(len(levels), np.nan)
    if weight is None:
        ordered, cumulated = np.sort(x), np.arange(1.0, len(x) + 1)
    else:
        order = np.argsort(x, kind="stable")
        ordered, cumulated = x[order], np.cumsum(weight[order], dtype=np.float64)
    reach = np.asarray(levels) * cumulated[-1]
    slack = 1e-12 * cumulated[-1]
    low = np.searchsorted(cumulated, reach - slack, side="left").clip(max=len(x) - 1)
    high = np.searchsorted(cumulated, reach + slack, side="left").clip(max=len(x) - 1)
    lower, upper = ordered[low].astype(np.float64), ordered[high].astype(np.float64)
    out: np.ndarray = lower / 2 + upper / 2
    return out
