"""A step on a batch, and the steps of an epoch, of each part of a network.

Knows nothing about when an epoch is the last one, nor about who hears of it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from .._data import Batches, Rows
from .._engine import Network, Passes, State, Streams
from .._numerics import NUMPY, Products, Team
from ..losses import Loss
from ..schedules import Schedule
from ..solvers import LBFGS, Solver
from .descent import Descent, descents

__all__ = ["Recipe", "Step", "Walk"]


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
    products : Products
        How matrix products are computed.
    """

    loss: Loss
    solver: Solver | LBFGS
    schedule: Schedule
    learning_rate: float
    alpha: float = 0.0
    clip_norm: float | None = None
    products: Products = NUMPY

    def value_and_gradient(self, batch: Rows, raw: np.ndarray, out: np.ndarray) -> float:
        """The weighted sum of the losses of a batch; its gradient goes into `out`."""
        weight = None if batch.weight is None else batch.weight[:, None]
        return self.loss.value_and_gradient(batch.y, raw, weight, out)


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
        Threads that share the rows of a batch, where there is one part; they never change the result.

    Attributes
    ----------
    network : Network
        The same.
    n_rows, n_steps : int
        Rows and steps of an epoch, of one part.
    """

    def __init__(
        self, network: Network, batches: list[Batches], recipe: Recipe, state: State, team: Team | None = None
    ):
        self.network, self.n_rows, self.n_steps = network, batches[0].n_rows, len(batches[0])
        self._batches, self._state, self._streams = batches, state, Streams(state.seed)
        parts = network.parts
        rows_shared = team if len(parts) == 1 else None
        passes = [Passes(part, self._streams, rows_shared, recipe.products) for part in parts]
        assert not isinstance(recipe.solver, LBFGS)
        self._descents = descents(recipe.solver, network, [p.grads for p in passes], state, recipe.products.compiled)
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
        number, loss, rate = self._state.epoch, 0.0, math.nan
        self._streams.begin(number)
        for i in range(len(self._steps)):
            part_loss, rate = self._epoch_of(i, number, rate_at)
            loss += part_loss
            if not math.isfinite(loss):
                break
        else:
            self.settle()
        return loss / sum(batches.total_weight for batches in self._batches), rate

    def epoch_of(
        self, i: int, number: int, step: int, vectors: list[bytes], rates: list[float]
    ) -> tuple[float, int, list[np.ndarray]]:
        """One pass over the rows of a part, from what another process says of it.

        Parameters
        ----------
        i : int
            Which part.
        number, step : int
            Epochs and steps that are over.
        vectors : list of bytes
            The values of the part, and the solver's vectors for it in their order.
        rates : list of float
            Rate of each step.

        Returns
        -------
        loss : float
            Weighted sum of the losses before each step, or what is not finite.
        step : int
            Steps that are over.
        vectors : list of ndarray
            As after the pass; valid until the next one.
        """
        descent, part = self._descents[i], self.network.parts[i]
        now = [part.values, *descent.kept.values()]
        for vector, told in zip(now, vectors, strict=True):
            vector[...] = np.frombuffer(told, vector.dtype)
        descent.begin(step)
        self._streams.begin(number)
        loss, _ = self._epoch_of(i, number, lambda share: rates[round(share * len(rates))])
        descent.settle()
        return loss, descent.t, now

    def _epoch_of(self, i: int, number: int, rate_at: Callable[[float], float]) -> tuple[float, float]:
        """The sum of the losses of a part in an epoch, and the last rate; it ends where a loss is not finite."""
        step, batches, loss, rate = self._steps[i], self._batches[i], 0.0, math.nan
        for k, batch in enumerate(batches.epoch(number)):
            rate = rate_at(k / len(batches))
            loss += step(batch, rate)
            if not math.isfinite(loss):
                break
        return loss, rate

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
