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

__all__ = ["Descent", "descents", "vectors_of"]

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
    compiled : bool, default=False
        Whether the step is compiled, where it has such a form and the network is of single precision.

    Notes
    -----
    One thread takes all stretches: they are a few microseconds of NumPy each, and two threads spend more time on
    handing the interpreter to and fro than they save.
    """

    def __init__(
        self,
        solver: Solver,
        network: Network,
        grads: np.ndarray,
        kept: dict[str, np.ndarray],
        t: int,
        compiled: bool = False,
    ):
        params = network.params
        compiled = compiled and params.dtype == np.float32
        bounds = (0, network.n_weights, network.n_params) if solver.decays else (0, network.n_params)
        scratch = np.empty(min(STRETCH, len(params)), params.dtype)
        self._solver, self.kept, self._span = solver, kept, solver.span
        self.begin(t)
        self._stretches: list[tuple[np.ndarray, np.ndarray, Any, bool]] = []
        for i, (low, high) in enumerate(itertools.pairwise(bounds)):
            for start in range(low, high, STRETCH):
                span = slice(start, min(start + STRETCH, high))
                own = {name: vector[span] for name, vector in kept.items()}
                s = SimpleNamespace(**own, scratch=scratch[: span.stop - span.start], age=0, compiled=compiled)
                self._stretches.append((params[span], grads[span], s, i == 0))

    def begin(self, t: int) -> None:
        """Go on after step `t`."""
        self.t, self._age, self._looked = t, 0, t

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
        for vector in self.kept.values():
            vector[np.abs(vector) < 2**20 * np.finfo(vector.dtype).tiny] = 0


def vectors_of(solver: Solver, network: Network, state: State) -> list[dict[str, np.ndarray]]:
    """The solver's vectors for each part of a network, by name; made where the solver is another than before.

    Parameters
    ----------
    solver : Solver
        Whose they are.
    network : Network
        Whose parameters are moved.
    state : State
        Where the training stands.

    Returns
    -------
    list of dict of str to ndarray
        Views.
    """
    if set(state.kept) != set(solver.keeps):
        state.kept = {name: np.zeros(network.n_params, network.values.dtype) for name in solver.keeps}
        state.step = 0  # another solver than before begins anew
    stops = list(itertools.accumulate((part.n_params for part in network.parts), initial=0))
    return [{name: v[start:stop] for name, v in state.kept.items()} for start, stop in itertools.pairwise(stops)]


def descents(
    solver: Solver, network: Network, grads: list[np.ndarray], state: State, compiled: bool = False
) -> list[Descent]:
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
    compiled : bool, default=False
        As for `Descent`.

    Returns
    -------
    list of Descent
        One a part.
    """
    each = zip(network.parts, grads, vectors_of(solver, network, state), strict=True)
    return [Descent(solver, part, g, kept, state.step, compiled) for part, g, kept in each]
