"""When a training has nothing more to find, and what it may fall back on: the epoch that was judged best, and the last
one whose loss was finite.

Knows nothing about who judges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from .._engine import Network

__all__ = ["Decline", "EarlyStopping", "Fallback"]

IN_A_ROW = 3  # looks that must tell of a decline
FEWEST_BLOCKS = 16  # that tell of chance


@final
@dataclass
class Fallback:
    """What a loss that is not finite falls back on.

    Attributes
    ----------
    loss : float
        Lowest training loss of an epoch so far.
    values : ndarray or None
        The network's values from before that epoch.
    """

    loss: float = math.inf
    values: np.ndarray | None = None


@final
class EarlyStopping:
    """Says when a figure has stopped to improve, and remembers the network at its best.

    Parameters
    ----------
    patience : float
        Epochs without improvement that make a plateau.
    tol : float
        An improvement counts where it is larger than this.
    keep_best : bool
        Whether the network's values are remembered.

    Attributes
    ----------
    best : float
        Lowest value so far.
    reference, waited : float, int
        Value of the last improvement that counted, and epochs since.
    values : ndarray or None
        The network's values at `best`.
    """

    def __init__(self, patience: float, tol: float, keep_best: bool):
        self.patience, self.tol, self.keep_best = patience, tol, keep_best
        self.best = math.inf
        self.reference, self.waited = math.inf, 0
        self.values: np.ndarray | None = None

    def note(self, value: float, network: Network) -> bool:
        """Remember the network where it is at its best; whether it is.

        Parameters
        ----------
        value : float
            Of the network as it is.
        network : Network
            What is remembered.
        """
        if not value < self.best:
            return False
        self.best = value
        if self.keep_best:
            if self.values is None:
                self.values = np.empty_like(network.values)
            np.copyto(self.values, network.values)
        return True

    def plateau(self, value: float, network: Network, epochs: int = 1) -> bool:
        """Take note of a value, lower being better; true after `patience` epochs without improvement.

        Parameters
        ----------
        value : float
            Of the network as it is.
        network : Network
            Remembered where it is at its best.
        epochs : int, default=1
            How many there were since the last value.
        """
        self.note(value, network)
        if value < self.reference - self.tol:
            self.reference, self.waited = value, 0
        else:
            self.waited += epochs
        if self.waited < self.patience:
            return False
        self.waited = 0
        return True

    def restore(self, network: Network) -> None:
        """Give the network its best values, swapped in whole."""
        if self.values is not None:
            network.values, self.values = self.values, network.values


@final
class Decline:
    """Tells a loss that has surely risen since its best from one that may be so by chance.

    By the same rows, in B blocks: d_b = what block b adds to the loss now − what it added at the best, and
    t = d̄ / (s / √B), where s is the deviation of d. Blocks tell which differences come from the rows; steps at a high
    rate make others from look to look, and so several looks in a row must say the same.

    Parameters
    ----------
    sure : float
        The t from which on it is sure; infinity for never.
    looks : int
        Looks, those up to the best one, whose mean is compared with.

    Attributes
    ----------
    recent : list of list of float
        What each block added at the last looks.
    best : list of float or None
        The mean of so many looks at the best of them.
    in_a_row : int
        Looks, the last ones, that were surely worse than that.
    """

    def __init__(self, sure: float, looks: int):
        self.sure, self.looks = sure, looks
        self.recent: list[list[float]] = []
        self.best: list[float] | None = None
        self.in_a_row = 0

    def note(self, shares: np.ndarray, *, best: bool) -> bool:
        """Take note of a look; whether the loss has surely risen.

        Parameters
        ----------
        shares : ndarray of shape (B,)
            What each block of rows adds to the loss.
        best : bool
            Whether no look was better.
        """
        self.recent = [*self.recent, shares.tolist()][-self.looks :]
        if best or self.best is None:
            self.best, self.in_a_row = np.mean(self.recent, axis=0).tolist(), 0
            return False
        d, n_blocks = shares - self.best, len(shares)
        if n_blocks < FEWEST_BLOCKS:
            return False
        with np.errstate(invalid="ignore"):
            sure = d.mean() > self.sure * d.std(ddof=1) / math.sqrt(n_blocks)  # t > sure
        self.in_a_row = self.in_a_row + 1 if sure else 0
        return self.in_a_row >= IN_A_ROW
