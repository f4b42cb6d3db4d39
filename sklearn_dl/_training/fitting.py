"""One fit, from checked rows to trained weights: ``fit(fitted, plan, rows, listener)``.

Knows nothing about estimators: what they want is in the plan, and what they have learnt in the record.
"""

from __future__ import annotations

import math
from contextlib import ExitStack

from .._engine import Fitted, Network, threads_for
from .._numerics import Team, one_blas_thread, threads_granted
from ..architectures import outputs_of
from ..solvers import LBFGS
from .crew import Crew, processes_for
from .lbfgs import fit_lbfgs
from .loop import End, Span, Steps, follow, train
from .monitor import Listener, Monitor, Outcome
from .plan import Plan
from .training import Split, Training
from .validation import Validation
from .verdict import failure

__all__ = ["carry_out", "fit"]

# A row that is left out is judged by the members of one group, which are too sure of what they say by a factor T. The
# mean over all groups is less sure, and more often right: log T is this share of what it is for one group.
OF_ALL = 0.6


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
    return carry_out(Training.of(fitted, plan, rows), listener)


def carry_out(training: Training, listener: Listener, walk: Steps | None = None) -> Outcome:
    """The fit that a training is about to be.

    Parameters
    ----------
    training : Training
        Its record changes.
    listener : Listener
        Follows the course of the fit, and may stop it.
    walk : Steps or None, default=None
        Takes the steps, where not all of the rows are here; None for `Walk`.

    Returns
    -------
    Outcome
        Why it ended, and whether that is to be told.
    """
    fitted, plan = training.fitted, training.plan
    listener.begin(training)
    monitor = Monitor(training, listener)
    with one_blas_thread():
        end = _minimise(training, monitor) if isinstance(plan.solver, LBFGS) else _descend(training, monitor, walk)
    if end is End.NON_FINITE:
        fitted.state.judged = None  # back to the best epoch, from wherever
    if training.stopping is not None and fitted.state.judged is None:
        training.stopping.restore(fitted.network)
    monitor.close(end)
    try:
        _settle(training)  # it may take a pass over all rows
    except KeyboardInterrupt:  # the epochs are over: they are kept
        end = End.INTERRUPTED
    listener.end()
    if not (plan.partial or (end is End.MAX_ITER and fitted.state.ended_by)):  # known where judged epochs ended early
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


def _descend(training: Training, monitor: Monitor, walk: Steps | None) -> End:
    """Steps, judged ones first; then, where rows are left out, a few on all rows from the best epoch on.

    Which epoch is the best, the temperature and the spread are decided by rows that nothing has learnt; what is kept
    has learnt them all.
    """
    state = training.fitted.state
    if state.judged is not None:  # resumed there
        return _steps(training, monitor, walk)
    end = _steps(training, monitor, walk)
    try:
        if _goes_on(end, training, monitor) and (losses := training.start_above_the_line()):
            monitor.begin_above_a_line(*losses)
            end = _steps(training, monitor, walk)
        if _goes_on(end, training, monitor) and training.learn_the_rest():
            state.ended_by = monitor.reason or state.ended_by
            monitor.begin()
            end = _steps(training, monitor, walk)
    except KeyboardInterrupt:  # before a step was taken: the network is that of the best epoch
        end = End.INTERRUPTED
    return end


def _goes_on(end: End, training: Training, monitor: Monitor) -> bool:
    """Whether nothing but the judgement, or its last epoch, has ended the steps."""
    ended_by = training.fitted.state.ended_by
    return (end is End.MAX_ITER and ended_by != "target_loss") or (end is End.LISTENER and monitor.goes_on)


def _steps(training: Training, monitor: Monitor, walk: Steps | None) -> End:
    fitted, plan = training.fitted, training.plan
    if walk is not None:
        return follow(walk, training.recipe, fitted.state, monitor, _span(training, monitor), training.fallback)
    network, batches, span = fitted.network, training.batches(), _span(training, monitor)
    work = network.n_weights * plan.n_members // len(batches)  # multiplications a row, of all parts
    team = None
    with ExitStack() as stack:
        if len(batches) > 1:
            all_work = work * batches[0].n_rows * plan.n_epochs
            n_processes = processes_for(plan.n_jobs, len(batches), all_work)
            if n_processes > 1:
                walk = stack.enter_context(Crew(training, batches, n_processes))
                return follow(walk, training.recipe, fitted.state, monitor, span, training.fallback)
        else:
            n_threads = threads_for(threads_granted(plan.n_jobs), batches[0].size, work)
            if n_threads > 1:
                team = stack.enter_context(Team(n_threads))
        return train(network, batches, training.recipe, fitted.state, monitor, span, training.fallback, team)


def _span(training: Training, monitor: Monitor) -> Span:
    """From where to where the epochs go that come next."""
    fitted, plan = training.fitted, training.plan
    seconds = math.inf if plan.max_time is None or training.pauses else plan.max_time
    span = Span(training.epochs_left, plan.horizon, training.origin, seconds, monitor.start)
    if fitted.state.judged is not None:  # the end of a schedule that would be as long
        horizon = round(training.n_last * plan.horizon / plan.n_last)
        span = span._replace(horizon=horizon, origin=fitted.state.judged + training.n_last - horizon)
    return span


def _settle(training: Training) -> None:
    """What the head makes of the judged rows, or of all: a spread, or a temperature, divided into the last layers."""
    fitted, plan, validation = training.fitted, training.plan, training.validation
    kept = training.origin > 0 and not plan.partial and fitted.head.settled
    if validation is None and kept:  # what was settled by left-out rows stays
        return
    if validation is None and plan.n_members == 1:
        fitted.head.forget()
        return
    if not fitted.head.settles(left_out=training.folds is not None):
        return
    validation = validation or Validation([training.rows], fitted.head, learnt=True, products=plan.products)
    judged = fitted.network
    if fitted.state.judged is not None and training.stopping is not None and training.stopping.values is not None:
        judged = Network(judged.layer, training.stopping.values)  # before it learnt what it is judged by
    several = training.folds is not None and len(training.folds) > 1
    t = validation.settle(judged) ** (OF_ALL if several else 1.0)
    if t != 1:
        for values in outputs_of(fitted.network):
            values /= t
