"""Curves of what is not measured at each epoch: which points belong together, as lines are drawn between these.

Knows nothing about what is drawn, nor how.
"""

from __future__ import annotations

import numpy as np

__all__ = ["connected", "isolated"]

FAR = 4  # times the steps beside it: a longer step is a gap. Looks at left-out rows become rarer by less


def connected(at: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points of a curve, with a NaN in each gap, such as a fit without validation between two with one.

    Parameters
    ----------
    at : ndarray of shape (n,)
        Where values were measured, rising.
    values : ndarray of shape (n,)
        What was measured.

    Returns
    -------
    at, values : ndarray of shape (n + number of gaps,)

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl._estimators.curves import connected
    >>> connected(np.array([2.0, 4, 6, 20, 22]), np.ones(5))[1].tolist()
    [1.0, 1.0, 1.0, nan, 1.0, 1.0]
    """
    steps = np.diff(at)
    before, after = np.append(np.inf, steps[:-1]), np.append(steps[1:], np.inf)
    beside = np.minimum(before, after) if len(steps) > 1 else before
    gaps = np.flatnonzero(steps > FAR * beside) + 1
    return np.insert(at, gaps, at[gaps - 1] if len(gaps) else 0), np.insert(values, gaps, np.nan)


def isolated(values: np.ndarray) -> np.ndarray:
    """Positions of the values that no line meets: there is nothing finite on either side."""
    finite = np.isfinite(np.concatenate([[np.nan], values, [np.nan]]))
    return np.flatnonzero(finite[1:-1] & ~finite[:-2] & ~finite[2:])
