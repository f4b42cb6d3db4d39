"""The training loop of the stochastic solvers, and early stopping.

Knows nothing about estimators or tables: a listener hears of each epoch and may stop the training.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from .batches import Batches
from .losses import Loss
from .network import Network, Workspace
from .schedules import Schedule
from .solvers import Solver

__all__ = ["EarlyStopping", "End", "Epoch", "Fallback", "State", "train"]

STRETCH = 32_768  # parameters a solver's step works on at once: its vectors then stay in the cache


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
class State:
    """Where a training stands: with the network's values, all that going on needs.

    Attributes
    ----------
    seed : int
        Decides all random numbers.
    epoch, step, samples_seen : int
        Epochs, steps and rows that are over.
    rate_factor : float
        What plateaus have made of the learning rate.
    memory : dict of str to ndarray
        The solver's vectors.
    over : bool
        Whether early stopping or the target loss has ended it.
    """

    seed: int
    epoch: int = 0
    step: int = 0
    samples_seen: int = 0
    rate_factor: float = 1.0
    memory: dict[str, np.ndarray] = field(default_factory=dict)
    over: bool = False


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


class _Descent:
    """A solver at work on one network: stretches of its parameters, with what the solver keeps for each."""

    def __init__(self, solver: Solver, network: Network, grads: np.ndarray, state: State):
        params = network.params
        if set(state.memory) != set(solver.memory):
            state.memory = {name: np.zeros_like(params) for name in solver.memory}
            state.step = 0  # another solver than before begins anew
        bounds = (0, network.n_weights, network.n_params) if solver.decays else (0, network.n_params)
        scratch = np.empty(min(STRETCH, len(params)), params.dtype)
        self._solver, self._state, self._stretches = solver, state, []
        for i, (low, high) in enumerate(itertools.pairwise(bounds)):
            for start in range(low, high, STRETCH):
                span = slice(start, min(start + STRETCH, high))
                kept = {name: vector[span] for name, vector in state.memory.items()}
                s = SimpleNamespace(**kept, scratch=scratch[: span.stop - span.start])
                self._stretches.append((params[span], grads[span], s, i == 0))

    def step(self, rate: float) -> None:
        self._state.step += 1
        t = self._state.step
        for params, grads, s, decayed in self._stretches:
            self._solver.step(params, grads, s, t, rate, decayed)


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

    Returns
    -------
    End
        Why it ended.
    """
    work = Workspace(network, training=True, seed=state.seed)
    grads, weights, d_weights = work.grads, network.values[: network.n_weights], work.grads[: network.n_weights]
    descent = _Descent(solver, network, grads, state)
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
        work.begin_epoch(state.epoch)
        for i, (x, y, weight) in enumerate(batches.epoch(state.epoch)):
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
