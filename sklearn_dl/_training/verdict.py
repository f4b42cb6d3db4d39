"""Whether a training has come to anything: a network that is worse than the best constant has not learnt.

Knows the rows that were trained on, or some of them; what follows is for others.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize
from scipy.special import logit

from .._data import Columns, Rows
from .._engine import forward
from ..losses import Loss
from .training import Training

__all__ = ["failure"]

NUMBERS = 2**15  # inputs, and outputs, at most by which a network is judged
SURELY = 0.9  # of the loss of two likely constants: a network below that is better than the best one, too
SAME = 0.001  # of the target's spread: outputs that differ by less say the same of every row
ROUNDING = 0.001  # of the constant's loss
NEARLY = 0.05  # of what the constant has gained over outputs of 0: a network may come as near as this to a good one
YOUNG, FAR_WORSE = 100, 9.0  # steps within which it may still be worse, but not by so many times the constant's loss


def failure(training: Training) -> str | None:
    """What is wrong with a trained network, as the beginning of a sentence; None where it has learnt.

    Parameters
    ----------
    training : Training
        At its end.
    """
    fitted = training.fitted
    rows = _some(training.rows, fitted.head.n_raw)
    loss, weight = fitted.head.loss, None if rows.weight is None else rows.weight[:, None].astype(float)
    y, total = rows.y.astype(float), float(len(rows.y) if weight is None else weight.sum())
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        likely = SURELY * _likely_constant(loss, y, fitted.head.n_raw, weight) / total
        if fitted.history and 0 < fitted.history[-1]["loss"] <= likely:
            return None  # the last epoch's steps were better already
        raw = forward(fitted.network, rows.x).astype(float)
        raw = raw if raw.ndim == 2 else loss.link.pool(raw)
        if not np.isfinite(raw).all():
            return "the network predicts numbers that are not finite"
        found = loss.value_and_gradient(y, raw, weight, np.empty_like(raw)) / total
        if 0 < found <= likely:
            return None
        nothing, best = (value / total for value in _constants(loss, y, raw.shape[1], weight))
    if not math.isfinite(best) or (y == y[0]).all():
        return None
    same = np.ptp(raw, axis=0).max() <= SAME * min(1.0, y.std(axis=0).max())
    if same and fitted.state.step >= YOUNG and _differ(rows.x):
        return "the network predicts the same for every row"
    allowed = (ROUNDING if fitted.state.step >= YOUNG else FAR_WORSE) * abs(best) + NEARLY * (nothing - best)
    if not found <= best + allowed:
        return f"the network is worse than a constant on the rows it was trained on (loss {found:.3g} > {best:.3g})"
    return None


def _some(rows: Rows, n_raw: int) -> Rows:
    """Rows spread over all of them."""
    n = max(256, NUMBERS // max(n_raw, rows.x.shape[1]))
    if len(rows) <= n:
        return rows
    at = np.linspace(0, len(rows) - 1, n).astype(np.intp)
    return Rows(rows.x[at], rows.y[at], None if rows.weight is None else rows.weight[at])


def _likely_constant(loss: Loss, y: np.ndarray, n_raw: int, weight: np.ndarray | None) -> float:
    """The lower loss of outputs of 0 and of the outputs that are the mean of y, which for most losses are the best."""
    mean = np.average(y, axis=0, weights=None if weight is None else weight[:, 0])
    raws = [np.zeros(n_raw)]
    if loss.link.is_log or loss.link.name == "softmax":
        raws.append(np.log(np.maximum(mean, 1e-12)))
    elif loss.link.name == "logistic":
        raws.append(logit(mean.clip(1e-12, 1 - 1e-12)))
    elif len(mean) == n_raw:
        raws.append(mean)
    constants = [np.broadcast_to(raw, (len(y), n_raw)).copy() for raw in raws]
    return min(loss.value_and_gradient(y, raw, weight, np.empty_like(raw)) for raw in constants)


def _constants(loss: Loss, y: np.ndarray, n_raw: int, weight: np.ndarray | None) -> tuple[float, float]:
    """The loss of outputs of 0, and the lowest one of outputs that are the same for all rows; losses are convex."""
    raw = np.empty((len(y), n_raw))
    gradient = np.empty_like(raw)

    def of(constant: np.ndarray) -> tuple[float, np.ndarray]:
        raw[...] = constant
        return loss.value_and_gradient(y, raw, weight, gradient), gradient.sum(axis=0)

    begin = np.zeros(n_raw)
    options = {"maxiter": 30, "ftol": 1e-6}
    return of(begin)[0], float(minimize(of, begin, jac=True, method="L-BFGS-B", options=options).fun)


def _differ(x: object) -> bool:
    """Whether rows are not all the same."""
    numbers = x.numeric if isinstance(x, Columns) else x
    return isinstance(numbers, np.ndarray) and bool((numbers != numbers[:1]).any())
