"""What the columns of a DataFrame hold: numbers, categories, or what is refused with advice; pandas, polars and alike.

Knows nothing about encoding; imports no DataFrame library and asks only for methods that they share.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["column", "factorize", "is_dataframe", "is_sparse_dataframe", "kind_of", "to_numbers", "type_of_levels"]

NUMBERS = ("int", "uint", "float", "double", "half", "bool", "decimal", "null", "sparse")
CATEGORIES = ("category", "categorical", "enum", "str", "string", "utf8", "large_string", "dictionary")
DATES = ("datetime", "date", "timedelta", "duration", "period", "time")


def is_dataframe(X: Any) -> bool:
    """Whether X is a table with columns of types of their own."""
    return hasattr(X, "columns") and hasattr(X, "dtypes")


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
    if dtype.startswith(DATES):
        raise ValueError(
            f"column {name!r} of X holds dates or times ({series.dtype}), which mean nothing to the network as they "
            "are; replace it by numbers such as the year, the month or the days since a date."
        )
    if dtype.startswith(NUMBERS):
        return "number"
    if dtype.startswith(CATEGORIES):
        return "category"
    if dtype != "object":
        raise ValueError(f"column {name!r} of X has dtype {series.dtype}; only numbers, text and categories are taken.")
    return "number" if type_of_levels(factorize(series, name)[1], name) == "numbers" else "category"


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
        codes = [-1 if v is None or v != v else seen.setdefault(v, len(seen)) for v in series.to_list()]
    except TypeError as error:
        raise ValueError(
            f"column {name!r} of X holds lists, dicts or other nested values; spread them over columns of their own."
        ) from error
    return np.array(codes, dtype=np.intp), list(seen)


def type_of_levels(levels: list[Any], name: Any) -> str:
    """What the distinct values of a column are, in one word.

    Raises
    ------
    ValueError
        For values that are not numbers or text, and for mixtures.
    """
    kinds = {_type_of(level, name) for level in levels}
    if len(kinds) > 1:
        raise ValueError(f"column {name!r} of X mixes {' and '.join(sorted(kinds))}; make it one type.")
    return kinds.pop() if kinds else "numbers"


def _type_of(value: Any, name: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bytes):
        return "bytes"
    if isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)):
        return "numbers"
    if (
        hasattr(value, "isoformat")
        or hasattr(value, "total_seconds")
        or isinstance(value, (np.datetime64, np.timedelta64))
    ):
        raise ValueError(
            f"column {name!r} of X holds dates or times; replace it by numbers such as the year, the month or the "
            "days since a date."
        )
    raise ValueError(
        f"column {name!r} of X holds values of type {type(value).__name__}; only numbers, text and categories are "
        "taken."
    )


def to_numbers(series: Any, name: Any) -> np.ndarray:
    """A column of numbers as float64, with NaN where it is missing.

    Raises
    ------
    ValueError
        Where it holds anything else.
    """
    try:
        if hasattr(series, "iloc"):
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
        values = series.to_numpy()
        if values.dtype == object:
            values = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        return values.astype(np.float64, copy=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r} of X was numbers at fit and is not now ({error}).") from error
