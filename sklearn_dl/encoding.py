"""What happens to a table before the network and to its answer after it: X, classes and numbers to matrices and back.

Knows nothing about networks or training.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.sparsefuncs import mean_variance_axis
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

__all__ = ["ClassEncoder", "NumberEncoder", "TableEncoder"]

BLOCK = 2**18  # numbers handled at once: temporaries stay small whatever the table's size


def row_blocks(n_rows: int, n_columns: int) -> list[slice]:
    """Blocks of rows of about `BLOCK` numbers."""
    step = max(1, BLOCK // max(1, n_columns))
    return [slice(start, start + step) for start in range(0, n_rows, step)]


def moments(X: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and standard deviation of each column; the latter is 1 where the column is constant.

    Computed on columns scaled by powers of two, which is exact: so columns times 2^k give the same numbers times 2^k,
    and neither tiny nor huge columns leave the range of floats. Two passes, so a large offset costs no precision.
    """
    n, d = X.shape
    total = n if weight is None else weight.sum()
    blocks = row_blocks(n, d)

    def mean_of(f: Any) -> np.ndarray:
        summed = np.zeros(d)
        for rows in blocks:
            block = f(X[rows])
            summed += block.sum(axis=0) if weight is None else weight[rows] @ block
        return summed / total

    largest = np.zeros(d)
    for rows in blocks:
        np.maximum(largest, np.abs(X[rows]).max(axis=0, initial=0), out=largest)
    exponent = np.frexp(largest)[1]
    center = mean_of(lambda b: np.ldexp(b, -exponent, dtype=np.float64))
    center += mean_of(lambda b: np.ldexp(b, -exponent, dtype=np.float64) - center)
    spread = np.sqrt(mean_of(lambda b: np.square(np.ldexp(b, -exponent, dtype=np.float64) - center)))
    constant = spread <= 4 * np.finfo(X.dtype).eps * np.abs(center)
    return np.ldexp(center, exponent), np.where(constant, 1.0, np.ldexp(spread, exponent))


@final
class TableEncoder(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Standardise the columns of a table of numbers: (x - mean) / standard deviation.

    Sparse tables are divided by the standard deviation and not centred, so that zeros stay zeros: the network sees
    other numbers for a sparse table than for the same table dense. Constant columns become 0 (sparse: stay).

    Attributes
    ----------
    center_ : ndarray of shape (n_features,)
        Weighted mean of each column; 0 for a sparse table.
    scale_ : ndarray of shape (n_features,)
        Weighted standard deviation of each column; 1 where it is constant.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of str
        Names of the columns, where X had names.

    Examples
    --------
    >>> from sklearn_dl.encoding import TableEncoder
    >>> TableEncoder().fit_transform([[1.0, 10.0], [3.0, 10.0]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> TableEncoder:
        """Learn means and standard deviations.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            Finite numbers.
        y : ignored
            For scikit-learn's pipelines.
        sample_weight : array-like of shape (n,) or None
            Weight of each row; a weight of 2 equals the row twice.

        Returns
        -------
        self : TableEncoder

        Raises
        ------
        ValueError
            Where X holds anything but finite numbers.
        """
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32))
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        return self.learn(X, weight)

    def learn(self, X: Any, weight: np.ndarray | None) -> TableEncoder:
        """`fit` on a table that has been checked.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n, n_features)
            Finite floats.
        weight : ndarray of shape (n,) or None
            Weight of each row.

        Returns
        -------
        self : TableEncoder
        """
        if not isinstance(X, np.ndarray):
            _, variance = mean_variance_axis(X, axis=0, weights=weight)
            spread = np.sqrt(variance, dtype=np.float64)
            self.center_, self.scale_ = np.zeros(X.shape[1]), np.where(spread > 0, spread, 1.0)
        else:
            self.center_, self.scale_ = moments(X, weight)
        return self

    def transform(self, X: Any) -> Any:
        """Apply the scaling.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, n_features)
            Finite numbers.

        Returns
        -------
        ndarray or CSR array of shape (n, n_features)
            float64.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        return self.encode(X, np.float64)

    def encode(self, X: Any, dtype: Any) -> Any:
        """`transform` of a table that has been checked.

        Parameters
        ----------
        X : ndarray or CSR matrix of shape (n, n_features)
            Finite floats.
        dtype : numpy.dtype or type
            Precision of the network.

        Returns
        -------
        ndarray or CSR matrix of shape (n, n_features)
            Centred in the precision of `X`, then rounded.
        """
        if not isinstance(X, np.ndarray):
            out = X.astype(dtype)
            out.data *= (1 / self.scale_).astype(dtype).take(out.indices, mode="clip")
            return out
        out = np.empty(X.shape, dtype)
        for rows in row_blocks(*X.shape):
            block = X[rows] - self.center_  # centred in full precision, then rounded
            block /= self.scale_
            out[rows] = block
        return out

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


@final
class NumberEncoder:
    """Numbers to the network's units and back: (y - center) / scale, each output with its own.

    Parameters
    ----------
    center, scale : ndarray of shape (n_outputs,)
        What is taken off, and what one unit of the network is worth.
    one_dimensional : bool
        Whether y was a vector.
    """

    def __init__(self, center: np.ndarray, scale: np.ndarray, one_dimensional: bool):
        self.center, self.scale, self.one_dimensional = center, scale, one_dimensional

    @classmethod
    def learn(cls, y: np.ndarray, weight: np.ndarray | None, *, scaled: bool, log_link: bool) -> NumberEncoder:
        """Weighted statistics of y: mean and standard deviation, or with a log link the mean alone, as scale."""
        matrix = y.reshape(len(y), -1)
        center, scale = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
        if scaled:
            center, scale = moments(matrix, weight)
            if log_link:
                center, scale = np.zeros_like(center), center
        return cls(center, scale, y.ndim == 1)

    @property
    def n_outputs(self) -> int:
        """Number of target columns."""
        return len(self.center)

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        """Shape (n, n_outputs), in the units of the network."""
        out: np.ndarray = ((y.reshape(len(y), -1) - self.center) / self.scale).astype(dtype)
        return out

    def decode(self, predicted: np.ndarray) -> np.ndarray:
        """From (n, n_outputs, ...) in the network's units to the target's; for a vector y without the outputs."""
        shape = (-1, *(1,) * (predicted.ndim - 2))
        y = predicted * self.scale.reshape(shape) + self.center.reshape(shape)
        return y[:, 0] if self.one_dimensional else y


@final
class ClassEncoder:
    """Labels of any type to indicator columns and back.

    Parameters
    ----------
    kind : {"single", "multilabel", "multioutput"}
        One label a row, a row of yes and no, or a row of labels.
    levels : list of ndarray
        The sorted labels of each target.
    """

    def __init__(self, kind: str, levels: list[np.ndarray]):
        self.kind, self.levels = kind, levels

    @classmethod
    def learn(cls, y: np.ndarray, classes: Any = None) -> ClassEncoder:
        """The classes of y, or the given ones.

        Raises
        ------
        ValueError
            Where y is not a classification target or has one class only.
        """
        check_classification_targets(y)
        target = type_of_target(y, input_name="y")
        if target == "multilabel-indicator":
            return cls("multilabel", [np.array([0, 1])] * y.shape[1])
        if y.ndim == 2:
            if classes is not None and not (len(classes) == y.shape[1] and all(np.ndim(c) == 1 for c in classes)):
                raise ValueError(
                    f"classes must be a list of {y.shape[1]} arrays, one for each column of y; got {classes!r}."
                )
            columns, name = (y.T, "y") if classes is None else (map(np.asarray, classes), "classes")
            return cls("multioutput", [_labels(c, f"output {i} of {name}") for i, c in enumerate(columns)])
        return cls("single", [_labels(y, "y") if classes is None else _labels(np.asarray(classes), "classes")])

    @property
    def classes(self) -> Any:
        """`classes_`: an array, or a list of arrays where there are several outputs with classes of their own."""
        if self.kind == "multilabel":
            return np.arange(len(self.levels))
        return self.levels[0] if self.kind == "single" else self.levels

    @property
    def groups(self) -> tuple[int, ...]:
        """Columns of each target: one logistic column for two classes, else one a class."""
        return tuple(1 if len(levels) == 2 else len(levels) for levels in self.levels)

    def codes(self, y: np.ndarray) -> np.ndarray:
        """Position of each label among its classes, shape (n, n_targets).

        Raises
        ------
        ValueError
            Where y holds unknown labels, or has another number of columns.
        """
        columns = y.reshape(len(y), -1)
        if columns.shape[1] != len(self.levels):
            raise ValueError(f"y must have {len(self.levels)} column(s), as at the first fit; got {columns.shape[1]}.")
        codes = np.empty(columns.shape, np.intp)
        for i, levels in enumerate(self.levels):
            known = np.isin(columns[:, i], levels)
            if not known.all():
                unknown = np.unique(columns[~known, i])[:5].tolist()
                raise ValueError(f"y contains classes that are not among {levels.tolist()}: {unknown}.")
            codes[:, i] = np.searchsorted(levels, columns[:, i])
        return codes

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        """Indicator columns, shape (n, Σ groups)."""
        codes = self.codes(y)
        out = np.zeros((len(y), sum(self.groups)), dtype)
        start = 0
        for i, width in enumerate(self.groups):
            if width == 1:
                out[:, start] = codes[:, i]
            else:
                out[np.arange(len(y)), start + codes[:, i]] = 1
            start += width
        return out

    def probabilities(self, predicted: np.ndarray) -> list[np.ndarray]:
        """One (n, n_classes) matrix a target, from the network's columns."""
        stops = np.cumsum(self.groups)
        parts = [predicted[:, stop - width : stop] for width, stop in zip(self.groups, stops, strict=True)]
        return [np.hstack((1 - part, part)) if part.shape[1] == 1 else part for part in parts]

    def decode(self, predicted: np.ndarray) -> np.ndarray:
        """The most probable labels: shape (n,), or (n, n_targets) where there are several targets."""
        columns = [
            levels[p.argmax(axis=1)] for levels, p in zip(self.levels, self.probabilities(predicted), strict=True)
        ]
        return columns[0] if self.kind == "single" else np.column_stack(columns)


def _labels(column: np.ndarray, name: str) -> np.ndarray:
    try:
        levels = np.unique(column)
    except TypeError as error:
        kinds = sorted({type(label).__name__ for label in column})
        raise ValueError(f"the labels of {name} must be of one type; got {', '.join(kinds)}.") from error
    if len(levels) < 2:
        raise ValueError(f"{name} must hold at least 2 classes, in rows of weight > 0; got 1 class: {levels.tolist()}.")
    return levels
