"""The training loop of the stochastic solvers: epochs of steps.

Knows nothing about estimators or tables: a listener hears of each epoch and may stop the training.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple, Protocol

import numpy as np

from .._data import Batches
from .._engine import Network, State
from .._numerics import Team
from .steps import Recipe, Walk
from .stopping import Fallback

__all__ = ["End", "Epoch", "Hear", "Span", "Steps", "follow", "train"]


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
    began : float or None
        When that time began, by ``time.perf_counter``; None for now.
    """

    n_epochs: int
    horizon: int
    origin: int = 0
    seconds: float = math.inf
    began: float | None = None


class Steps(Protocol):
    """What takes the steps of an epoch, here or elsewhere: `Walk`, or one that has others take them."""

    @property
    def network(self) -> Network:
        """What is trained."""

    @property
    def n_rows(self) -> int:
        """Rows of an epoch."""

    @property
    def n_steps(self) -> int:
        """Steps of an epoch that follow each other."""

    def epoch(self, rate_at: Callable[[float], float]) -> tuple[float, float]:
        """One pass over the rows; the mean loss and the last rate, as `Walk.epoch`."""

    def settle(self) -> None:
        """Make what the solver keeps what its names say, where an epoch was broken off."""


def train(
    network: Network,
    batches: list[Batches],
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
    network, batches, recipe : Network, list of Batches, Recipe
        What is trained, on what (one training set for each part of the network), how.
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
    return follow(Walk(network, batches, recipe, state, team), recipe, state, hear, span, fallback)


def follow(walk: Steps, recipe: Recipe, state: State, hear: Hear, span: Span, fallback: Fallback | None = None) -> End:
    """`train` by whatever takes the steps.

    Parameters
    ----------
    walk : Steps
        Takes them.
    recipe, state, hear, span, fallback : Recipe, State, callable, Span, Fallback or None
        As for `train`.

    Returns
    -------
    End
        Why it ended.
    """
    schedule = recipe.schedule
    fallback = Fallback() if fallback is None else fallback
    fallback.values = walk.network.values.copy() if fallback.values is None else fallback.values
    last = walk.network.values.copy()
    began, single = span.began or time.perf_counter(), span.horizon * walk.n_steps == 1

    def factor(passed: float) -> float:
        """The schedule's factor; of a training of one step that of its middle, where a schedule begins at 0."""
        if span.seconds < math.inf:
            of_time = (time.perf_counter() - began) / span.seconds
            if of_time > passed + 1 / span.horizon:  # by an epoch: a limit that does not bind changes nothing
                passed = of_time
        now = schedule.factor(min(1.0, passed), state.samples_seen)
        return schedule.factor(0.5, state.samples_seen) if single and now == 0 else now

    def rate_at(share: float) -> float:
        return recipe.learning_rate * state.rate_factor * factor((state.epoch - span.origin + share) / span.horizon)

    whole = True  # whether the values are those of a whole epoch
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for _ in range(span.n_epochs):
                start = time.perf_counter()
                np.copyto(last, walk.network.values)
                whole = False
                mean_loss, rate = walk.epoch(rate_at)
                if not math.isfinite(mean_loss):
                    break
                whole = True
                if mean_loss < fallback.loss:
                    fallback.loss, last, fallback.values = mean_loss, fallback.values, last
                state.epoch += 1
                state.samples_seen += walk.n_rows
                if hear(Epoch(state.epoch, mean_loss, rate, time.perf_counter() - start)):
                    end = End.LISTENER
                    break
            else:
                end = End.MAX_ITER
    except KeyboardInterrupt:
        end = End.INTERRUPTED
        if not whole:
            walk.settle()
            np.copyto(walk.network.values, last)
            whole = True
    if not whole or not np.isfinite(walk.network.values).all():
        np.copyto(walk.network.values, fallback.values)
        state.kept, state.step = {}, 0  # what led there is forgotten
        return End.NON_FINITE
    return end
