"""Rows of a training set in batches, in a new random order each epoch.

Knows nothing about networks or losses: x is an array, a CSR matrix or columns, y and the weights are arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .._numerics import Purpose, generator
from .columns import Columns
from .lazy import LazyRows

__all__ = ["Batches", "Rows"]


GATHERED = 2**17  # numbers gathered at once: they stay in the cache until their batches come


class Rows(NamedTuple):
    """Encoded rows: inputs, targets of shape (n, q), weights, and the fold of each where there are folds."""

    x: Any
    y: np.ndarray
    weight: np.ndarray | None
    fold: np.ndarray | None = None

    def __len__(self) -> int:  # rows, not fields
        return len(self.y)

    def some(self, at: np.ndarray) -> Rows:
        """Some of the rows, without their folds."""
        return Rows(self.x[at], self.y[at], None if self.weight is None else self.weight[at])


class Batches:
    """A training set, batch by batch; what an epoch yields is valid until the next batch.

    Parameters
    ----------
    x : ndarray of shape (n, d), CSR array of that shape, Columns or LazyRows
        Encoded inputs.
    y : ndarray of shape (n, q)
        Encoded targets.
    weight : ndarray of shape (n,) or None
        Weight of each row; None for 1.
    size : int
        Rows a batch; the last batch of an epoch may be smaller.
    shuffle : bool
        Whether each epoch has an order of its own. Where a batch holds all rows there is nothing to shuffle.
    seed : int
        Decides the orders.
    fold : ndarray of shape (n,) or None, default=None
        Fold of each row.
    """

    def __init__(
        self,
        x: Any,
        y: np.ndarray,
        weight: np.ndarray | None,
        *,
        size: int,
        shuffle: bool,
        seed: int,
        fold: np.ndarray | None = None,
    ):
        self.n_rows = len(y)
        self.size = min(size, self.n_rows)
        if isinstance(x, LazyRows) and self.size == self.n_rows:
            x = x[:]  # all rows are needed at once
        self.x, self.y, self.weight, self.fold = x, y, weight, fold
        self.total_weight = float(self.n_rows if weight is None else weight.sum(dtype=np.float64))
        self._shuffle, self._seed = shuffle, seed
        self._gathered = self.size * max(1, GATHERED // (self.size * max(1, x.shape[1])))
        self._buffers: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-self.n_rows // self.size)

    def epoch(self, number: int) -> Iterator[Rows]:
        """The batches of epoch `number`."""
        if self.size >= self.n_rows:
            yield Rows(self.x, self.y, self.weight, self.fold)
            return
        order = None
        if self._shuffle:
            in_order = np.arange(self.n_rows, dtype=np.int32 if self.n_rows < 2**31 else np.int64)
            order = generator(self._seed, Purpose.ORDER, number).permutation(in_order)
        for start in range(0, self.n_rows, self._gathered):
            stop = min(start + self._gathered, self.n_rows)
            x, y, weight, fold = self._gather(slice(start, stop) if order is None else order[start:stop])
            for first in range(0, stop - start, self.size):
                rows = slice(first, first + self.size)
                yield Rows(x[rows], y[rows], _some(weight, rows), _some(fold, rows))

    def _gather(self, rows: Any) -> Rows:
        """Rows for some batches at once: a batch is then a slice, which costs next to nothing."""
        if isinstance(rows, slice):
            return Rows(self.x[rows], self.y[rows], _some(self.weight, rows), _some(self.fold, rows))
        weight = None if self.weight is None else self._take("weight", self.weight, rows)
        fold = None if self.fold is None else self._take("fold", self.fold, rows)
        return Rows(self._take("x", self.x, rows), self._take("y", self.y, rows), weight, fold)

    def _take(self, name: str, a: Any, index: np.ndarray) -> Any:
        if isinstance(a, Columns):
            return Columns(self._take("numeric", a.numeric, index), self._take("codes", a.codes, index))
        if not isinstance(a, np.ndarray):
            return a[index]
        buffer = self._buffers.get(name)
        if buffer is None:
            buffer = self._buffers[name] = np.empty((self._gathered, *a.shape[1:]), a.dtype)
        # mode="clip": with the default "raise", NumPy allocates a copy of `out`
        return a.take(index, axis=0, out=buffer[: len(index)], mode="clip")


def _some(a: np.ndarray | None, rows: slice) -> np.ndarray | None:
    return None if a is None else a[rows]
