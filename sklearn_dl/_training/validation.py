"""Rows by which a training is judged: held out, or left out by parts of an ensemble.

Knows nothing about tables or about what follows from the judgement; rows come in encoded.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, final

import numpy as np

from .._data import Rows
from .._engine import Network, Then, forward, joined
from .._numerics import NUMPY, Products, Purpose, generator
from ..heads import Head, Judged
from .folds import FEWEST

__all__ = ["Scores", "Validation"]

Scores = Callable[[Callable[[Then], Any]], dict[str, float]]

ROUGHLY = 0.05  # relative tolerance of a temperature that is found to judge an epoch
BLOCKS = 32  # of rows, for what differs from block to block


@final
class Validation:
    """The mean loss, and scores where they are asked for, on rows that are not trained on.

    Parameters
    ----------
    rows : list of Rows
        Encoded: one set, which the whole network judges; or where they are left out, one for each of its parts.
    head : Head
        What the outputs mean.
    scores : callable or None, default=None
        From what reads the network's output for these rows, in double precision, to scores, higher being better, by
        name.
    left_out : bool, default=False
        Whether each part of the network judges the rows that it leaves out, at the temperature that suits all of them
        best.
    learnt : bool, default=False
        Whether they are rows that were trained on, after all.
    products : Products
        How the network's matrix products are computed.

    Attributes
    ----------
    shares : ndarray of shape (n_blocks,)
        What each block of rows adds to the mean loss of the network that was judged last; blocks are of rows that
        follow each other, as neighbours may be alike.
    """

    def __init__(
        self,
        rows: list[Rows],
        head: Head,
        scores: Scores | None = None,
        *,
        left_out: bool = False,
        learnt: bool = False,
        products: Products = NUMPY,
    ):
        self._rows, self._head, self._scores, self._left_out, self._learnt = rows, head, scores, left_out, learnt
        self._products = products
        self._loss = head.judge if left_out else head.loss
        self._y, self._weight = _targets(rows)
        self._temperature = 1.0
        self._known: list[np.ndarray] | None = None
        self._total = float(len(self._y) if self._weight is None else self._weight.sum(dtype=np.float64))
        n = len(self._y)
        edges = np.linspace(0, n, min(BLOCKS, n) + 1).astype(int).tolist()
        self._blocks = [slice(*edge) for edge in pairwise(edges)]
        self.shares = np.zeros(len(self._blocks))

    @property
    def left_out(self) -> list[Any] | None:
        """The inputs that each part of the network judges; None where they are no left-out rows."""
        return [rows.x for rows in self._rows] if self._left_out else None

    def hear(self, raws: list[np.ndarray]) -> None:
        """Take the raw output for `left_out` from who has computed it, for the next `mean_loss` of the same values."""
        self._known = raws

    def mean_loss(self, network: Network) -> float:
        """Σ wᵢ lossᵢ / Σ wᵢ, of the ensemble's prediction rather than the mean over its members."""
        raws, t, self._known = self._known or self._raws(network), 1.0, None
        if self._left_out:
            self._temperature = t = self._head.temperature(self._judged(raws, sampled=True), ROUGHLY)
        raw = self._pooled(raws, t)
        self.shares = np.array([self._summed(raw, rows) for rows in self._blocks]) / self._total
        return math.fsum(self.shares)

    def scores(self, network: Network) -> dict[str, float]:
        """The scores of the network that was judged last, by name; "validation_score" is the one that decides."""

        def read(then: Then) -> Any:
            answers = [
                forward(
                    judge,
                    rows.x,
                    then=lambda raw: then(raw.astype(np.float64) / self._temperature),
                    products=self._products,
                )
                for judge, rows in zip(self._judges(network), self._rows, strict=True)
            ]
            return answers[0] if len(answers) == 1 else joined(answers)

        return {} if self._scores is None else self._scores(read)

    def settle(self, network: Network) -> float:
        """Have the head take note of what shows after the training; what the outputs are to be divided by."""
        raws = [raw.astype(np.float64, copy=False) for raw in self._raws(network)]
        return self._head.settle(self._judged(raws, sampled=self._left_out))

    def _summed(self, raw: np.ndarray, rows: slice) -> float:
        """Σ wᵢ lossᵢ of some rows."""
        weight = None if self._weight is None else self._weight[rows, None]
        return self._loss.value_and_gradient(self._y[rows], raw[rows], weight, np.empty_like(raw[rows]))

    def _raws(self, network: Network) -> list[np.ndarray]:
        """The raw output for each set of rows."""
        each = zip(self._judges(network), self._rows, strict=True)
        return [forward(judge, rows.x, products=self._products) for judge, rows in each]

    def _judges(self, network: Network) -> list[Network]:
        return network.parts if self._left_out else [network]

    def _judged(self, raws: list[np.ndarray], *, sampled: bool) -> Judged:
        """What the head asks for; by some of the rows where all of them would say more than it needs."""
        rows, n = self._rows, len(self._y)
        share = max(FEWEST / n, self._head.needs / (len(raws) * sum(raw.size for raw in raws)))
        if not sampled or share >= 1:
            parts = () if self._learnt else tuple(raws)
            return Judged(self._y, self._weight, lambda t: self._pooled(raws, t), self._left_out, parts)
        rng = generator(0, Purpose.SAMPLE, 1)
        at = [np.sort(rng.choice(len(r), int(share * len(r)), replace=False)) for r in rows]
        y, weight = _targets([r.some(some) for r, some in zip(rows, at, strict=True)])
        some_raws = [raw[some] for raw, some in zip(raws, at, strict=True)]
        return Judged(y, weight, lambda t: self._pooled(some_raws, t), self._left_out)

    def _pooled(self, raws: list[np.ndarray], t: float) -> np.ndarray:
        """The raw output of shape (n, n_raw) that is judged, at a temperature: the members' where there are members."""
        divided = raws if t == 1 else [raw / t for raw in raws]
        pooled = [raw if raw.ndim == 2 else self._loss.link.pool(raw) for raw in divided]
        return pooled[0] if len(pooled) == 1 else np.concatenate(pooled)


def _targets(rows: list[Rows]) -> tuple[np.ndarray, np.ndarray | None]:
    """Targets and weights of all sets, one after the other."""
    if len(rows) == 1:
        return rows[0].y, rows[0].weight
    weights = [r.weight for r in rows if r.weight is not None]
    return np.concatenate([r.y for r in rows]), np.concatenate(weights) if weights else None
