"""What hears of each epoch of a training: validates, records, watches for a plateau, prints, may stop it.

Knows nothing about tables or estimators.
"""

from __future__ import annotations

import math
import time
import warnings
from typing import Any, NamedTuple, final

from sklearn.exceptions import ConvergenceWarning

from ..solvers import LBFGS
from .loop import End, Epoch
from .plan import Plan
from .printing import closing_line, epoch_line
from .training import Training

__all__ = ["Listener", "Monitor", "Outcome", "warn_of"]

LAST = 1000  # records of a stream that are kept: it may have millions of calls, and each pickle holds them


class Listener:
    """What may follow the course of a fit; by default it does nothing."""

    def begin(self, training: Training) -> None:
        """A fit is about to begin, or to go on from what the listener gives it."""

    def begin_epoch(self) -> None:
        """An epoch begins."""

    def end_epoch(self) -> bool:
        """An epoch is over; whether the fit shall end."""
        return False

    def end(self) -> None:
        """The fit is over."""


@final
class Monitor:
    """Keeps the record of a fit, epoch by epoch.

    Parameters
    ----------
    training : Training
        What is under way.
    listener : Listener
        Is told of each epoch.

    Attributes
    ----------
    listener : Listener
        The same.
    reason : str
        What ends the fit after this epoch; empty where it goes on.
    start : float
        When the fit began, by ``time.perf_counter``.
    """

    def __init__(self, training: Training, listener: Listener):
        self._training, self.listener, plan = training, listener, training.plan
        self._first = training.fitted.state.epoch
        self._target_loss = -math.inf if plan.target_loss is None else plan.target_loss
        self.start = time.perf_counter()
        self.begin()

    def begin(self) -> None:
        """Epochs are about to come: those that are judged, or the last ones."""
        training, plan, epoch = self._training, self._training.plan, self._training.fitted.state.epoch
        self._watches, self.reason, self._told = training.fitted.state.judged is None, "", False
        self._last, self._most = epoch + training.epochs_left, epoch + training.epochs_of_this_start
        self._max_time = math.inf if plan.max_time is None else plan.max_time
        if self._watches and not training.pauses:  # the last epochs have their share of the time
            self._max_time *= 1 - plan.n_last / plan.n_epochs
        if training.epochs_left:
            self.listener.begin_epoch()

    def begin_above_a_line(self, line: float, network: float) -> None:
        """Epochs begin anew, above a line whose loss of left-out rows is lower than the network's."""
        if self._training.plan.verbose:
            print(f"a line is better for left-out rows, {line:.5g} < {network:.5g}: starts again above it", flush=True)
        self.begin()

    @property
    def goes_on(self) -> bool:
        """Whether what `reason` says ends no more than the epochs that are judged."""
        limit = self._training.plan.max_time
        in_time = limit is None or time.perf_counter() - self.start < limit
        return self.reason in ("early_stopping", "max_time") and in_time and not self._told

    def __call__(self, epoch: Epoch) -> bool:
        training, plan, state = self._training, self._training.plan, self._training.fitted.state
        record: dict[str, Any] = {
            "epoch": epoch.number,
            "loss": epoch.loss,
            "learning_rate": epoch.learning_rate,
            "seconds": epoch.seconds,
        }
        over = time.perf_counter() - self.start >= self._max_time
        reached = epoch.loss <= self._target_loss
        judged = plan.looks_at(epoch.number) or over or reached  # the last of them is
        if training.validation is not None and judged and self._watches:
            record["validation_loss"] = training.validation.mean_loss(training.fitted.network)
            record |= training.validation.scores(training.fitted.network)
        training.fitted.history.append(record)
        if plan.partial:
            del training.fitted.history[:-LAST]
        if plan.verbose and epoch.number % plan.verbose == 0:
            self._print(record)
        stops = {
            "target_loss": reached,
            "early_stopping": judged and self._watches and self._on_plateau(record),
        }
        judged_by = None if self._watches else state.ended_by  # what ended the epochs that were judged
        state.ended_by = next((reason for reason, stop in stops.items() if stop), judged_by)  # a checkpoint keeps it
        state.over = any(stops.values())  # told to callbacks: a training that is over is not resumed
        stops["max_time"] = over or time.perf_counter() - self.start >= self._max_time
        stops["callback"] = self._told = self.listener.end_epoch()
        self.reason = next((reason for reason, stop in stops.items() if stop), "")
        stop = self.reason != ""
        if not stop and epoch.number < self._last:
            self.listener.begin_epoch()
        return stop

    def close(self, end: End) -> None:
        """Say which epoch the network is of, now that it went back to its best where it does so."""
        training, plan, stopping = self._training, self._training.plan, self._training.stopping
        records = [r for r in training.fitted.history if r["epoch"] > training.origin]
        kept = records[-1] if records else None
        if stopping is not None and stopping.keep_best:
            best = training.fitted.state.best_epoch
            kept = next((r for r in records if r["epoch"] == best), kept)
        elif end is End.NON_FINITE:
            kept = None  # the warning tells
        if plan.verbose and not plan.partial and kept is not None:
            reached = training.fitted.state.judged or records[-1]["epoch"]
            seconds = time.perf_counter() - self.start
            print(closing_line(kept, reached, seconds, records[-1]["epoch"] - reached), flush=True)

    def _on_plateau(self, record: dict[str, Any]) -> bool:
        """Whether a plateau ends the training; it may lower the learning rate instead."""
        training = self._training
        if training.stopping is None:
            return False
        value = record["loss"] if training.validation is None else self._judgement(record)
        best = value < training.stopping.best
        if training.stopping.keep_best and best:
            state = training.fitted.state
            state.best_epoch, state.best_loss = record["epoch"], record.get("validation_loss")
        judges, sure = training.validation, training.plan.sure < math.inf
        if sure and judges is not None and training.decline.note(judges.shares, best=best):
            return True
        if not training.stopping.plateau(value, training.fitted.network, self._since_last_look(record["epoch"])):
            return False
        factor = training.plan.schedule.on_plateau(record["learning_rate"])
        if factor is None:
            return training.plan.gives_up
        training.fitted.state.rate_factor *= factor
        return False

    def _since_last_look(self, epoch: int) -> int:
        """Epochs since the judged rows were looked at before this one, or since the fit began."""
        training = self._training
        if training.plan.every == 1:
            return 1
        earlier = (r["epoch"] for r in reversed(training.fitted.history[:-1]) if not math.isnan(judged_value(r)))
        return epoch - max(training.origin, next(earlier, 0))

    def _judgement(self, record: dict[str, Any]) -> float:
        """What an epoch is judged by: the mean of the last looks, which are as many as the plan says, or fewer yet."""
        training, looks = self._training, [judged_value(record)]
        for earlier in reversed(training.fitted.history[:-1]):
            if len(looks) == training.plan.looks or earlier["epoch"] <= training.origin:
                break
            if not math.isnan(value := judged_value(earlier)):
                looks.append(value)
        return sum(looks) / len(looks)

    def _print(self, record: dict[str, Any]) -> None:
        elapsed, done = time.perf_counter() - self.start, record["epoch"] - self._first
        seconds = elapsed / done
        limit = math.inf if self._training.plan.max_time is None else self._training.plan.max_time
        left = min(seconds * (self._most - record["epoch"]), max(0.0, limit - elapsed))
        print(epoch_line(record, self._most, seconds, left), flush=True)


def judged_value(record: dict[str, Any]) -> float:
    """What an epoch is judged by, lower being better; NaN where it was not judged."""
    if "validation_score" in record:
        return -float(record["validation_score"])
    return float(record.get("validation_loss", math.nan))


class Outcome(NamedTuple):
    """How a training ended.

    Attributes
    ----------
    end : End
        Why.
    failure : str or None
        What is wrong with the network that came out; None for nothing.
    """

    end: End
    failure: str | None


def warn_of(outcome: Outcome, plan: Plan) -> None:
    """Warn of a training that did not end as planned."""
    end, solver = outcome.end, plan.solver
    if end is End.NON_FINITE:
        message = (
            "training stopped because the loss was no longer finite; the best finite weights were restored. Try a "
            "smaller learning_rate_init or clip_norm=1.0, and encoder='auto' if the columns are not scaled."
        )
        warnings.warn(message, ConvergenceWarning, stacklevel=5)
    elif end is End.INTERRUPTED:
        message = "training was interrupted; the weights of the last whole epoch, or the best, were kept."
        warnings.warn(message, stacklevel=5)
    elif outcome.failure is not None:
        advice = (
            "a larger max_iter" if isinstance(solver, LBFGS) else "a smaller learning_rate_init or a larger max_iter"
        )
        message = f"{outcome.failure}; try {advice}, and less alpha, weight decay or dropout."
        warnings.warn(message, ConvergenceWarning, stacklevel=5)
    elif end is End.MAX_ITER and isinstance(solver, LBFGS):
        message = (
            f"L-BFGS has not converged within max_iter={plan.n_epochs} iterations and {solver.max_fun} evaluations of "
            "the loss: raise max_iter, or LBFGS(max_fun=...), or tol."
        )
        warnings.warn(message, ConvergenceWarning, stacklevel=5)
