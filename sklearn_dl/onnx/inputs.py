"""A table as the inputs of a graph: the types that these have, and the arrays that onnxruntime takes.

Knows tables of all kinds, and nothing about networks or about what a graph does with its inputs.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from scipy.sparse import issparse

from .._data import (
    NOTHING,
    as_dataframe,
    column,
    factorize,
    is_dataframe,
    is_missing,
    kind_of,
    to_numbers,
    type_of_levels,
)
from .._numerics import MatrixLike
from .tables import MISSING_TEXT

__all__ = ["as_fitted", "input_types", "note_columns", "onnx_inputs"]

COLUMNS = "sklearn_dl.columns"  # among the metadata of a graph
TEXT = "tensor(string)"
DTYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}  # of a graph's inputs


def onnx_inputs(session: Any, X: MatrixLike) -> dict[str, np.ndarray]:
    """A table as the inputs of a graph.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Runs the graph.
    X : DataFrame, array-like or sparse matrix of shape (n, n_features)
        The table; columns of a DataFrame are found by their names.

    Returns
    -------
    dict of str to ndarray
        For ``session.run(None, ...)``, dense, of the types that the graph wants. Missing numbers are NaN; missing text
        is `MISSING_TEXT`.

    Raises
    ------
    ValueError
        Where the table has other columns, or a column cannot be made the type of its input.
    """
    X, given = _table(X), session.get_inputs()
    told = [i.shape[1] if len(i.shape) == 2 and isinstance(i.shape[1], int) else None for i in given]
    fixed = sum(width for width in told if width is not None)
    widths = [X.shape[1] - fixed if width is None else width for width in told]  # an open one takes what is left
    if sum(widths) != X.shape[1] or min(widths) < 1:
        raise ValueError(f"X must have {fixed} columns, as the graph's inputs together; it has {X.shape[1]}.")
    order, inputs, start = _order(X, session), {}, 0
    for wanted, width in zip(given, widths, strict=True):
        arrays = [_column_input(X, i, wanted.type) for i in order[start : start + width]]
        start += width
        inputs[wanted.name] = np.column_stack(arrays)
    return inputs


def as_fitted(X: Any, names: Any) -> Any:
    """A DataFrame with the columns of `fit` in their order; all else as it is.

    Parameters
    ----------
    X : DataFrame, array-like or sparse matrix of shape (n, n_features)
        The table.
    names : sequence of str or None
        Names of the columns at `fit`; None where they had none.

    Returns
    -------
    DataFrame, array-like or sparse matrix

    Raises
    ------
    ValueError
        Where a column is missing.
    """
    X = as_dataframe(X)
    if names is None or not is_dataframe(X):
        return X
    missing = [name for name in names if name not in list(X.columns)]
    if missing:
        raise ValueError(f"X must have the columns of fit; it has no {missing[0]!r}.")
    return X[list(names)]


def input_types(X: Any) -> list[tuple[str, Any]]:
    """Names and types of the inputs of a graph that takes tables like this one.

    Parameters
    ----------
    X : DataFrame, array-like or sparse matrix of shape (n, n_features)
        The table.

    Returns
    -------
    list of tuple (str, skl2onnx type)
        For skl2onnx's ``initial_types``.

    Raises
    ------
    ValueError
        Where X is no table, or a column is of a kind that no graph takes.
    """
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType

    if not is_dataframe(X):
        X = np.empty((0, X.shape[1]), X.dtype) if issparse(X) else _table(X)
        single = FloatTensorType if X.dtype == np.float32 else DoubleTensorType
        return [("X", (StringTensorType if X.dtype == object else single)([None, X.shape[1]]))]
    types: list[tuple[str, Any]] = []
    for i, name in enumerate(X.columns):
        series = column(X, i)
        is_number = kind_of(series, name) == "number" or type_of_levels(factorize(series, name)[1], name) == "numbers"
        single = FloatTensorType if str(series.dtype).lower() == "float32" else DoubleTensorType
        types.append((str(name) or f"x{i}", (single if is_number else StringTensorType)([None, 1])))
    return types


def note_columns(graph: Any, X: Any) -> None:
    """Write into a graph the columns of the table that it is made for, which skl2onnx changes for its inputs' names.

    Parameters
    ----------
    graph : onnx.ModelProto
        Gets the names among its metadata.
    X : DataFrame, array-like or sparse matrix of shape (n, n_features)
        The table.
    """
    if is_dataframe(X) and all(isinstance(name, str) for name in X.columns):
        graph.metadata_props.add(key=COLUMNS, value=json.dumps(list(X.columns)))


def _table(X: Any) -> Any:
    """A DataFrame as it is; all else as an array of numbers, with NaN where they are masked, or of objects for text."""
    X = as_dataframe(X)
    if is_dataframe(X):
        return X
    if issparse(X):
        X = X.toarray()
    if isinstance(X, np.ma.MaskedArray):
        X = np.ma.filled(X if X.dtype.kind == "f" else X.astype(np.float64), np.nan)
    try:
        X = np.asarray(X)
    except ValueError as error:
        raise ValueError(f"X must be a table of shape (n, n_features), all rows of one length ({error}).") from error
    if X.ndim != 2:
        raise ValueError(f"X must be a table of shape (n, n_features); got an array of shape {X.shape}.")
    if X.dtype.kind in "OU":
        try:
            return X.astype(np.float64)
        except (TypeError, ValueError):
            return X.astype(object)
    if X.dtype.kind not in "fiub":
        raise ValueError(f"X must hold numbers or text; got an array of {X.dtype}.")
    return X


def _order(X: Any, session: Any) -> list[int]:
    """Position of each input's column: that of its name, or as they come where names are not known.

    Raises
    ------
    ValueError
        Where X has other columns than the table that the graph was made for.
    """
    names = list(X.columns) if is_dataframe(X) else []
    known = json.loads(session.get_modelmeta().custom_metadata_map.get(COLUMNS, "null"))
    given = known or [i.name for i in session.get_inputs()]  # those of a graph that `to_onnx` did not make
    if set(given) == set(names):
        return [names.index(name) for name in given]
    if known and all(isinstance(name, str) for name in names) and names:
        missing = [name for name in known if name not in names]
        raise ValueError(f"X must have the columns that the graph was made for; it has no {missing[0]!r}.")
    return list(range(X.shape[1]))


def _column_input(X: Any, i: int, kind: str) -> np.ndarray:
    """One column as an input of a type such as "tensor(float)"."""
    name = X.columns[i] if is_dataframe(X) else i
    if kind == TEXT:
        return _texts(X, i, name)
    if kind not in DTYPES:
        raise ValueError(f"column {name!r} of X cannot be made a {kind}; an input must be text or numbers.")
    if is_dataframe(X):
        numbers = to_numbers(column(X, i), name)
    elif X.dtype == object:
        raise ValueError(f"column {name!r} of X must hold numbers, as the graph's input does; X is an array of text.")
    else:
        numbers = X[:, i]
    with np.errstate(invalid="ignore", over="ignore"):
        cast: np.ndarray = numbers.astype(DTYPES[kind])
    if cast.dtype.kind != "f" and not (cast == numbers).all():
        wrong = "missing numbers" if np.isnan(numbers).any() else f"{numbers[cast != numbers][0]:g}"
        raise ValueError(f"column {name!r} of X has {wrong}, but its input is a {kind}, made for whole numbers.")
    return cast


def _texts(X: Any, i: int, name: Any) -> np.ndarray:
    """One column of text, as an array of objects."""
    if is_dataframe(X):
        codes, levels = factorize(column(X, i), name)
    else:
        values = X[:, i].tolist()
        levels = list(dict.fromkeys(v for v in values if not is_missing(v)))
        position = {level: code for code, level in enumerate(levels)}
        codes = np.array([position.get(v, -1) for v in values], dtype=np.intp)
    held = type_of_levels(levels, name)
    if held not in ("text", NOTHING):
        raise ValueError(f"column {name!r} of X holds {held}, but its input is text.")
    if MISSING_TEXT in levels:
        raise ValueError(f"column {name!r} of X holds the text {MISSING_TEXT!r}, which stands for missing text.")
    return np.array([*levels, MISSING_TEXT], dtype=object)[codes]  # missing is -1
