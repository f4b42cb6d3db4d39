"""Lazy predictions: a task a partition, which gives what the ordinary estimator gives for its rows.

Knows the shapes of predictions, and Dask's collections.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._estimators import BaseDL
from .engine import dask_of
from .partitions import rows_apart

__all__ = ["lazily"]


def lazily(model: BaseDL, X: Any, method: str) -> Any:
    """What a method gives for each partition of a collection.

    Parameters
    ----------
    model : BaseDL
        Fitted.
    X : Dask DataFrame or array
        The table.
    method : str
        Of the estimator, such as "predict".

    Returns
    -------
    Dask Series or DataFrame, or Dask array
        With the index or the chunks of X.
    """
    few = _few(model, method)
    told = dask_of("dask").delayed(model, pure=True)
    if hasattr(X, "chunks"):
        if X.ndim != 2:
            raise ValueError(f"X must have 2 dimensions; got an array of {X.ndim}.")
        array = dask_of("dask.array")
        pieces = dask_of("dask").delayed(_asked)
        blocks, rows = rows_apart(X), X.chunks[0]
        parts = [
            array.from_delayed(pieces(told, block, method, few.dtype), (n, *few.shape[1:]), few.dtype)
            for block, n in zip(blocks, rows, strict=True)
        ]
        return array.concatenate(parts, allow_unknown_chunksizes=True)
    pandas = dask_of("pandas")
    meta = pandas.Series(few, name=None) if few.ndim == 1 else pandas.DataFrame(few, columns=_names(model, method, few))
    return X.map_partitions(_framed, told, method, meta, meta=meta.iloc[:0])


def _asked(model: BaseDL, X: Any, method: str, dtype: Any) -> np.ndarray:
    answer: np.ndarray = np.asarray(getattr(model, method)(X)).astype(dtype, copy=False)
    return answer


def _framed(X: Any, model: BaseDL, method: str, meta: Any) -> Any:
    """The answer for a partition of a DataFrame, with its index."""
    if not len(X):
        return meta.iloc[:0].set_axis(X.index)
    answer = getattr(model, method)(X)
    if answer.ndim == 1:
        return type(meta)(answer, index=X.index)
    return type(meta)(answer, index=X.index, columns=meta.columns)


def _few(model: BaseDL, method: str) -> np.ndarray:
    """No rows, in the form of an answer."""
    raw = np.zeros((1, model.fitted_.head.n_raw))
    head: Any = model.fitted_.head
    answer = {"predict": head.predict}.get(method) or head.probabilities
    found = answer(raw)
    if isinstance(found, list):
        raise ValueError(f"{method} of several targets with classes of their own is not lazy; use estimator_ on parts.")
    return np.asarray(found)[:0]


def _names(model: BaseDL, method: str, few: np.ndarray) -> Any:
    classes = getattr(model, "classes_", None)
    named = method != "predict" and isinstance(classes, np.ndarray) and classes.shape == few.shape[1:]
    return list(classes) if named and classes is not None else list(range(few.shape[1]))
