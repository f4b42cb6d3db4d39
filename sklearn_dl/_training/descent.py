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

__all__ = ["Descent", "descents"]

STRETCH = 32_768  # parameters a solver's step works on at once: its vectors then stay in the cache


@final
class Descent:
    """A solver at work on one network: stretches of its parameters, with what the solver keeps for each.

    Parameters
    ----------
    solver : Solver
        Whose step it is.
    network : Network
        Whose parameters are moved: one part.
    grads : ndarray of shape (n_params,)
        Where the gradient is found.
    kept : dict of str to ndarray of shape (n_params,)
        The solver's vectors.
    t : int
        Steps so far.

    Notes
    -----
    One thread takes all stretches: they are a few microseconds of NumPy each, and two threads spend more time on
    handing the interpreter to and fro than they save.
    """

    def __init__(self, solver: Solver, network: Network, grads: np.ndarray, kept: dict[str, np.ndarray], t: int):
        params = network.params
        bounds = (0, network.n_weights, network.n_params) if solver.decays else (0, network.n_params)
        scratch = np.empty(min(STRETCH, len(params)), params.dtype)
        self._solver, self._kept, self._span, self.t = solver, kept, solver.span, t
        self._age, self._looked = 0, t
        self._stretches: list[tuple[np.ndarray, np.ndarray, Any, bool]] = []
        for i, (low, high) in enumerate(itertools.pairwise(bounds)):
            for start in range(low, high, STRETCH):
                span = slice(start, min(start + STRETCH, high))
                own = {name: vector[span] for name, vector in kept.items()}
                s = SimpleNamespace(**own, scratch=scratch[: span.stop - span.start], age=0)
                self._stretches.append((params[span], grads[span], s, i == 0))

    def step(self, rate: float) -> None:
        """One step of the solver, over all parameters."""
        self.t += 1
        t, age = self.t, self._age
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
        if self.t // SPAN != self._looked // SPAN:
            self._looked = self.t
            self._flush()

    def _flush(self) -> None:
        """Set to 0 what decays towards the denormal numbers, with which a processor is some fifty times slower."""
        for vector in self._kept.values():
            vector[np.abs(vector) < 2**20 * np.finfo(vector.dtype).tiny] = 0


def descents(solver: Solver, network: Network, grads: list[np.ndarray], state: State) -> list[Descent]:
    """The solver at work on each part of a network.

    Parameters
    ----------
    solver : Solver
        Whose steps they are.
    network : Network
        Whose parameters are moved.
    grads : list of ndarray
        Where the gradient of each part is found.
    state : State
        Where the training stands; the vectors that are kept are made where the solver is another than before.

    Returns
    -------
    list of Descent
        One a part.
    """
    if set(state.kept) != set(solver.keeps):
        state.kept = {name: np.zeros(network.n_params, network.values.dtype) for name in solver.keeps}
        state.step = 0  # another solver than before begins anew
    made, start = [], 0
    for part, g in zip(network.parts, grads, strict=True):
        stop = start + part.n_params
        kept = {name: vector[start:stop] for name, vector in state.kept.items()}
        made.append(Descent(solver, part, g, kept, state.step))
        start = stop
    return made
