"""What holds a table: what is taken as it is, what is opened first, and what is refused with the call that opens it.

Knows masked arrays, sparse matrices, arrays of objects and tables of other packages, and nothing about their columns.
"""

from __future__ import annotations

from contextlib import suppress
from reprlib import repr
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .dataframes import as_dataframe, is_dataframe
from .instants import moments_of
from .kinds import floats_of, positions_of, type_of_levels
from .told import UnreadableError

__all__ = ["as_floats", "canonical", "opened", "refuse_mask"]

SECOND = np.timedelta64(1, "s")
PLAIN = {int, float, bool, type(None), np.float64}


def opened(X: Any) -> Any:
    """A table that `check_array` takes for what it is: masked arrays with NaN where masked, durations as seconds.

    Raises
    ------
    UnreadableError, ValueError
        For containers of other kinds, with what to do.
    """
    X = _stacked(X)
    if isinstance(X, np.ma.MaskedArray) and X.dtype.kind in "mM":
        X = np.where(np.ma.getmaskarray(X), np.array("NaT", X.dtype), X.data)
    if isinstance(X, np.ma.MaskedArray):
        masked: Any = X.astype(np.result_type(X.dtype, np.float32)) if X.dtype.kind in "biuf" else X.astype(object)
        X = masked.filled(np.nan)
    if isinstance(X, (list, tuple)) and len(X) and isinstance(X[0], dict):
        raise UnreadableError("X is a list of dicts; pass pandas.DataFrame(X).")
    if isinstance(X, dict) and not issparse(X):
        raise UnreadableError("X is a dict; pass pandas.DataFrame(X).")
    if isinstance(X, np.ndarray) and X.dtype.names is not None:
        raise UnreadableError("X is a structured array; pass pandas.DataFrame(X).")
    if isinstance(X, np.ndarray) and X.dtype.kind == "m":
        return X / SECOND  # NaT becomes NaN
    X = as_dataframe(X)
    if not is_dataframe(X) and hasattr(X, "column_names") and hasattr(X, "to_pandas"):
        raise UnreadableError(
            f"X is a {type(X).__name__} of {type(X).__module__.partition('.')[0]}; pass X.to_pandas() or "
            "polars.from_arrow(X)."
        )
    return X


def refuse_mask(values: Any, name: str) -> None:
    """Raise ValueError for a masked array that has masked values, where none may be missing."""
    values = _stacked(values)
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):  # pandas' arrays have a `_mask` too
        raise ValueError(f"{name} contains {int(values.mask.sum())} masked (missing) values; leave such rows out.")


def _stacked(rows: Any) -> Any:
    """Rows in a list, of which one is a masked array, as one masked array; all else as it is."""
    if isinstance(rows, (list, tuple)) and any(isinstance(row, np.ma.MaskedArray) for row in rows):
        with suppress(ValueError):  # rows of different lengths are told by `as_floats`
            return np.ma.stack(rows)
    return rows


def as_floats(X: Any) -> Any:
    """An array of objects, or rows that are one, as float64 with NaN where values are missing, or as datetime64.

    All else stays as it is.

    NumPy by itself makes numbers of dates, and knows no mark for missing values but None.

    Raises
    ------
    ValueError, UnreadableError
        Where a column holds anything else than numbers, and not all hold dates, with its position, and for rows of
        different lengths.
    """
    if isinstance(X, (list, tuple)):
        try:
            X = np.asarray(X)
        except ValueError as error:
            raise ValueError(f"X must be a table of numbers, each row as long as the others ({error}).") from error
    if not isinstance(X, np.ndarray) or X.dtype != object or X.ndim != 2 or set(map(type, X.ravel())) <= PLAIN:
        return X
    columns = [_column_of_objects(values, j) for j, values in enumerate(X.T)]
    if len({values.dtype.kind for values in columns}) > 1:
        j = next(j for j, values in enumerate(columns) if values.dtype.kind == "M")
        raise ValueError(f"column {j} of X holds dates beside columns of numbers; pass them in a DataFrame.")
    return np.column_stack(columns)


def _column_of_objects(values: np.ndarray, j: int) -> np.ndarray:
    """As floats, or as datetime64."""
    try:
        levels = positions_of(values.tolist())[1]
    except TypeError:
        nested = next((v for v in values if type(v).__hash__ is None), "nested values")
        raise UnreadableError(
            f"column {j} of X holds {repr(nested)}, but an argument must be a string or a number; spread nested values "
            "over columns of their own."
        ) from None
    held = type_of_levels(levels, j)
    if held in ("dates", "times"):
        at, zone = moments_of(values, j)[:2]
        if zone is not None:
            raise ValueError(f"column {j} of X holds dates with a time zone ({zone}); pass them in a DataFrame.")
        return at
    try:
        return floats_of(values)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"an array must hold numbers ({error}, {held} in column {j} of X); pass text and categories in a DataFrame."
        ) from error


def canonical(X: Any) -> Any:
    """A CSR matrix whose rows are sorted and name no place twice, copied where they do; arrays as they are."""
    if issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X
