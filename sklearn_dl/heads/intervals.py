"""How far targets lie from predictions, as rows that nothing has learnt tell: scales and margins.

Knows nothing about units of the target, links or networks.
"""

from __future__ import annotations

import itertools
from typing import final

import numpy as np

__all__ = ["Margins", "Scale"]

KEPT = 1000  # quantiles of the scores of an output at most
FACTORS = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)  # of the variance between members
POWERS = (0.0, 0.5, 1.0, 2.0, -0.5)  # of the level of a prediction, in the variance around it
TYPICAL = 0.9  # the coverage by whose width a scale is chosen
FEWEST, ENOUGH = 200, 8192  # rows from which on one is chosen, and of which one is chosen
TINY = float(np.finfo(np.float64).tiny)  # what a number is divided by at least
FAR = 3.0  # deviations from the mean, beyond which a prediction is not followed


@final
class Margins:
    """Quantiles of scores: what has to be granted for a new row to be held with a given probability.

    Parameters
    ----------
    scores : ndarray of shape (n_kept, n_outputs)
        The quantiles of levels 1/n_kept, 2/n_kept, ..., 1, increasing.
    n_rows : float
        From how many rows of equal weight they are.
    """

    def __init__(self, scores: np.ndarray, n_rows: float):
        self.scores, self.n_rows = scores, n_rows

    @classmethod
    def learn(cls, scores: np.ndarray, weight: np.ndarray | None) -> Margins:
        """The margins of rows, the larger the score the farther is the target from what is predicted.

        Parameters
        ----------
        scores : ndarray of shape (n, n_outputs)
            Of rows that nothing has learnt.
        weight : ndarray of shape (n,) or None
            Weight of each row.

        Returns
        -------
        Margins
        """
        n = len(scores)
        count = min(n, KEPT)
        if weight is None:  # the smallest score that at least this share does not exceed
            at = -(-np.arange(1, count + 1) * n // count) - 1
            return cls(np.sort(scores, axis=0)[at], float(n))
        order = np.argsort(scores, axis=0, kind="stable")
        w = weight.astype(np.float64)
        w /= w.sum()
        levels = np.arange(1, count + 1) / count * (1 - 1e-9)  # what rounding adds shall not count
        kept = np.empty((count, scores.shape[1]))
        for j, rows in enumerate(order.T):
            at = np.searchsorted(np.cumsum(w[rows]), levels)
            kept[:, j] = scores[rows[at.clip(max=n - 1)], j]
        kept[-1] = scores.max(axis=0)  # however light that row
        return cls(kept, float(1 / np.vdot(w, w)))  # (Σw)² / Σw² rows of equal weight

    def at(self, coverage: float) -> np.ndarray:
        """The score that a new row does not exceed with this probability, shape (n_outputs,).

        The ⌈(n + 1) coverage⌉-th smallest of n, as in split conformal prediction; the largest where n is too small.
        """
        count = len(self.scores)
        level = coverage * (1 + 1 / self.n_rows)
        margin: np.ndarray = self.scores[min(int(np.ceil(level * count * (1 - 1e-9))), count) - 1]
        return margin


@final
class Scale:
    """s² = a·v + b·tᵖ: how large residuals are by the variance v between members, and by the prediction μ.

    The level t is μ where that is positive by the link, else e^z, z = (μ - center) / width, held within ±3.

    Parameters
    ----------
    a, b, p : ndarray of shape (n_outputs,)
        For each output.
    center, width : ndarray of shape (n_outputs,) or None
        Mean and deviation of the predictions; None where μ itself is the level.
    """

    def __init__(
        self,
        a: np.ndarray,
        b: np.ndarray,
        p: np.ndarray,
        center: np.ndarray | None = None,
        width: np.ndarray | None = None,
    ):
        self.a, self.b, self.p, self.center, self.width = a, b, p, center, width

    @classmethod
    def plain(cls, noise: np.ndarray) -> Scale:
        """s² = v + noise, for noise of shape (n_outputs,)."""
        return cls(np.ones_like(noise), noise, np.zeros_like(noise))

    @classmethod
    def learn(
        cls,
        residual: np.ndarray,
        variance: np.ndarray,
        prediction: np.ndarray,
        weight: np.ndarray | None,
        *,
        positive: bool,
    ) -> Scale:
        """The one by which intervals that hold 90 % of these rows are the narrowest in the geometric mean.

        The arithmetic mean would have rows of a large spread pay: leaving out more of them is what saves most width.

        Parameters
        ----------
        residual, variance, prediction : ndarray of shape (n, n_outputs)
            y - μ, the variance v between the members, and μ, of rows that nothing has learnt.
        weight : ndarray of shape (n,) or None
            Weight of each row.
        positive : bool
            Whether μ is positive by the link.

        Returns
        -------
        Scale
        """
        some = slice(None, None, -(-len(residual) // ENOUGH))
        residual, variance, prediction = residual[some], variance[some], prediction[some]
        weight = None if weight is None else weight[some]
        noise = np.average(residual**2, axis=0, weights=weight)
        best = cls.plain(noise)
        if len(residual) < FEWEST:
            return best
        if not positive:
            best.center, best.width = prediction.mean(axis=0), prediction.std(axis=0)
        level, least = best.level(prediction), np.full(len(noise), np.inf)
        for power, factor in itertools.product(POWERS, FACTORS if variance.any() else FACTORS[:1]):
            b = noise / np.average(level**power, axis=0, weights=weight)
            s = np.sqrt(factor * variance + b * level**power)
            with np.errstate(divide="ignore", invalid="ignore"):  # of a constant target s is 0
                width = np.log(cls.margins(residual, s, weight).at(TYPICAL))
                width += np.average(np.log(s), axis=0, weights=weight)
            better = width < least
            least = np.where(better, width, least)
            best.a, best.b = np.where(better, factor, best.a), np.where(better, b, best.b)
            best.p = np.where(better, power, best.p)
        return best

    def level(self, prediction: np.ndarray) -> np.ndarray:
        """t of each row and output, shape (n, n_outputs)."""
        if self.center is None or self.width is None:
            return np.maximum(prediction, TINY)
        z = (prediction - self.center) / np.maximum(self.width, TINY)
        return np.exp(z.clip(-FAR, FAR))

    def of(self, variance: np.ndarray, prediction: np.ndarray) -> np.ndarray:
        """s of each row and output, shape (n, n_outputs)."""
        noise = self.b * self.level(prediction) ** self.p if self.p.any() else self.b
        return np.sqrt(self.a * variance + noise)

    @staticmethod
    def margins(residual: np.ndarray, s: np.ndarray, weight: np.ndarray | None) -> Margins:
        """Those of |y - μ| / s."""
        return Margins.learn(np.abs(residual) / np.maximum(s, TINY), weight)
