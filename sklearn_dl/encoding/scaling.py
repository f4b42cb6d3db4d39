"""Columns of numbers to what the network sees: centred, scaled, outliers held in, missing ones filled.

Knows nothing about tables: numbers come as arrays, and names of columns only for messages.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, final

import numpy as np

from .._data import moments, quantiles, row_blocks, sample_rows, sparse_sizes

__all__ = ["Scaling", "learnt_dense"]

LIMIT = 1e6  # scaled numbers are held within ±LIMIT, so that what follows cannot overflow
REACH = 4.0  # the numbers of a sparse column are so many times the table's unit, or that part of it, at most
MANY = 64  # rows that tell that a column holds two values only
MADE = 2**23  # numbers of a sparse table that are made dense at once, to learn from
LARGEST = np.finfo(np.float64).max
QUARTILES = 1.349  # standard deviations from one quartile of a normal variable to the other
SHARE_MISSING = 0.1  # of random rows, in columns that had gaps

Names = Callable[[int], Any]


@final
class Scaling:
    """z = (x - center) · scale, missing ones 0; with `clips` then z / √(1 + (z/3)²), which holds z within ±3.

    Parameters
    ----------
    center, scale : ndarray of shape (d,)
        What is taken off each column, and its factor: 0 for a constant column.
    gaps : ndarray of int
        Positions of the columns where numbers were missing in training.
    unknown : ndarray of int
        Positions of the columns of which training had no value at all: nobody knows what they hold.
    two_valued : ndarray of int
        Positions of the columns that held two values in training and no others, gaps apart.
    clips : bool
        Whether outliers are held within ±3.
    """

    def __init__(
        self,
        center: np.ndarray,
        scale: np.ndarray,
        gaps: np.ndarray,
        unknown: np.ndarray,
        two_valued: np.ndarray,
        *,
        clips: bool,
    ):
        self.center, self.scale, self.gaps, self.unknown = center, scale, gaps, unknown
        self.two_valued, self.clips = two_valued, clips

    @classmethod
    def learn(
        cls,
        numbers: np.ndarray,
        weight: np.ndarray | None,
        names: Names,
        index: np.ndarray | None = None,
        *,
        robust: bool,
    ) -> Scaling:
        """The scaling of training columns.

        Parameters
        ----------
        numbers : ndarray of shape (n_all, d)
            Floats; NaN is missing.
        weight : ndarray of shape (n,) or None
            Weight of each row.
        names : callable
            Gives the name of a column for its position.
        index : ndarray of shape (n,) or None, default=None
            Which rows; None for all.
        robust : bool
            Whether by quartiles, or by mean and standard deviation.
        """
        n, d = len(numbers) if index is None else len(index), numbers.shape[1]
        center, scale, two_valued = np.zeros(d), np.zeros(d), np.zeros(d, bool)
        n_missing = np.zeros(d, np.intp)
        for rows in row_blocks(n, d):
            block = numbers[rows if index is None else index[rows]]
            with np.errstate(over="ignore", invalid="ignore"):
                summed = float(np.add.reduce(block, axis=None, dtype=np.float64))
            if not math.isfinite(summed):
                if (infinite := np.isinf(block).any(axis=0)).any():
                    raise _infinity(names(int(infinite.argmax())))
                n_missing += np.isnan(block).sum(axis=0)
        # quantiles of a long table are those of a sample, which is taken of all columns at once
        sample = sample_rows(n, weight) if robust else None
        at = index if sample is None else sample if index is None else index[sample]
        many = n * d > 0 and _total(weight, n) >= MANY
        there, w = numbers if at is None else numbers[at], weight if sample is None else None

        def whole(j: int) -> np.ndarray:
            return numbers[:, j] if index is None else numbers[index, j]

        for j in range(d):
            x, v = there[:, j], w
            if n_missing[j] == n:
                continue
            if n_missing[j]:
                known = ~np.isnan(x)
                if not known.any():  # so rare that the sample holds none
                    x, v = whole(j), weight
                    known = ~np.isnan(x)
                x, v = x[known], None if v is None else v[known]
            column = None if sample is None else partial(whole, j)
            center[j], scale[j] = _robust(x, v) if robust else _standard(x, v)
            if robust and not scale[j]:  # by all rows, as no sample tells what is constant
                scale[j] = _counted(whole(j), weight)
            two_valued[j] = many and _at_most_two(x) and _two_valued(x if column is None else column())
            if robust and two_valued[j]:  # 1 apart, as the indicators of levels are
                scale[j] = _apart(x if column is None else column())
        gaps, unknown = np.flatnonzero((n_missing > 0) & (n_missing < n)), np.flatnonzero(n_missing == n)
        return cls(center, scale, gaps, unknown, np.flatnonzero(two_valued), clips=robust)

    @classmethod
    def learn_sparse(cls, X: Any, weight: np.ndarray | None, unit: float | None = None) -> Scaling:
        """The scaling of a CSR matrix of finite numbers: zeros stay zeros, and all columns have one unit.

        A column's deviation would be a bad one: a word that stands in 3 of 5000 rows would count 40 times as much as
        one that stands in half of them. Only a column whose numbers are more than `REACH` times the unit, or less than
        that part of it, gets a unit of its own, which brings them just within.

        Parameters
        ----------
        X : CSR matrix of shape (n, d)
            The training rows.
        weight : ndarray of shape (n,) or None
            Weight of each row.
        unit : float or None, default=None
            The unit; by default the median, over all numbers that are not zero, of the size that is usual in their
            column.
        """
        size, total = sparse_sizes(X, weight)
        varies = size > 0
        if unit is None:
            unit = float(quantiles(size[varies], total[varies], (0.5,))[0]) if varies.any() else 1.0
        with np.errstate(over="ignore"):
            units = np.clip(unit, size / REACH, size * REACH)
        none = np.empty(0, np.intp)
        return cls(np.zeros(X.shape[1]), _factor(np.where(varies, units, 0.0)), none, none, none, clips=False)

    def reordered(self, order: np.ndarray) -> Scaling:
        """The scaling of the same columns in another order.

        Parameters
        ----------
        order : ndarray of int, shape (d,)
            The position where each column stands now.
        """
        place = np.argsort(order)
        moved = (np.sort(place[at]) for at in (self.gaps, self.unknown, self.two_valued))
        return Scaling(self.center[order], self.scale[order], *moved, clips=self.clips)

    @property
    def unit(self) -> float | None:
        """The unit of most columns; None where no column varied."""
        alive = self.scale[self.scale > 0]
        return 1 / float(np.median(alive)) if len(alive) else None

    def apply(self, block: np.ndarray, out: np.ndarray, names: Names) -> None:
        """Scaled numbers into `out`; infinity is an error with the column's name."""
        with np.errstate(over="ignore", invalid="ignore"):
            z = block - self.center  # centred in full precision
            np.multiply(z, self.scale, out=out, casting="same_kind")  # and rounded to that of the network
            squared = out * out
            if not np.add.reduce(squared, axis=None) <= LIMIT**2:  # as all of them are in nearly every block
                out[...] = self._mended(block, z, names)
                np.multiply(out, out, out=squared)
        if self.clips:
            squared *= 1 / 9
            squared += 1
            out /= np.sqrt(squared, out=squared)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Scaled numbers that are likely, shape (n, d), and the indicators of gaps, shape (n, n_gaps)."""
        z = rng.standard_normal((n, len(self.scale)))
        if self.clips:
            z /= QUARTILES  # apart for a normal variable, and 1 apart after scaling
            z /= np.sqrt(1 + (z / 3) ** 2)
        z[:, self.scale == 0] = 0
        missing = rng.random((n, len(self.gaps))) < SHARE_MISSING
        z[:, self.gaps] *= ~missing
        return z, missing

    def _mended(self, block: np.ndarray, centred: np.ndarray, names: Names) -> np.ndarray:
        """Scaled numbers with 0 for missing ones, held within ±LIMIT."""
        if (infinite := np.isinf(block).any(axis=0)).any():
            raise _infinity(names(int(infinite.argmax())))
        z = np.multiply(centred, self.scale, out=centred)
        z[np.isnan(z)] = 0  # missing, or too far from a constant to be told from infinity
        return np.clip(z, -LIMIT, LIMIT, out=z)

    def apply_sparse(self, X: Any, dtype: Any) -> Any:
        """A CSR matrix, scaled."""
        with np.errstate(over="ignore"):
            data = X.data * self.scale.take(X.indices, mode="clip")
        data = np.clip(data, -LIMIT, LIMIT, out=data).astype(dtype, copy=False)
        return type(X)((data, X.indices, X.indptr), shape=X.shape)


def learnt_dense(X: Any, weight: np.ndarray | None, *, robust: bool) -> Scaling:
    """The scaling of a CSR matrix of finite numbers as of the same numbers in an array, of which some columns at a time
    are made.

    Parameters
    ----------
    X : CSR matrix of shape (n, d)
        The training rows.
    weight : ndarray of shape (n,) or None
        Weight of each row.
    robust : bool
        As for `Scaling.learn`.
    """
    step, by_column = max(1, MADE // X.shape[0]), X.tocsc()
    learnt = [
        Scaling.learn(by_column[:, j : j + step].toarray(order="C"), weight, lambda j: j, robust=robust)
        for j in range(0, X.shape[1], step)
    ]
    center, scale = (np.concatenate([getattr(some, name) for some in learnt]) for name in ("center", "scale"))
    two_valued = np.concatenate([k * step + some.two_valued for k, some in enumerate(learnt)])
    none = np.empty(0, np.intp)  # is missing in a sparse table
    return Scaling(center, scale, none, none, two_valued, clips=robust)


def _infinity(name: Any) -> ValueError:
    return ValueError(f"column {name!r} of X contains infinity; replace it by a number or by NaN (missing).")


def _factor(spread: Any) -> np.ndarray:
    """One over each spread, 0 for none."""
    with np.errstate(over="ignore", divide="ignore"):
        return np.where(spread > 0, np.minimum(1 / spread, LARGEST), 0.0)


def _standard(x: np.ndarray, weight: np.ndarray | None) -> tuple[float, float]:
    mean, deviation = moments(x[:, None], weight)
    return mean[0], 0.0 if x.min() == x.max() else float(_factor(deviation[0]))


def _total(weight: np.ndarray | None, n: int) -> float:
    """Total weight of `n` rows, weights with a mean below 1 scaled to a mean of 1."""
    return n if weight is None else float(weight.sum() / min(1.0, weight.mean()))


def _at_most_two(x: np.ndarray) -> bool:
    """Whether the numbers of a column, NaN apart, are at most two different ones."""
    low, high = np.nanmin(x), np.nanmax(x)
    return not (((x[:64] > low) & (x[:64] < high)).any() or ((x > low) & (x < high)).any())


def _apart(x: np.ndarray) -> float:
    """One over the distance of the two values of a column, NaN apart."""
    return float(_factor(np.nanmax(x) / 2 - np.nanmin(x) / 2)) / 2  # halves, so that nothing overflows


def _two_valued(x: np.ndarray) -> bool:
    return _at_most_two(x) and bool(np.nanmin(x) < np.nanmax(x))


def _robust(x: np.ndarray, weight: np.ndarray | None) -> tuple[float, float]:
    """Median, and one over the distance of the quartiles; 0 where they agree."""
    first, median, third = quantiles(x, weight, (0.25, 0.5, 0.75))
    return median, float(_factor(third / 2 - first / 2)) / 2  # halves, so that nothing overflows


def _counted(x: np.ndarray, weight: np.ndarray | None) -> float:
    """The scale of a column most of whose numbers are the same, as of counts: by its deviation, NaN left out.

    That of a normal variable; 0 for a constant. By the range, 0, 1 and 2 would all but agree beside one 60.
    """
    known = ~np.isnan(x)
    _, scale = _standard(x[known], None if weight is None else weight[known])
    return scale / QUARTILES
