"""Rows by which a training is judged: held out, or left out by some members of an ensemble.

Knows nothing about tables or about what follows from the judgement; rows come in encoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np

from .._data import Rows
from .._engine import Network, forward
from ..heads import Head, Judged
from .folds import Folds

__all__ = ["Validation"]

ROUGHLY = 0.05  # relative tolerance of a temperature that is found to judge an epoch


@final
class Validation:
    """The mean loss, and scores where they are asked for, on rows that are not trained on.

    Parameters
    ----------
    rows : Rows
        Encoded.
    head : Head
        What the outputs mean.
    scores : callable or None, default=None
        From the encoded inputs to scores of the network as it is, higher being better, by name.
    folds : Folds or None, default=None
        Where given, `rows` are trained on, but each is judged by the members that leave it out, at the temperature
        that suits all of them best.
    """

    def __init__(
        self,
        rows: Rows,
        head: Head,
        scores: Callable[[object], dict[str, float]] | None = None,
        folds: Folds | None = None,
    ):
        self.rows, self._head, self._scores, self._folds = rows, head, scores, folds
        self._loss = head.loss if folds is None else head.judge
        self._weight = None if rows.weight is None else rows.weight[:, None]
        self._total = float(len(rows.y) if rows.weight is None else rows.weight.sum(dtype=np.float64))

    def judged(self, raw: np.ndarray) -> Judged:
        """The rows with the network's output for them."""
        return Judged(self.rows.y, self.rows.weight, raw, self._pooled, self._folds is not None)

    def mean_loss(self, network: Network) -> float:
        """Σ wᵢ lossᵢ / Σ wᵢ, of the ensemble's prediction rather than the mean over its members."""
        raw = forward(network, self.rows.x)
        if self._folds is not None and (t := self._head.temperature(self.judged(raw), ROUGHLY)) != 1:
            raw = raw / t
        raw = self._pooled(raw)
        return self._loss.value_and_gradient(self.rows.y, raw, self._weight, np.empty_like(raw)) / self._total

    def scores(self) -> dict[str, float]:
        """The scores of the network as it is, by name; "validation_score" is the one that decides."""
        return {} if self._scores is None else self._scores(self.rows.x)

    def settle(self, network: Network) -> float:
        """Have the head take note of what shows after the training; what the outputs are to be divided by."""
        return self._head.settle(self.judged(forward(network, self.rows.x).astype(np.float64, copy=False)))

    def _pooled(self, raw: np.ndarray) -> np.ndarray:
        """The raw output of shape (n, n_raw) that is judged: the members' together where there are members."""
        pool = self._loss.link.pool
        if raw.ndim == 2:
            return raw
        return pool(raw) if self._folds is None else self._folds.left_out(raw, pool)
