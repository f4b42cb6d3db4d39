"""What listens to a training: validates, records, watches for a plateau, tells callbacks, prints, may stop it.

Knows nothing about tables; a validation set comes in encoded.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._data.table import Table
from .._engine.network import Network
from .._engine.predict import forward
from .._estimators.callbacks import CallbackBridge
from ..losses import Loss
from ..schedules import Schedule
from .descent import State
from .folds import Folds, temperature
from .loop import EarlyStopping, End, Epoch
from .printing import epoch_line

__all__ = ["Monitor", "Validation", "warn_of"]


class Validation:
    """The mean loss, and a score where one is asked for, on rows that are not trained on.

    Parameters
    ----------
    rows : Table
        Encoded inputs, encoded targets of shape (n, q), and weights.
    loss : Loss
        What is measured.
    score : callable or None, default=None
        Gives a score, higher being better, for the network as it is.
    folds : Folds or None, default=None
        Where given, `rows` are trained on, but each is judged by the members that leave it out.
    every : int, default=1
        Epochs from one measurement to the next.
    tempered : bool, default=False
        Whether outputs are judged at the temperature that suits them best: classes then get one after the training.
    """

    def __init__(
        self,
        rows: Table,
        loss: Loss,
        score: Callable[[], float] | None = None,
        *,
        folds: Folds | None = None,
        every: int = 1,
        tempered: bool = False,
    ):
        self.rows, self.every, self.score, self._tempered = rows, every, score, tempered
        self.folds, self._loss = folds, loss
        self._weight = None if rows.weight is None else rows.weight[:, None]
        self._total = float(len(rows.y) if rows.weight is None else rows.weight.sum(dtype=np.float64))

    def pooled(self, raw: np.ndarray) -> np.ndarray:
        """The raw output of shape (n, n_raw) that is judged: the members' together where there are members."""
        if raw.ndim == 2:
            return raw
        pool = self._loss.link.pool
        return pool(raw) if self.folds is None else self.folds.left_out(raw, pool)

    def mean_loss(self, network: Network) -> float:
        """Σ wᵢ lossᵢ / Σ wᵢ, of the ensemble's prediction rather than the mean over its members."""
        raw = forward(network, self.rows.X)
        raw = self.pooled(raw / self.temperature(raw, tolerance=0.05) if self._tempered else raw)
        return self._loss.value_and_gradient(self.rows.y, raw, self._weight, np.empty_like(raw)) / self._total

    def temperature(self, raw: np.ndarray, tolerance: float = 0.01) -> float:
        """What the outputs of shape (n, n_members, n_raw) are best divided by, to this relative tolerance."""
        return temperature(lambda t: self.pooled(raw / t), self.rows.y, self.rows.weight, self._loss, tolerance)


class Monitor:
    """The listener of a fit.

    Parameters
    ----------
    network, state, schedule : Network, State, Schedule
        What is trained, where it stands, and what a plateau does to the rate.
    history : list of dict
        Gets one record an epoch.
    validation : Validation or None
        Measured after each epoch, or every few.
    stopping : EarlyStopping or None
        Watches the score, the validation loss or the training loss, whichever there is first.
    stops_early : bool
        Whether a plateau may end the training.
    bridge : CallbackBridge
        Is told of each epoch.
    fitted : callable
        Gives the attributes of the estimator as of now.
    n_epochs : int
        Epochs to run at most.
    target_loss, max_time : float or None
        Stop at this training loss; after the epoch that passes this many seconds.
    verbose : int
        Whether to print a line an epoch.
    """

    def __init__(
        self,
        *,
        network: Network,
        state: State,
        schedule: Schedule,
        history: list[dict[str, Any]],
        validation: Validation | None,
        stopping: EarlyStopping | None,
        stops_early: bool,
        bridge: CallbackBridge,
        fitted: Callable[[], dict[str, Any]],
        n_epochs: int,
        target_loss: float | None,
        max_time: float | None,
        verbose: int,
    ):
        self._network, self._state, self._schedule = network, state, schedule
        self._history, self._validation, self._stopping = history, validation, stopping
        self._stops_early, self._bridge, self._fitted = stops_early, bridge, fitted
        self._first, self._last = state.epoch, state.epoch + n_epochs
        self._target_loss = -math.inf if target_loss is None else target_loss
        self._max_time = math.inf if max_time is None else max_time
        self._verbose, self._start = verbose, time.perf_counter()
        if n_epochs:
            bridge.begin_epoch()

    def __call__(self, epoch: Epoch) -> bool:
        record: dict[str, Any] = {
            "epoch": epoch.number,
            "loss": epoch.loss,
            "learning_rate": epoch.learning_rate,
            "seconds": epoch.seconds,
        }
        validated = self._validation is not None and epoch.number % self._validation.every == 0
        if self._validation is not None and validated:
            record["validation_loss"] = self._validation.mean_loss(self._network)
            if self._validation.score is not None:
                record["validation_score"] = self._validation.score()
        self._history.append(record)
        if self._verbose:
            self._print(record)
        stop = epoch.loss <= self._target_loss
        if self._stopping is not None and (validated or self._validation is None):
            stop |= self._on_plateau(record)
        self._state.over = stop  # told to callbacks: a training that is over is not resumed
        stop |= time.perf_counter() - self._start >= self._max_time
        stop |= self._bridge.end_epoch(self._fitted)
        if not stop and epoch.number < self._last:
            self._bridge.begin_epoch()
        return stop

    def _on_plateau(self, record: dict[str, Any]) -> bool:
        """Whether a plateau ends the training; it may lower the learning rate instead."""
        assert self._stopping is not None
        watched = -record["validation_score"] if "validation_score" in record else record.get("validation_loss")
        if not self._stopping.plateau(record["loss"] if watched is None else watched, self._network):
            return False
        factor = self._schedule.on_plateau(record["learning_rate"])
        if factor is None:
            return self._stops_early
        self._state.rate_factor *= factor
        return False

    def _print(self, record: dict[str, Any]) -> None:
        elapsed, done = time.perf_counter() - self._start, record["epoch"] - self._first
        seconds = elapsed / done
        left = min(seconds * (self._last - record["epoch"]), max(0.0, self._max_time - elapsed))
        print(epoch_line(record, self._last, seconds, left), flush=True)


def warn_of(end: End) -> None:
    """Warn of a training that did not end as planned."""
    if end is End.NON_FINITE:
        message = (
            "training stopped because the loss was no longer finite; the best finite weights were restored. Try a "
            "smaller learning_rate_init or clip_norm=1.0, and encoder='auto' if the columns are not scaled."
        )
        warnings.warn(message, ConvergenceWarning, stacklevel=4)
    elif end is End.INTERRUPTED:
        message = "training was interrupted; the weights of the last whole epoch, or the best, were kept."
        warnings.warn(message, stacklevel=4)
