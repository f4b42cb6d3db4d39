"""The kind of each column of a table: by its type, or by a parameter that chooses by a mask, positions or names.

Knows what a kind claims, and nothing about what becomes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._data import column, is_dataframe, kind_of
from .part import Part, is_sparse

__all__ = ["kinds_of_columns"]


def kinds_of_columns(X: Any, given: Any, kinds: Mapping[str, type[Part]]) -> list[str]:
    """The kind of each column.

    Parameters
    ----------
    X : DataFrame, ndarray or CSR matrix of shape (n, n_features)
        The checked table.
    given : object
        The parameter `categorical_features`.
    kinds : mapping of str to type
        What there is for each kind.

    Raises
    ------
    ValueError
        Where the parameter does not fit the table.
    """
    if is_sparse(X):
        named = not isinstance(given, str) and any(isinstance(item, str) for item in np.asarray(given, object).flat)
        if named or (not isinstance(given, str) and _chosen_columns(given, X.shape[1], None).any()):
            raise ValueError(
                "TableEncoder: categorical_features must be 'from_dtype' for a sparse table, whose columns are "
                f"taken for numbers; got {given!r}."
            )
        return ["number"] * X.shape[1]
    names = list(X.columns) if is_dataframe(X) else None
    if names is None:
        by_type = ["number"] * X.shape[1]
    else:
        by_type = [_kind(column(X, i), name, kinds) for i, name in enumerate(names)]
    if isinstance(given, str) and given == "from_dtype":
        return by_type
    mask = _chosen_columns(given, len(by_type), names)
    forgotten = [i for i, kind in enumerate(by_type) if kind == "category" and not mask[i]]
    if names is not None and forgotten:
        raise ValueError(
            f"column {names[forgotten[0]]!r} of X holds categories but is not among categorical_features; "
            "add it, drop it, or use categorical_features='from_dtype'."
        )
    return ["category" if chosen else kind for chosen, kind in zip(mask, by_type, strict=True)]


def _kind(series: Any, name: Any, kinds: Mapping[str, type[Part]]) -> str:
    """The kind that claims a DataFrame's column, or else whether it holds numbers or categories."""
    claimed = (kind for kind, part in kinds.items() if part.claims(series))
    return next(claimed, None) or kind_of(series, name)


def _chosen_columns(given: Any, n_features: int, names: list[Any] | None) -> np.ndarray:
    """A mask over the columns from a mask, indices or names."""
    items = np.asarray(given, dtype=object)
    what = "TableEncoder: categorical_features must be 'from_dtype', or a mask, indices or names of columns"
    if items.ndim != 1:
        raise ValueError(f"{what}; got {given!r}.")
    mask, place = np.zeros(n_features, bool), {name: i for i, name in enumerate(names or ())}
    if len(items) and all(isinstance(item, (bool, np.bool_)) for item in items):
        if len(items) != n_features:
            raise ValueError(f"{what}; got a mask of length {len(items)} for {n_features} columns.")
        return items.astype(bool)
    for item in items:
        if isinstance(item, str):
            if item not in place:
                raise ValueError(f"{what}; got the name {item!r}, which X has not.")
            mask[place[item]] = True
        elif isinstance(item, (int, np.integer)) and -n_features <= item < n_features:
            mask[item] = True
        else:
            raise ValueError(f"{what}; got {item!r} for {n_features} columns.")
    return mask
