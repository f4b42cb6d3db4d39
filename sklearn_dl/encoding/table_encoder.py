"""TableEncoder: from a table as it comes to what the network sees, and to plain numbers for everybody else.

Knows nothing about networks, training or targets.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array, csr_matrix
from sklearn.base import TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, _check_sample_weight, check_is_fitted

from .._data import Columns, check_table, is_dataframe, refuse_mask, rows_of
from .._numerics import MatrixLike, Rules, Settings, either, integer
from .categories import Categories
from .dates import Dates
from .layout import CODES, Layout
from .numbers import Numbers
from .part import Part, below, is_sparse
from .taken import kinds_of, refuse_forgotten, told_kinds
from .text import Text

__all__ = ["TableEncoder"]

# the kinds of columns, in the order in which encoded columns lie; numbers come first, so that they can be embedded
KINDS: dict[str, type[Part]] = {"number": Numbers, "date": Dates, "category": Categories, "text": Text}


@final
class TableEncoder(TransformerMixin, Settings):
    """Prepare a raw table for a network: scale numbers, fill gaps, turn categories, dates and text into columns.

    Numbers are scaled and missing ones filled with the median (in units of the network: 0), with an indicator column
    where numbers were missing in training. Columns of numbers that held two values only come after the other ones: the
    network does not embed them. Categories of few levels become indicator columns, those of many levels
    codes, for which the network learns embeddings. Missing is a level of its own; a level that was not seen in
    training is accepted and counts as neither of the known ones, together with the rare ones.

    Dates become their position in time, scaled as a number, and what people read off them as far as training varied in
    it: time of year, day of the month, day of the week, time of day. Missing ones are 0 in all of it, with an indicator
    where dates were missing in training. Dates with a time zone are read off its clock.

    In a DataFrame (pandas, polars, pyarrow and others that narwhals knows), columns of type category, text or object
    hold categories; an object column holds numbers or dates where all its values are such, and so does an array. Text
    of which every value is a date, all written in one way, is taken for dates, with a warning. Durations are numbers,
    in seconds. Text that is mostly different from row to row, and no codes, is free text: of its words and letters at
    most 60 numbers are made, with an indicator where some was missing in training.

    A sparse table of at most `max_dense` columns is encoded as the same table dense: the network is the same. A wider
    one is divided by one factor and not centred, so that zeros stay zeros; only columns whose numbers are more than
    four times as large or as small as usual get a factor of their own. It must not have missing values.

    Parameters
    ----------
    categorical_features : "from_dtype", or array-like of bool, int or str, default="from_dtype"
        Which columns hold categories: by their type, or a mask, indices or names, as for HistGradientBoosting. With
        the latter three, text columns must be among them.
    kinds : dict or None, default=None
        What columns are where the guess is wrong: from a column's name or position to "number", "date", "category" or
        "text".
    scaling : {"robust", "standard"}, default="robust"
        "robust": z = (x - median) / (upper - lower quartile), where the quartiles agree 1.349 standard deviations, then
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
    max_dense : int >= 0, default=512
        A sparse table of at most so many columns is encoded as a dense one, batch by batch where it is large.

    Attributes
    ----------
    kinds_ : list of str
        What each column was taken for: "number", "date", "category" or "text".
    categorical_features_, numeric_features_, date_features_ : ndarray of int
        Positions of the columns that hold categories, numbers and dates.
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
        "max_dense": integer(0),
    }

    def __init__(
        self,
        *,
        categorical_features: ArrayLike | Literal["from_dtype"] | None = "from_dtype",
        kinds: Mapping[Any, str] | None = None,
        scaling: Literal["robust", "standard"] = "robust",
        max_one_hot: int = 8,
        min_frequency: int = 5,
        embedding_size: int = 8,
        max_dense: int = 512,
    ):
        self.categorical_features = categorical_features
        self.kinds = kinds
        self.scaling = scaling
        self.max_one_hot = max_one_hot
        self.min_frequency = min_frequency
        self.embedding_size = embedding_size
        self.max_dense = max_dense

    # ---------------------------------------------------------------- scikit-learn's transformer

    def fit(self, X: MatrixLike, y: Any = None, sample_weight: ArrayLike | None = None) -> TableEncoder:
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

        Warns
        -----
        ColumnWarning
            Where text reads as numbers or dates, dates are of several zones, or nearly all levels of a column differ.
        """
        self.check()
        X = check_table(self, X, reset=True)
        if sample_weight is None:
            return self.learn(X, None)
        refuse_mask(sample_weight, "sample_weight")
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        there = np.flatnonzero(weight)
        return self.learn(rows_of(X, there), weight[there])

    def transform(self, X: MatrixLike) -> np.ndarray | csr_matrix | csr_array:
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

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
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
        return np.asarray(self.layout.names(_check_feature_names_in(self, input_features)), dtype=object)

    def __getstate__(self) -> dict[str, Any]:
        """As it is, with a list for a range or an index of pandas, which not every format holds."""
        state: dict[str, Any] = super().__getstate__()
        given: Any = self.categorical_features
        if isinstance(given, range) or (hasattr(given, "tolist") and not isinstance(given, np.ndarray)):
            state = state | {"categorical_features": list(given)}
        return state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        given: Any = self.categorical_features
        tags.input_tags.sparse = isinstance(given, str) or (hasattr(given, "__len__") and len(given) == 0)
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
        self._sparse = is_sparse(X) and X.shape[1] > self.max_dense
        names = list(X.columns) if is_dataframe(X) else None
        told = told_kinds(self.kinds, self.categorical_features, tuple(KINDS), X, names)
        self.kinds_ = kinds_of(X, KINDS, told)
        if not (isinstance(self.categorical_features, str) or names is None or self._sparse):
            refuse_forgotten(self.kinds_, told, names)
        kinds, settings = np.array(self.kinds_), self.get_params(deep=False) | {"told": frozenset(told)}
        learnt = {
            kind: part.learn(X, np.flatnonzero(kinds == kind), weight, index, settings) for kind, part in KINDS.items()
        }
        numbers, categories = learnt["number"], learnt["category"]
        self.date_features_ = learnt["date"].columns
        assert isinstance(numbers, Numbers) and isinstance(categories, Categories)  # noqa: PT018
        self._show(numbers)
        self.categorical_features_ = categories.columns
        self._lay_out([part for part in learnt.values() if len(part.columns)])
        return self

    def _lay_out(self, parts: list[Part]) -> None:
        """Place the parts one after the other."""
        self.levels_ = [book.levels for part in parts if isinstance(part, Categories) for book in part.books.values()]
        self._parts: list[tuple[Part, int, int]] = []  # where its columns of numbers start and stop
        stop = 0
        for part in parts:
            spans = [] if self._sparse else [span.width for span in part.spans if span.kind != CODES]
            start, stop = stop, stop + (len(part.columns) if self._sparse else sum(spans))
            self._parts.append((part, start, stop))

    def tally(self, X: Any, weight: np.ndarray | None) -> dict[int, dict[Any, float]]:
        """The total weight of each level of each categorical column, for `recounted`.

        Parameters
        ----------
        X : DataFrame or ndarray of shape (n, n_features)
            Some of the rows, as `check_table` gave them.
        weight : ndarray of shape (n,) or None
            Weight of each.

        Returns
        -------
        dict of int to dict of level to float
            By the column's position; None is the level of missing values.
        """
        found = [part.tally(X, weight) for part in self.parts if isinstance(part, Categories)]
        return found[0] if found else {}

    def recounted(self, counts: Mapping[int, Mapping[Any, float]], mean_weight: float) -> TableEncoder:
        """The encoder of the same table by the levels of all its rows, where it was learnt from some of them.

        Parameters
        ----------
        counts : mapping of int to mapping of level to float
            What `tally` gave, of all rows together.
        mean_weight : float
            Their mean weight.

        Returns
        -------
        TableEncoder
        """
        least, encoder = self.min_frequency * min(1.0, mean_weight), copy.copy(self)
        encoder._lay_out(
            [
                part.recounted(counts, least, self.max_one_hot) if isinstance(part, Categories) else part
                for part in self.parts
            ]
        )
        return encoder

    def numbers_of(self, X: Any, before: Any = None) -> Any:
        """The columns that are scaled, of a checked table, each part's own; below those of rows `before`, if any.

        Parameters
        ----------
        X : DataFrame, ndarray or CSR matrix of shape (n, n_features)
            The table.
        before : list or None, default=None
            What an earlier call gave.

        Returns
        -------
        list of ndarray, CSR matrix or None
        """
        X = X.toarray() if self.makes_dense(X) else X
        new = [part.numbers_of(X) for part in self.parts]
        if before is None:
            return new
        return [below(old, rows) if rows is not None else None for old, rows in zip(before, new, strict=True)]

    def refined(self, X: Any, weight: np.ndarray | None, so_far: Any, so_far_weight: np.ndarray | None) -> TableEncoder:
        """The encoder of the same columns with scales that further rows tell; this one where nothing has changed.

        Parameters
        ----------
        X : DataFrame, ndarray or CSR matrix of shape (n, n_features)
            Further rows, as `check_table` gave them.
        weight : ndarray of shape (n,) or None
            Weight of each, positive.
        so_far, so_far_weight : list or None, ndarray or None
            What `numbers_of` gave of all rows so far, and their weights, where they are so few that all scales are
            learnt anew; None where only columns that did not vary so far get one.

        Returns
        -------
        TableEncoder
        """
        X = X.toarray() if self.makes_dense(X) else X
        rows = [None] * len(self._parts) if so_far is None else so_far
        parts = [
            (part.refined(X, weight, numbers, so_far_weight), start, stop)
            for (part, start, stop), numbers in zip(self._parts, rows, strict=True)
        ]
        if all(new[0] is old[0] for new, old in zip(parts, self._parts, strict=True)):
            return self
        encoder = copy.copy(self)
        encoder._parts = parts
        if isinstance(numbers := parts[0][0], Numbers):
            encoder._show(numbers)
        return encoder

    def _show(self, numbers: Numbers) -> None:
        """The attributes that tell of columns of numbers, in the order of the table."""
        shown = numbers.columns, numbers.scaling.center, numbers.scaling.scale
        if (np.diff(numbers.columns) < 0).any():  # else no copies: a pickle holds both
            order = np.argsort(numbers.columns)
            shown = shown[0][order], shown[1][order], shown[2][order]
        self.numeric_features_, self.center_, self.scale_ = shown
        self.missing_features_ = np.sort(numbers.gappy)

    @property
    def varied(self) -> bool:
        """Whether all columns that are scaled have varied so far."""
        return all(part.varied for part in self.parts)

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
        if is_sparse(X):
            if self._sparse:
                numbers = self._parts[0][0]
                assert isinstance(numbers, Numbers)
                return numbers.encode_sparse(X, dtype)
            X = X.toarray()
        out, codes = np.empty((X.shape[0], self._parts[-1][2]), dtype), []
        for part, block in self.blocks(out):
            codes += part.encode(X, block)
        return Columns(out, np.column_stack(codes).astype(np.int32)) if codes else out

    def makes_dense(self, X: Any) -> bool:
        """Whether a checked table is sparse and its encoded rows are not.

        Parameters
        ----------
        X : DataFrame, ndarray or CSR matrix of shape (n, n_features)
            The checked table.

        Returns
        -------
        bool
        """
        return is_sparse(X) and not self._sparse

    def blocks(self, out: np.ndarray) -> list[tuple[Part, np.ndarray]]:
        """Each part, with its columns of an array of encoded numbers.

        Parameters
        ----------
        out : ndarray of shape (n, n_numeric)
            The array.

        Returns
        -------
        list of tuple (Part, ndarray of shape (n, d))
            Views.
        """
        return [(part, out[:, start:stop]) for part, start, stop in self._parts]

    @property
    def parts(self) -> tuple[Part, ...]:
        """What the columns of each kind became, in the order of the encoded columns; only of kinds that X has."""
        check_is_fitted(self)
        return tuple(part for part, _, _ in self._parts)

    @property
    def layout(self) -> Layout:
        """The encoded columns and where they come from: the numbers of each part, then the codes of each part."""
        parts = self.parts
        if self._sparse:
            return Layout.plain(len(parts[0].columns), sparse=True)
        spans = [span for part in parts for span in part.spans]
        spans.sort(key=lambda span: span.kind == CODES)
        return Layout(tuple(spans), self._sparse, bends=self.scaling == "robust")
