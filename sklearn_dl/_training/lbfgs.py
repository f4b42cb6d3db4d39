"""Training with L-BFGS: SciPy owns the loop, the listener hears of each iteration.

Knows nothing about estimators or tables, no more than the loop of the stochastic solvers.
"""

from __future__ import annotations

import math
import time

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from .._data import Batches
from .._engine import Network, State, Workspace
from ..solvers import LBFGS
from .loop import End, Epoch, Hear
from .steps import Recipe

__all__ = ["fit_lbfgs"]


class _Objective:
    """(Σ wᵢ lossᵢ + α/2 ‖W‖²) / Σw and its gradient, as a function of the parameters; rows in blocks."""

    def __init__(self, network: Network, batches: list[Batches], recipe: Recipe, seed: int):
        self._parts, self._batches, self._recipe, self._alpha = network.parts, batches, recipe, recipe.alpha
        self._works = [Workspace(part, training=True, seed=seed, products=recipe.products) for part in self._parts]
        self.losses: dict[float, float] = {}  # objective -> loss without the penalty, for the listener

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        self.theta = theta
        grad, n_parts, value, loss, start = np.zeros(len(theta)), len(self._parts), 0.0, 0.0, 0
        for i, part in enumerate(self._parts):
            stop = start + part.n_params
            found = self._of_part(i, grad[start:stop])
            value, loss, start = value + found[0] / n_parts, loss + found[1] / n_parts, stop
        grad /= n_parts
        self.losses[value] = loss
        return value, grad

    def _of_part(self, i: int, grad: np.ndarray) -> tuple[float, float]:
        """The objective of one part and the loss in it; its gradient is added to `grad`."""
        part, work, total_weight = self._parts[i], self._works[i], self._batches[i].total_weight
        loss = 0.0
        for batch in self._batches[i].epoch(0):
            raw = work.forward(batch.x, batch.weight)
            d_raw = work.memory.array("d_raw", raw.shape)
            loss += self._recipe.value_and_gradient(batch, raw, d_raw)
            d_raw *= 1 / total_weight
            work.backward(d_raw)
            grad += work.gradients()
        weights = part.values[: part.n_weights]
        grad[: part.n_weights] += self._alpha / total_weight * weights
        penalty = 0.5 * self._alpha / total_weight * float(np.vdot(weights, weights))
        return loss / total_weight + penalty, loss / total_weight

    @property
    def theta(self) -> np.ndarray:
        """All that is learnt, of all parts."""
        return np.concatenate([part.params for part in self._parts])

    @theta.setter
    def theta(self, theta: np.ndarray) -> None:
        start = 0
        for part in self._parts:
            part.params[...] = theta[start : start + part.n_params]
            start += part.n_params


def fit_lbfgs(
    network: Network, batches: list[Batches], recipe: Recipe, state: State, hear: Hear, *, max_iter: int, tol: float
) -> End:
    """Minimise the objective over all rows; `network` ends at the best iterate.

    Parameters
    ----------
    network, batches, recipe, state, hear : Network, Batches, Recipe, State, callable
        As for `train`; the batches are blocks of one sum, the solver is L-BFGS.
    max_iter : int
        Iterations at most.
    tol : float
        Converged where no component of the gradient exceeds it.

    Returns
    -------
    End
        Why it ended.
    """
    solver = recipe.solver
    assert isinstance(solver, LBFGS)
    objective = _Objective(network, batches, recipe, state.seed)
    last = objective.theta
    start = time.perf_counter()
    ended_by_listener = False

    def callback(intermediate_result: OptimizeResult) -> None:
        nonlocal start, ended_by_listener
        last[...] = objective.theta = intermediate_result.x
        state.epoch += 1
        state.step += 1
        state.samples_seen += batches[0].n_rows
        value = float(intermediate_result.fun)
        now = time.perf_counter()
        mean_loss = objective.losses.get(value, value)
        objective.losses.clear()
        ended_by_listener = hear(Epoch(state.epoch, mean_loss, 1.0, now - start))
        start = now
        if ended_by_listener:
            raise StopIteration

    options = {
        "maxiter": max_iter,
        "maxfun": solver.max_fun,
        "maxcor": solver.history,
        "gtol": tol,
        "ftol": 64 * np.finfo(float).eps,
    }
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            result = minimize(
                objective, last.astype(float), jac=True, method="L-BFGS-B", callback=callback, options=options
            )
    except KeyboardInterrupt:
        objective.theta = last
        return End.INTERRUPTED
    if ended_by_listener:
        objective.theta = last
        return End.LISTENER
    if not (math.isfinite(result.fun) and np.isfinite(result.x).all()):
        objective.theta = last
        return End.NON_FINITE
    objective.theta = result.x
    return End.MAX_ITER if result.status == 1 else End.CONVERGED
