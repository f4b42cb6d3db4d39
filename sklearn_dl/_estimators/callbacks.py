"""The bridge to scikit-learn's callbacks: a fit is a task, each of its epochs a subtask.

Knows nothing about training; `sklearn.callback` is marked experimental, and only this room imports from it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.callback import CallbackSupportMixin, with_callbacks

__all__ = ["CallbackBridge", "CallbackSupportMixin", "with_callbacks"]


class CallbackBridge:
    """Tells an estimator's callbacks of the fit's course; costs nothing an epoch where there are none.

    Parameters
    ----------
    estimator : CallbackSupportMixin
        Whose callbacks are told; inside a method decorated by `with_callbacks`.
    n_epochs : int
        Epochs at most.
    X, y : array-like
        The data given to fit.
    metadata : dict
        What else was given to fit.
    fitted : callable
        Gives the attributes that make a copy of the estimator fitted as of before the first epoch.
    """

    def __init__(
        self,
        estimator: Any,
        n_epochs: int,
        X: Any,
        y: Any,
        metadata: dict[str, Any],
        fitted: Callable[[], dict[str, Any]],
    ):
        self._arguments = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._task = estimator._init_callback_context(task_name="fit", max_subtasks=n_epochs)
        self._active = bool(getattr(estimator, "_skl_callbacks", None))
        self._epoch: Any = None
        if self._active:
            self._task.call_on_fit_task_begin(**self._arguments, reconstruction_attributes=fitted)

    def begin_epoch(self) -> None:
        """An epoch begins."""
        if self._active:
            self._epoch = self._task.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._arguments)

    def end_epoch(self, fitted: Callable[[], dict[str, Any]]) -> bool:
        """An epoch is over; whether a callback asks to stop.

        Parameters
        ----------
        fitted : callable
            Gives the attributes that make a copy of the estimator fitted as of now; called only if a callback asks.
        """
        if not self._active:
            return False
        return bool(self._epoch.call_on_fit_task_end(**self._arguments, reconstruction_attributes=fitted))

    def end(self, fitted: Callable[[], dict[str, Any]]) -> None:
        """The fit is over."""
        if self._active:
            self._task.call_on_fit_task_end(**self._arguments, reconstruction_attributes=fitted)
