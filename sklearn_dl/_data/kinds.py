"""What a column of a DataFrame holds: numbers, categories, dates, or what is refused with advice.

Knows the type objects of NumPy, pandas, polars and narwhals by what they say of their values, never by their names, and
imports no DataFrame library.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from numbers import Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

__all__ = [
    "NOTHING",
    "factorize",
    "held_by",
    "is_category",
    "is_missing",
    "is_plain_number",
    "kind_of",
    "may_hold_text",
    "to_numbers",
    "type_of_levels",
]

NOTHING = "nothing"  # what a column holds where all is missing

NUMBERS = (Real, Decimal, np.bool_, type(None))  # the last one is the type of polars' columns without any value
DURATIONS = (timedelta, np.timedelta64)
DATES = (date, np.datetime64)
SECOND = np.timedelta64(1, "s")
ANYTHING = (object, np.object_)
NARWHALS = {  # what the columns of its types hold, beside numbers; of all others only the values can tell
    nw.Boolean: bool, nw.String: str, nw.Binary: bytes, nw.Categorical: str, nw.Enum: str,
    nw.Date: date, nw.Datetime: datetime, nw.Time: time, nw.Duration: timedelta,
}  # fmt: skip
LEVELS = (nw.Categorical, nw.Enum)
WIDE: dict[type, bool] = {}  # types of polars so far: are they beyond NumPy?
KIND_OF = {
    "numbers": "number", "durations": "number", NOTHING: "number",
    "text": "category", "bytes": "category", "dates": "date", "times": "date",
}  # fmt: skip


def is_plain_number(dtype: Any) -> bool:
    """Whether columns of this type are NumPy's real numbers, without a mark for missing ones but NaN."""
    return isinstance(dtype, np.dtype) and dtype.kind in "biuf"


def kind_of(series: Any, name: Any) -> str:
    """What a column holds: "number", "category" or "date"; an object column is what its values are.

    Raises
    ------
    ValueError
        For nested and mixed values, with the column's name and what to do.
    """
    if is_plain_number(series.dtype):
        return "number"
    return "category" if is_category(series.dtype) else KIND_OF[held_by(series, name)]


def held_by(series: Any, name: Any) -> str:
    """What the values of a column are, in one word; those of a column of categories are its levels.

    "numbers", "text", "bytes", "dates", "times" (of the day), "durations", or "nothing".

    Raises
    ------
    ValueError
        For nested and mixed values, with the column's name and what to do.
    """
    if is_plain_number(series.dtype):
        return "numbers"
    held = object if is_category(series.dtype) else _type_of_values(series.dtype)
    if held in ANYTHING:
        return type_of_levels(factorize(series, name)[1], name)
    word = _word(held)
    if word is None:
        raise ValueError(f"column {name!r} of X has dtype {series.dtype}; make it numbers, dates, text or categories.")
    return word


def is_category(dtype: Any) -> bool:
    """Whether a type says that its values are levels, whatever they are: pandas' category and Arrow's dictionary."""
    if hasattr(dtype, "categories") or hasattr(getattr(dtype, "pyarrow_dtype", None), "index_type"):
        return True
    return isinstance(dtype, LEVELS) or hasattr(dtype, "ordering")  # polars before 1.32


def may_hold_text(dtype: Any) -> bool:
    """Whether values of a type may be text that is not said to be levels."""
    held = float if is_plain_number(dtype) or is_category(dtype) else _type_of_values(dtype)
    return issubclass(held, str) or held in ANYTHING


def _type_of_values(dtype: Any) -> type:
    """The class of a column's values; `object` where only they can tell."""
    if hasattr(dtype, "to_python"):  # polars
        held = dtype.to_python()
    elif isinstance(dtype, nw.dtypes.DType):
        return float if dtype.is_numeric() else NARWHALS.get(type(dtype), object)
    else:
        try:
            held = dtype.type  # NumPy, pandas
        except (AttributeError, NotImplementedError):  # types of Arrow that pandas does not know
            return object
    if not isinstance(held, type) or isinstance(getattr(dtype, "pyarrow_dtype", None), held):  # Arrow's null
        return object
    return held


def _word(held: type) -> str | None:
    """What values of a class are, in one word; None for what no column may hold."""
    if issubclass(held, DURATIONS) or hasattr(held, "total_seconds"):  # NumPy's are numbers, too
        return "durations"
    if issubclass(held, time):
        return "times"
    if issubclass(held, DATES) or hasattr(held, "strftime"):  # pandas' periods
        return "dates"
    if issubclass(held, str):
        return "text"
    if issubclass(held, bytes):
        return "bytes"
    return "numbers" if issubclass(held, NUMBERS) else None


def is_missing(value: Any) -> bool:
    """Whether it is None, a NaN, a masked value, or pandas' NA, whose comparisons have no truth."""
    if value is None or value is np.ma.masked:
        return True
    if isinstance(value, Decimal):
        return value.is_nan()  # a signalling one cannot be compared
    try:
        return bool(value != value)
    except TypeError:
        return True
    except ValueError:  # an array
        return False


def factorize(series: Any, name: Any) -> tuple[np.ndarray, list[Any]]:
    """Position of each row's value in a list of the distinct ones, -1 where it is missing.

    Raises
    ------
    ValueError
        For nested values.
    """
    try:
        if hasattr(series, "factorize"):  # pandas
            if is_plain_number(series.dtype) and not series.dtype.isnative:
                series = series.astype(series.dtype.newbyteorder("="))
            with suppress(OverflowError):  # of integers beyond float64, before pandas 3
                codes, levels = series.factorize()
                return (np.asarray(codes), list(levels)) if series.count() else (np.full(len(series), -1), [])
        return positions_of(series.to_list())
    except Exception as error:  # a TypeError of pandas', or an error of pyarrow's own
        raise ValueError(
            f"column {name!r} of X holds lists, dicts or other nested values; spread them over columns of their own."
        ) from error


def positions_of(values: list[Any]) -> tuple[np.ndarray, list[Any]]:
    """Position of each value in a list of the distinct ones, -1 where it is missing; TypeError for nested values."""
    seen: dict[Any, int] = {}
    codes = [seen.setdefault(v, len(seen)) if type(v) is str or not is_missing(v) else -1 for v in values]
    return np.array(codes, dtype=np.intp), list(seen)


def type_of_levels(levels: list[Any], name: Any) -> str:
    """What the distinct values of a column are, in one word.

    "numbers", "text", "bytes", "dates", "times" (of the day), "durations", or "nothing".

    Raises
    ------
    ValueError
        For values that are not numbers or text, and for mixtures.
    """
    kinds = {_word_of(held, name) for held in set(map(type, levels))}
    if len(kinds) > 1:
        raise ValueError(f"column {name!r} of X mixes {' and '.join(sorted(kinds))}; make it one type.")
    return kinds.pop() if kinds else NOTHING


def _word_of(held: type, name: Any) -> str:
    word = _word(held)
    if word is None:
        raise ValueError(
            f"column {name!r} of X holds values of type {held.__name__}; make them numbers, dates or text."
        )
    return word


def to_numbers(series: Any, name: Any, expected: str | None = None) -> np.ndarray:
    """A column of numbers as float64, with NaN where it is missing; durations are seconds.

    Parameters
    ----------
    series : Series of length n
        The column.
    name : object
        Its name, for messages.
    expected : {"numbers", "durations"} or None, default=None
        What it held at fit; None where that is not known, and may be either.

    Raises
    ------
    ValueError
        Where it holds anything else.
    """
    held = held_by(series, name)
    if held not in ((expected,) if expected else ("numbers", "durations")):
        if held == NOTHING or all(map(is_missing, series.to_list())):
            return np.full(len(series), np.nan)
        what = "dates or times" if held in ("dates", "times") else held
        raise ValueError(f"column {name!r} of X holds {what} but held {expected or 'numbers'} at fit.")
    try:
        if hasattr(series, "iloc") and getattr(series.dtype, "kind", None) != "m":
            with suppress(TypeError):  # durations as objects
                return series.to_numpy(dtype=np.float64, na_value=np.nan)
        values = (_as_floats(series) if _is_wide(series) else series).to_numpy()
        if values.dtype.kind == "m":
            return values / SECOND  # NaT becomes NaN
        return floats_of(values) if values.dtype == object else values.astype(np.float64, copy=False)
    except Exception as error:  # polars and pyarrow have errors of their own
        raise ValueError(f"column {name!r} of X cannot be turned into floating-point numbers: {error}.") from error


def _is_wide(series: Any) -> bool:
    """Whether a column of polars holds integers of 128 bits, which NumPy has not."""
    kind = type(series.dtype)
    if kind not in WIDE:  # asked once for each type: it takes longer than the numbers of one row
        known = nw.from_native(series, series_only=True, pass_through=True)
        WIDE[kind] = isinstance(getattr(known, "dtype", None), nw.Int128 | nw.UInt128)
    return WIDE[kind]


def _as_floats(series: Any) -> Any:
    return nw.from_native(series, series_only=True).cast(nw.Float64())


def floats_of(values: np.ndarray) -> np.ndarray:
    """An array of objects that are numbers or missing as float64, with NaN where they are missing."""
    return np.array([np.nan if is_missing(v) else _float(v) for v in values.flat], np.float64).reshape(values.shape)


def _float(value: Any) -> float:
    if isinstance(value, np.timedelta64):
        return float(value / SECOND)
    return value.total_seconds() if hasattr(value, "total_seconds") else float(value)
