"""Rows of a training set in batches, in a new random order each epoch.

Knows nothing about networks or losses: x is an array, a CSR matrix or columns, y and the weights are arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .._numerics import Purpose, generator
from .columns import Columns
from .lazy import LazyRows

__all__ = ["Batches", "Rows", "Share"]


GATHERED = 2**17  # numbers gathered at once: they stay in the cache until their batches come


class Rows(NamedTuple):
    """Encoded rows: inputs, targets of shape (n, q), and weights."""

    x: Any
    y: np.ndarray
    weight: np.ndarray | None

    def __len__(self) -> int:  # rows, not fields
        return len(self.y)

    def some(self, at: np.ndarray) -> Rows:
        """Some of the rows."""
        return Rows(self.x[at], self.y[at], None if self.weight is None else self.weight[at])


class Share(NamedTuple):
    """What of a training set goes to one of several networks that are trained side by side.

    Attributes
    ----------
    rows : ndarray of int or None
        Positions of the rows; None for all.
    n_batches : int
        Batches an epoch, all nearly of one size: the same number for each network.
    number : int
        Which network: each has orders of its own.
    """

    rows: np.ndarray | None
    n_batches: int
    number: int


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
    share : Share or None, default=None
        Where only a share of the rows is to come.

    Attributes
    ----------
    drawn : dict
        The last four parameters, by name: how batches are drawn, from whatever rows.
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
        share: Share | None = None,
    ):
        self.drawn = {"size": size, "shuffle": shuffle, "seed": seed, "share": share}
        rows = None if share is None else share.rows
        self.n_rows = len(y) if rows is None else len(rows)
        size = min(size, self.n_rows)
        if share is None:
            self._bounds = [*range(0, self.n_rows, size), self.n_rows]
        else:
            self._bounds = [round(self.n_rows * i / share.n_batches) for i in range(share.n_batches + 1)]
        self.size = max(stop - start for start, stop in pairwise(self._bounds))
        if len(self) == 1:  # all rows are needed at once, and each time
            at = slice(None) if rows is None else rows
            x = x if rows is None and not isinstance(x, LazyRows) else x[at]
            y, weight, rows = y[at], _some(weight, at), None
        self.x, self.y, self.weight, self._rows = x, y, weight, rows
        weight = _some(weight, slice(None) if rows is None else rows)
        self.total_weight = float(self.n_rows if weight is None else weight.sum(dtype=np.float64))
        self._order = (seed, Purpose.ORDER) if shuffle else None
        self._number = () if share is None else (share.number,)
        self._at_once = max(1, GATHERED // (self.size * max(1, x.shape[1])))  # batches that are gathered together
        self._buffers: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        """Batches an epoch."""
        return len(self._bounds) - 1

    def epoch(self, number: int) -> Iterator[Rows]:
        """The batches of epoch `number`."""
        if len(self) == 1:
            yield Rows(self.x, self.y, self.weight)
            return
        order = self._rows
        if self._order is not None:
            if order is None:
                order = np.arange(self.n_rows, dtype=np.int32 if self.n_rows < 2**31 else np.int64)
            order = generator(*self._order, number, *self._number).permutation(order)
        for first in range(0, len(self), self._at_once):
            bounds = self._bounds[first : first + self._at_once + 1]
            start, stop = bounds[0], bounds[-1]
            x, y, weight = self._gather(slice(start, stop) if order is None else order[start:stop])
            for low, high in pairwise(bounds):
                rows = slice(low - start, high - start)
                yield Rows(x[rows], y[rows], _some(weight, rows))

    def _gather(self, rows: Any) -> Rows:
        """Rows for some batches at once: a batch is then a slice, which costs next to nothing."""
        if isinstance(rows, slice):
            return Rows(self.x[rows], self.y[rows], _some(self.weight, rows))
        weight = None if self.weight is None else self._take("weight", self.weight, rows)
        return Rows(self._take("x", self.x, rows), self._take("y", self.y, rows), weight)

    def _take(self, name: str, a: Any, index: np.ndarray) -> Any:
        if isinstance(a, Columns):
            return Columns(self._take("numeric", a.numeric, index), self._take("codes", a.codes, index))
        if not isinstance(a, np.ndarray):
            return a[index]
        buffer = self._buffers.get(name)
        if buffer is None:
            buffer = self._buffers[name] = np.empty((self._at_once * self.size, *a.shape[1:]), a.dtype)
        # mode="clip": with the default "raise", NumPy allocates a copy of `out`
        return a.take(index, axis=0, out=buffer[: len(index)], mode="clip")


def _some(a: np.ndarray | None, rows: Any) -> np.ndarray | None:
    return None if a is None else a[rows]
