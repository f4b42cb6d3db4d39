"""What the columns of one kind become in an encoded table: `Part`, the protocol of a kind of column.

Knows the tables that `check_table` lets through, and nothing about any kind of column.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import vstack

from .._data import is_dataframe
from .layout import Span

__all__ = ["Part", "below", "is_sparse", "names_of"]


class Part(ABC):
    """What the columns of one kind become: columns of numbers, columns of codes, or both.

    To add a kind of column, inherit `Part` in a file of its own and enter the class in the table of kinds in
    `table_encoder`. A part is learnt from the training rows, also where no column is of its kind. It is pickled with
    the encoder, so it holds arrays, lists, dicts and objects of this package only. Its ONNX form is a function in
    `sklearn_dl.onnx.tables`, which reads its public attributes.

    Attributes
    ----------
    columns : ndarray of int
        Positions of the table's columns that it encodes.
    """

    columns: np.ndarray

    @classmethod
    def claims(cls, series: Any) -> bool:
        """Whether a column of a DataFrame is of this kind; numbers and categories are what nobody claims.

        Columns of which the user has said what they are, are not asked for.

        Parameters
        ----------
        series : Series
            Of pandas, polars or alike.
        """
        return False

    @classmethod
    @abstractmethod
    def learn(
        cls,
        X: Any,
        columns: np.ndarray,
        weight: np.ndarray | None,
        index: np.ndarray | None,
        settings: Mapping[str, Any],
    ) -> Part:
        """The part of training columns.

        Parameters
        ----------
        X : DataFrame, ndarray or CSR matrix of shape (n_all, n_features)
            The checked table.
        columns : ndarray of int
            Positions of its columns that are of this kind.
        weight : ndarray of shape (n,) or None
            Weight of each row, positive.
        index : ndarray of shape (n,) or None
            Which rows of an array to learn from; None for all.
        settings : mapping of str
            The encoder's parameters.
        """

    @property
    @abstractmethod
    def spans(self) -> list[Span]:
        """The encoded columns: those of numbers as `encode` lays them out, those of codes as it hands them back."""

    @abstractmethod
    def encode(self, X: Any, out: np.ndarray) -> list[np.ndarray]:
        """Encode the part's columns.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n, n_features)
            The checked table.
        out : ndarray of shape (n, d)
            Gets the columns of numbers, in the precision of the network.

        Returns
        -------
        list of ndarray of shape (n,)
            The columns of codes.

        Raises
        ------
        ValueError
            Where a column is of another type than in training, with its name.
        """

    def numbers_of(self, X: Any) -> Any:
        """The columns that are scaled, as numbers; None where none are.

        Parameters
        ----------
        X : DataFrame, ndarray or CSR matrix of shape (n, n_features)
            The checked table.

        Returns
        -------
        ndarray or CSR matrix of shape (n, n_columns), or None
        """
        return None

    def refined(self, X: Any, weight: np.ndarray | None, so_far: Any, so_far_weight: np.ndarray | None) -> Part:
        """The part with scales that further rows tell; this one where nothing has changed.

        Parameters
        ----------
        X : DataFrame, ndarray or CSR matrix of shape (n, n_features)
            Further rows.
        weight : ndarray of shape (n,) or None
            Weight of each.
        so_far : ndarray, CSR matrix or None
            What `numbers_of` gave of all rows so far, these among them, where they are few; else None.
        so_far_weight : ndarray or None
            Weight of each of these.

        Returns
        -------
        Part
            Of the same columns.
        """
        return self

    @property
    def varied(self) -> bool:
        """Whether all columns that are scaled have varied so far."""
        return True

    @abstractmethod
    def middle(self, out: np.ndarray) -> list[np.ndarray]:
        """The row in the middle of all.

        Parameters
        ----------
        out : ndarray of shape (1, d)
            Gets the columns of numbers.

        Returns
        -------
        list of ndarray of int
            For each column of codes those that the middle is the plain mean of.
        """

    @abstractmethod
    def random_rows(self, rng: np.random.Generator, out: np.ndarray) -> list[np.ndarray]:
        """Rows that are likely by what was learnt, columns independent of each other.

        Parameters
        ----------
        rng : numpy.random.Generator
            Decides them.
        out : ndarray of shape (n, d)
            Gets the columns of numbers.

        Returns
        -------
        list of ndarray of shape (n,)
            The columns of codes.
        """


def is_sparse(X: Any) -> bool:
    """Whether a checked table is a CSR matrix."""
    return not (isinstance(X, np.ndarray) or is_dataframe(X))


def below(first: Any, second: Any) -> Any:
    """The rows of two arrays or CSR matrices; sparse where both are."""
    if is_sparse(first) and is_sparse(second):
        return type(second)(vstack((first, second)))
    return np.vstack([rows.toarray() if is_sparse(rows) else rows for rows in (first, second)])


def names_of(X: Any) -> Sequence[Any]:
    """Names of a table's columns for messages: their numbers where there are none."""
    return list(X.columns) if is_dataframe(X) else range(X.shape[1])
