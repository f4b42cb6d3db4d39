"""Rows that belong together, what they must be, and which of them are held out for validation.

Knows nothing about encoders, networks or estimators.
"""

from __future__ import annotations

import math
import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

__all__ = ["Table", "hold_out", "refuse_non_finite", "refuse_non_numbers", "refuse_shape"]

MIN_VALIDATION_ROWS = 10


class Table(NamedTuple):
    """Inputs, targets and weights of the same rows."""

    X: Any
    y: np.ndarray
    weight: np.ndarray | None

    def rows(self, index: np.ndarray) -> Table:
        """Some of the rows."""
        return Table(self.X[index], self.y[index], None if self.weight is None else self.weight[index])


def hold_out(table: Table, fraction: float, seed: int, *, stratified: bool) -> tuple[Table, Table | None]:
    """Training rows and validation rows.

    Parameters
    ----------
    table : Table
        All rows.
    fraction : float in (0, 1)
        Share of the rows to hold out.
    seed : int
        Decides which.
    stratified : bool
        Whether y is classes, each to be found in both parts.

    Returns
    -------
    train : Table
    validation : Table or None
        None, with a warning, where it would hold fewer than 10 rows or a class has fewer than 2.
    """
    n = len(table.y)
    n_held = math.ceil(n * fraction)
    counts = np.unique(table.y, return_counts=True)[1] if stratified else np.array([n])
    if counts.min() < 2:
        reason = "a class has a single row"
    elif n_held < max(MIN_VALIDATION_ROWS, len(counts)) or n - n_held < len(counts):
        reason = f"it would hold {n_held} of {n} rows"
    else:
        train, held = train_test_split(
            np.arange(n), test_size=n_held, random_state=seed, stratify=table.y if stratified else None
        )
        return table.rows(np.sort(train)), table.rows(np.sort(held))
    warnings.warn(
        f"early_stopping watches the training loss: no validation set could be held out, because {reason}.",
        stacklevel=2,
    )
    return table, None


def refuse_non_numbers(X: Any) -> None:
    """Raise ValueError with the name of a DataFrame's column that the network cannot take yet."""
    if not (hasattr(X, "columns") and hasattr(X, "dtypes")):
        return
    for name, dtype in zip(X.columns, list(X.dtypes), strict=True):
        if not str(dtype).lower().startswith(("int", "uint", "float", "bool", "sparse")):
            raise ValueError(
                f"column {name!r} of X has dtype {dtype}: only columns of numbers are taken; encode it before, "
                "for example with sklearn.preprocessing.OneHotEncoder."
            )


def refuse_shape(X: Any, y: Any) -> None:
    """Raise ValueError where y is neither a vector nor a matrix, or has another number of rows than X."""
    shape: Any = getattr(y, "shape", () if np.isscalar(y) else None)
    if shape is None:
        return
    if len(shape) not in (1, 2) or 0 in shape[1:]:
        raise ValueError(f"y must have shape (n,) or (n, n_outputs); got an array of shape {tuple(shape)}.")
    rows = getattr(X, "shape", shape)[:1]
    if rows and rows[0] != shape[0]:
        raise ValueError(f"X and y must have the same number of rows; got {rows[0]} and {shape[0]}.")


def refuse_non_finite(X: Any, names: Any) -> None:
    """Raise ValueError with the column where X, an array or a CSR matrix, holds NaN or infinity."""
    numbers = X if isinstance(X, np.ndarray) else X.data
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(numbers.sum()) or np.isfinite(numbers).all():
            return
    place = tuple(np.argwhere(~np.isfinite(numbers))[0])
    row, column = place if isinstance(X, np.ndarray) else (X.tocoo().row[place[0]], X.tocoo().col[place[0]])
    what = "NaN" if np.isnan(numbers[place]) else "infinity (inf)"
    raise ValueError(
        f"column {int(column) if names is None else names[column]!r} of X contains {what}, in row {row}: only finite "
        "numbers are taken; fill in missing ones before, for example with sklearn.impute.SimpleImputer."
    )
