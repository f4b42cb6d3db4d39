"""The training loop of the stochastic solvers: a step on a batch, and epochs of steps.

Knows nothing about estimators or tables: a listener hears of each epoch and may stop the training.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, final

import numpy as np

from .._data import Batches, Rows
from .._engine import Network, Passes, State
from .._numerics import Team
from ..losses import Loss
from ..schedules import Schedule
from ..solvers import LBFGS, Solver
from .descent import Descent
from .stopping import Fallback

__all__ = ["End", "Epoch", "Hear", "Recipe", "Span", "Step", "train"]


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


Hear = Callable[[Epoch], bool]


class End(Enum):
    """Why a training ended."""

    MAX_ITER = "max_iter"
    LISTENER = "listener"
    NON_FINITE = "non_finite_loss"
    INTERRUPTED = "interrupt"
    CONVERGED = "convergence"


@final
@dataclass(frozen=True)
class Recipe:
    """What a step does.

    Parameters
    ----------
    loss : Loss
        Of the network's raw output.
    solver : Solver or LBFGS
        What makes steps of gradients.
    schedule : Schedule
        Of the learning rate.
    learning_rate : float
        Base rate of the schedule.
    alpha : float
        Strength of the penalty α/2 ‖W‖² on the weights.
    clip_norm : float or None
        Largest norm of a step's gradient.
    shares : ndarray of shape (n_folds, n_members) or None
        Weight of each fold's rows in each member's loss.
    """

    loss: Loss
    solver: Solver | LBFGS
    schedule: Schedule
    learning_rate: float
    alpha: float = 0.0
    clip_norm: float | None = None
    shares: np.ndarray | None = None

    def value_and_gradient(self, batch: Rows, raw: np.ndarray, out: np.ndarray) -> float:
        """The weighted sum of the losses of a batch; its gradient goes into `out`."""
        weight = None if batch.weight is None else batch.weight[:, None]
        if self.shares is not None and batch.fold is not None:
            shares = self.shares.take(batch.fold, axis=0)
            weight = shares if weight is None else shares * weight
        return self.loss.value_and_gradient(batch.y, raw, weight, out)


class Span(NamedTuple):
    """From where to where a training goes.

    Attributes
    ----------
    n_epochs : int
        Epochs to run at most.
    horizon, origin : int
        The schedule sees progress = min(1, (epochs - origin) / horizon).
    seconds : float
        Of the time that there is; the schedule sees the share that has passed where that is the larger one.
    """

    n_epochs: int
    horizon: int
    origin: int = 0
    seconds: float = math.inf


@final
class Step:
    """A step on a batch: forward, loss, backward, gradients, penalty, clipping, update.

    A step's gradient is Σ_batch wᵢ ∇lossᵢ / (n_batch w̄) + α W / Σw, with the mean weight w̄ and the sum Σw of the
    training set, so that it is unbiased whichever rows the batch holds.

    Parameters
    ----------
    network : Network
        What is trained.
    batches : Batches
        The training set.
    recipe : Recipe
        What to do.
    state : State
        Where the training stands.
    team : Team or None
        Threads that share the work; they never change the result.
    """

    def __init__(self, network: Network, batches: Batches, recipe: Recipe, state: State, team: Team | None = None):
        assert not isinstance(recipe.solver, LBFGS)
        self._recipe, self._passes = recipe, Passes(network, state.seed, team)
        self._grads = self._passes.grads
        self._weights, self._d_weights = network.values[: network.n_weights], self._grads[: network.n_weights]
        self._descent = Descent(recipe.solver, network, self._grads, state)
        self._mean_weight = batches.total_weight / batches.n_rows
        self._penalty = recipe.alpha / batches.total_weight

    def begin_epoch(self, number: int) -> None:
        """Tell the layers which epoch it is."""
        self._passes.begin_epoch(number)

    def settle(self) -> None:
        """Make what the solver keeps what its names say, at the end of an epoch."""
        self._descent.settle()

    def __call__(self, batch: Rows, rate: float) -> float:
        """The sum of the losses before the step; one that is not finite is no step."""
        recipe, grads = self._recipe, self._grads
        work = self._passes.of(batch.x, batch.weight)
        raw = work.forward(batch.x, batch.weight)
        d_raw = work.memory.array("d_raw", raw.shape)
        value = recipe.value_and_gradient(batch, raw, d_raw)
        if not math.isfinite(value):
            return value
        d_raw *= 1 / (len(batch) * self._mean_weight)
        work.backward(d_raw)
        work.gradients()
        if self._penalty:
            np.add(self._d_weights, self._penalty * self._weights, out=self._d_weights)
        if recipe.clip_norm is not None:
            norm = math.sqrt(float(np.vdot(grads, grads)))
            if norm > recipe.clip_norm:
                grads[...] *= recipe.clip_norm / norm
        self._descent.step(rate)
        return value


def train(
    network: Network,
    batches: Batches,
    recipe: Recipe,
    state: State,
    hear: Hear,
    span: Span,
    fallback: Fallback | None = None,
    team: Team | None = None,
) -> End:
    """Train `network` in place, and `state` with it.

    A loss that is not finite ends the training before it does harm: the network gets the values from before the
    epoch with the lowest loss. Ctrl-C gives it the values of the last whole epoch.

    Parameters
    ----------
    network, batches, recipe : Network, Batches, Recipe
        What is trained, on what, how.
    state : State
        Where the training stands.
    hear : callable
        Called with an `Epoch` after each epoch; a true answer ends the training.
    span : Span
        From where to where it goes.
    fallback : Fallback or None
        Kept up to date; that of the training so far, where it is resumed.
    team : Team or None
        Threads that share the work; they never change the result.

    Returns
    -------
    End
        Why it ended.
    """
    step, schedule, n_batches = Step(network, batches, recipe, state, team), recipe.schedule, len(batches)
    fallback = Fallback() if fallback is None else fallback
    fallback.values = network.values.copy() if fallback.values is None else fallback.values
    last = network.values.copy()
    rate = recipe.learning_rate
    began, single = time.perf_counter(), span.horizon * n_batches == 1

    def factor(passed: float) -> float:
        """The schedule's factor; of a training of one step that of its middle, where a schedule begins at 0."""
        if span.seconds < math.inf:
            of_time = (time.perf_counter() - began) / span.seconds
            if of_time > passed + 1 / span.horizon:  # by an epoch: a limit that does not bind changes nothing
                passed = of_time
        now = schedule.factor(min(1.0, passed), state.samples_seen)
        return schedule.factor(0.5, state.samples_seen) if single and now == 0 else now

    def one_epoch() -> float:
        """One pass over the rows; the mean loss, or what is not finite."""
        nonlocal rate
        summed = 0.0
        step.begin_epoch(state.epoch)
        for i, batch in enumerate(batches.epoch(state.epoch)):
            rate = (
                recipe.learning_rate
                * state.rate_factor
                * factor((state.epoch - span.origin + i / n_batches) / span.horizon)
            )
            summed += step(batch, rate)
            if not math.isfinite(summed):
                return summed
        step.settle()
        return summed / batches.total_weight

    whole = True  # whether the values are those of a whole epoch
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for _ in range(span.n_epochs):
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
                if hear(Epoch(state.epoch, mean_loss, rate, time.perf_counter() - start)):
                    end = End.LISTENER
                    break
            else:
                end = End.MAX_ITER
    except KeyboardInterrupt:
        end = End.INTERRUPTED
        if not whole:
            step.settle()
            np.copyto(network.values, last)
            whole = True
    if not whole or not np.isfinite(network.values).all():
        np.copyto(network.values, fallback.values)
        state.kept, state.step = {}, 0  # what led there is forgotten
        return End.NON_FINITE
    return end
