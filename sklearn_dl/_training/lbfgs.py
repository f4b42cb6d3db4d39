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
from .loop import End, Epoch, Hear, Recipe

__all__ = ["fit_lbfgs"]


class _Objective:
    """(Σ wᵢ lossᵢ + α/2 ‖W‖²) / Σw and its gradient, as a function of the parameters; rows in blocks."""

    def __init__(self, network: Network, batches: Batches, recipe: Recipe, seed: int):
        self._network, self._batches, self._recipe, self._alpha = network, batches, recipe, recipe.alpha
        self._work = Workspace(network, training=True, seed=seed)
        self.losses: dict[float, float] = {}  # objective -> loss without the penalty, for the listener

    def __call__(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        network, work, total_weight = self._network, self._work, self._batches.total_weight
        network.params[...] = theta
        grad = np.zeros(network.n_params)
        loss = 0.0
        for batch in self._batches.epoch(0):
            raw = work.forward(batch.x, batch.weight)
            d_raw = work.memory.array("d_raw", raw.shape)
            loss += self._recipe.value_and_gradient(batch, raw, d_raw)
            d_raw *= 1 / total_weight
            work.backward(d_raw)
            grad += work.gradients()
        weights = network.values[: network.n_weights]
        grad[: network.n_weights] += self._alpha / total_weight * weights
        value = loss / total_weight + 0.5 * self._alpha / total_weight * float(np.vdot(weights, weights))
        self.losses[value] = loss / total_weight
        return value, grad


def fit_lbfgs(
    network: Network, batches: Batches, recipe: Recipe, state: State, hear: Hear, *, max_iter: int, tol: float
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
    last = network.params.copy()
    start = time.perf_counter()
    ended_by_listener = False

    def callback(intermediate_result: OptimizeResult) -> None:
        nonlocal start, ended_by_listener
        last[...] = network.params[...] = intermediate_result.x
        state.epoch += 1
        state.step += 1
        state.samples_seen += batches.n_rows
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
        network.params[...] = last
        return End.INTERRUPTED
    if ended_by_listener:
        network.params[...] = last
        return End.LISTENER
    if not (math.isfinite(result.fun) and np.isfinite(result.x).all()):
        network.params[...] = last
        return End.NON_FINITE
    network.params[...] = result.x
    return End.MAX_ITER if result.status == 1 else End.CONVERGED
