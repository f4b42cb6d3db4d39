"""Columns of numbers: scaled, missing ones filled, with an indicator where some were missing in training.

Knows how a table hands out numbers; how they are scaled is `Scaling`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, final

import numpy as np

from .._data import column, held_by, is_dataframe, numbers_of, row_blocks
from .layout import MISSING, NUMBER, TWO_VALUED, Span
from .part import Part, is_sparse, names_of
from .rescaling import relearnt, revived, revived_sparse
from .scaling import Scaling, learnt_dense

__all__ = ["Numbers"]


@final
class Numbers(Part):
    """A column for each column of numbers, then an indicator for each that had gaps in training.

    Parameters
    ----------
    columns : ndarray of int
        Positions of the table's columns, those of two values last: they are not embedded.
    scaling : Scaling
        What happens to them.
    durations : ndarray of int
        Positions of the table's columns that hold durations.
    """

    def __init__(self, columns: np.ndarray, scaling: Scaling, durations: np.ndarray):
        self.columns, self.scaling, self.durations = columns, scaling, durations

    @classmethod
    def learn(
        cls,
        X: Any,
        columns: np.ndarray,
        weight: np.ndarray | None,
        index: np.ndarray | None,
        settings: Mapping[str, Any],
    ) -> Numbers:
        robust, names = settings["scaling"] == "robust", partial(_name, X, columns)
        durations = columns[[is_dataframe(X) and held_by(column(X, i), None) == "durations" for i in columns.tolist()]]
        if is_sparse(X):
            few = X.shape[1] <= settings["max_dense"]
            scaling = learnt_dense(X, weight, robust=robust) if few else Scaling.learn_sparse(X, weight)
        else:
            scaling = Scaling.learn(_numbers(X, columns, durations), weight, names, index, robust=robust)
        if not len(scaling.two_valued):
            return cls(columns, scaling, durations)
        order = np.argsort(np.isin(np.arange(len(columns)), scaling.two_valued), kind="stable")
        return cls(columns[order], scaling.reordered(order), durations)

    @property
    def gappy(self) -> np.ndarray:
        """Positions of the table's columns that have an indicator."""
        return self.columns[self.scaling.gaps]

    @property
    def varied(self) -> bool:
        return bool(self.scaling.scale.all())

    @property
    def spans(self) -> list[Span]:
        first = len(self.columns) - len(self.scaling.two_valued)  # of those of two values
        numbers = [Span(i, NUMBER if j < first else TWO_VALUED, 1, ("",)) for j, i in enumerate(self.columns.tolist())]
        return numbers + [Span(i, MISSING, 1, ("_missing",)) for i in self.gappy.tolist()]

    def encode(self, X: Any, out: np.ndarray) -> list[np.ndarray]:
        numbers, gaps = _numbers(X, self.columns, self.durations, self.scaling.unknown.tolist()), self.scaling.gaps
        names = partial(_name, X, self.columns)
        n, d = numbers.shape
        for rows in row_blocks(n, d):
            block = numbers[rows]
            self.scaling.apply(block, out[rows, :d], names)
            if len(gaps):
                out[rows, d:] = np.isnan(block[:, gaps])
        return []

    def encode_sparse(self, X: Any, dtype: Any) -> Any:
        """A CSR matrix of which all columns are numbers, encoded.

        Parameters
        ----------
        X : CSR matrix of shape (n, n_features)
            The checked table.
        dtype : numpy.dtype or type
            Precision of the network.

        Returns
        -------
        CSR matrix of shape (n, n_features)
        """
        return self.scaling.apply_sparse(X, dtype)

    def numbers_of(self, X: Any) -> Any:  # what comes in a column of which nothing was known may be no number
        if is_sparse(X):
            return X
        unknown = [
            j for j in self.scaling.unknown.tolist() if is_dataframe(X) and not _holds_numbers(X, int(self.columns[j]))
        ]
        return _numbers(X, self.columns, self.durations, unknown)

    def refined(self, X: Any, weight: np.ndarray | None, so_far: Any, so_far_weight: np.ndarray | None) -> Numbers:
        names = partial(_name, X, self.columns)
        if is_sparse(X):
            scaling = (
                revived_sparse(self.scaling, X, weight)
                if so_far is None
                else Scaling.learn_sparse(so_far, so_far_weight)
            )
        elif so_far is None:
            scaling = revived(self.scaling, self.numbers_of(X), weight, names)
        else:
            scaling = relearnt(self.scaling, so_far, so_far_weight, names)
        return self if scaling is self.scaling else Numbers(self.columns, scaling, self.durations)

    def middle(self, out: np.ndarray) -> list[np.ndarray]:
        out[...] = 0
        return []

    def random_rows(self, rng: np.random.Generator, out: np.ndarray) -> list[np.ndarray]:
        d = len(self.columns)
        out[:, :d], out[:, d:] = self.scaling.draw(rng, len(out))
        return []


def _numbers(X: Any, columns: np.ndarray, durations: np.ndarray, unknown: Any = ()) -> np.ndarray:
    """The columns of numbers, as one array; of a DataFrame's `unknown` ones, positions in `columns`, none is there."""
    if isinstance(X, np.ndarray):
        if X.dtype.kind == "M" and len(columns):
            raise ValueError(f"X holds dates ({X.dtype}) but held numbers at fit.")
        X = X if np.array_equal(columns, np.arange(X.shape[1])) else X[:, columns]
        return X.astype(np.float64) if X.dtype.kind == "M" else X
    held = np.flatnonzero(np.isin(columns, durations)).tolist() if len(durations) else ()
    return numbers_of(X, columns.tolist(), names_of(X), unknown, held)


def _holds_numbers(X: Any, i: int) -> bool:
    try:
        return held_by(column(X, i), names_of(X)[i]) == "numbers"
    except ValueError:  # dates, nested values
        return False


def _name(X: Any, columns: np.ndarray, j: int) -> Any:
    """Name of the j-th column of numbers."""
    return names_of(X)[columns[j]]
