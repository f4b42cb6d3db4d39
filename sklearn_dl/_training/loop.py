"""The training loop of the stochastic solvers, and early stopping.

Knows nothing about estimators or tables: a listener hears of each epoch and may stop the training.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np

from .._data.batches import Batches
from .._engine.network import Network
from .._engine.shared import Passes
from .._numerics.threads import Team
from ..losses import Loss
from ..schedules import Schedule
from ..solvers import Solver
from .descent import Descent, State

__all__ = ["EarlyStopping", "End", "Epoch", "Fallback", "Listener", "train"]


class Epoch(NamedTuple):
    """What the listener hears after an epoch.

    Attributes
    ----------
    number : int
        1, 2, ... over the whole life of the network.
    loss : float
        Weighted mean of the training loss, measured before each step, without the penalty.
    learning_rate : float
        Rate of the epoch's last step.
    seconds : float
        Duration of the epoch.
    """

    number: int
    loss: float
    learning_rate: float
    seconds: float


Listener = Callable[[Epoch], bool]


class End(Enum):
    """Why a training ended."""

    MAX_ITER = "max_iter"
    LISTENER = "listener"
    NON_FINITE = "non-finite"
    INTERRUPTED = "interrupted"
    CONVERGED = "converged"


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


def train(
    network: Network,
    batches: Batches,
    loss: Loss,
    solver: Solver,
    schedule: Schedule,
    state: State,
    listener: Listener,
    *,
    learning_rate: float,
    n_epochs: int,
    horizon: int,
    origin: int = 0,
    alpha: float = 0.0,
    clip_norm: float | None = None,
    fallback: Fallback | None = None,
    team: Team | None = None,
) -> End:
    """Train `network` in place, and `state` with it.

    A step's gradient is Σ_batch wᵢ ∇lossᵢ / (n_batch w̄) + α W / Σw, with the mean weight w̄ and the sum Σw of the
    training set, so that it is unbiased whichever rows the batch holds.

    A loss that is not finite ends the training before it does harm: the network gets the values from before the
    epoch with the lowest loss. Ctrl-C gives it the values of the last whole epoch.

    Parameters
    ----------
    network, batches, loss, solver, schedule : Network, Batches, Loss, Solver, Schedule
        What is trained, on what, towards what, how.
    state : State
        Where the training stands.
    listener : callable
        Called with an `Epoch` after each epoch; a true answer ends the training.
    learning_rate : float
        Base rate of the schedule.
    n_epochs : int
        Epochs to run at most.
    horizon, origin : int
        The schedule sees progress = min(1, (epochs - origin) / horizon).
    alpha : float
        Strength of the penalty α/2 ‖W‖² on the weights.
    clip_norm : float or None
        Largest norm of a step's gradient.
    fallback : Fallback or None
        Kept up to date; that of the training so far, where it is resumed.
    team : Team or None
        Threads that share the work; they never change the result.

    Returns
    -------
    End
        Why it ended.
    """
    passes = Passes(network, state.seed, team)
    grads = passes.grads
    weights, d_weights = network.values[: network.n_weights], grads[: network.n_weights]
    descent = Descent(solver, network, grads, state)
    mean_weight = batches.total_weight / batches.n_rows
    penalty, n_batches = alpha / batches.total_weight, len(batches)
    fallback = Fallback() if fallback is None else fallback
    fallback.values = network.values.copy() if fallback.values is None else fallback.values
    last = network.values.copy()
    rate = learning_rate

    def one_epoch() -> float:
        """One pass over the rows; the mean loss, or what is not finite."""
        nonlocal rate
        summed = 0.0
        passes.begin_epoch(state.epoch)
        for i, (x, y, weight) in enumerate(batches.epoch(state.epoch)):
            work = passes.of(x, weight)
            raw = work.forward(x, weight)
            d_raw = work.memory.array("d_raw", raw.shape)
            w = None if weight is None else weight[:, None]
            value = loss.value_and_gradient(y, raw, w, d_raw)
            summed += value
            if not math.isfinite(value):
                return value
            d_raw *= 1 / (len(y) * mean_weight)
            work.backward(d_raw)
            work.gradients()
            if penalty:
                np.add(d_weights, penalty * weights, out=d_weights)
            if clip_norm is not None:
                norm = math.sqrt(float(np.vdot(grads, grads)))
                if norm > clip_norm:
                    grads[...] *= clip_norm / norm
            progress = min(1.0, (state.epoch - origin + i / n_batches) / horizon)
            rate = learning_rate * state.rate_factor * schedule.factor(progress, state.samples_seen)
            descent.step(rate)
        descent.settle()
        return summed / batches.total_weight

    whole = True  # whether the values are those of a whole epoch
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for _ in range(n_epochs):
                start = time.perf_counter()
                np.copyto(last, network.values)
                whole = False
                mean_loss = one_epoch()
                if not math.isfinite(mean_loss):
                    break
                whole = True
                if mean_loss < fallback.loss:
                    fallback.loss, last, fallback.values = mean_loss, fallback.values, last
                state.epoch += 1
                state.samples_seen += batches.n_rows
                if listener(Epoch(state.epoch, mean_loss, rate, time.perf_counter() - start)):
                    end = End.LISTENER
                    break
            else:
                end = End.MAX_ITER
    except KeyboardInterrupt:
        end = End.INTERRUPTED
        if not whole:
            descent.settle()
            np.copyto(network.values, last)
            whole = True
    if not whole or not np.isfinite(network.values).all():
        np.copyto(network.values, fallback.values)
        state.memory, state.step = {}, 0  # what led there is forgotten
        return End.NON_FINITE
    return end


class EarlyStopping:
    """Says when a figure has stopped to improve, and remembers the network at its best.

    Parameters
    ----------
    patience : int
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

    def plateau(self, value: float, network: Network) -> bool:
        """Take note of an epoch's value, lower being better; true after `patience` epochs without improvement."""
        if value < self.best:
            self.best = value
            if self.keep_best:
                if self.values is None:
                    self.values = np.empty_like(network.values)
                np.copyto(self.values, network.values)
        if value < self.reference - self.tol:
            self.reference, self.waited = value, 0
        else:
            self.waited += 1
        if self.waited < self.patience:
            return False
        self.waited = 0
        return True

    def restore(self, network: Network) -> None:
        """Give the network its best values, swapped in whole."""
        if self.values is not None:
            network.values, self.values = self.values, network.values
