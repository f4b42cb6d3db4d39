"""Rows that belong together, what they must be, and which of them are held out for validation.

Knows nothing about encoders, networks or estimators.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from .._numerics import Purpose, generator
from .dataframes import rows_of

__all__ = ["LARGE", "Table", "hold_out", "scaled_alpha", "weight_exponent"]

MIN_VALIDATION_ROWS = 10


LARGE = 2**26  # bytes: rows of a larger array are not copied, but looked up when they are needed


class Table(NamedTuple):
    """Inputs, targets and weights of the same rows, as the user gives them.

    `at` says which rows of `X` they are, None for all; `y`, `weight` and `groups`, which of them belong together, are
    those rows' already.
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    at: np.ndarray | None = None
    groups: np.ndarray | None = None

    @property
    def is_large(self) -> bool:
        """Whether X is an array that shall not be copied."""
        return isinstance(self.X, np.ndarray) and self.X.nbytes > LARGE

    def rows(self, index: np.ndarray) -> Table:
        """Some of the rows."""
        y, weight, groups = (None if a is None else a[index] for a in (self.y, self.weight, self.groups))
        assert y is not None
        if self.is_large:
            return Table(self.X, y, weight, index if self.at is None else self.at[index], groups)
        return Table(rows_of(self.X, index), y, weight, None, groups)

    def inputs(self) -> Any:
        """The rows of X, copied where they are not all of them."""
        return self.X if self.at is None else rows_of(self.X, self.at)


def weight_exponent(weight: np.ndarray) -> int:
    """The power of two that weights far from 1 are divided by, and `alpha` with them: single precision holds them then.

    Parameters
    ----------
    weight : ndarray of shape (n,)
        Weight of each row.

    Returns
    -------
    int
        0 for weights with a mean between 2⁻³² and 2³².
    """
    exponent = math.frexp(float(weight.mean()))[1]
    return exponent if abs(exponent) > 32 else 0


def scaled_alpha(alpha: float, weight: np.ndarray | None) -> float:
    """The penalty that belongs to weights divided by that power of two."""
    with np.errstate(over="ignore"):
        return float(alpha if weight is None else np.ldexp(alpha, -weight_exponent(weight)))


def hold_out(table: Table, fraction: float, seed: int, strata: np.ndarray | None) -> tuple[Table, Table | None]:
    """Training rows and validation rows.

    Parameters
    ----------
    table : Table
        All rows.
    fraction : float in (0, 1)
        Share of the rows to hold out.
    seed : int
        Decides which.
    strata : ndarray of shape (n,) or None
        Class of each row; each is to be found in both parts, or where it has too few rows in the first. Where the
        table has groups, whole ones are held out, whatever the classes, of as many rows as they allow.

    Returns
    -------
    train : Table
    validation : Table or None
        None, with a warning, where it would hold fewer than 10 rows, or the training rows were fewer than the classes,
        or all rows belong together.
    """
    n = len(table.y)
    n_held, codes, counts = math.ceil(n * fraction), np.zeros(n, np.intp), np.array([n])
    if strata is not None:
        _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    alone = table.groups is not None and bool((table.groups == table.groups[0]).all())
    if alone or n_held < MIN_VALIDATION_ROWS or n - n_held < len(counts):
        reason = f"it would hold {n_held} of {n} rows" + (f", of {len(counts)} classes" if len(counts) > 1 else "")
        reason = "groups has the same value in all rows" if alone else reason
        warnings.warn(
            f"early_stopping watches the training loss: no validation set could be held out, because {reason}.",
            stacklevel=2,
        )
        return table, None
    if table.groups is not None:
        is_held = _whole_groups(table.groups, n_held, seed)
        train, held = np.flatnonzero(~is_held), np.flatnonzero(is_held)
    elif counts.min() >= 2 and n_held >= len(counts):
        train, held = train_test_split(np.arange(n), test_size=n_held, random_state=seed, stratify=strata)
    else:
        held = _spread(codes, n_held, seed)
        train = np.setdiff1d(np.arange(n), held)
    return table.rows(np.sort(train)), table.rows(np.sort(held))


def _whole_groups(groups: np.ndarray, n_held: int, seed: int) -> np.ndarray:
    """Which rows to hold out: groups in random order that bring their number nearer to `n_held`, or the smallest."""
    _, of_row, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    order, is_held, total = generator(seed, Purpose.VALIDATION).permutation(len(sizes)), np.zeros(len(sizes), bool), 0
    for group in order:
        if total + sizes[group] / 2 <= n_held and total + sizes[group] < len(groups):
            is_held[group] = True
            total += sizes[group]
    if not total:
        is_held[order[np.argmin(sizes[order])]] = True
    return is_held[of_row]


def _spread(codes: np.ndarray, n_held: int, seed: int) -> np.ndarray:
    """Rows to hold out where classes have too few of them to be found in both parts: a row of each is kept.

    The others lie class by class, and every so many of them one is taken.
    """
    rng = generator(seed, Purpose.VALIDATION)
    order = rng.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    others = order[1:][np.diff(codes[order]) == 0]
    return others[((np.arange(n_held) + rng.random()) * (len(others) / n_held)).astype(np.intp)]
