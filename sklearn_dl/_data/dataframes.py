"""What the columns of a DataFrame hold: numbers, categories, or what is refused with advice; pandas, polars and alike.

Knows nothing about encoding; imports no DataFrame library and asks only for methods that they share.
"""

from __future__ import annotations

import re
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from .told import UnreadableError

__all__ = [
    "NOTHING",
    "check_dataframe",
    "column",
    "factorize",
    "is_dataframe",
    "is_sparse_dataframe",
    "kind_of",
    "rows_of",
    "to_numbers",
    "type_of_levels",
]

# how the names of columns' types begin
NUMBERS = re.compile(r"u?int\d|float|double|half|bool|decimal|null|sparse")
CATEGORIES = re.compile(r"categor|enum|str(?!uct)|utf8|large_string|dictionary|binary")
DATES = re.compile(r"date|time|duration|period")

NOTHING = "nothing"  # what a column holds where all is missing


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
    return hasattr(kind, "columns") and hasattr(kind, "dtypes")


def check_dataframe(X: Any) -> None:
    """Raise ValueError where a DataFrame is empty or has two columns of the same name."""
    if X.shape[0] == 0 or X.shape[1] == 0:
        raise ValueError(f"X must have at least one row and one column; got a DataFrame of shape {tuple(X.shape)}.")
    names = list(X.columns)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"X has more than one column named {twice!r}; rename them.")


def rows_of(X: Any, index: np.ndarray) -> Any:
    """Some rows of a table of any kind."""
    return X.iloc[index] if hasattr(X, "iloc") else X[index]


def is_sparse_dataframe(X: Any) -> bool:
    """Whether X is a pandas DataFrame of sparse columns only."""
    return is_dataframe(X) and all(str(dtype).lower().startswith("sparse") for dtype in X.dtypes)


def column(X: Any, i: int) -> Any:
    """Column number `i`, whatever its name."""
    return X.iloc[:, i] if hasattr(X, "iloc") else X[:, i]


def kind_of(series: Any, name: Any) -> str:
    """What a column holds: "number" or "category"; an object column is what its values are.

    Raises
    ------
    ValueError
        For dates, nested and mixed values, with the column's name and what to do.
    """
    dtype = str(series.dtype).lower()
    if DATES.match(dtype):
        raise ValueError(
            f"column {name!r} of X holds dates or times ({series.dtype}), which mean nothing to the network as they "
            "are; replace it by numbers such as the year, the month or the days since a date."
        )
    if NUMBERS.match(dtype):
        return "number"
    if CATEGORIES.match(dtype):
        return "category"
    if dtype != "object":
        raise ValueError(f"column {name!r} of X has dtype {series.dtype}; make it numbers, text or categories.")
    held = type_of_levels(factorize(series, name)[1], name)
    return "number" if held in ("numbers", NOTHING) else "category"


def factorize(series: Any, name: Any) -> tuple[np.ndarray, list[Any]]:
    """Position of each row's value in a list of the distinct ones, -1 where it is missing.

    Raises
    ------
    ValueError
        For nested values.
    """
    try:
        if hasattr(series, "factorize"):  # pandas
            codes, levels = series.factorize()
            return np.asarray(codes), list(levels)
        seen: dict[Any, int] = {}
        codes = [
            -1 if v is None or (isinstance(v, float) and v != v) else seen.setdefault(v, len(seen))
            for v in series.to_list()
        ]
    except Exception as error:  # a TypeError of pandas', or an error of pyarrow's own
        raise ValueError(
            f"column {name!r} of X holds lists, dicts or other nested values; spread them over columns of their own."
        ) from error
    return np.array(codes, dtype=np.intp), list(seen)


def type_of_levels(levels: list[Any], name: Any) -> str:
    """What the distinct values of a column are, in one word: "numbers", "text", "bytes", or "nothing".

    Raises
    ------
    ValueError
        For values that are not numbers or text, and for mixtures.
    """
    kinds = {_type_of(level, name) for level in levels}
    if len(kinds) > 1:
        raise ValueError(f"column {name!r} of X mixes {' and '.join(sorted(kinds))}; make it one type.")
    return kinds.pop() if kinds else NOTHING


def _type_of(value: Any, name: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bytes):
        return "bytes"
    if isinstance(value, (Real, Decimal, np.bool_)):
        return "numbers"
    if (
        hasattr(value, "strftime")
        or hasattr(value, "total_seconds")
        or isinstance(value, (np.datetime64, np.timedelta64))
    ):
        raise ValueError(
            f"column {name!r} of X holds dates or times; replace it by numbers such as the year, the month or the "
            "days since a date."
        )
    raise ValueError(f"column {name!r} of X holds values of type {type(value).__name__}; make them numbers or text.")


def to_numbers(series: Any, name: Any) -> np.ndarray:
    """A column of numbers as float64, with NaN where it is missing.

    Raises
    ------
    ValueError
        Where it holds anything else.
    """
    if kind_of(series, name) == "category":
        held = type_of_levels(factorize(series, name)[1], name)
        if held == NOTHING:
            return np.full(len(series), np.nan)
        if held != "numbers":
            raise ValueError(f"column {name!r} of X holds {held} but held numbers at fit.")
    try:
        if hasattr(series, "iloc"):
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
        values = series.to_numpy()
        if values.dtype == object:
            values = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        return values.astype(np.float64, copy=False)
    except Exception as error:  # polars and pyarrow have errors of their own
        raise ValueError(f"column {name!r} of X cannot be turned into floating-point numbers: {error}.") from error
