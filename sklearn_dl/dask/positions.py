"""Which rows are held out, which are looked at, and which cell a row belongs to: by its position in the whole table.

Knows nothing about partitions or workers, so that nothing depends on how a table is cut or where it lies.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._numerics import Purpose, generator

__all__ = ["HELD_OUT", "LOOKED_AT", "Deal"]

HELD_OUT = 2**16  # rows at most that are held out
LOOKED_AT = 2**17  # rows at most, nearly, by which scales are learnt
BLOCKS = 2**17  # stretches of rows at most that are dealt to cells
GOLDEN = 0x9E3779B97F4A7C15


class Deal(NamedTuple):
    """What becomes of each row of a table: held out, or trained on in a cell.

    The table is cut into stretches of equal length, of one row where it has no more than 131 072; they are dealt to the
    cells in random order, the same number to each, give or take one.

    Attributes
    ----------
    n_rows : int
        Rows of the table.
    held_out : float
        Share of the rows that are held out, each by a hash of its position.
    n_cells : int
        How many there are.
    seed : int
        Of the fit.
    """

    n_rows: int
    held_out: float
    n_cells: int
    seed: int

    @property
    def stretch(self) -> int:
        """Rows that follow each other and go to the same cell."""
        return max(1, -(-self.n_rows // BLOCKS))

    def cells(self) -> np.ndarray:
        """The cell of each stretch of rows."""
        n_stretches = -(-self.n_rows // self.stretch)
        order = generator(self.seed, Purpose.SHARDS, 0).permutation(n_stretches)
        return (order % self.n_cells).astype(np.int32)

    def is_held_out(self, at: np.ndarray) -> np.ndarray:
        """Whether each row, given by its position, is held out."""
        return _uniform(at, self.seed, 1) < self.held_out

    def is_looked_at(self, at: np.ndarray) -> np.ndarray:
        """Whether each row is among those by which scales are learnt: all of a small table, else a random sample."""
        return _uniform(at, self.seed, 2) * self.n_rows < LOOKED_AT


def _uniform(at: np.ndarray, seed: int, purpose: int) -> np.ndarray:
    """A number in [0, 1) for each position: SplitMix64 (Steele, Lea & Flood 2014) of it and a key."""
    key = int(generator(seed, Purpose.SHARDS, purpose).integers(2**63))
    with np.errstate(over="ignore"):
        z = (at.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN) + np.uint64(key)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
