"""TableEncoder: from a table as it comes to what the network sees, and to plain numbers for everybody else.

Knows nothing about networks, training or targets.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar, final

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, _check_sample_weight, check_is_fitted

from .._data.checks import check_table
from .._data.columns import Columns
from .._data.dataframes import (
    column,
    factorize,
    is_dataframe,
    kind_of,
    rows_of,
    to_numbers,
)
from .._data.statistics import row_blocks
from .._numerics.settings import Rules, Settings, either, integer
from .codebook import Codebook
from .scaling import Scaling

__all__ = ["TableEncoder"]


@final
class TableEncoder(TransformerMixin, Settings):
    """Prepare a raw table for a network: scale numbers, fill gaps, turn categories into columns or codes.

    Numbers are scaled and missing ones filled with the median (in units of the network: 0), with an indicator column
    where numbers were missing in training. Categories of few levels become indicator columns, those of many levels
    codes, for which the network learns embeddings. Missing is a level of its own; a level that was not seen in
    training is accepted and counts as neither of the known ones, together with the rare ones.

    In a DataFrame (pandas, polars), columns of type category, text or object hold categories; an object column that
    holds only numbers holds numbers, and so does an array.

    A sparse table is divided by the standard deviations and not centred, so that zeros stay zeros: the network sees
    other numbers than for the same table dense. It must not have missing values.

    Parameters
    ----------
    categorical_features : "from_dtype", or array-like of bool, int or str, default="from_dtype"
        Which columns hold categories: by their type, or a mask, indices or names, as for HistGradientBoosting. With
        the latter three, text columns must be among them.
    scaling : {"robust", "standard"}, default="robust"
        "robust": z = (x - median) / (upper - lower quartile), or of half the range where the quartiles agree, then
        z / √(1 + (z/3)²), which holds outliers within ±3 (Holzmüller, Grinsztajn & Steinwart 2024,
        https://arxiv.org/abs/2407.04491, section 3). "standard": (x - mean) / standard deviation.
    max_one_hot : int >= 0, default=8
        Categories of at most so many levels, missing included, become indicator columns, two levels a single one;
        larger ones get embeddings.
    min_frequency : int >= 1, default=5
        Levels with a smaller total weight than this are pooled with those not seen in training. Weights with a mean
        below 1 are first scaled to a mean of 1.
    embedding_size : int >= 1, default=8
        Length of an embedding.

    Attributes
    ----------
    categorical_features_, numeric_features_ : ndarray of int
        Positions of the columns that hold categories and numbers.
    levels_ : list of list
        The levels of each categorical column that are told apart, sorted by value.
    center_, scale_ : ndarray of shape (n_numeric,)
        What is subtracted from numbers, and then multiplied by; the factor of a constant column is 0.
    missing_features_ : ndarray of int
        Positions of the columns of numbers that have an indicator for missing ones.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, where X had names.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.encoding import TableEncoder
    >>> encoder = TableEncoder(scaling="standard")
    >>> encoder.fit_transform([[1.0, 5.0], [3.0, np.nan], [2.0, 7.0]]).round(2)
    array([[-1.22, -1.  ,  0.  ],
           [ 1.22,  0.  ,  1.  ],
           [ 0.  ,  1.  ,  0.  ]])
    >>> list(encoder.get_feature_names_out())
    ['x0', 'x1', 'x1_missing']
    """

    rules: ClassVar[Rules] = {
        "scaling": either("robust", "standard"),
        "max_one_hot": integer(0),
        "min_frequency": integer(1),
        "embedding_size": integer(1),
    }

    def __init__(
        self,
        *,
        categorical_features: Any = "from_dtype",
        scaling: str = "robust",
        max_one_hot: int = 8,
        min_frequency: int = 5,
        embedding_size: int = 8,
    ):
        self.categorical_features = categorical_features
        self.scaling = scaling
        self.max_one_hot = max_one_hot
        self.min_frequency = min_frequency
        self.embedding_size = embedding_size

    # ---------------------------------------------------------------- scikit-learn's transformer

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> TableEncoder:
        """Learn scales and levels.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            The table.
        y : ignored
            For scikit-learn's pipelines.
        sample_weight : array-like of shape (n,) or None, default=None
            Weight of each row; a weight of 2 equals the row twice.

        Returns
        -------
        self : TableEncoder

        Raises
        ------
        ValueError
            Where a parameter is out of range or a column cannot be taken, with its name.
        """
        self.check()
        X = check_table(self, X, reset=True)
        if sample_weight is None:
            return self.learn(X, None)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        there = np.flatnonzero(weight)
        return self.learn(rows_of(X, there), weight[there])

    def transform(self, X: Any) -> Any:
        """Encode a table.

        Parameters
        ----------
        X : DataFrame, array-like or sparse matrix of shape (n, n_features)
            A table with the columns of `fit`.

        Returns
        -------
        ndarray or CSR matrix of shape (n, n_features_out)
            float64; categories with embeddings as codes, at the end.

        Raises
        ------
        ValueError
            Where a column is missing, added or of another type than at `fit`, or holds infinity.
        """
        check_is_fitted(self)
        encoded = self.encode(check_table(self, X, reset=False), np.float64)
        return np.hstack((encoded.numeric, encoded.codes)) if isinstance(encoded, Columns) else encoded

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Names of the encoded columns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the table's columns, where `fit` saw none.

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        given = _check_feature_names_in(self, input_features)
        names = [*given[self.numeric_features_], *(f"{given[i]}_missing" for i in self.missing_features_)]
        one_hot = [(i, book) for i, book in self._books() if book.one_hot]
        names += [f"{given[i]}_{label}" for i, book in one_hot for label in book.labels()]
        names += [given[i] for i, book in self._books() if not book.one_hot]
        return np.asarray(names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags

    # ---------------------------------------------------------------- what the estimators use

    def learn(self, X: Any, weight: np.ndarray | None, index: np.ndarray | None = None) -> TableEncoder:
        """Fit on what `check_table` gave.

        Parameters
        ----------
        X : DataFrame, ndarray or CSR matrix of shape (n_all, n_features)
            The checked table.
        weight : ndarray of shape (n,) or None
            Weight of each row, positive.
        index : ndarray of shape (n,) or None, default=None
            Which rows of an array to learn from; None for all.

        Returns
        -------
        self : TableEncoder
        """
        n_features = X.shape[1]
        self._sparse = _is_sparse(X)
        categorical = np.zeros(n_features, bool) if self._sparse else self._which_are_categories(X)
        self.categorical_features_ = np.flatnonzero(categorical)
        self.numeric_features_ = np.flatnonzero(~categorical)
        if self._sparse:
            self._scaling = Scaling.learn_sparse(X, weight)
        else:
            names = partial(self._number_name, X)
            self._scaling = Scaling.learn(self._numbers(X), weight, names, index, robust=self.scaling == "robust")
        self.center_, self.scale_ = self._scaling.center, self._scaling.scale
        self.missing_features_ = self.numeric_features_[self._scaling.gaps]
        self._codebooks: list[Codebook] = []
        for i in map(int, self.categorical_features_):
            name = self._name(X, i)
            codes, levels = self._factorize(X if index is None else X[index], i, name)
            self._codebooks.append(Codebook.learn(name, codes, levels, weight, self.min_frequency, self.max_one_hot))
        self.levels_ = [book.levels for book in self._codebooks]
        return self

    def encode(self, X: Any, dtype: Any) -> Any:
        """Encode what `check_table` gave, in the precision of the network.

        Parameters
        ----------
        X : DataFrame, ndarray or CSR matrix of shape (n, n_features)
            The checked table.
        dtype : numpy.dtype or type
            Precision of the network.

        Returns
        -------
        ndarray, CSR matrix or Columns
            Columns where categories have embeddings.
        """
        if _is_sparse(X):
            if self._sparse:
                return self._scaling.apply_sparse(X, dtype)
            X = X.toarray()  # the network was fitted on dense rows
        numbers, gaps, names = self._numbers(X), self._scaling.gaps, partial(self._number_name, X)
        start, n_numbers = numbers.shape[1] + len(gaps), numbers.shape[1]
        out = np.empty((X.shape[0], self.n_numeric_out), dtype)
        for rows in row_blocks(X.shape[0], n_numbers):
            block = numbers[rows]
            self._scaling.apply(block, out[rows, :n_numbers], names)
            if len(gaps):
                out[rows, n_numbers:start] = np.isnan(block[:, gaps])
        if not self._codebooks:
            return out
        embedded = []
        for i, book in self._books():
            codes = book.encode(*self._factorize(X, i, book.name))
            if book.one_hot:
                table = book.one_hot_table(dtype)
                out[:, start : start + table.shape[1]] = table.take(codes, axis=0)
                start += table.shape[1]
            else:
                embedded.append(codes)
        return Columns(out, np.column_stack(embedded).astype(np.int32)) if embedded else out

    @property
    def n_numeric_out(self) -> int:
        """Number of encoded columns that are numbers."""
        n_numbers = len(self.numeric_features_) + len(self.missing_features_)
        return n_numbers + sum([book.width for book in self._codebooks if book.one_hot])

    @property
    def chunks(self) -> tuple[int, ...]:
        """Number of columns that each feature became, those of codes (as vectors) last."""
        indicators = (book.width for book in self._codebooks if book.one_hot)
        codes = (self.embedding_size,) * len(self.cardinalities)
        return (*(1,) * (len(self.numeric_features_) + len(self.missing_features_)), *indicators, *codes)

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Number of codes of each column that gets an embedding."""
        return tuple(book.cardinality for book in self._codebooks if not book.one_hot)

    # ---------------------------------------------------------------- numbers

    def _numbers(self, X: Any) -> np.ndarray:
        """The columns of numbers, as one array."""
        if isinstance(X, np.ndarray):
            return X[:, self.numeric_features_] if len(self.categorical_features_) else X
        out = np.empty((X.shape[0], len(self.numeric_features_)))
        for j, i in enumerate(map(int, self.numeric_features_)):
            out[:, j] = to_numbers(column(X, i), self._name(X, i))
        return out

    # ---------------------------------------------------------------- categories

    def _which_are_categories(self, X: Any) -> np.ndarray:
        """A mask over the columns."""
        n_features, given = X.shape[1], self.categorical_features
        names = list(X.columns) if is_dataframe(X) else None
        kinds = ["number"] * n_features
        if names is not None:
            kinds = [kind_of(column(X, i), name) for i, name in enumerate(names)]
        by_dtype = np.array([kind == "category" for kind in kinds], bool)
        if isinstance(given, str) and given == "from_dtype":
            return by_dtype
        mask = _mask(given, n_features, names)
        if names is not None and (forgotten := by_dtype & ~mask).any():
            raise ValueError(
                f"column {names[forgotten.argmax()]!r} of X holds categories but is not among categorical_features; "
                "add it, drop it, or use categorical_features='from_dtype'."
            )
        return mask

    def _factorize(self, X: Any, i: int, name: Any) -> tuple[np.ndarray, list[Any]]:
        if is_dataframe(X):
            return factorize(column(X, i), name)
        x = X[:, i]
        levels, codes = np.unique(x, return_inverse=True)
        codes = np.where(np.isnan(x), -1, codes)
        return codes, levels[~np.isnan(levels)].tolist()

    def _books(self) -> Iterator[tuple[int, Codebook]]:
        return zip(map(int, self.categorical_features_), self._codebooks, strict=True)

    def _name(self, X: Any, i: int) -> Any:
        return list(X.columns)[i] if is_dataframe(X) else int(i)

    def _number_name(self, X: Any, j: int) -> Any:
        return self._name(X, self.numeric_features_[j])


def _is_sparse(X: Any) -> bool:
    return not (isinstance(X, np.ndarray) or is_dataframe(X))


def _mask(given: Any, n_features: int, names: list[Any] | None) -> np.ndarray:
    """A mask over the columns from a mask, indices or names."""
    items = np.asarray(given, dtype=object)
    what = "TableEncoder: categorical_features must be 'from_dtype', or a mask, indices or names of columns"
    if items.ndim != 1:
        raise ValueError(f"{what}; got {given!r}.")
    mask = np.zeros(n_features, bool)
    if len(items) and all(isinstance(item, (bool, np.bool_)) for item in items):
        if len(items) != n_features:
            raise ValueError(f"{what}; got a mask of length {len(items)} for {n_features} columns.")
        return items.astype(bool)
    for item in items:
        if isinstance(item, str):
            if names is None or item not in names:
                raise ValueError(f"{what}; got the name {item!r}, which X has not.")
            mask[names.index(item)] = True
        elif isinstance(item, (int, np.integer)) and -n_features <= item < n_features:
            mask[item] = True
        else:
            raise ValueError(f"{what}; got {item!r} for {n_features} columns.")
    return mask
