"""Folds: which rows a part of an ensemble learns from, and which it leaves out and so can be judged by.

Knows nothing about networks or training.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np

from .._numerics import Purpose, generator

__all__ = ["FEWEST", "Fold", "draw", "judged", "split_by", "together"]

JUDGED = 2**16  # rows at most by which an epoch is judged
SAID = 2**25  # numbers at most that the members say of these rows, all together: 128 MB in single precision
FEWEST = 1024  # but not fewer rows
LONGEST = 100  # characters of a splitter that a message names in full


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
    return _folds(of_row, count)


def split_by(splitter: Any, y: np.ndarray, groups: np.ndarray | None, count: int, seed: int) -> list[Fold]:
    """The folds that a splitter of scikit-learn makes: of each it leaves the test rows out.

    Parameters
    ----------
    splitter : object with a method ``split(X, y, groups)``
        What makes them.
    y : ndarray of shape (n,) or (n, n_outputs)
        Targets.
    groups : ndarray of shape (n,) or None
        Which rows belong together.
    count : int
        How many it said it would make.
    seed : int
        Of a splitter that shuffles and has none of its own.

    Returns
    -------
    list of Fold

    Raises
    ------
    ValueError
        Where it leaves out rows that it trains on, or none, or trains on none, or is for other rows.
    """
    name, n_rows = _told(splitter), len(y)
    try:
        splitter = copy.deepcopy(splitter)  # one that holds a generator stays as it was given: fit sets no parameter
    except Exception:  # such as of one that holds numpy.random itself, whose numbers go on
        splitter = copy.copy(splitter)
    if getattr(splitter, "random_state", seed) is None:
        splitter.random_state = seed
    known = len(getattr(splitter, "test_fold", y))  # of a PredefinedSplit
    if known != n_rows:
        raise ValueError(f"n_folds={name} is for {known} rows; here are {n_rows}, those of weight 0 not counted.")
    try:
        folds = [Fold(_positions(a), _positions(b)) for a, b in splitter.split(y, y, groups)]
    except (TypeError, ValueError) as error:
        advice = "; pass them as fit(X, y, groups=...)" if groups is None and "groups" in str(error) else ""
        raise ValueError(f"n_folds={name} cannot split the rows: {str(error).rstrip('.')}{advice}.") from error
    if len(folds) != count:
        raise ValueError(f"n_folds={name} makes {len(folds)} folds where its get_n_splits() says {count}.")
    for i, (train, left_out) in enumerate(folds):
        at = np.concatenate((train, left_out))
        if not (len(train) and len(left_out)) or at.min() < 0 or at.max() >= n_rows or np.isin(left_out, train).any():
            raise ValueError(
                f"n_folds={name} must give rows to train on and others to leave out, as numbers from 0 to "
                f"{n_rows - 1}; fold {i} trains on {len(train)} and leaves out {len(left_out)}, some of which it "
                "trains on or which are none."
            )
    return folds


def _positions(rows: Any) -> np.ndarray:
    """Positions, of a mask too."""
    rows = np.asarray(rows)
    return np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.intp, casting="same_kind")


def _told(splitter: Any) -> str:
    """How a message names a splitter, which may hold a number for each row."""
    whole = repr(splitter)
    return whole if len(whole) <= LONGEST else f"{type(splitter).__name__}(...)"


def together(groups: np.ndarray, classes: np.ndarray | None, count: int, seed: int) -> list[Fold]:
    """Folds that keep rows together which belong together, as equal in rows and classes as groups allow.

    The largest group first, and those of a size in random order, each goes to the fold that holds least of its
    classes; where several hold as little, to the one with the fewest rows.

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
        Each row is left out once.

    Raises
    ------
    ValueError
        Where there are fewer groups than folds.
    """
    _, of_row, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < count:
        raise ValueError(f"groups must have a value for each of the {count} folds of n_folds; got {len(sizes)} values.")
    codes = np.zeros(len(of_row), np.intp) if classes is None else np.unique(classes, return_inverse=True)[1]
    n_classes = codes.max() + 1
    pairs, n = np.unique(of_row * n_classes + codes, return_counts=True)  # rows of each class in each group
    starts, codes = np.searchsorted(pairs, np.arange(len(sizes) + 1) * n_classes), pairs % n_classes
    share = n / np.bincount(codes, n)[codes]
    held, rows, of_group = np.zeros((count, n_classes)), np.zeros(count), np.empty(len(sizes), np.intp)
    order = generator(seed, Purpose.FOLDS).permutation(len(sizes))
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        own = slice(starts[group], starts[group + 1])
        crowd = (held[:, codes[own]] * share[own]).sum(axis=1)
        fold = of_group[group] = np.lexsort((rows, crowd))[0]
        held[fold, codes[own]] += n[own]
        rows[fold] += sizes[group]
    return _folds(of_group[of_row], count)


def _folds(of_row: np.ndarray, count: int) -> list[Fold]:
    """Folds by the number of the one that leaves a row out."""
    kind = np.int32 if len(of_row) < 2**31 else np.int64
    masks = ((of_row != i, of_row == i) for i in range(count))
    return [Fold(*(np.flatnonzero(mask).astype(kind) for mask in pair)) for pair in masks]


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
