"""Scaling that is learnt in more than one go: of first rows that were too few, and of columns that did not vary.

Knows `Scaling`, and that a network has been trained behind it: what such a network has seen must look the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .scaling import Names, Scaling

__all__ = ["relearnt", "revived", "revived_sparse"]

FAR = 3.0  # spreads between a column's old value and its new ones


def relearnt(old: Scaling, numbers: np.ndarray, weight: np.ndarray | None, names: Names) -> Scaling:
    """The scaling of all rows so far, where these are so few that the network has hardly begun.

    Parameters
    ----------
    old : Scaling
        Decides on how to scale, and which columns have an indicator for gaps.
    numbers : ndarray of shape (n, d)
        All rows so far; NaN is missing.
    weight : ndarray of shape (n,) or None
        Weight of each row.
    names : callable
        Gives the name of a column for its position.
    """
    new = Scaling.learn(numbers, weight, names, robust=old.clips)
    return Scaling(new.center, new.scale, old.gaps, new.unknown, old.two_valued, clips=old.clips)


def revived(old: Scaling, numbers: np.ndarray, weight: np.ndarray | None, names: Names) -> Scaling:
    """The scaling with factors for columns that were constant, or missing, so far and are not so here.

    A constant column keeps its centre, so that its old value, and what is missing, are still 0 to the network, unless
    the new values lie so far from it (-999 for what is not known, say) that they would all look the same.

    Parameters
    ----------
    old : Scaling
        What was learnt.
    numbers : ndarray of shape (n, d)
        Further rows; NaN is missing.
    weight : ndarray of shape (n,) or None
        Weight of each row.
    names : callable
        Gives the name of a column for its position.
    """
    dead = np.flatnonzero(old.scale == 0)
    there = numbers[:, dead]
    blank = np.isin(dead, old.unknown)
    other = (~np.isnan(there) & (blank | (there != old.center[dead]))).any(axis=0)
    if not other.any():
        return old
    alive, blank = dead[other], blank[other]
    new = Scaling.learn(there[:, other], weight, lambda j: names(int(alive[j])), robust=old.clips)
    center, scale = old.center.copy(), old.scale.copy()
    with np.errstate(over="ignore"):
        moved = blank | ((new.scale > 0) & (np.abs(new.center - center[alive]) * new.scale > FAR))
    center[alive[moved]] = new.center[moved]
    with np.errstate(over="ignore", divide="ignore"):
        spread, away = 1 / new.scale, np.abs(new.center - center[alive])  # infinite where the new value is one only
        spread = np.where(np.isfinite(spread), np.maximum(spread, away), away)
        scale[alive] = np.where(spread > 0, np.minimum(1 / spread, np.finfo(np.float64).max), 0.0)
    return Scaling(center, scale, old.gaps, np.setdiff1d(old.unknown, alive), old.two_valued, clips=old.clips)


def revived_sparse(old: Scaling, X: Any, weight: np.ndarray | None) -> Scaling:
    """The scaling of a CSR matrix with factors for columns that were constant so far and vary here, in the same unit.

    Parameters
    ----------
    old : Scaling
        What was learnt.
    X : CSR matrix of shape (n, d)
        Further rows.
    weight : ndarray of shape (n,) or None
        Weight of each row.
    """
    dead = np.flatnonzero(old.scale == 0)
    new = Scaling.learn_sparse(X[:, dead], weight, old.unit).scale if len(dead) else old.scale[dead]
    if not new.any():
        return old
    scale = old.scale.copy()
    scale[dead] = new
    return Scaling(old.center, scale, old.gaps, old.unknown, old.two_valued, clips=old.clips)
