"""One training of an estimator: from checked rows through encoding, validation and callbacks to trained weights.

Knows nothing about the user's table: a model comes with its encoder, its target and its network.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import Any, NamedTuple

from .._data.batches import Batches
from .._data.table import Split, Table, scaled_alpha
from .._engine.shared import threads_for
from .._estimators.callbacks import CallbackBridge
from .._estimators.defaults import batch_rows
from .._estimators.fitted_attributes import FittedDL
from .._estimators.params import Plan
from .._estimators.scoring import watched_score
from .._numerics.threads import Team, one_blas_thread, threads_granted
from ..checkpoint.callback import is_checkpointed
from ..checkpoint.content import Saved, follow
from ..losses import LogLoss, Loss, MeanOfMembers
from ..solvers import LBFGS
from .folds import Folds
from .lbfgs import fit_lbfgs
from .loop import EarlyStopping, End, Fallback, train
from .monitor import Monitor, Validation

__all__ = ["Call", "fit_network", "training_loss"]

FOLD_CHECKS = 32  # how often in a training the left-out rows are looked at
LBFGS_BLOCK = 8192  # rows of one sum


class Call(NamedTuple):
    """What was given to `fit` or `partial_fit`."""

    X: Any
    y: Any
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    classes: Any = None
    partial: bool = False
    resume_from: Any = None


def training_loss(loss: Loss, plan: Plan, folds: Folds | None = None) -> Loss:
    """The loss of a step: of an ensemble the mean over its members, which may leave out rows."""
    return loss if plan.n_members == 1 else MeanOfMembers(loss, None if folds is None else folds.weights())


def fit_network(model: Any, estimator: FittedDL, call: Call, plan: Plan, split: Split, saved: Saved | None) -> End:
    """Train ``model.network_`` and ``model._state``.

    Parameters
    ----------
    model : BaseDL
        The shell that is fitted.
    estimator : FittedDL
        The one whose callbacks are told.
    call : Call
        What was given to fit.
    plan : Plan
        The checked parameters.
    split : Split
        Rows to train on and to validate on.
    saved : Saved or None
        The checkpoint that the training goes on from.

    Returns
    -------
    End
        Why it ended.
    """
    network, state, n_epochs = model.network_, model._state, 1 if call.partial else plan.max_iter
    table, held_out, stops_early = split
    rows, rows_held, validation, folds = model._encode(table), None, None, None
    if held_out is not None:
        rows_held = model._encode(held_out)
        score = watched_score(model, model.scoring, held_out, rows_held.X)
        validation = Validation(rows_held, model._loss, score)
    elif plan.n_folds > 1 and not (call.partial or stops_early):
        classes = table.y if model._task == "classification" and table.y.ndim == 1 else None
        folds = Folds.draw(classes, len(table.y), plan.n_folds, plan.n_members, state.seed)
        judged, judges = folds.judged(rows, state.seed)
        every, tempered = -(-n_epochs // FOLD_CHECKS), model._task == "classification"
        judge = LogLoss().for_groups(model._target.groups) if tempered else model._loss
        validation = Validation(judged, judge, folds=judges, every=every, tempered=tempered)
    stopping, fallback, origin = None, Fallback(), 0 if call.partial else state.epoch
    if not call.partial and (stops_early or plan.schedule.on_plateau(math.inf) is not None):
        stopping = EarlyStopping(model.n_iter_no_change, model.tol, keep_best=held_out is not None)
    elif folds is not None:
        stopping = EarlyStopping(math.inf, 0.0, keep_best=True)
    if saved is not None or (is_checkpointed(estimator) and not call.partial):
        progress = follow(model, plan, rows, rows_held, stopping, fallback, saved)
        model._progress, origin, n_epochs = progress, progress.origin, progress.epochs_left
    metadata = {"sample_weight": call.sample_weight}
    bridge = CallbackBridge(estimator, n_epochs, call.X, call.y, metadata, model._fitted_now)
    monitor = Monitor(
        network=network,
        state=state,
        schedule=plan.schedule,
        history=model.history_,
        validation=validation,
        stopping=stopping,
        stops_early=stops_early,
        bridge=bridge,
        fitted=model._fitted_now,
        n_epochs=n_epochs,
        target_loss=model.target_loss,
        max_time=model.max_time,
        verbose=int(model.verbose),
    )
    loss, alpha = training_loss(model._loss, plan, folds), scaled_alpha(model.alpha, table.weight)
    if folds is not None:
        rows = folds.mark(rows)
    with one_blas_thread():
        if isinstance(plan.solver, LBFGS):
            end = _minimise(model, plan, rows, loss, monitor, n_epochs, alpha)
        else:
            end = _descend(model, plan, rows, loss, monitor, n_epochs, alpha, origin, fallback)
    if stopping is not None:
        stopping.restore(network)
    if plan.n_members > 1:  # a pass over all rows
        model._measure(validation or Validation(rows, model._loss))
    bridge.end(model._fitted_now)
    return end


def _minimise(model: Any, plan: Plan, rows: Table, loss: Loss, monitor: Monitor, n_epochs: int, alpha: float) -> End:
    assert isinstance(plan.solver, LBFGS)
    blocks = Batches(*rows[:3], size=LBFGS_BLOCK, shuffle=False, seed=model._state.seed)
    return fit_lbfgs(
        model.network_,
        blocks,
        loss,
        plan.solver,
        model._state,
        monitor,
        max_iter=n_epochs,
        tol=model.tol,
        alpha=alpha,
    )


def _descend(
    model: Any,
    plan: Plan,
    rows: Table,
    loss: Loss,
    monitor: Monitor,
    n_epochs: int,
    alpha: float,
    origin: int,
    fallback: Fallback,
) -> End:
    assert not isinstance(plan.solver, LBFGS)
    state, size = model._state, batch_rows(model.batch_size, len(rows.y), plan.n_members)
    batches = Batches(*rows[:3], size=size, shuffle=model.shuffle, seed=state.seed)
    work = model.network_.n_weights * plan.n_members
    n_threads = threads_for(threads_granted(model.n_jobs), batches.size, work)
    with ExitStack() as stack:
        return train(
            model.network_,
            batches,
            loss,
            plan.solver,
            plan.schedule,
            state,
            monitor,
            learning_rate=plan.learning_rate,
            n_epochs=n_epochs,
            horizon=plan.max_iter,
            origin=origin,
            alpha=alpha,
            clip_norm=model.clip_norm,
            fallback=fallback,
            team=stack.enter_context(Team(n_threads)) if n_threads > 1 else None,
        )
