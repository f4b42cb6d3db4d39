"""The integral of a gradient along straight paths, to a tolerance: Gauss-Legendre where f is smooth, panels elsewhere.

Knows nothing about what f is: it asks for its values, and for its slopes along the way.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .paths import Scalar

__all__ = ["integrate"]

NODES, NODE_WEIGHTS = np.polynomial.legendre.leggauss(16)
NODES, NODE_WEIGHTS = (NODES + 1) / 2, NODE_WEIGHTS / 2  # from [-1, 1] to [0, 1]
START, NARROWEST = 32, 2.0**-21  # panels to begin with, and the smallest width of one
MOST = 2**15  # panels of a path
SURE = 2.5  # standard deviations of a column's error that the tolerance must hold
PRIOR = 0.1  # weight of the columns' jumps, taken as independent, beside their products
FLOOR = 0.01  # a difference smaller than this share of Σ|attributions| counts as that share
TINY = 1e-6  # and one smaller than this, in the units of the network, as this: below, all is rounding
STILL = 1e-4  # of Σ|attributions|: changes of the slope below are none
SINGLE = 1e-4  # tolerances from here on allow single precision
ROWS, NUMBERS = 128, 2**18  # of a block: rows at most, and numbers in the slopes that it begins with


class _Rows(NamedTuple):
    """Some rows: where f begins and ends, and the two tolerances."""

    f: Scalar
    start: np.ndarray  # (1, d)
    way: np.ndarray  # (n, d)
    ends: np.ndarray  # (n, 2): f at the start and at the end, in double precision
    tol: float
    tiny: float

    def of(self, chosen: np.ndarray) -> _Rows:
        return self._replace(way=self.way[chosen], ends=self.ends[chosen])

    def slopes(self, row: np.ndarray, a: np.ndarray, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
        """f and (z - z₀) ⊙ ∇f at z₀ + a (z - z₀)."""
        return self.f.slopes(self.start, self.way, row, a, dtype)

    def complete(self, values: np.ndarray) -> np.ndarray:
        """Whether the columns add up to the difference."""
        difference = self.ends[:, 1] - self.ends[:, 0]
        least = np.maximum(FLOOR * np.abs(values).sum(axis=1), self.tiny)
        missing: np.ndarray = np.abs(values.sum(axis=1) - difference)
        return missing <= self.tol * np.maximum(np.abs(difference), least)


def integrate(
    f: Scalar, z: np.ndarray, z0: np.ndarray, tol: float, done: Callable[[int], Any] = lambda n_rows: None
) -> np.ndarray:
    """(z - z₀) ⊙ ∫₀¹ ∇f(z₀ + a (z - z₀)) da (Sundararajan, Taly & Yan 2017, eq. 1).

    Where f looks smooth, Gauss-Legendre rules of 16 and twice 16 points, which are exact to rounding; they are taken
    where they agree and add up to f(z) - f(z₀) (their proposition 1, completeness). Elsewhere panels, which are halved
    where the slope changes most, and which add up by construction.

    Parameters
    ----------
    f : Scalar
        What is differentiated.
    z : ndarray of shape (n, d)
        Embedded rows.
    z0 : ndarray of shape (1, d)
        The baseline.
    tol : float
        Largest error of the sum, as a share of the difference, or of Σ|attributions| / 100 where that is more; and of
        a column, as a share of Σ|attributions|, which 2.5 standard deviations of it, as estimated, do not reach.
    done : callable
        Told after each block of rows how many there were.

    Returns
    -------
    ndarray of shape (n, d)

    Warns
    -----
    ConvergenceWarning
        Where the finest panels are not fine enough for some row.
    """
    out, good = np.empty_like(z), np.empty(len(z), bool)
    f_start, tiny = f.value(z0), TINY * np.abs(f.weights).max()
    step = min(max(1, NUMBERS // (START * z.shape[1])), ROWS)
    for first in range(0, len(z), step):
        at = slice(first, first + step)
        ends = np.column_stack([np.repeat(f_start, len(z[at])), f.value(z[at])])
        out[at], good[at] = _block(_Rows(f, z0, z[at] - z0, ends, tol, tiny))
        done(len(ends))
    if not good.all():
        warnings.warn(
            f"the attributions of {(~good).sum()} of {len(z)} rows are not sure to be within tol={tol}; raise tol, "
            "or see `residual` for what their sum misses.",
            ConvergenceWarning,
            stacklevel=6,
        )
    return out


def _block(rows: _Rows) -> tuple[np.ndarray, np.ndarray]:
    """The integral for each row, and whether it is good."""
    single = np.full(len(rows.way), rows.tol >= SINGLE)
    value, slope = _grid(rows, np.float32 if rows.tol >= SINGLE else np.float64)
    size = np.maximum(np.abs(slope.mean(axis=1)).sum(axis=1), rows.tiny)
    single &= np.abs(value[:, [0, -1]] - rows.ends).sum(axis=1) <= rows.tol * size / START
    if rows.tol >= SINGLE and not single.all():  # rounding does harm
        value[~single], slope[~single] = _grid(rows.of(~single), np.float64)
    value[:, [0, -1]] = rows.ends  # what is between cancels in the sum

    out, good = np.zeros_like(rows.way), _looks_smooth(slope, size)
    if good.any():
        out[good], good[good] = _gauss(rows.of(good))
    for chosen, dtype in ((single & ~good, np.float32), (~single & ~good, np.float64)):
        if chosen.any():
            panels = _Panels(rows.of(chosen), value[chosen], slope[chosen], dtype)
            panels.refine(size[chosen])
            out[chosen], good[chosen] = panels.sum()
    return out, good


def _grid(rows: _Rows, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """f, shape (n, START + 1), and the slopes, shape (n, START + 1, d), at the edges of equal panels."""
    n, d = rows.way.shape
    a = np.tile(np.arange(START + 1) / START, n)
    value, slope = rows.slopes(np.repeat(np.arange(n), START + 1), a, dtype)
    return value.reshape(n, -1), slope.reshape(n, -1, d)


def _looks_smooth(slope: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Whether the slope changes steadily, or not at all; second differences of a random walk are √2 of the first."""
    first = np.diff(slope, axis=1)
    second = np.diff(first, axis=1)
    changes, bends = ((x**2).sum(axis=(1, 2)) for x in (first, second))
    found: np.ndarray = (bends < changes) | (changes <= (STILL * size) ** 2)
    return found


def _gauss(rows: _Rows) -> tuple[np.ndarray, np.ndarray]:
    """The finer of two rules, and whether it is good."""
    n, rules = len(rows.way), []
    for panels in (1, 2):
        a = ((np.arange(panels)[:, None] + NODES) / panels).ravel()
        slope = rows.slopes(np.repeat(np.arange(n), len(a)), np.tile(a, n), np.float64)[1]
        rules.append(np.einsum("a,nad->nd", np.tile(NODE_WEIGHTS / panels, panels), slope.reshape(n, len(a), -1)))
    coarse, fine = rules
    settled = np.abs(fine - coarse).max(axis=1) <= rows.tol / 4 * np.abs(fine).sum(axis=1)
    return fine, settled & rows.complete(fine)


class _Panels:
    """Panels of the paths, halved until the error of each column is small.

    With the slopes g at its edges, a panel of width h adds (g_a + g_b) h / 2. ReLU makes the slope jump, in wide
    networks at so many points that it walks at random from edge to edge: no rule of higher order helps then. For
    Brownian motion the error of a panel has the variance h² (g_a - g_b)² / 12 on the mean. Errors of different panels
    have random signs, so their variances add up.
    """

    def __init__(self, rows: _Rows, value: np.ndarray, slope: np.ndarray, dtype: Any):
        n, n_edges = value.shape
        self._rows, self._dtype = rows, dtype
        self._value, self._slope = value.ravel(), slope.reshape(n * n_edges, -1)
        self._a = np.tile(np.arange(n_edges) / START, n)
        self._row = np.repeat(np.arange(n), START)
        self._left = np.flatnonzero(self._a < 1)
        self._right = self._left + 1
        self._variance = self._variances(self._left, self._right)
        self._good = np.zeros(n, bool)

    def _variances(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        jump = np.abs(self._slope[right] - self._slope[left]).max(axis=1)
        return (jump * (self._a[right] - self._a[left])) ** 2 / 12

    def refine(self, size: np.ndarray) -> None:
        """Halve the panels that have more than their share of the variance that is allowed, until none has."""
        goal = (self._rows.tol * size / SURE) ** 2
        while True:
            count, row = np.bincount(self._row), self._row
            self._good = np.bincount(row, self._variance) <= goal
            halve = ~self._good[row] & (self._variance > goal[row] / count[row])
            halve &= (self._a[self._right] - self._a[self._left] > NARROWEST) & (count[row] < MOST)
            if not halve.any():
                return
            self._halve(halve)

    def _halve(self, these: np.ndarray) -> None:
        left, right, row = self._left[these], self._right[these], self._row[these]
        middle = (self._a[left] + self._a[right]) / 2
        value, slope = self._rows.slopes(row, middle, self._dtype)
        new = np.arange(len(self._a), len(self._a) + len(middle))
        self._a, self._value = np.append(self._a, middle), np.append(self._value, value)
        self._slope = np.vstack([self._slope, slope])
        self._row = np.concatenate([self._row[~these], row, row])
        self._left = np.concatenate([self._left[~these], left, new])
        self._right = np.concatenate([self._right[~these], new, right])
        halves = self._variances(np.append(left, new), np.append(new, right))
        self._variance = np.append(self._variance[~these], halves)

    def sum(self) -> tuple[np.ndarray, np.ndarray]:
        """Σ over the panels of each path, and whether it is good.

        What a panel misses of the gain of f, m = f(b) - f(a) - Σ (g_a + g_b) h / 2, is known. It is shared out as the
        best linear prediction from the covariance of the columns' errors, m C1 / 1ᵀC1. C is that of the panel's own
        jump j = (g_a - g_b) h, j jᵀ, which is exact where the slope jumps once, and that of all panels of the path.
        No more than a single jump can miss, ½ √(1ᵀC1), goes that way; what is left over, by the size of the jumps.
        """
        order = np.argsort(self._row, kind="stable")
        row, left, right = self._row[order], self._left[order], self._right[order]
        begins = np.flatnonzero(np.diff(row, prepend=-1))
        h = (self._a[right] - self._a[left])[:, None]
        jump = (self._slope[left] - self._slope[right]) * h
        mean = (self._slope[left] + self._slope[right]) * (h / 2)
        missing = (self._value[right] - self._value[left])[:, None] - mean.sum(axis=1, keepdims=True)
        squares = jump**2
        share = jump * jump.sum(axis=1, keepdims=True)  # C1 of the panel
        pooled = np.add.reduceat(share + PRIOR * squares, begins) / np.add.reduceat(h**3, begins)
        share += h**3 * pooled[row]
        total = share.sum(axis=1, keepdims=True)  # 1ᵀC1
        np.divide(share, total, out=share, where=total > 0)
        shared = np.clip(missing, -np.sqrt(total) / 2, np.sqrt(total) / 2)
        rest, sizes = np.add.reduceat(missing - shared, begins), np.add.reduceat(squares, begins)
        sizes /= np.maximum(sizes.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        out = np.add.reduceat(mean + share * shared, begins) + rest * sizes
        return out, self._good & self._rows.complete(out)
