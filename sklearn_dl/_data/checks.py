"""What X, y and the weights may be, told in one sentence each.

Knows nothing about networks; lengths, finiteness and names of columns are checked by scikit-learn.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, column_or_1d, validate_data

from .containers import as_floats, canonical, opened, refuse_mask
from .dataframes import check_dataframe, column, is_dataframe, numbers_of, sparse_rows
from .kinds import is_missing, is_plain_number, kind_of
from .target import target_array
from .told import tells

__all__ = [
    "MOST_WEIGHT",
    "check_groups",
    "check_numbers",
    "check_table",
    "check_target",
    "check_truth",
    "check_weight",
    "is_plain",
]

FLOATS = (np.float64, np.float32)
MOST_WEIGHT = 1e300  # in all: sums of weighted statistics stay finite
NO_NUMBER = ("could not convert", "int too large")  # how NumPy's errors begin


def is_plain(owner: BaseEstimator, X: Any, *, finite: bool) -> bool:
    """Whether X needs no further check to be predicted: a float array of the right shape for an owner without names.

    `validate_data` takes some 100 µs, several times what a network takes for a row; what is not plain goes there, and
    so comes to its errors.

    Parameters
    ----------
    owner : estimator
        Has seen its columns.
    X : object
        What came.
    finite : bool
        Whether the numbers must be finite.
    """
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype in FLOATS
        and len(X) > 0
        and X.shape[1] == vars(owner)["n_features_in_"]
        and "feature_names_in_" not in vars(owner)
        and (not finite or math.isfinite(np.add.reduce(X, axis=None)))
    )


@tells("X", 1)
def check_table(owner: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """A DataFrame as it is, or an array of floats or dates, or a CSR matrix; sets or checks the owner's features.

    Raises
    ------
    ValueError, TypeError
        Where X is not a table, is empty, or its columns are not those of `fit`.
    """
    X = opened(X)
    if is_dataframe(X):
        check_dataframe(X)
        validate_data(owner, X, reset=reset, skip_check_array=True)
        rows = sparse_rows(X)
        if rows is None:
            return X
        X = rows
    else:
        X = _as_array(owner, X, reset=reset)
    if not isinstance(X, np.ndarray) and not np.isfinite(X.data).all():
        raise ValueError(
            "X is sparse and contains NaN or infinity, but a sparse X must hold finite numbers; fill its gaps, or make "
            "it dense, in a ColumnTransformer with sparse_threshold=0."
        )
    return X


@tells("X", 1)
def check_numbers(owner: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """A table of finite numbers as a float array or CSR matrix; sets or checks the owner's features and their names.

    Raises
    ------
    ValueError, TypeError
        Where X holds anything else, or its columns are not those of `fit`.
    """
    X, names = opened(X), None
    if is_dataframe(X):
        check_dataframe(X)
        names = list(X.columns)
        validate_data(owner, X, reset=reset, skip_check_array=True)
        rows = sparse_rows(X)
        X = _frame_of_numbers(X, names) if rows is None else rows
    else:
        X = _as_array(owner, X, reset=reset)
        if X.dtype.kind == "M":
            raise ValueError(f"X holds dates ({X.dtype}): encoder=None takes finite numbers only; use encoder='auto'.")
    _refuse_non_finite(X, names)
    return X


def _as_array(owner: BaseEstimator, X: Any, *, reset: bool) -> Any:
    """An array or a sparse matrix as floats, or as a CSR matrix of them; sets or checks the number of features.

    Arrays of dates stay what they are.
    """
    try:
        X = as_floats(X)
        dtype = None if isinstance(X, np.ndarray) and X.dtype.kind == "M" else FLOATS
        X = validate_data(owner, X, reset=reset, accept_sparse="csr", dtype=dtype, ensure_all_finite=False)
    except (ValueError, OverflowError) as error:
        if not str(error).startswith(NO_NUMBER):
            raise
        raise ValueError(f"an array must hold numbers ({error}); pass text and categories in a DataFrame.") from error
    return canonical(X)


def _frame_of_numbers(X: Any, names: list[Any]) -> np.ndarray:
    """A DataFrame of columns of numbers as an array; ValueError with the name of one that holds anything else."""
    for i, (name, dtype) in enumerate((name, column(X, i).dtype) for i, name in enumerate(names)):
        if not is_plain_number(dtype) and kind_of(column(X, i), name) != "number":
            raise ValueError(
                f"column {name!r} of X has dtype {dtype}: encoder=None takes columns of numbers only; encode it "
                "before, or use encoder='auto'."
            )
    return numbers_of(X, range(len(names)), names)


@tells("y", 2)
def check_target(owner: BaseEstimator, X: Any, y: Any) -> np.ndarray:
    """y as an array of shape (n,) or (n, n_outputs), n_outputs > 1, as long as X and without missing values.

    Raises
    ------
    ValueError
        Where it is anything else.
    """
    if y is None:
        raise ValueError(f"This {type(owner).__name__} estimator requires y to be passed, but the target y is None.")
    _refuse_shape(X, y)
    y = check_truth(y)
    _refuse_shape(X, y)  # once more: a list has shown its shape
    check_consistent_length(X, y)
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y


def check_truth(y: Any) -> np.ndarray:
    """y as an array without missing values, of whatever length.

    Raises
    ------
    ValueError
        Where a value is missing, masked or infinite.
    """
    refuse_mask(y, "y")
    y = check_array(target_array(y), ensure_2d=False, dtype=None, ensure_all_finite=False, input_name="y")
    if y.dtype == object and any(map(is_missing, y.flat)):
        raise ValueError("y contains None or NaN (missing); leave such rows out.")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.argwhere(~np.isfinite(y))[0][0])
        if np.isnan(y[row]).any():
            raise ValueError(f"y contains NaN (missing), in row {row}; leave such rows out.")
        raise ValueError(f"y contains infinity, in row {row}; it must hold finite numbers.")
    checked: np.ndarray = y
    return checked


@tells("sample_weight", 0)
def check_weight(sample_weight: Any, y: np.ndarray) -> np.ndarray:
    """Weights as float64, none negative and not all 0, as many as rows.

    Raises
    ------
    ValueError
        Where they are anything else.
    """
    refuse_mask(sample_weight, "sample_weight")
    with np.errstate(over="ignore"):
        weight = _check_sample_weight(
            sample_weight, y, dtype=np.float64, ensure_non_negative=True, allow_all_zero_weights=True
        )
        total = weight.sum()
    if total > MOST_WEIGHT:
        raise ValueError(f"sample_weight must add up to at most {MOST_WEIGHT:g}; got values up to {weight.max():g}.")
    if not weight.any():
        raise ValueError("sample_weight is zero for all rows; at least one weight must be > 0.")
    return weight


def _refuse_shape(X: Any, y: Any) -> None:
    """Raise ValueError where y is neither a vector nor a matrix, or has another number of rows than X."""
    shape: Any = getattr(y, "shape", () if np.isscalar(y) else None)
    if shape is None:
        return
    if len(shape) not in (1, 2) or 0 in shape[1:]:
        raise ValueError(f"y must have shape (n,) or (n, n_outputs); got an array of shape {tuple(shape)}.")
    rows = getattr(X, "shape", shape)[:1]
    if rows and rows[0] != shape[0]:
        raise ValueError(f"X and y must have the same number of rows; got {rows[0]} and {shape[0]}.")


def _refuse_non_finite(X: Any, names: Any) -> None:
    """Raise ValueError with the column where X, an array or a CSR matrix, holds NaN or infinity."""
    numbers = X if isinstance(X, np.ndarray) else X.data
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(numbers.sum()) or np.isfinite(numbers).all():
            return
    place = tuple(np.argwhere(~np.isfinite(numbers))[0])
    row, column = place if isinstance(X, np.ndarray) else (X.tocoo().row[place[0]], X.tocoo().col[place[0]])
    what = "NaN" if np.isnan(numbers[place]) else "infinity (inf)"
    raise ValueError(
        f"column {int(column) if names is None else names[column]!r} of X contains {what}, in row {row}: "
        "encoder=None takes finite numbers only; fill in missing ones before, or use encoder='auto'."
    )


def check_groups(groups: Any, y: np.ndarray) -> np.ndarray:
    """Which rows belong together, as numbers from 0 on.

    Parameters
    ----------
    groups : array-like of shape (n,)
        Numbers or text; missing values are one group.
    y : ndarray of shape (n,) or (n, n_outputs)
        The targets, for the length.

    Returns
    -------
    ndarray of int of shape (n,)

    Raises
    ------
    ValueError
        Where the length or the shape is another.
    """
    values = np.asarray(groups, dtype=object)
    if values.ndim != 1 or len(values) != len(y):
        raise ValueError(f"groups must have one value for each of the {len(y)} rows; got an array of {values.shape}.")
    numbers: dict[Any, int] = {}
    keys = (None if is_missing(value) else value for value in values.tolist())
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])
