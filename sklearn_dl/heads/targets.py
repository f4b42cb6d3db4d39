"""What happens to a target before the network and to its answer after it: classes and numbers to matrices and back.

Knows nothing about networks, training or the inputs.
"""

from __future__ import annotations

import itertools
from typing import Any, final

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from .._data import moments, target_array
from .labels import are_probabilities, levels_of, plain_labels, probabilities

__all__ = ["ClassEncoder", "NumberEncoder"]

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
                center, scale = np.zeros_like(center), np.where(center > 0, center, 1.0)
            elif final:
                constant = matrix.min(axis=0) == matrix.max(axis=0)
                smallest = np.finfo(np.float64).smallest_subnormal
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
        """The classes of y, or the given ones, whether or not y holds all of them.

        Raises
        ------
        ValueError
            Where y is not a classification target or has one class only.
        """
        if y.ndim == 1:
            if y.dtype != object:
                check_classification_targets(y)  # numbers with fractions, or nearly as many as there are rows
            return cls("single", [levels_of(y, "y") if classes is None else levels_of(classes, "classes")])
        if are_probabilities(y):
            return cls("single", [_in_order(np.arange(y.shape[1]) if classes is None else classes, y.shape[1])])
        if classes is not None and _is_yes_and_no(y) and np.array_equal(classes, np.arange(y.shape[1])):
            classes = None  # as scikit-learn's network has it
        if classes is not None and not (len(classes) == y.shape[1] and all(np.ndim(c) == 1 for c in classes)):
            raise ValueError(
                f"classes must be a list of {y.shape[1]} arrays, one for each column of y; got {classes!r}."
            )
        if classes is None and _is_yes_and_no(y):
            return cls("multilabel", [np.array([0, 1])] * y.shape[1])
        name, columns = ("y", columns_of(y)) if classes is None else ("classes", classes)
        levels = [levels_of(c, f"output {i} of {name}") for i, c in enumerate(columns)]
        if _is_yes_and_no(y) and all(np.array_equal(known, [0, 1]) for known in levels):
            return cls("multilabel", [np.array([0, 1])] * y.shape[1])
        return cls("multioutput", levels)

    def refuse_other(self, classes: Any) -> None:
        """Raise ValueError where these are not the known classes."""
        given = [classes] if self.kind == "single" else classes
        if self.kind == "multilabel" and np.array_equal(classes, np.arange(len(self.levels))):
            return
        pairs = itertools.zip_longest(self.levels, given if np.iterable(given) else [given])
        if not all(np.array_equal(known, np.unique(target_array(c))) for known, c in pairs):
            raise ValueError(f"classes must be those of the first fit, {self.classes!r}; got {classes!r}.")

    @property
    def classes(self) -> Any:
        """`classes_`: an array, for several targets a list of arrays, and for labels their numbers.

        Two labels have 0 and 1 each instead: by ``[0, 1]`` scikit-learn's scorers would take them for two classes.
        With more, its check of `decision_function` asks for the numbers.
        """
        if self.kind == "multilabel":
            return np.array(self.levels) if len(self.levels) == 2 else np.arange(len(self.levels))
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
        columns = columns_of(y)
        if len(columns) != len(self.levels):
            raise ValueError(f"y must have {len(self.levels)} column(s), as at the first fit; got {len(columns)}.")
        codes = np.empty((len(y), len(columns)), np.intp)
        for i, (column, levels) in enumerate(zip(columns, self.levels, strict=True)):
            known = np.isin(column, levels)
            if not known.all():
                unknown = np.unique(column[~known])[:5].tolist()
                raise ValueError(f"y contains classes that are not among {levels.tolist()}: {unknown}.")
            codes[:, i] = np.searchsorted(levels, column)
        return codes

    def encode(self, y: np.ndarray, dtype: Any) -> np.ndarray:
        """Indicator columns, or probabilities in their place, shape (n, Σ groups)."""
        if self.kind == "single" and y.ndim == 2 and y.dtype.kind == "f":
            shares = probabilities(y, len(self.levels[0])).astype(dtype)
            return shares[:, 1:] if self.groups == (1,) else shares
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


def columns_of(y: np.ndarray) -> list[np.ndarray]:
    """The labels of each target, each in an array of their own type."""
    if y.ndim == 1:
        return [plain_labels(y, "y")]
    columns = [plain_labels(column, f"output {i} of y") for i, column in enumerate(y.T)]
    return [c.astype(str) if c.dtype == object else c for c in columns]


def _is_yes_and_no(y: np.ndarray) -> bool:
    """Whether each label of a matrix is 0 or 1, or a boolean."""
    columns = columns_of(y)
    return all(c.dtype.kind in "biuf" and np.isin(c, (0, 1)).all() for c in columns)


def _in_order(classes: Any, n_columns: int) -> np.ndarray:
    """The classes that columns of probabilities are for."""
    levels = levels_of(classes, "classes")
    if len(levels) != n_columns or not np.array_equal(levels, target_array(classes)):
        raise ValueError(
            f"the columns of y, probabilities of {n_columns} classes, must be in the order of the sorted classes; "
            f"got {classes!r}."
        )
    return levels
