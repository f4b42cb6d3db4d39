"""The layer that takes a table with categories: numbers as they are, a learnt vector for each level of a category.

Knows nothing about what the levels are: they come as codes.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.sparse import csr_array

from .._data import Columns
from .base import Layer, Part
from .memory import Memory, Views

__all__ = ["TableInput"]


@final
@dataclass(frozen=True)
class TableInput(Layer):
    """y = [x | E₁[c₁] | E₂[c₂] | ...]: the numbers, then the embedding of each code.

    (Guo & Berkhahn 2016, https://arxiv.org/abs/1604.06737, eq. 4.) The embedding tables lie one under the other in
    one array. Code 0 of each column is for rare and unseen levels; its vector begins at 0 and so stays neutral where
    no rare level was trained on.

    Parameters
    ----------
    n_numeric : int
        Number of columns of numbers.
    cardinalities : tuple of int
        Number of codes of each column of codes.
    width : int
        Length of an embedding.
    """

    n_numeric: int
    cardinalities: tuple[int, ...]
    width: int

    @property
    def n_out(self) -> int:
        """Number of output features."""
        return self.n_numeric + len(self.cardinalities) * self.width

    @property
    def reads_dy(self) -> slice:
        return slice(self.n_numeric, None)

    @property
    def starts(self) -> list[int]:
        """First row of each embedding table, and the number of rows."""
        return [0, *itertools.accumulate(self.cardinalities)]

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"table": (sum(self.cardinalities), self.width)}

    def init(self, p: Views, rng: np.random.Generator) -> None:
        p.table[...] = rng.normal(0, 0.5, p.table.shape)
        p.table[self.starts[:-1]] = 0

    def forward(self, x: Columns, p: Views, m: Memory) -> np.ndarray:
        n, q = x.codes.shape
        m.rows = np.add(x.codes, self.starts[:-1], out=m.array("rows", (n, q), np.intp))
        y = m.array("y", (n, self.n_out))
        y[:, : self.n_numeric] = x.numeric
        embedded = p.table.take(m.rows, axis=0, out=m.array("embedded", (n, q, self.width)), mode="clip")
        y[:, self.n_numeric :] = embedded.reshape(n, -1)
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> None:
        m.dy = dy  # codes have no gradient

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        columns, starts = part.of(len(self.cardinalities)), self.starts
        low, high = starts[columns.start], starts[columns.stop]
        rows = m.rows[:, columns].reshape(-1) - low
        d_embedded = m.dy[:, self.n_numeric :].reshape(len(m.dy), -1, self.width)[:, columns].reshape(-1, self.width)
        ones = np.ones(len(rows), d_embedded.dtype)
        picked = csr_array((ones, rows, np.arange(len(rows) + 1)), shape=(len(rows), high - low))
        g.table[low:high] = picked.T @ d_embedded  # dE[c] = Σ dy over the rows with code c
