"""Rows by which a training is judged: held out, or left out by some members of an ensemble.

Knows nothing about tables or about what follows from the judgement; rows come in encoded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, final

import numpy as np

from .._data import Rows
from .._engine import Network, forward
from .._numerics import Purpose, generator
from ..heads import Head, Judged
from .folds import FEWEST, Folds

__all__ = ["Validation"]

ROUGHLY = 0.05  # relative tolerance of a temperature that is found to judge an epoch


class _Sample(NamedTuple):
    """Some of the rows: which, encoded, and their folds."""

    at: np.ndarray
    rows: Rows
    folds: Folds


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

        self._sample = self._draw()

    def mean_loss(self, network: Network) -> float:
        """Σ wᵢ lossᵢ / Σ wᵢ, of the ensemble's prediction rather than the mean over its members."""
        raw, t = forward(network, self.rows.x), 1.0
        if self._folds is not None:
            if self._sample is None:
                judged = self._judged(self.rows, raw, self._folds)
            else:
                judged = self._judged(self._sample.rows, raw[self._sample.at], self._sample.folds)
            t = self._head.temperature(judged, ROUGHLY)
        raw = self._pooled(raw, self._folds, t)
        return self._loss.value_and_gradient(self.rows.y, raw, self._weight, np.empty_like(raw)) / self._total

    def scores(self) -> dict[str, float]:
        """The scores of the network as it is, by name; "validation_score" is the one that decides."""
        return {} if self._scores is None else self._scores(self.rows.x)

    def settle(self, network: Network) -> float:
        """Have the head take note of what shows after the training; what the outputs are to be divided by."""
        rows, folds = (self.rows, self._folds) if self._sample is None else (self._sample.rows, self._sample.folds)
        raw = forward(network, rows.x).astype(np.float64, copy=False)
        return self._head.settle(self._judged(rows, raw, folds))

    def _draw(self) -> _Sample | None:
        """The rows by which the head settles, where all of them would say more than it needs."""
        if self._folds is None:
            return None
        n = max(FEWEST, self._head.needs // (self._folds.n_members * self._head.n_raw))
        if n >= len(self.rows):
            return None
        at = np.sort(generator(0, Purpose.SAMPLE, 1).choice(len(self.rows), n, replace=False))
        return _Sample(at, self.rows.some(at), self._folds.rows(at))

    def _judged(self, rows: Rows, raw: np.ndarray, folds: Folds | None) -> Judged:
        return Judged(rows.y, rows.weight, lambda t: self._pooled(raw, folds, t), folds is not None)

    def _pooled(self, raw: np.ndarray, folds: Folds | None, t: float) -> np.ndarray:
        """The raw output of shape (n, n_raw) that is judged, at a temperature: the members' where there are members."""
        link = self._loss.link

        def pool(members: np.ndarray) -> np.ndarray:
            return link.pool(members if t == 1 else members / t)

        if raw.ndim == 2:
            return raw if t == 1 else raw / t
        return pool(raw) if folds is None else folds.left_out(raw, pool)
