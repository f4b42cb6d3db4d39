"""A solver at work: its step over all parameters, in stretches.

Knows nothing about batches, losses or epochs' ends.
"""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any, final

import numpy as np

from .._engine import Network, State
from ..solvers import SPAN, Solver

__all__ = ["Descent"]

STRETCH = 32_768  # parameters a solver's step works on at once: its vectors then stay in the cache


@final
class Descent:
    """A solver at work on one network: stretches of its parameters, with what the solver keeps for each.

    Parameters
    ----------
    solver : Solver
        Whose step it is.
    network : Network
        Whose parameters are moved.
    grads : ndarray of shape (n_params,)
        Where the gradient is found.
    state : State
        Where the training stands; the vectors that are kept are made where the solver is another than before.

    Notes
    -----
    One thread takes all stretches: they are a few microseconds of NumPy each, and two threads spend more time on
    handing the interpreter to and fro than they save.
    """

    def __init__(self, solver: Solver, network: Network, grads: np.ndarray, state: State):
        params = network.params
        if set(state.kept) != set(solver.keeps):
            state.kept = {name: np.zeros_like(params) for name in solver.keeps}
            state.step = 0  # another solver than before begins anew
        bounds = (0, network.n_weights, network.n_params) if solver.decays else (0, network.n_params)
        scratch = np.empty(min(STRETCH, len(params)), params.dtype)
        self._solver, self._state, self._span = solver, state, solver.span
        self._age, self._looked = 0, state.step
        self._stretches: list[tuple[np.ndarray, np.ndarray, Any, bool]] = []
        for i, (low, high) in enumerate(itertools.pairwise(bounds)):
            for start in range(low, high, STRETCH):
                span = slice(start, min(start + STRETCH, high))
                kept = {name: vector[span] for name, vector in state.kept.items()}
                s = SimpleNamespace(**kept, scratch=scratch[: span.stop - span.start], age=0)
                self._stretches.append((params[span], grads[span], s, i == 0))

    def step(self, rate: float) -> None:
        """One step of the solver, over all parameters."""
        self._state.step += 1
        t, age = self._state.step, self._age
        for params, grads, s, decayed in self._stretches:
            s.age = age
            self._solver.step(params, grads, s, t, rate, decayed)
        self._age += 1
        if self._age >= self._span:
            self.settle()

    def settle(self) -> None:
        """Make what the solver keeps what its names say, at the end of an epoch or of `span` steps."""
        for _, _, s, _ in self._stretches:
            s.age = self._age
            self._solver.settle(s)
        self._age = 0
        if self._state.step // SPAN != self._looked // SPAN:
            self._looked = self._state.step
            self._flush()

    def _flush(self) -> None:
        """Set to 0 what decays towards the denormal numbers, with which a processor is some fifty times slower."""
        for vector in self._state.kept.values():
            vector[np.abs(vector) < 2**20 * np.finfo(vector.dtype).tiny] = 0
