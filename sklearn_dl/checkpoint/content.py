"""A training under way as a checkpoint holds it: what is saved, whose it is, and how a fit takes it up.

Knows nothing about when a checkpoint is written.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final
from weakref import WeakKeyDictionary

import numpy as np

from .._data import Batches, Rows
from .._engine import Holder, Network, State
from .._training import Plan, Training
from .._version import __version__
from ..solvers import LBFGS
from . import file
from .fingerprint import digest, seal, settings, short

__all__ = ["Saved", "read_saved", "refuse_taken", "save"]

HASHED_ROWS = 4096
# what is known of a training beside what it knows itself: marks of the files that hold it and no other, and its facts
_MARKS: WeakKeyDictionary[Training, dict[Path, bytes]] = WeakKeyDictionary()
_TRAITS: WeakKeyDictionary[Training, dict[str, str]] = WeakKeyDictionary()
WATCHED = ("best", "reference", "waited")  # of EarlyStopping; its best values are a vector
DECLINE = ("recent", "best", "in_a_row")  # of Decline
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


def _traits(training: Training, owner: Holder) -> dict[str, str]:
    """What a training takes from its data, in the order in which a difference is told; looked at once."""
    if training in _TRAITS:
        return _TRAITS[training]
    fitted, held_out = training.fitted, training.held_out
    traits = {
        "columns of X": short(vars(owner).get("feature_names_in_", vars(owner)["n_features_in_"])),
        "training rows": short(len(training.rows)),
        "validation rows": short(0 if held_out is None else len(held_out)),
        "statistics of y": short(fitted.head.target),
        "statistics of X": seal(None if fitted.encoder is None else fitted.encoder.parts),
        "layers of the network": short(fitted.network.layer),
        "precision of the training": str(fitted.network.values.dtype),
        "rows that are left out": short(None) if training.folds is None else digest(training.folds),
        "content of the training rows": digest(_blocks(training.rows)),
        "content of the validation rows": digest([] if held_out is None else _blocks(held_out)),
    }
    return _TRAITS.setdefault(training, traits)


def _blocks(rows: Rows) -> Iterator[tuple[Any, ...]]:
    return Batches(*rows[:3], size=HASHED_ROWS, shuffle=False, seed=0).epoch(0)


def refuse_taken(training: Training, path: Path) -> None:
    """Raise ValueError where the file at `path` is not one of this training."""
    found = file.mark(path)
    if found is None or found == _MARKS.get(training, {}).get(path):
        return
    file.refuse_foreign(path, found)
    raise ValueError(
        f"{path} holds a checkpoint that this fit neither wrote nor goes on from, and which it does not overwrite: "
        "pass it as resume_from, choose another path for this training, or delete it."
    )


def save(training: Training, path: Path, owner: Holder) -> None:
    """Write a checkpoint, in place of the one before.

    Parameters
    ----------
    training : Training
        Under way.
    path : Path
        Where.
    owner : Holder
        The estimator that is fitted, with the names of its columns.
    """
    refuse_taken(training, path)
    fitted, stopping, fallback = training.fitted, training.stopping, training.fallback
    state = fitted.state
    vectors = {"values": fitted.network.values} | {f"kept.{k}": v for k, v in state.kept.items()}
    if fallback.values is not None:
        vectors["fallback"] = fallback.values
    if stopping is not None and stopping.values is not None:
        vectors["best"] = stopping.values
    content = {
        "kind": type(owner).__name__,
        "version": __version__,
        "facts": settings(training.plan) | _traits(training, owner),
        "state": {k: v for k, v in vars(state).items() if k != "kept"},
        "stopping": None if stopping is None else {name: getattr(stopping, name) for name in WATCHED},
        "decline": {name: getattr(training.decline, name) for name in DECLINE},
        "fallback_loss": fallback.loss,
        "origin": training.origin,
        "history": fitted.history,
    }
    _MARKS.setdefault(training, {})[path] = file.write(path, content, vectors)


@final
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
        Where the file is not a checkpoint, is not as it was written, or is of another version.
    """

    def __init__(self, path: Any):
        if not isinstance(path, (str, os.PathLike)):
            raise ValueError(f"resume_from must be None or the path of a checkpoint; got {path!r}.")
        self.path = Path(path).resolve()
        facts, self.vectors, self.mark = file.read(self.path)
        try:
            version = facts["version"]
            if version != __version__:  # what else it holds only that version knows
                raise ValueError(
                    f"{self.path} is a checkpoint of sklearn_dl {version}, which promises no bits to {__version__}."
                )
            self.kind, self.facts = facts["kind"], facts["facts"]
            kept = {name[5:]: vector for name, vector in self.vectors.items() if name.startswith("kept.")}
            self.state = State(**facts["state"], kept=kept)
            self.history, self.origin, self.fallback_loss = facts["history"], facts["origin"], facts["fallback_loss"]
            self.stopping: dict[str, Any] | None = facts["stopping"]
            self.decline: dict[str, Any] = facts["decline"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self.path} is not a checkpoint that sklearn_dl wrote: {error}.") from error

    def refuse_other_estimator(self, kind: str, plan: Plan, n_rows: int) -> None:
        """Raise ValueError, with the name of what differs, where it is of an estimator with other settings.

        What is "auto" was set by nobody: it is blamed last, and the number of rows before it.

        Parameters
        ----------
        kind : str
            Name of the estimator's class.
        plan : Plan
            Of this fit.
        n_rows : int
            Rows of this fit.
        """
        if self.kind != kind:
            raise ValueError(f"{self.path} is a checkpoint of {self.kind}; this estimator is a {kind}.")
        told = [str(self.facts.get(f"{of} rows")) for of in ("training", "validation")]
        rows = [int(number) for number in told if number.isdecimal()]
        auto = {name for name, value in plan.given.items() if isinstance(value, str) and value == "auto"}
        for name, ours in sorted(settings(plan).items(), key=lambda item: item[0] in auto):
            theirs = self.facts.get(name)
            if theirs != ours:
                hint = HINTS.get(name, "")
                if name in auto and rows and n_rows not in (rows[0], sum(rows)):
                    raise ValueError(
                        f"{self.path} is a checkpoint of a fit to other data: training rows {rows[0]}, for which "
                        f"{name}='auto' became {theirs}; here are {n_rows} rows, for which it is {ours}."
                    )
                raise ValueError(
                    f"{self.path} is a checkpoint of {kind} with {name}={theirs}; this estimator has {ours}{hint}."
                )

    def take_up(self, training: Training, owner: Holder) -> None:
        """Have a training that is about to begin go on from here.

        Parameters
        ----------
        training : Training
            Changes in place.
        owner : Holder
            The estimator that is fitted.

        Raises
        ------
        ValueError
            Where the checkpoint is of a training on other data, with the name of what differs, or further than this
            fit is to go.
        """
        for name, ours in _traits(training, owner).items():
            theirs = self.facts.get(name)
            if theirs != ours:
                raise ValueError(
                    f"{self.path} is a checkpoint of a fit to other data: {name} {theirs}; here it is {ours}."
                )
        fitted, stopping, fallback = training.fitted, training.stopping, training.fallback
        n_epochs = training.plan.n_epochs
        if self.origin + n_epochs < self.state.epoch:
            raise ValueError(
                f"{self.path} is a checkpoint after {self.state.epoch - self.origin} epochs; this estimator has "
                f"max_iter={n_epochs}."
            )
        self._refuse_other_vectors(fitted.network)
        np.copyto(fitted.network.values, self.vectors["values"])
        vars(fitted.state).update(vars(self.state))
        fitted.history[:] = self.history
        fallback.loss, fallback.values = self.fallback_loss, self.vectors.get("fallback")
        if stopping is not None and self.stopping is not None:
            vars(stopping).update(self.stopping)
            stopping.values = self.vectors.get("best")
        vars(training.decline).update(self.decline)
        training.origin, training.pauses = self.origin, True
        _MARKS.setdefault(training, {})[self.path] = self.mark

    def _refuse_other_vectors(self, network: Network) -> None:
        values = network.values
        for name in {"values", *self.vectors}:
            size = network.n_params if name.startswith("kept.") else len(values)
            vector = self.vectors.get(name, values[:0])
            if len(vector) != size or vector.dtype != values.dtype:
                raise ValueError(
                    f"{self.path} holds {len(vector)} numbers of type {vector.dtype} as {name}, where {size} of type "
                    f"{values.dtype} are needed."
                )
