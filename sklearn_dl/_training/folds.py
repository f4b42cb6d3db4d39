"""Cross-fitting inside an ensemble: each member leaves a fold of the rows out, and so can be judged on it.

Knows nothing about networks or training: raw outputs of members come in, rows on axis 0, members on axis 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np

from .._data import Rows
from .._numerics import Purpose, generator

__all__ = ["Folds"]

JUDGED = 2**16  # rows at most by which an epoch is judged
SAID = 2**25  # numbers at most that the members say of these rows, all together: 128 MB in single precision
FEWEST = 1024  # but not fewer rows


@final
@dataclass(frozen=True)
class Folds:
    """Which fold each row is in; member j leaves out fold j modulo the number of folds.

    Parameters
    ----------
    of_row : ndarray of shape (n,)
        Fold of each row, 0 to count - 1.
    count : int
        Number of folds.
    n_members : int
        Number of members, at least as many.
    """

    of_row: np.ndarray
    count: int
    n_members: int

    @classmethod
    def draw(cls, classes: np.ndarray | None, n_rows: int, count: int, n_members: int, seed: int) -> Folds:
        """Folds of equal size, in random order; with classes, each of them in equal parts too.

        Parameters
        ----------
        classes : ndarray of shape (n,) or None
            Class of each row.
        n_rows, count, n_members, seed : int
            Number of rows, of folds and of members; the seed.

        Returns
        -------
        Folds
        """
        shuffled = generator(seed, Purpose.FOLDS).permutation(n_rows)
        order = shuffled
        if classes is not None:
            order = np.lexsort((shuffled, np.unique(classes, return_inverse=True)[1]))
        of_row = np.empty(n_rows, np.min_scalar_type(count))  # a byte
        of_row[order] = np.arange(n_rows) % count
        return cls(of_row, count, n_members)

    def weights(self) -> np.ndarray:
        """Weight of each fold's rows in each member's loss, shape (count, n_members): 0 where left out, mean 1."""
        there = np.arange(self.n_members) % self.count != np.arange(self.count)[:, None]
        weights: np.ndarray = there * (self.n_members / there.sum(axis=1, keepdims=True))
        return weights

    def judged(self, rows: Rows, n_raw: int, seed: int) -> tuple[Rows, Folds]:
        """Encoded rows to judge by: of a long table a sample, which says as much and takes less time and memory.

        Parameters
        ----------
        rows : Rows
            The encoded rows that these folds are of.
        n_raw : int
            Raw outputs of a member; with many classes fewer rows do.
        seed : int
            Decides the sample.
        """
        most = min(JUDGED, max(FEWEST, SAID // (self.n_members * n_raw)))
        if len(rows) <= most:
            return rows, self
        at = np.sort(generator(seed, Purpose.FOLDS, 1).choice(len(rows), most, replace=False))
        return rows.some(at), self.rows(at)

    def rows(self, at: np.ndarray) -> Folds:
        """The folds of some of the rows."""
        return Folds(self.of_row[at], self.count, self.n_members)

    def left_out(self, raw: np.ndarray, pool: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """For each row the pooled output of the members that left it out.

        Parameters
        ----------
        raw : ndarray of shape (n, n_members, n_raw)
            The members' outputs.
        pool : callable
            From (rows, members, n_raw) to (rows, n_raw).

        Returns
        -------
        ndarray of shape (n, n_raw)
        """
        out = np.empty((len(raw), raw.shape[-1]), raw.dtype)
        for fold in range(self.count):
            rows = self.of_row == fold
            out[rows] = pool(raw[rows, fold :: self.count])
        return out
