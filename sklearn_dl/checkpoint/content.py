"""A training under way as a checkpoint holds it: what is saved, whose it is, and how a fit takes it up.

Knows nothing about when a checkpoint is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .._data.batches import Batches
from .._data.table import Table
from .._engine.network import Network
from .._estimators.fitted_attributes import FittedDL
from .._estimators.params import Plan
from .._training.descent import State
from .._training.loop import EarlyStopping, Fallback
from .._version import __version__
from ..solvers import LBFGS
from . import file as storage
from .fingerprint import digest, seal, settings, short

__all__ = ["Progress", "Saved", "follow", "read_saved"]

HASHED_ROWS = 4096
WATCHED = ("best", "reference", "waited")  # of EarlyStopping; its best values are a vector
HINTS = {"max_iter": "; only the schedules constant, invscaling and adaptive can go on for longer"}


def read_saved(path: Any, plan: Plan) -> Saved:
    """The checkpoint at `path`, for an estimator that is to go on from it.

    Raises
    ------
    ValueError
        Where it is not a checkpoint, is not as it was written, or the solver cannot go on.
    """
    if isinstance(plan.solver, LBFGS):
        raise ValueError(
            "resume_from needs a stochastic solver: what L-BFGS remembers is SciPy's, so that it cannot go on to the "
            f"same bits; got solver={plan.solver!r}."
        )
    return Saved(path)


def follow(
    model: Any,
    plan: Plan,
    rows: Table,
    held_out: Table | None,
    stopping: EarlyStopping | None,
    fallback: Fallback,
    saved: Saved | None,
) -> Progress:
    """The progress of a fit that is about to begin, or to go on from what was saved.

    Parameters
    ----------
    model : FittedDL
        Its encoder, target, network, state and history are there.
    plan : Plan
        Its parameters.
    rows, held_out : Table
        Encoded training rows and validation rows.
    stopping, fallback : EarlyStopping or None, Fallback
        As the training uses them.
    saved : Saved or None
        Where it goes on from.

    Returns
    -------
    Progress
    """
    model._state.over = False  # an earlier fit's end is not this one's
    data = _traits(model, rows, held_out)
    facts = settings(model.get_params(deep=False), plan) | data
    progress = Progress(
        type(model).__name__, facts, model.network_, model._state, model.history_, stopping, fallback, plan.max_iter
    )
    if saved is not None:
        saved.refuse_other_data(data)
        progress.take_up(saved)
    return progress


def _traits(model: FittedDL, rows: Table, held_out: Table | None) -> dict[str, str]:
    """What a training takes from its data, in the order in which a difference is told."""
    encoder, learnt = model.encoder_, ("categorical_features_", "levels_", "center_", "scale_", "missing_features_")
    return {
        "columns of X": short(vars(model).get("feature_names_in_", vars(model)["n_features_in_"])),
        "training rows": short(len(rows.y)),
        "validation rows": short(0 if held_out is None else len(held_out.y)),
        "statistics of y": short(model._target),
        "statistics of X": seal(None if encoder is None else {name: getattr(encoder, name) for name in learnt}),
        "layers of the network": short(model.network_.layer),
        "precision of the training": str(model.network_.values.dtype),
        "content of the training rows": digest(_blocks(rows)),
        "content of the validation rows": digest([] if held_out is None else _blocks(held_out)),
    }


def _blocks(rows: Table) -> Iterator[tuple[Any, ...]]:
    return Batches(*rows[:3], size=HASHED_ROWS, shuffle=False, seed=0).epoch(0)


class Saved:
    """A checkpoint that was read.

    Parameters
    ----------
    path : str or path-like
        Where it is.

    Attributes
    ----------
    path : Path
        Where it is, in full.
    state : State
        Where the training stood.

    Raises
    ------
    ValueError
        Where the file is not a checkpoint, or is not as it was written.
    """

    def __init__(self, path: Any):
        if not isinstance(path, (str, os.PathLike)):
            raise ValueError(f"resume_from must be None or the path of a checkpoint; got {path!r}.")
        self.path = Path(path).resolve()
        facts, self.vectors, self.mark = storage.read(self.path)
        try:
            self.kind, self.version, self.facts = facts["kind"], facts["version"], facts["facts"]
            memory = {name[7:]: vector for name, vector in self.vectors.items() if name.startswith("memory.")}
            self.state = State(**facts["state"], memory=memory)
            self.history, self.origin, self.fallback_loss = facts["history"], facts["origin"], facts["fallback_loss"]
            self.stopping: dict[str, Any] | None = facts["stopping"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self.path} is not a checkpoint that sklearn_dl wrote: {error}.") from error

    def refuse_other_estimator(self, kind: str, settings: dict[str, str]) -> None:
        """Raise ValueError, with the name of what differs, where it is of an estimator with other settings."""
        if self.kind != kind:
            raise ValueError(f"{self.path} is a checkpoint of {self.kind}; this estimator is a {kind}.")
        if self.version != __version__:
            raise ValueError(
                f"{self.path} is a checkpoint of sklearn_dl {self.version}, which promises no bits to {__version__}."
            )
        for name, ours in settings.items():
            theirs = self.facts.get(name)
            if theirs != ours:
                hint = HINTS.get(name, "")
                raise ValueError(
                    f"{self.path} is a checkpoint of {kind} with {name}={theirs}; this estimator has {ours}{hint}."
                )

    def refuse_other_data(self, traits: dict[str, str]) -> None:
        """Raise ValueError, with the name of what differs, where it is of a training on other data."""
        for name, ours in traits.items():
            theirs = self.facts.get(name)
            if theirs != ours:
                raise ValueError(
                    f"{self.path} is a checkpoint of a fit to other data: {name} {theirs}; here it is {ours}."
                )


class Progress:
    """A training under way.

    Parameters
    ----------
    kind : str
        Name of the estimator's class.
    facts : dict of str to str
        What decides how the training goes.
    network, state, history : Network, State, list of dict
        What changes from epoch to epoch.
    stopping : EarlyStopping or None
        What watches for a plateau.
    fallback : Fallback
        What a loss that is not finite falls back on.
    n_epochs : int
        Epochs of this fit, those before a checkpoint included.

    Attributes
    ----------
    origin : int
        Epochs that were over when this fit began.
    owned : dict of Path to bytes
        Marks of the files that hold this training and no other.
    """

    def __init__(
        self,
        kind: str,
        facts: dict[str, str],
        network: Network,
        state: State,
        history: list[dict[str, Any]],
        stopping: EarlyStopping | None,
        fallback: Fallback,
        n_epochs: int,
    ):
        self._kind, self._facts, self._network, self._state, self._history = kind, facts, network, state, history
        self._stopping, self._fallback, self._n_epochs = stopping, fallback, n_epochs
        self.origin = state.epoch
        self.owned: dict[Path, bytes] = {}

    @property
    def epoch(self) -> int:
        """Epochs that are over, over the network's life."""
        return self._state.epoch

    @property
    def epochs_left(self) -> int:
        """Epochs that this fit may still run."""
        return 0 if self._state.over else self.origin + self._n_epochs - self._state.epoch

    def refuse_taken(self, path: Path) -> None:
        """Raise ValueError where the file at `path` is not one of this training."""
        found = storage.mark(path)
        if found is None or found == self.owned.get(path):
            return
        storage.refuse_foreign(path, found)
        raise ValueError(
            f"{path} holds a checkpoint that this fit neither wrote nor goes on from, and which it does not overwrite: "
            "pass it as resume_from, choose another path for this training, or delete it."
        )

    def save(self, path: Path) -> None:
        """Write a checkpoint, in place of the one before."""
        self.refuse_taken(path)
        state, stopping, fallback = self._state, self._stopping, self._fallback
        vectors = {"values": self._network.values} | {f"memory.{k}": v for k, v in state.memory.items()}
        if fallback.values is not None:
            vectors["fallback"] = fallback.values
        if stopping is not None and stopping.values is not None:
            vectors["best"] = stopping.values
        facts = {
            "kind": self._kind,
            "version": __version__,
            "facts": self._facts,
            "state": {k: v for k, v in vars(state).items() if k != "memory"},
            "stopping": None if stopping is None else {name: getattr(stopping, name) for name in WATCHED},
            "fallback_loss": fallback.loss,
            "origin": self.origin,
            "history": self._history,
        }
        self.owned[path] = storage.write(path, facts, vectors)

    def take_up(self, saved: Saved) -> None:
        """Go on from a checkpoint of this training.

        Raises
        ------
        ValueError
            Where it is further than this fit is to go.
        """
        state, stopping, fallback = self._state, self._stopping, self._fallback
        if saved.origin + self._n_epochs < saved.state.epoch:
            raise ValueError(
                f"{saved.path} is a checkpoint after {saved.state.epoch - saved.origin} epochs; this estimator has "
                f"max_iter={self._n_epochs}."
            )
        self._refuse_other_vectors(saved)
        np.copyto(self._network.values, saved.vectors["values"])
        vars(state).update(vars(saved.state))
        self._history[:] = saved.history
        fallback.loss, fallback.values = saved.fallback_loss, saved.vectors.get("fallback")
        if stopping is not None and saved.stopping is not None:
            vars(stopping).update(saved.stopping)
            stopping.values = saved.vectors.get("best")
        self.origin = saved.origin
        self.owned[saved.path] = saved.mark

    def _refuse_other_vectors(self, saved: Saved) -> None:
        values = self._network.values
        for name in {"values", *saved.vectors}:
            size = self._network.n_params if name.startswith("memory.") else len(values)
            vector = saved.vectors.get(name, values[:0])
            if len(vector) != size or vector.dtype != values.dtype:
                raise ValueError(
                    f"{saved.path} holds {len(vector)} numbers of type {vector.dtype} as {name}, where {size} of type "
                    f"{values.dtype} are needed."
                )
