"""Folds: which rows a part of an ensemble learns from, and which it leaves out and so can be judged by.

Knows nothing about networks or training.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from .._numerics import Purpose, generator

__all__ = ["FEWEST", "Fold", "draw", "judged", "split_by", "together"]

JUDGED = 2**16  # rows at most by which an epoch is judged
SAID = 2**25  # numbers at most that the members say of these rows, all together: 128 MB in single precision
FEWEST = 1024  # but not fewer rows


class Fold(NamedTuple):
    """What one part of an ensemble sees.

    Attributes
    ----------
    train : ndarray of int
        Positions of the rows that it learns from.
    left_out : ndarray of int
        Positions of the rows that nothing in it has seen.
    """

    train: np.ndarray
    left_out: np.ndarray


def draw(classes: np.ndarray | None, n_rows: int, count: int, seed: int) -> list[Fold]:
    """Folds of equal size, in random order; with classes, each of them in equal parts too.

    Parameters
    ----------
    classes : ndarray of shape (n,) or None
        Class of each row.
    n_rows, count, seed : int
        Number of rows and of folds; the seed.

    Returns
    -------
    list of Fold
        Each row is left out once.
    """
    shuffled = generator(seed, Purpose.FOLDS).permutation(n_rows)
    order = shuffled
    if classes is not None:
        order = np.lexsort((shuffled, np.unique(classes, return_inverse=True)[1]))
    of_row = np.empty(n_rows, np.min_scalar_type(count))  # a byte
    of_row[order] = np.arange(n_rows) % count
    kind = np.int32 if n_rows < 2**31 else np.int64
    folds = ((of_row != i, of_row == i) for i in range(count))
    return [Fold(*(np.flatnonzero(mask).astype(kind) for mask in masks)) for masks in folds]


def split_by(splitter: Any, y: np.ndarray, groups: np.ndarray | None) -> list[Fold]:
    """The folds that a splitter of scikit-learn makes: of each it leaves the test rows out.

    Parameters
    ----------
    splitter : object with a method ``split(X, y, groups)``
        What makes them.
    y : ndarray of shape (n,) or (n, n_outputs)
        Targets.
    groups : ndarray of shape (n,) or None
        Which rows belong together.

    Returns
    -------
    list of Fold

    Raises
    ------
    ValueError
        Where it leaves out rows that it trains on, or none, or trains on none.
    """
    try:
        folds = [Fold(np.asarray(a, np.intp), np.asarray(b, np.intp)) for a, b in splitter.split(y, y, groups)]
    except (TypeError, ValueError) as error:
        raise ValueError(f"n_folds={splitter!r} cannot split the rows: {error}") from error
    for i, fold in enumerate(folds):
        if not (len(fold.train) and len(fold.left_out)) or np.isin(fold.left_out, fold.train).any():
            raise ValueError(
                f"n_folds={splitter!r} must give rows to train on and others to leave out; fold {i} trains on "
                f"{len(fold.train)} and leaves out {len(fold.left_out)}, some of which it trains on or which are none."
            )
    return folds


def together(groups: np.ndarray, classes: np.ndarray | None, count: int, seed: int) -> list[Fold]:
    """Folds that keep rows together which belong together; with classes, these in parts as equal as groups allow.

    Parameters
    ----------
    groups : ndarray of shape (n,)
        Which rows belong together.
    classes : ndarray of shape (n,) or None
        Class of each row.
    count, seed : int
        Number of folds; the seed.

    Returns
    -------
    list of Fold

    Raises
    ------
    ValueError
        Where there are fewer groups than folds.
    """
    n_groups = len(np.unique(groups))
    if n_groups < count:
        raise ValueError(f"groups has {n_groups} different values, too few for {count} folds; set n_folds=1 or fewer.")
    if classes is None:
        return split_by(GroupKFold(count, shuffle=True, random_state=seed), groups, groups)
    codes = np.unique(classes, return_inverse=True)[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of classes with few rows
        return split_by(StratifiedGroupKFold(count, shuffle=True, random_state=seed), codes, groups)


def judged(folds: list[Fold], n_raw: int, seed: int) -> list[np.ndarray]:
    """Rows to judge each part by: of a long table a sample, which says as much and takes less time and memory.

    Parameters
    ----------
    folds : list of Fold
        What each part sees.
    n_raw : int
        Raw outputs of all members; with many classes fewer rows do.
    seed : int
        Decides the sample.

    Returns
    -------
    list of ndarray of int
        Positions, for each part.
    """
    total, most = sum(len(fold.left_out) for fold in folds), min(JUDGED, max(FEWEST, SAID // n_raw))
    if total <= most:
        return [fold.left_out for fold in folds]
    rng, share = generator(seed, Purpose.FOLDS, 1), most / total
    sizes = [max(1, int(share * len(fold.left_out))) if len(fold.left_out) else 0 for fold in folds]
    return [np.sort(rng.choice(f.left_out, size, replace=False)) for f, size in zip(folds, sizes, strict=True)]
