"""DataFrames: which tables are some, their columns and rows, and their columns of numbers.

Knows nothing about encoding. Those of pandas, polars and alike are asked for methods that they share, all others that
narwhals knows are read through it: to go through it with pandas and polars, too, would make a prediction of one row a
third slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import csc_array

from .kinds import is_plain_number, to_numbers
from .told import UnreadableError

__all__ = ["as_dataframe", "check_dataframe", "column", "is_dataframe", "numbers_of", "rows_of", "sparse_rows"]


def is_dataframe(X: Any) -> bool:
    """Whether X is a table with columns of types of their own.

    Raises
    ------
    TypeError
        For a table that is not computed yet.
    """
    if isinstance(X, np.ndarray):
        return False
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise UnreadableError(f"X is a {type(X).__name__}, which is not computed yet; pass X.collect().")
    kind = type(X)  # asked of the class: a DataFrame of pandas would gather all its types
    if not (hasattr(kind, "columns") and (hasattr(kind, "dtypes") or kind is nw.DataFrame)):
        return False
    if hasattr(kind, "compute"):
        raise UnreadableError(
            f"X is a {kind.__name__} of {kind.__module__}, which is not computed yet; pass X.compute()."
        )
    return True


def as_dataframe(X: Any) -> Any:
    """A table that is known to narwhals alone, such as one of pyarrow, as a DataFrame of it; all else as it is.

    Raises
    ------
    UnreadableError
        Where it cannot be read.
    """
    if hasattr(type(X), "to_native") and hasattr(type(X), "implementation"):
        X = X.to_native()  # a DataFrame of narwhals, of whatever version
    if is_dataframe(X) or isinstance(X, (np.ndarray, list, tuple)) or not nw.dependencies.is_into_dataframe(X):
        return X
    names = list(getattr(X, "column_names", ()))
    _refuse_same_names(names)  # narwhals would say so at length
    try:
        return nw.from_native(X, eager_only=True)
    except Exception as error:
        raise UnreadableError(f"X is a {type(X).__name__}, which cannot be read ({error}).") from error


def check_dataframe(X: Any) -> None:
    """Raise ValueError where a DataFrame is empty or has two columns of the same name."""
    if X.shape[0] == 0 or X.shape[1] == 0:
        raise ValueError(f"X must have at least one row and one column; got a DataFrame of shape {tuple(X.shape)}.")
    _refuse_same_names(list(X.columns))


def _refuse_same_names(names: list[Any]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"X has more than one column named {twice!r}; rename them.")


def rows_of(X: Any, index: np.ndarray | slice) -> Any:
    """Some rows of a table or a column of any kind."""
    if not hasattr(X, "iloc"):
        return X[index]
    try:
        return X.iloc[index]
    except ValueError:  # pandas picks no rows of numbers in another machine's byte order
        plain = {name: kind for name, kind in X.dtypes.items() if isinstance(kind, np.dtype)}  # not pandas' own
        kinds = {name: kind for name, kind in plain.items() if not kind.isnative}
        if not kinds:
            raise
        return X.astype({name: kind.newbyteorder("=") for name, kind in kinds.items()}).iloc[index]


def sparse_rows(X: Any) -> Any:
    """A DataFrame of sparse columns of numbers only, whose zeros are left out, as a CSR matrix; None for any other."""
    if not hasattr(X, "sparse") or not all(map(_leaves_out_zeros, X.dtypes)):
        return None
    single = all(dtype.subtype == np.float32 for dtype in X.dtypes)
    kept = [series.array for _, series in X.items()]  # not `X.sparse.to_coo()`: bools beside numbers are objects there
    data = np.concatenate([a.sp_values for a in kept], dtype=np.float32 if single else np.float64)
    indices = np.concatenate([a.sp_index.indices for a in kept])
    indptr = np.cumsum([0, *(a.sp_index.npoints for a in kept)])
    return csc_array((data, indices, indptr), shape=X.shape).tocsr()


def _leaves_out_zeros(dtype: Any) -> bool:
    subtype = getattr(dtype, "subtype", None)
    return is_plain_number(subtype) and bool(getattr(dtype, "fill_value", None) == 0)


def column(X: Any, i: int) -> Any:
    """Column number `i`, whatever its name; a sparse one with all its values."""
    if not hasattr(X, "iloc"):
        return X[:, i]
    series = X.iloc[:, i]
    return series.sparse.to_dense() if hasattr(series.dtype, "fill_value") else series


def numbers_of(
    X: Any, columns: Sequence[int], names: Sequence[Any], skipped: Any = (), durations: Any = None
) -> np.ndarray:
    """Columns of a DataFrame that are numbers as one array, with NaN where they are missing.

    Parameters
    ----------
    X : DataFrame of shape (n, n_features)
        The table.
    columns : sequence of int
        Which columns.
    names : sequence
        Names of all columns, for messages.
    skipped : collection of int, default=()
        Positions in `columns` of those that are not looked at: all missing.
    durations : collection of int or None, default=None
        Positions in `columns` of those that held durations at fit; None where that is not known.

    Returns
    -------
    ndarray of shape (n, n_columns)
        float64.

    Raises
    ------
    ValueError
        Where a column holds anything else.
    """
    out = np.empty((X.shape[0], len(columns)))
    left: Sequence[int] = range(len(columns))
    skipped = set(skipped)
    apart = skipped.union(durations or ())
    if hasattr(X, "iloc"):  # columns of NumPy's numbers at once: a single one takes pandas longer than its numbers
        at_once = [is_plain_number(dtype) and dtype.isnative for dtype in X.dtypes]  # pandas 2 picks no others
        plain = [j for j in left if j not in apart and at_once[columns[j]]]
        if len(plain) > 1:
            out[:, plain] = X.iloc[:, [columns[j] for j in plain]].to_numpy(dtype=np.float64)
            done = set(plain)
            left = [j for j in left if j not in done]
    for j in left:
        i = columns[j]
        expected = None if durations is None else "durations" if j in durations else "numbers"
        out[:, j] = np.nan if j in skipped else to_numbers(column(X, i), names[i], expected)
    return out
