"""Labels as they come, to labels that can be sorted: booleans, numbers, text or dates, of one type each.

Knows nothing about what they are encoded to.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np

from .._data import target_array

__all__ = ["are_probabilities", "levels_of", "plain_labels", "probabilities"]

NEARLY = 1e-4  # by which the sum of a row of probabilities may miss 1: single precision, or four printed digits
KINDS = ((bool | np.bool_, bool), (Integral, int), (Real, float))  # what objects are, and what they become


def plain_labels(column: np.ndarray, name: str) -> np.ndarray:
    """The labels in an array of their own type, in the byte order of the machine; text of type object stays so.

    Parameters
    ----------
    column : ndarray of shape (n,)
        Without missing values.
    name : str
        How an error names them.

    Raises
    ------
    ValueError
        Where they are of several types, or of one that no label may have.
    """
    types = set(map(type, column)) if column.dtype == object else {column.dtype.type}
    if types and all(issubclass(kind, bytes) for kind in types):
        raise ValueError(
            f"the labels of {name} must be booleans, numbers, text or datetime64; got bytes, which y.astype(str) "
            "decodes."
        )
    if column.dtype != object:
        return column if column.dtype.isnative else column.astype(column.dtype.newbyteorder("="))
    if all(issubclass(kind, str) for kind in types):
        return column
    there = {kind for kind in types if issubclass(kind, bool | np.bool_)}
    for kinds, become in KINDS:
        if all(issubclass(kind, kinds) for kind in types) and (become is bool or not there):
            return _numbers(column, become, name)
    names = ", ".join(sorted(kind.__name__ for kind in types))
    if len(types) > 1:
        raise ValueError(f"the labels of {name} must be of one type; got {names}.")
    raise ValueError(f"the labels of {name} must be booleans, numbers, text or datetime64; got {names}.")


def levels_of(column: Any, name: str) -> np.ndarray:
    """The sorted classes among labels, at least two.

    Parameters
    ----------
    column : array-like of shape (n,)
        Labels.
    name : str
        How an error names them.

    Raises
    ------
    ValueError
        Where there is one class only, or the labels are not of one type.
    """
    levels = np.unique(plain_labels(target_array(column), name))
    if len(levels) < 2:
        raise ValueError(f"{name} must hold at least 2 classes; got 1 class: {levels.tolist()}.")
    return levels


def are_probabilities(y: np.ndarray) -> bool:
    """Whether y is a matrix of numbers with a fraction among them: labels have none."""
    return y.ndim == 2 and y.shape[1] > 1 and y.dtype.kind == "f" and bool((y != np.floor(y)).any())


def probabilities(y: np.ndarray, n_classes: int) -> np.ndarray:
    """Rows of probabilities that sum to 1 to the last bit, or nearly.

    Parameters
    ----------
    y : ndarray of shape (n, n_classes)
        A probability of each class.
    n_classes : int
        Number of classes.

    Raises
    ------
    ValueError
        Where it is anything else.
    """
    if y.shape[1] != n_classes:
        raise ValueError(f"y must have a column of probabilities for each of {n_classes} classes; got {y.shape[1]}.")
    total = y.sum(axis=1, keepdims=True, dtype=np.float64)
    wrong = np.flatnonzero((y < 0).any(axis=1) | (abs(total[:, 0] - 1) > NEARLY))
    if len(wrong):
        raise ValueError(
            "y is a matrix with fractions, and so each row must be probabilities of the classes, not negative and with "
            f"a sum of 1; row {wrong[0]} is {y[wrong[0]].tolist()}."
        )
    return y / total


def _numbers(column: np.ndarray, kind: type, name: str) -> np.ndarray:
    numbers = np.array(column.tolist())
    if kind is int and numbers.dtype.kind not in "iu":
        raise ValueError(f"the labels of {name} must be whole numbers of at most 64 bits; got {max(column, key=abs)}.")
    return numbers.astype(kind) if kind is not int else numbers
