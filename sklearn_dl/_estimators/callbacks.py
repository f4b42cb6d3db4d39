"""The bridge to scikit-learn's callbacks: a fit is a task, each of its epochs a subtask.

Knows nothing about training; `sklearn.callback` is marked experimental, and only this room imports from it.
"""

from __future__ import annotations

from typing import Any, final

from sklearn.callback import CallbackSupportMixin, with_callbacks

from .._training import Listener, Training
from ..checkpoint.content import Saved
from .fitted_attributes import FittedDL, is_fitted_name

__all__ = ["CallbackBridge", "CallbackSupportMixin", "with_callbacks"]


@final
class CallbackBridge(Listener):
    """Tells an estimator's callbacks of the fit's course; costs nothing an epoch where there are none.

    A callback that asks for `fitted_estimator` gets a copy of the estimator as it is now: with the record, `fitted_`,
    and with the fit under way, `training_`.

    Parameters
    ----------
    estimator : FittedDL
        Whose callbacks are told; inside a method decorated by `with_callbacks`.
    shell : FittedDL
        The copy of it that is fitted.
    X, y, sample_weight : array-like
        The data given to fit.
    saved : Saved or None
        The checkpoint that the fit goes on from.
    """

    def __init__(self, estimator: FittedDL, shell: FittedDL, X: Any, y: Any, sample_weight: Any, saved: Saved | None):
        metadata = {"sample_weight": sample_weight}
        self._arguments = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._estimator, self._shell, self._saved = estimator, shell, saved
        self._active = bool(getattr(estimator, "_skl_callbacks", None))
        self._task: Any = None
        self._epoch: Any = None
        self._training: Training | None = None

    def begin(self, training: Training) -> None:
        self._training = training
        if self._saved is not None:
            self._saved.take_up(training, self._shell)
        self._task = self._estimator._init_callback_context(task_name="fit", max_subtasks=training.most_epochs_left)
        if self._active:
            self._task.call_on_fit_task_begin(**self._arguments, reconstruction_attributes=self._fitted_now)

    def begin_epoch(self) -> None:
        if self._active:
            self._epoch = self._task.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(**self._arguments)

    def end_epoch(self) -> bool:
        if not self._active:
            return False
        return bool(self._epoch.call_on_fit_task_end(**self._arguments, reconstruction_attributes=self._fitted_now))

    def end(self) -> None:
        if self._active:
            self._task.call_on_fit_task_end(**self._arguments, reconstruction_attributes=self._fitted_now)

    def _fitted_now(self) -> dict[str, Any]:
        """The attributes of an estimator that stopped here; asked for only if a callback wants them."""
        fitted = {k: v for k, v in vars(self._shell).items() if is_fitted_name(k)}
        return fitted | {"fitted_": self._shell.fitted_.snapshot(), "training_": self._training}
