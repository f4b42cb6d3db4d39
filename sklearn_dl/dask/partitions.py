"""Dask collections as lists of partitions that belong together, each with its place in the whole table.

Knows what Dask's collections can be, and nothing about estimators; what is in a partition is looked at on the workers.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from scipy.sparse import issparse

from .._data import is_dataframe
from .engine import Engine

__all__ = ["Partitions", "is_lazy", "partitions_of", "rows_apart"]

MOST_NAMED = 6  # columns that a message names


class Partitions(NamedTuple):
    """The partitions of a table, its targets and its weights.

    Attributes
    ----------
    pieces : list of tuple
        X, y and the weights (None for none) of each, as delayed objects; of partitions that have rows.
    starts : list of int
        Position of each one's first row in the whole table.
    n_rows : int
        Rows of the table.
    """

    pieces: list[tuple[Any, Any, Any]]
    starts: list[int]
    n_rows: int


def is_lazy(X: Any) -> bool:
    """Whether X is a DataFrame, Series or array of Dask; what is delayed otherwise has no dimensions."""
    return hasattr(X, "__dask_graph__") and hasattr(type(X), "ndim")


def partitions_of(engine: Engine, X: Any, y: Any, weight: Any, name: str = "") -> Partitions:
    """The partitions of collections that are cut alike.

    Parameters
    ----------
    engine : Engine
        Counts rows where Dask does not know them.
    X, y : collection of Dask
        The table and its targets.
    weight : collection of Dask or None
        Weights.
    name : str, default=""
        What is added to "X", "y" and "sample_weight" in messages: "_val".

    Returns
    -------
    Partitions

    Raises
    ------
    ValueError, TypeError
        Where they are no collections of Dask, are cut differently, have no rows or partitions of other columns.
    """
    given = {f"X{name}": X, f"y{name}": y} | ({} if weight is None else {f"sample_weight{name}": weight})
    for what, collection in given.items():
        if not is_lazy(collection):
            raise TypeError(
                f"{what} must be a Dask DataFrame, Series or array; got {type(collection).__name__}: what is in memory "
                "is for sklearn_dl.DLClassifier and DLRegressor, or for dask.dataframe.from_pandas and "
                "dask.array.from_array."
            )
    if X.ndim != 2:
        raise ValueError(f"X{name} must have rows and columns; got {type(X).__name__} of {X.ndim} dimensions.")
    lists = {what: rows_apart(collection, like=X) for what, collection in given.items()}
    counts = {what: len(pieces) for what, pieces in lists.items()}
    if len({*counts.values()}) > 1:
        raise ValueError(f"X, y and weights must be cut into partitions alike; got {_told(counts)} partitions.")
    pieces = [tuple(several) for several in zip(*lists.values(), strict=True)]
    seen = engine.result(engine.over(f"count{name}", _seen, pieces))
    for i, (lengths, columns) in enumerate(seen):
        if len({*lengths}) > 1:
            told = _told(dict(zip(given, lengths, strict=True)))
            raise ValueError(f"X, y and weights must be cut into partitions alike; partition {i} has {told} rows.")
        if columns != seen[0][1]:
            raise ValueError(
                f"partition {i} of X{name} has the columns {_short(columns)}, the first one has {_short(seen[0][1])}."
            )
    lengths = [lengths[0] for lengths, _ in seen]
    there, starts, n_rows = [], [], 0
    for several, length in zip(pieces, lengths, strict=True):
        if length:
            there.append((*several, *(None,) * (3 - len(several))))
            starts.append(n_rows)
            n_rows += length
    if not n_rows:
        raise ValueError(f"X{name} has no rows: all of its {len(lengths)} partitions are empty.")
    return Partitions(there, starts, n_rows)


def rows_apart(collection: Any, like: Any = None) -> list[Any]:
    """The partitions of a collection as delayed objects; an array is cut between rows only.

    Parameters
    ----------
    collection : Dask DataFrame, Series or Array
        What is cut.
    like : collection or None, default=None
        An array whose chunks of rows are known is cut as this one is, where it is such an array, too.

    Returns
    -------
    list of Delayed
    """
    if not hasattr(collection, "chunks"):
        return list(collection.to_delayed())
    chunks = collection.chunks[0]
    theirs = getattr(like, "chunks", (chunks,))[0]
    if chunks != theirs and not any(map(math.isnan, (*chunks, *theirs))) and sum(chunks) == sum(theirs):
        chunks = theirs
    if math.isnan(chunks[0]):
        if collection.ndim > 1 and len(collection.chunks[1]) > 1:
            raise ValueError(
                "an array whose numbers of rows are unknown must be cut between rows only; call compute_chunk_sizes()."
            )
    else:
        collection = collection.rechunk({0: chunks} | dict.fromkeys(range(1, collection.ndim), -1))
    return list(collection.to_delayed().ravel())


def _seen(i: int, *several: Any) -> tuple[tuple[int, ...], list[Any] | None]:
    """How many rows each of them has, and the first one's columns."""
    X = several[0]
    if any(map(issparse, several)):
        raise ValueError(f"partition {i} holds a sparse matrix, which is not taken on Dask; make its blocks dense.")
    return tuple(len(piece) if hasattr(piece, "__len__") else piece.shape[0] for piece in several), (
        list(X.columns) if is_dataframe(X) else [X.shape[1]] if X.ndim == 2 else None
    )


def _told(numbers: dict[str, int]) -> str:
    return ", ".join(f"{what} {number}" for what, number in numbers.items())


def _short(columns: list[Any] | None) -> str:
    names = columns or []
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"{names[:MOST_NAMED]}{more}"
