"""One fit, from checked rows to trained weights: ``fit(fitted, plan, rows, listener)``.

Knows nothing about estimators: what they want is in the plan, and what they have learnt in the record.
"""

from __future__ import annotations

import math
from contextlib import ExitStack

from .._engine import Fitted, threads_for
from .._numerics import Team, one_blas_thread, threads_granted
from ..architectures import head_of
from ..solvers import LBFGS
from .lbfgs import fit_lbfgs
from .loop import End, Span, train
from .monitor import Listener, Monitor, Outcome
from .plan import Plan
from .training import Split, Training
from .validation import Validation
from .verdict import failure

__all__ = ["fit"]


def fit(fitted: Fitted, plan: Plan, rows: Split, listener: Listener) -> Outcome:
    """Train a record in place.

    Parameters
    ----------
    fitted : Fitted
        Its network, state, history and head change.
    plan : Plan
        How.
    rows : Split
        Checked rows to train on and to judge by.
    listener : Listener
        Follows the course of the fit, and may stop it.

    Returns
    -------
    Outcome
        Why it ended, and whether that is to be told.
    """
    training = Training.of(fitted, plan, rows)
    listener.begin(training)
    monitor = Monitor(training, listener)
    with one_blas_thread():
        end = _minimise(training, monitor) if isinstance(plan.solver, LBFGS) else _descend(training, monitor)
    if training.stopping is not None:
        training.stopping.restore(fitted.network)
    monitor.close(end)
    if plan.n_members > 1:  # it may take a pass over all rows
        try:
            _settle(training)
        except KeyboardInterrupt:  # the epochs are over: they are kept
            end = End.INTERRUPTED
    listener.end()
    if not plan.partial and (not fitted.state.over or end is not End.MAX_ITER):  # else it was over when resumed
        fitted.state.ended_by = monitor.reason if end is End.LISTENER else end.value
    judged = not (plan.partial or end in (End.NON_FINITE, End.INTERRUPTED))
    return Outcome(end, failure(training) if judged else None)


def _minimise(training: Training, monitor: Monitor) -> End:
    fitted, plan = training.fitted, training.plan
    return fit_lbfgs(
        fitted.network,
        training.batches(),
        training.recipe,
        fitted.state,
        monitor,
        max_iter=training.epochs_left,
        tol=plan.tol,
    )


def _descend(training: Training, monitor: Monitor) -> End:
    fitted, plan, batches = training.fitted, training.plan, training.batches()
    work = fitted.network.n_weights * plan.n_members
    n_threads = threads_for(threads_granted(plan.n_jobs), batches.size, work)
    seconds = math.inf if plan.max_time is None or training.pauses else plan.max_time
    span = Span(training.epochs_left, plan.horizon, training.origin, seconds)
    with ExitStack() as stack:
        team = stack.enter_context(Team(n_threads)) if n_threads > 1 else None
        return train(fitted.network, batches, training.recipe, fitted.state, monitor, span, training.fallback, team)


def _settle(training: Training) -> None:
    """What the head makes of the judged rows, or of all: a spread, or a temperature, divided into the last layer."""
    fitted = training.fitted
    if not fitted.head.settles(left_out=training.folds is not None):
        return
    validation = training.validation or Validation(training.rows, fitted.head)
    t = validation.settle(fitted.network)
    if t != 1:
        last = head_of(fitted.network)
        last.weight[...] /= t
        last.bias[...] /= t
