"""What happens to a target before the network and to its answer after it: classes and numbers to matrices and back.

Knows nothing about networks, training or the inputs.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .._data import moments

__all__ = ["ClassEncoder", "NumberEncoder"]

CLASSES = ("binary", "multiclass", "multiclass-multioutput", "multilabel-indicator")  # what scikit-learn calls them

CONSTANT_SCALE = 2.0**-30  # of a constant target, in units of the constant


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
    def learn(
        cls, y: np.ndarray, weight: np.ndarray | None, *, scaled: bool, positive: bool, final: bool = False
    ) -> NumberEncoder:
        """Weighted statistics of y: mean and standard deviation, or of positive predictions the mean alone, as scale.

        A constant column has a scale of 1, or, where no other rows will follow (`final`), one so small that the
        network's errors do not show.
        """
        matrix = y.reshape(len(y), -1)
        center, scale = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
        if scaled:
            center, scale = moments(matrix, weight)
            if positive:
                center, scale = np.zeros_like(center), center
            elif final:
                constant = matrix.min(axis=0) == matrix.max(axis=0)
                smallest = np.finfo(np.float64).tiny
                scale = np.where(constant, np.maximum(np.abs(center) * CONSTANT_SCALE, smallest), scale)
        return cls(center, scale, y.ndim == 1)

    @property
    def n_outputs(self) -> int:
        """Number of target columns."""
        return len(self.center)

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        """Shape (n, n_outputs), in the units of the network."""
        scale, exponent = np.frexp(self.scale)  # powers of two first: exact, and no difference overflows
        centred = np.ldexp(y.reshape(len(y), -1), -exponent) - np.ldexp(self.center, -exponent)
        out: np.ndarray = (centred / scale).astype(dtype)
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
        for i, column in enumerate(y.reshape(len(y), -1).T):
            _refuse_mixture(column, "y" if y.ndim == 1 else f"output {i} of y")
        if y.ndim == 1 or y.dtype != object:  # a column of text beside one of numbers is no array to scikit-learn
            kind = type_of_target(y, input_name="y")
            if kind == "multilabel-indicator":
                return cls("multilabel", [np.array([0, 1])] * y.shape[1])
            if kind not in CLASSES:
                check_classification_targets(y)  # says why not; looks at y as long again
        if y.ndim == 2:
            if classes is not None and not (len(classes) == y.shape[1] and all(np.ndim(c) == 1 for c in classes)):
                raise ValueError(
                    f"classes must be a list of {y.shape[1]} arrays, one for each column of y; got {classes!r}."
                )
            if classes is None:  # each column of a type of its own
                columns, name = [np.array(c.tolist()) if y.dtype == object else c for c in y.T], "y"
            else:
                columns, name = [np.asarray(c) for c in classes], "classes"
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
            _refuse_mixture(columns[:, i], "y" if y.ndim == 1 else f"output {i} of y")
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
        parts, start = [], 0
        for width in self.groups:
            part = predicted[:, start : start + width]
            if width == 1:
                part, p = np.empty((len(part), 2), part.dtype), part
                np.subtract(1, p, out=part[:, :1])
                part[:, 1:] = p
            parts.append(part)
            start += width
        return parts

    def decode(self, predicted: np.ndarray) -> np.ndarray:
        """The most probable labels: shape (n,), or (n, n_targets) where there are several targets."""
        columns = [
            levels[p.argmax(axis=1)] for levels, p in zip(self.levels, self.probabilities(predicted), strict=True)
        ]
        if self.kind == "single":
            return columns[0]
        kinds = {levels.dtype.kind for levels in self.levels}
        return np.column_stack(columns if len(kinds) == 1 else [column.astype(object) for column in columns])


def _refuse_mixture(column: np.ndarray, name: str) -> None:
    """Raise ValueError for labels that cannot be sorted, such as numbers and text."""
    kinds = {type(label) for label in column} if column.dtype == object else set()
    if len(kinds) > 1:
        try:
            np.unique(column)
        except TypeError as error:
            names = ", ".join(sorted(kind.__name__ for kind in kinds))
            raise ValueError(f"the labels of {name} must be of one type; got {names}.") from error


def _labels(column: np.ndarray, name: str) -> np.ndarray:
    _refuse_mixture(column, name)
    levels = np.unique(column)
    if len(levels) < 2:
        raise ValueError(f"{name} must hold at least 2 classes, in rows of weight > 0; got 1 class: {levels.tolist()}.")
    return levels
