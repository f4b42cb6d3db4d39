"""The linear model that a network may stand above: learnt for each of its parts, and judged by left-out rows.

Knows nothing about estimators or tables, nor when a network starts above it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from .._data import Columns, Rows
from .._engine import Network
from .._numerics import Purpose, generator
from ..architectures import lines_of
from ..heads import Head
from .folds import Fold

__all__ = ["Lines", "learn_lines"]

MOST_ROWS = 4096  # from which a line is learnt: more hardly change it
STRENGTHS = (100.0, 10.0, 1.0, 0.1)  # of the penalty α/2 ‖A‖², beside a sum over rows; columns have a range of about 1
SHARES = (1.0, 0.75, 0.5, 0.25)  # of the slope
ITERATIONS = 100


class Lines(NamedTuple):
    """A linear model for each part of a network, from what the part learns from.

    Attributes
    ----------
    loss : float
        Mean loss of the rows that the parts leave out.
    parts : list of tuple (ndarray of shape (d, n_raw), ndarray of shape (n_raw,))
        Slope and level of each.
    """

    loss: float
    parts: list[tuple[np.ndarray, np.ndarray]]

    def lay(self, network: Network) -> None:
        """Put the parts of a network above them."""
        for (_, p), (a, c) in zip(lines_of(network), self.parts, strict=True):
            p.slope[: len(a)] = a  # columns that stand for codes have none
            p.level[...] = c


def learn_lines(
    seen: Callable[[np.ndarray], np.ndarray],
    head: Head,
    rows: Rows,
    folds: list[Fold],
    left_out: list[Rows],
    seed: int,
) -> Lines:
    """The best line for the left-out rows, among several penalties and shares of the slope.

    Parameters
    ----------
    seen : callable
        From encoded numbers to what a line is of.
    head : Head
        Knows the loss.
    rows : Rows
        Encoded training rows.
    folds : list of Fold
        Which of them each part learns from.
    left_out : list of Rows
        Encoded rows that each part leaves out: together they decide about penalty and share.
    seed : int
        Decides the sample of rows.

    Returns
    -------
    Lines
        Of an infinite loss where there is none that is finite.
    """
    told = [_told(rows, fold.train, seed) for fold in folds]
    told = [(seen(x), y, weight) for x, y, weight in told]
    judged = [seen(_numbers(some.x)) for some in left_out]
    best, starts = Lines(math.inf, []), list[Any]([None] * len(folds))
    for strength in STRENGTHS:
        starts = [_line(*part, head, strength, start) for part, start in zip(told, starts, strict=True)]
        for share in SHARES:
            lines = [(share * a, c) for a, c in starts]
            loss = _loss(head, [x @ a + c for x, (a, c) in zip(judged, lines, strict=True)], left_out)
            if loss < best.loss:
                best = Lines(loss, lines)
    return best


def _line(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, head: Head, strength: float, start: Any
) -> tuple[np.ndarray, np.ndarray]:
    """A and c that minimise Σ wᵢ loss(xᵢ A + c, yᵢ) + α/2 ‖A‖²."""
    d, q, loss = x.shape[1], head.n_raw, head.loss
    out = np.empty((len(x), q))

    def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
        a, c = theta[: d * q].reshape(d, q), theta[d * q :]
        value = loss.value_and_gradient(y, x @ a + c, weight, out)
        grad = np.concatenate(((x.T @ out + strength * a).ravel(), out.sum(axis=0)))
        return value + 0.5 * strength * float(np.vdot(a, a)), grad

    first = np.zeros((d + 1) * q) if start is None else np.concatenate((start[0].ravel(), start[1]))
    with np.errstate(all="ignore"):
        theta = minimize(objective, first, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS}).x
    return theta[: d * q].reshape(d, q), theta[d * q :]


def _told(rows: Rows, train: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers, targets and weights of the rows that tell of a line, in double precision."""
    if len(train) > MOST_ROWS:
        train = np.sort(generator(seed, Purpose.SAMPLE, 2).choice(train, MOST_ROWS, replace=False))
    some = rows.some(train)
    weight = np.ones((len(some), 1)) if some.weight is None else some.weight[:, None].astype(np.float64)
    return _numbers(some.x), some.y.astype(np.float64), weight / weight.mean()


def _numbers(x: Any) -> np.ndarray:
    """The columns of numbers of encoded rows, in double precision."""
    return np.asarray(x.numeric if isinstance(x, Columns) else x, np.float64)


def _loss(head: Head, raws: list[np.ndarray], left_out: list[Rows]) -> float:
    """The mean loss of the left-out rows."""
    total = count = 0.0
    for raw, some in zip(raws, left_out, strict=True):
        weight = None if some.weight is None else some.weight[:, None].astype(np.float64)
        with np.errstate(all="ignore"):
            total += head.judge.value_and_gradient(some.y.astype(np.float64), raw, weight, np.empty_like(raw))
        count += len(some) if weight is None else float(weight.sum())
    return total / count if math.isfinite(total) else math.inf
