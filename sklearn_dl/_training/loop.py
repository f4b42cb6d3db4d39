"""The training loop of the stochastic solvers: a step on a batch, and epochs of steps.

Knows nothing about estimators or tables: a listener hears of each epoch and may stop the training.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, final

import numpy as np

from .._data import Batches, Rows
from .._engine import Network, Passes, State, Streams
from .._numerics import Team
from ..losses import Loss
from ..schedules import Schedule
from ..solvers import LBFGS, Solver
from .descent import Descent, descents
from .stopping import Fallback

__all__ = ["End", "Epoch", "Hear", "Recipe", "Span", "Step", "Walk", "train"]


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
    """

    loss: Loss
    solver: Solver | LBFGS
    schedule: Schedule
    learning_rate: float
    alpha: float = 0.0
    clip_norm: float | None = None

    def value_and_gradient(self, batch: Rows, raw: np.ndarray, out: np.ndarray) -> float:
        """The weighted sum of the losses of a batch; its gradient goes into `out`."""
        weight = None if batch.weight is None else batch.weight[:, None]
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
    began : float or None
        When that time began, by ``time.perf_counter``; None for now.
    """

    n_epochs: int
    horizon: int
    origin: int = 0
    seconds: float = math.inf
    began: float | None = None


@final
class Step:
    """A step on a batch: forward, loss, backward, gradients, penalty, clipping, update.

    A step's gradient is Σ_batch wᵢ ∇lossᵢ / (n_batch w̄) + α W / Σw, with the mean weight w̄ and the sum Σw of the
    training set, so that it is unbiased whichever rows the batch holds.

    Parameters
    ----------
    network : Network
        What is trained: one part.
    batches : Batches
        The training set.
    recipe : Recipe
        What to do.
    descent : Descent
        The solver at work on the network.
    passes : Passes
        What runs the network.
    """

    def __init__(self, network: Network, batches: Batches, recipe: Recipe, descent: Descent, passes: Passes):
        self._recipe, self._passes, self._descent, self._grads = recipe, passes, descent, passes.grads
        self._weights, self._d_weights = network.values[: network.n_weights], self._grads[: network.n_weights]
        self._mean_weight = batches.total_weight / batches.n_rows
        self._penalty = recipe.alpha / batches.total_weight

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


@final
class Walk:
    """The steps of a training: those of each part of the network, with the rows that it learns from.

    Parameters
    ----------
    network : Network
        What is trained.
    batches : list of Batches
        The training set of each part.
    recipe : Recipe
        What a step does.
    state : State
        Where the training stands.
    team : Team or None
        Threads that share the work; they never change the result.
    """

    def __init__(
        self, network: Network, batches: list[Batches], recipe: Recipe, state: State, team: Team | None = None
    ):
        self._batches, self._state, self._team, self._streams = batches, state, team, Streams(state.seed)
        parts = network.parts
        rows_shared = team if len(parts) == 1 else None
        passes = [Passes(part, self._streams, rows_shared) for part in parts]
        assert not isinstance(recipe.solver, LBFGS)
        self._descents = descents(recipe.solver, network, [p.grads for p in passes], state)
        each = zip(parts, batches, self._descents, passes, strict=True)
        self._steps = [Step(part, rows, recipe, descent, run) for part, rows, descent, run in each]

    def epoch(self, rate_at: Callable[[float], float]) -> tuple[float, float]:
        """One pass over the rows, of all parts.

        Parameters
        ----------
        rate_at : callable
            From the share of the epoch that is over to the rate of the next step.

        Returns
        -------
        loss : float
            Weighted mean of the losses before each step, or what is not finite.
        rate : float
            That of the last step.
        """
        number, halted = self._state.epoch, False
        sums, rates = [0.0] * len(self._steps), [0.0] * len(self._steps)
        self._streams.begin(number)

        def train_part(i: int) -> None:
            nonlocal halted
            step, batches = self._steps[i], self._batches[i]
            try:
                for k, batch in enumerate(batches.epoch(number)):
                    rates[i] = rate_at(k / len(batches))
                    sums[i] += step(batch, rates[i])
                    if halted or not math.isfinite(sums[i]):
                        break
                else:
                    return
                halted = True
            except BaseException:
                halted = True
                raise

        team, n = self._team, len(self._steps)

        def share(thread: int) -> None:
            for i in range(thread, n, 1 if team is None else team.size):
                train_part(i)

        if team is None or n == 1:
            share(0)
        else:
            team.run(share)
        loss = sum(sums)
        if math.isfinite(loss):
            self.settle()
        return loss / sum(batches.total_weight for batches in self._batches), rates[-1]

    def losses(self, rates: Iterable[float]) -> Iterator[float]:
        """The mean loss of a batch before each step at these rates, all parts taken together, epoch after epoch."""
        mean_weight = sum(b.total_weight for b in self._batches) / sum(b.n_rows for b in self._batches)
        left = iter(rates)
        for number in itertools.count():
            self._streams.begin(number)
            for several in zip(*(batches.epoch(number) for batches in self._batches), strict=True):
                rate = next(left, None)
                if rate is None:
                    return
                total = sum(step(batch, rate) for step, batch in zip(self._steps, several, strict=True))
                yield total / (sum(map(len, several)) * mean_weight)
            self.settle()

    def settle(self) -> None:
        """Make what the solver keeps what its names say, at the end of an epoch."""
        for descent in self._descents:
            descent.settle()
        self._state.step = self._descents[0].t


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
    walk, schedule = Walk(network, batches, recipe, state, team), recipe.schedule
    fallback = Fallback() if fallback is None else fallback
    fallback.values = network.values.copy() if fallback.values is None else fallback.values
    last = network.values.copy()
    began, single = span.began or time.perf_counter(), span.horizon * len(batches[0]) == 1

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
                np.copyto(last, network.values)
                whole = False
                mean_loss, rate = walk.epoch(rate_at)
                if not math.isfinite(mean_loss):
                    break
                whole = True
                if mean_loss < fallback.loss:
                    fallback.loss, last, fallback.values = mean_loss, fallback.values, last
                state.epoch += 1
                state.samples_seen += batches[0].n_rows
                if hear(Epoch(state.epoch, mean_loss, rate, time.perf_counter() - start)):
                    end = End.LISTENER
                    break
            else:
                end = End.MAX_ITER
    except KeyboardInterrupt:
        end = End.INTERRUPTED
        if not whole:
            walk.settle()
            np.copyto(network.values, last)
            whole = True
    if not whole or not np.isfinite(network.values).all():
        np.copyto(network.values, fallback.values)
        state.kept, state.step = {}, 0  # what led there is forgotten
        return End.NON_FINITE
    return end
