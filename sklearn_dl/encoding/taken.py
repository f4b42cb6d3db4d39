"""What each column of a table is taken for: what the user has told, or else what its type and its values say.

Knows the kinds of columns by name, and by what each claims; nothing about how they are encoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._data import NOTHING, column, held_by, is_dataframe, is_missing, kind_of
from .choice import chosen_columns, place_of
from .part import Part, is_sparse

__all__ = ["kinds_of", "refuse_forgotten", "told_kinds"]

MAY_BE = {  # what a column that is told to be of a kind may hold
    "number": ("numbers", "durations", NOTHING),
    "date": ("dates", "times", "text", NOTHING),
    "text": ("text", NOTHING),
}


def told_kinds(
    kinds: Any, categorical_features: Any, allowed: tuple[str, ...], X: Any, names: list[Any] | None
) -> dict[int, str]:
    """The kinds that the user has told, by position of the column.

    Parameters
    ----------
    kinds : mapping or None
        From a column's name or position to a kind.
    categorical_features : "from_dtype", or sequence
        As for `TableEncoder`.
    allowed : tuple of str
        The kinds that there are.
    X : DataFrame, ndarray or CSR matrix of shape (n, n_features)
        The checked table.
    names : list or None
        Names of its columns.

    Raises
    ------
    ValueError
        Where either parameter names no column, or the two say different things.
    """
    given, d = categorical_features, X.shape[1]
    by_type = isinstance(given, str) and given == "from_dtype"
    if is_sparse(X):
        named = not isinstance(given, str) and any(isinstance(item, str) for item in np.asarray(given, object).flat)
        if named or (not isinstance(given, str) and chosen_columns(given, d, None).any()):
            raise ValueError(
                "TableEncoder: categorical_features must be 'from_dtype' for a sparse table, whose columns are "
                f"taken for numbers; got {given!r}."
            )
        by_type = True
    told: dict[int, str] = {}
    if kinds is not None and not isinstance(kinds, Mapping):
        raise ValueError(f"TableEncoder: kinds must be a dict from columns to kinds, or None; got {kinds!r}.")
    for item, kind in (kinds or {}).items():
        if kind not in allowed:
            raise ValueError(
                f"TableEncoder: kinds[{item!r}] must be one of {', '.join(map(repr, allowed))}; got {kind!r}."
            )
        told[place_of(item, d, names)] = kind
    if is_sparse(X) and set(told.values()) - {"number"}:
        raise ValueError(f"TableEncoder: kinds of a sparse table must all be 'number'; got {kinds!r}.")
    for i in [] if by_type else np.flatnonzero(chosen_columns(given, d, names)).tolist():
        if told.setdefault(i, "category") != "category":
            raise ValueError(
                f"TableEncoder: column {i if names is None else names[i]!r} is among categorical_features, but is "
                f"{told[i]!r} in kinds; take it out of one of them."
            )
    return told


def kinds_of(X: Any, parts: Mapping[str, type[Part]], told: Mapping[int, str]) -> list[str]:
    """The kind of each column.

    Parameters
    ----------
    X : DataFrame, ndarray or CSR matrix of shape (n, n_features)
        The checked table.
    parts : mapping of str to type of Part
        The kinds that there are.
    told : mapping of int to str
        Those that the user has told.

    Raises
    ------
    ValueError
        Where a column cannot be what the user has told, or can be nothing.
    """
    if is_dataframe(X):
        return [_kind(column(X, i), name, parts, told.get(i)) for i, name in enumerate(X.columns)]
    guess = "date" if isinstance(X, np.ndarray) and X.dtype.kind == "M" else "number"
    kinds = [told.get(i, guess) for i in range(X.shape[1])]
    for i, kind in enumerate(kinds):
        if kind not in (guess, "category"):
            raise ValueError(f"column {i} of X holds {guess}s, which kinds={{{i}: {kind!r}}} cannot be.")
    return kinds


def refuse_forgotten(kinds: list[str], told: Mapping[int, str], names: list[Any]) -> None:
    """Raise ValueError where categories are not among the columns that the user has listed as such."""
    forgotten = [i for i, kind in enumerate(kinds) if kind == "category" and i not in told]
    if forgotten:
        raise ValueError(
            f"column {names[forgotten[0]]!r} of X holds categories but is not among categorical_features; "
            "add it, drop it, or use categorical_features='from_dtype'."
        )


def _kind(series: Any, name: Any, parts: Mapping[str, type[Part]], told: str | None) -> str:
    if told is None:
        claimed = (kind for kind, part in parts.items() if part.claims(series))
        return next(claimed, None) or kind_of(series, name)
    word = held_by(series, name)
    allowed = MAY_BE.get(told, (word,))
    if word not in allowed and not all(map(is_missing, series.to_list())):
        raise ValueError(f"column {name!r} of X holds {word}, which kinds={{{name!r}: {told!r}}} cannot be.")
    return told
