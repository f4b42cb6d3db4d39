"""Checkpoint: a callback that writes a training to disk, epoch by epoch, so that a killed one can go on.

Knows when to write and when not to; what is written, and how, is for `content` and `file`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, final

from .._engine import Holder
from .._numerics import Rule, check_value, integer
from .._training import Training
from .content import refuse_taken, save
from .file import remove_leftovers

__all__ = ["Checkpoint"]


@final
class Checkpoint:
    """Write the training to one file, which ``fit(..., resume_from=path)`` goes on from, to the same bits.

    The file is replaced as a whole: however the process dies, the last checkpoint is there, undamaged. It holds plain
    numbers and texts, no pickle. A file that this training neither wrote nor goes on from is never overwritten: a path
    is for one training. Under a search the candidates write nothing; the refit with the best parameters does.

    Parameters
    ----------
    path : str or path-like
        Where; its folder must exist.
    every : int >= 1, default=1
        Write after each so many epochs, and after the last.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_dl import DLRegressor
    >>> from sklearn_dl.checkpoint import Checkpoint
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = os.path.join(tempfile.mkdtemp(), "diabetes.checkpoint")
    >>> model = DLRegressor(max_iter=20, random_state=0)
    >>> model = model.set_callbacks(Checkpoint(path, every=5)).fit(X, y)
    >>> again = DLRegressor(max_iter=20, random_state=0).fit(X, y, resume_from=path)
    >>> bool((again.predict(X) == model.predict(X)).all())
    True
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1):
        check_value("Checkpoint: path", path, Rule(lambda v: isinstance(v, (str, os.PathLike)), "a path"))
        check_value("Checkpoint: every", every, integer(1))
        self.path: Path = Path(path).resolve()
        self.every: int = int(every)

    def setup(self, estimator: Holder, context: Any) -> None:
        """Refuse what cannot be resumed, before any work is done.

        Parameters
        ----------
        estimator : DLRegressor or DLClassifier
            Whose fit begins.
        context : CallbackContext
            The task of the fit.
        """
        if not isinstance(estimator, Holder):
            raise ValueError(
                f"Checkpoint belongs on a DLRegressor or DLClassifier itself, by its set_callbacks; got "
                f"{type(estimator).__name__}."
            )
        if not hasattr(estimator, "partial_fit"):  # as with all solvers but one
            solver = estimator.get_params(deep=False)["solver"]
            raise ValueError(
                "Checkpoint needs a stochastic solver: what L-BFGS remembers is SciPy's and cannot be saved; got "
                f"solver={solver!r}."
            )
        if not self.path.parent.is_dir():
            raise ValueError(f"Checkpoint: there is no folder {self.path.parent}.")

    def teardown(self, estimator: Holder, context: Any) -> None:
        """Nothing is left to do.

        Parameters
        ----------
        estimator : DLRegressor or DLClassifier
            Whose fit is over.
        context : CallbackContext
            The task of the fit.
        """

    def on_fit_task_begin(self, estimator: Holder, context: Any, *, fitted_estimator: Holder | None = None) -> None:
        """Before the first epoch, refuse a path that is taken.

        Parameters
        ----------
        estimator : DLRegressor or DLClassifier
            What is fitted.
        context : CallbackContext
            The task.
        fitted_estimator : DLRegressor, DLClassifier or None, default=None
            Where the fit stands.
        """
        if context.task_name == "fit" and _is_written(context):
            assert fitted_estimator is not None
            training = fitted_estimator.training_
            if training.plan.partial:
                raise ValueError(
                    "Checkpoint works with fit; partial_fit trains one epoch a call: save the estimator between calls."
                )
            refuse_taken(training, self.path)
            remove_leftovers(self.path)
            training.pauses = True

    def on_fit_task_end(self, estimator: Holder, context: Any, *, fitted_estimator: Holder | None = None) -> bool:
        """Write after an epoch whose turn it is.

        Parameters
        ----------
        estimator : DLRegressor or DLClassifier
            What is fitted.
        context : CallbackContext
            The task.
        fitted_estimator : DLRegressor, DLClassifier or None, default=None
            Where the fit stands.

        Returns
        -------
        bool
            False: the training goes on.
        """
        if context.task_name != "epoch" or fitted_estimator is None or not _is_written(context):
            return False
        training: Training = fitted_estimator.training_
        if training.fitted.state.epoch % self.every == 0 or not training.epochs_left:
            save(training, self.path, fitted_estimator)
        return False


def _is_written(context: Any) -> bool:
    """Whether a task is not one of many side by side, as the candidates of a search are."""
    while context is not None:
        if not context.sequential_subtasks:
            return False
        context = context.parent
    return True
