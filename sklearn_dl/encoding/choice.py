"""Columns that a parameter chooses: by a mask, by positions or by names.

Knows nothing about what they are chosen for, but the names of the parameters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["chosen_columns", "place_of"]


def chosen_columns(given: Any, n_features: int, names: list[Any] | None) -> np.ndarray:
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


def place_of(item: Any, n_features: int, names: list[Any] | None) -> int:
    """Position of the column that a key of `kinds` names: by its name, or else by its position."""
    if names is not None and item in names:
        return names.index(item)
    if isinstance(item, (int, np.integer)) and not isinstance(item, bool) and -n_features <= item < n_features:
        return int(item) % n_features
    raise ValueError(
        f"TableEncoder: kinds must have names or positions of columns as keys; got {item!r}, which X has not."
    )
