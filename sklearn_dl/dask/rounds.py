"""Rounds of a training whose rows are elsewhere: learners take steps on cells of rows, then their weights are averaged.

Knows nothing about estimators or tables; what runs on the workers are pure functions of their arguments.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from .._data import Batches, Share
from .._engine import Network, State
from .._numerics import Purpose, generator, one_blas_thread
from .._training import Recipe, Walk
from ..layers import Layer
from .engine import Engine
from .tasks import Cell, size

__all__ = ["OUTER", "Course", "Rounds", "Standing", "Sums", "added", "advanced", "place_of", "trained"]

OUTER = "outer"  # among the vectors that a training keeps, beside the solver's: the momentum of the averages
TOGETHER = 8  # results that one task adds up


@final
@dataclass(frozen=True)
class Course:
    """What is the same for all steps of a training.

    Attributes
    ----------
    layer : Layer
        The network's shape.
    recipe : Recipe
        What a step does.
    seed : int
        Decides orders and random numbers.
    n_steps : int
        Steps on a cell.
    shuffle : bool
        Whether rows come in an order of their own in each epoch.
    total_weight, mean_weight : float
        Of all rows that are trained on.
    momentum : float
        Of the averages: w ← w + (Δ + μ u), where Δ is the mean of what the learners have moved, and u ← μ u + Δ.
    """

    layer: Layer
    recipe: Recipe
    seed: int
    n_steps: int
    shuffle: bool
    total_weight: float
    mean_weight: float
    momentum: float


class Standing(NamedTuple):
    """Where all learners stand before a round.

    Attributes
    ----------
    values : ndarray of shape (n_values,)
        The network's.
    kept : dict of str to ndarray of shape (n_params,)
        The solver's vectors, and `OUTER`.
    step : int
        Steps of a learner so far.
    loss, weight : float
        Sum of the losses of this epoch's rows so far, and of their weights.
    """

    values: np.ndarray
    kept: dict[str, np.ndarray]
    step: int
    loss: float = 0.0
    weight: float = 0.0


class Sums(NamedTuple):
    """What several learners have come to, added up.

    Attributes
    ----------
    values, kept, step, loss, weight : ndarray, dict of str to ndarray, int, float, float
        As in `Standing`; the steps are those of each.
    learners : int
        How many learners.
    """

    values: np.ndarray
    kept: dict[str, np.ndarray]
    step: int
    loss: float
    weight: float
    learners: int


def trained(course: Course, standing: Standing, cell: Cell, number: int, epoch: int, rates: np.ndarray) -> Sums:
    """One learner's steps on one cell.

    Parameters
    ----------
    course : Course
        How.
    standing : Standing
        From where.
    cell : Cell
        On what.
    number, epoch : int
        Of the cell, and of the epoch: with the seed, they decide all random numbers.
    rates : ndarray of shape (n_steps,)
        The learning rate of each step.

    Returns
    -------
    Sums
        Of one.
    """
    own = np.random.SeedSequence(course.seed, spawn_key=(int(Purpose.SHARDS), 3, number)).generate_state(1)
    network = Network(course.layer, standing.values.copy())
    kept = {name: vector.copy() for name, vector in standing.kept.items() if name != OUTER}
    state = State(int(own[0]), epoch, standing.step, kept=kept)
    share = Share(None, course.n_steps, 0)
    batches = Batches(*cell.rows, size=len(cell), shuffle=course.shuffle, seed=state.seed, share=share)
    batches.total_weight = course.mean_weight * len(cell)  # a step is divided by the mean weight of all rows
    alpha = course.recipe.alpha * batches.total_weight / course.total_weight
    recipe = Recipe(**vars(course.recipe) | {"alpha": alpha})
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        walk = Walk(network, [batches], recipe, state)
        loss, _ = walk.epoch(lambda share: float(rates[round(share * course.n_steps)]))
    _, weight, _ = size(cell)
    return Sums(network.values, state.kept, course.n_steps, loss * batches.total_weight, weight, 1)


def added(several: Sequence[Sums]) -> Sums:
    """Their sum, in double precision and in their order."""
    first = several[0]
    values = first.values.astype(np.float64)
    kept = {name: vector.astype(np.float64) for name, vector in first.kept.items()}
    for other in several[1:]:
        values += other.values
        for name, vector in kept.items():
            vector += other.kept[name]
    loss, weight = sum(s.loss for s in several), sum(s.weight for s in several)
    return Sums(values, kept, first.step, loss, weight, sum(s.learners for s in several))


def advanced(course: Course, standing: Standing, several: Sequence[Sums]) -> Standing:
    """Where all learners stand after a round: the mean of where they have come to, with a momentum.

    Parameters
    ----------
    course : Course
        How.
    standing : Standing
        Before the round.
    several : sequence of Sums
        What the learners have come to.

    Returns
    -------
    Standing
    """
    total, dtype = added(several), standing.values.dtype
    mean = total.values / total.learners
    kept = {name: (vector / total.learners).astype(dtype) for name, vector in total.kept.items()}
    if course.momentum and math.isfinite(total.loss):
        n, outer = Network(course.layer, standing.values).n_params, standing.kept.get(OUTER)
        moved = mean[:n] - standing.values[:n]
        outer = moved if outer is None else course.momentum * outer.astype(np.float64) + moved  # u ← μ u + Δ
        mean[:n] = standing.values[:n] + (moved + course.momentum * outer)  # w ← w + Δ + μ u
        kept[OUTER] = outer.astype(dtype)
    step = standing.step + total.step
    return Standing(mean.astype(dtype), kept, step, standing.loss + total.loss, standing.weight + total.weight)


def place_of(cell: int, n_learners: int, places: Sequence[str]) -> str | None:
    """Where a cell lies and is worked on: all cells of a learner at one place, the learners dealt to the places.

    Left to itself, the scheduler moves cells to and fro: it takes each task for a new one.

    Parameters
    ----------
    cell : int
        Its number.
    n_learners : int
        Learners in a round.
    places : sequence of str
        Of the workers' threads; none where all workers have just died.

    Returns
    -------
    str or None
    """
    return places[cell % n_learners % len(places)] if places else None


@final
class Rounds:
    """Takes the steps of an epoch on the workers; a `Steps` for `_training`.

    Each learner has cells of its own and takes one of them in each round, in an order that is another one in each
    epoch. At its end, where they stand comes here, and the next one begins from it: what a lost worker takes with it is
    computed again from there.

    Parameters
    ----------
    engine : Engine
        Who works.
    course : Course
        How.
    cells : list of future
        The rows, those of the first round's learners first.
    n_learners : int
        Learners in a round; divides the number of cells.
    network, state : Network, State
        What is trained, and where it stands.

    Attributes
    ----------
    network : Network
        The same.
    n_rows, n_steps : int
        Rows of an epoch, and steps that follow each other in it.
    """

    def __init__(
        self,
        engine: Engine,
        course: Course,
        cells: list[Any],
        n_learners: int,
        network: Network,
        state: State,
        n_rows: int,
    ):
        self._engine, self._course, self._cells, self._n_learners = engine, course, cells, n_learners
        self.network, self._state, self.n_rows = network, state, n_rows
        self._n_rounds = len(cells) // n_learners
        self.n_steps = self._n_rounds * course.n_steps
        self._told, self._places = engine.submit("course", copy.copy, course), engine.places()

    def epoch(self, rate_at: Callable[[float], float]) -> tuple[float, float]:
        """One pass over the rows, as `Walk.epoch`.

        Parameters
        ----------
        rate_at : callable
            From the share of the epoch that is over to the rate of the next step.

        Returns
        -------
        loss, rate : float
        """
        engine, state, course, number = self._engine, self._state, self._course, self._state.epoch
        rates = np.array([rate_at(i / self.n_steps) for i in range(self.n_steps)]).reshape(self._n_rounds, -1)
        order = generator(course.seed, Purpose.SHARDS, 4, number).permutation(self._n_rounds)
        name, n_learners, told = f"epoch-{number}", self._n_learners, self._told
        standing = engine.later(name, copy.copy, Standing(self.network.values, state.kept, state.step))
        for k, at in enumerate(order.tolist()):
            sums = []
            for i in range(at * n_learners, (at + 1) * n_learners):
                given, place = (told, standing, self._cells[i], i, number), place_of(i, n_learners, self._places)
                sums.append(engine.later(f"{name}-cell-{i}", trained, *given, rates[k], at=place))
            while len(sums) > TOGETHER:
                groups = [sums[i : i + TOGETHER] for i in range(0, len(sums), TOGETHER)]
                sums = [engine.later(f"{name}-sum-{k}-{len(sums)}-{i}", added, group) for i, group in enumerate(groups)]
            standing = engine.later(f"{name}-mean-{k}", advanced, told, standing, sums)
            standing = engine.begin(f"{name}-mean-{k}", standing)
        self._places = engine.places()  # for the next epoch: now there is time to ask
        reached = engine.result(standing)
        engine.forget(name)
        np.copyto(self.network.values, reached.values)
        state.kept, state.step = reached.kept, reached.step
        return reached.loss / reached.weight, float(rates[-1, -1])

    def settle(self) -> None:
        """Nothing is left to do: an epoch comes whole or not at all."""
