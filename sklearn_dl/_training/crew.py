"""Processes that train the parts of a network side by side, an epoch at a time.

Knows what a process must be told and what it gives back; where the processes come from and how rows get there is
joblib's business, and what a step is `Walk`'s.
"""

from __future__ import annotations

import math
import multiprocessing
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import joblib
import numpy as np
from joblib.parallel import get_active_backend

from .._data import Batches, Rows
from .._engine import Network, State, forward
from .._numerics import one_blas_thread
from .descent import vectors_of
from .steps import Recipe, Walk
from .training import Training

__all__ = ["Crew", "processes_for"]

MIN_WORK = 2e10  # multiplications of all epochs: below, some two seconds, processes do not pay for their start


def processes_for(n_jobs: int | None, n_parts: int, work: float) -> int:
    """How many processes are of use.

    Parameters
    ----------
    n_jobs : int or None
        As in scikit-learn: -1 is one a core, None is no other process.
    n_parts : int
        Parts of the network.
    work : float
        Multiplications of all epochs.

    Returns
    -------
    int
        1 for none but this one; also in a process or a thread of joblib's, and in any that is not the main one.
    """
    nested = getattr(get_active_backend()[0], "nesting_level", 0) or multiprocessing.current_process().daemon
    if n_jobs in (None, 1) or work < MIN_WORK or nested or threading.current_thread() is not threading.main_thread():
        return 1
    most = max(1, min(joblib.effective_n_jobs(n_jobs), n_parts))
    return -(-n_parts // -(-n_parts // most))  # three would take as long for four parts as two


@final
@dataclass(frozen=True)
class Job:
    """What a process must know to train any part.

    Attributes
    ----------
    name : str
        Tells this training from all others.
    layer : Layer
        The whole network.
    size : int
        How many values it has.
    dtype : numpy.dtype
        Of which type.
    rows : Rows
        Encoded training rows; the processes read large arrays of them from one file.
    shares : tuple of dict
        How the batches of each part are drawn from them.
    recipe : Recipe
        What a step does.
    seed : int
        Decides all random numbers.
    left_out : list or None
        Inputs that each part is to judge after an epoch.
    """

    name: str
    layer: Any
    size: int
    dtype: np.dtype[Any]
    rows: Rows
    shares: tuple[Mapping[str, Any], ...]
    recipe: Recipe
    seed: int
    left_out: list[Any] | None

    def walk(self) -> Walk:
        """What takes the steps of it."""
        network = Network(self.layer, np.zeros(self.size, self.dtype))
        batches = [Batches(*self.rows, **share) for share in self.shares]
        return Walk(network, batches, self.recipe, State(self.seed))


@final
class Crew:
    """Takes the steps of a training, each part's in whichever process is free; the bits are those of `Walk`.

    A task is a pure function: from the values of a part, the solver's vectors and the number of the epoch to the
    values and vectors after it. So nothing is lost with a process, and Ctrl-C finds the network as it was.

    Parameters
    ----------
    training : Training
        Whose network is trained, in place; its judge hears what each part says of the rows that it leaves out.
    batches : list of Batches
        The training set of each part.
    n_processes : int
        Besides this one, which waits.
    """

    def __init__(self, training: Training, batches: list[Batches], n_processes: int):
        network, recipe, state = training.fitted.network, training.recipe, training.fitted.state
        self.network, self.n_rows, self.n_steps = network, batches[0].n_rows, len(batches[0])
        self._state, self._total = state, sum(some.total_weight for some in batches)
        self._parts = list(zip(network.parts, vectors_of(recipe.solver, network, state), strict=True))
        judge = training.validation if state.judged is None else None
        left_out = None if judge is None else judge.left_out
        self._validation, self._plan = None if left_out is None else judge, training.plan
        values, shares, name = network.values, tuple(some.drawn for some in batches), uuid.uuid4().hex
        rows, seed = training.rows, state.seed
        self._job = Job(name, network.layer, values.size, values.dtype, rows, shares, recipe, seed, left_out)
        self._n, self._parallel = n_processes, joblib.Parallel(n_processes, backend="loky")

    def __enter__(self) -> Crew:
        self._parallel.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._parallel.__exit__(*error)

    def epoch(self, rate_at: Callable[[float], float]) -> tuple[float, float]:
        """As `Walk.epoch`; the time that is over, where there is a limit, is that at the epoch's begin."""
        state, rates = self._state, [rate_at(k / self.n_steps) for k in range(self.n_steps)]
        judges = self._validation is not None and self._plan.looks_at(state.epoch + 1)
        told = [[v.tobytes() for v in (part.values, *kept.values())] for part, kept in self._parts]
        shares = [range(first, len(told), self._n) for first in range(self._n)]  # one call a process: calls cost 5 ms
        several = self._parallel(
            joblib.delayed(_epoch_of)(self._job, {i: told[i] for i in share}, state.epoch, state.step, rates, judges)
            for share in shares
        )
        by_part = dict(pair for share in zip(shares, several, strict=True) for pair in zip(*share, strict=True))
        answers = [by_part[i] for i in range(len(told))]
        loss = sum(answer.loss for answer in answers)
        if math.isfinite(loss):
            for (part, kept), answer in zip(self._parts, answers, strict=True):
                for vector, now in zip((part.values, *kept.values()), answer.vectors, strict=True):
                    vector[...] = np.frombuffer(now, vector.dtype)
            state.step = answers[0].step
            if judges and self._validation is not None:
                self._validation.hear([answer.raw for answer in answers])
        return loss / self._total, rates[-1]

    def settle(self) -> None:
        """Nothing to do: all is as after the last whole epoch."""


class Answer(NamedTuple):
    """What a process says after an epoch of a part: as `Walk.epoch_of`, and the raw output for the left-out rows."""

    loss: float
    step: int
    vectors: list[bytes]
    raw: Any


_LATEST: dict[str, Walk] = {}  # in a process: the training that it works on


def _epoch_of(
    job: Job, told: dict[int, list[bytes]], number: int, step: int, rates: list[float], judges: bool
) -> list[Answer]:
    """An epoch of some parts, by what `told` says of each; where it `judges`, with what they say of left-out rows."""
    walk = _LATEST.get(job.name)
    if walk is None:
        _LATEST.clear()
        walk = _LATEST[job.name] = job.walk()
    answers = []
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for i, vectors in told.items():
            loss, last, now = walk.epoch_of(i, number, step, vectors, rates)
            raw = None
            if judges and job.left_out is not None and math.isfinite(loss):
                raw = forward(walk.network.parts[i], job.left_out[i], products=job.recipe.products)
            answers.append(Answer(loss, last, [vector.tobytes() for vector in now], raw))
    return answers
