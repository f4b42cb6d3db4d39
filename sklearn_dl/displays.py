"""Pictures of a training, in the manner of scikit-learn's displays.

Knows nothing about how a network is trained: it draws `history_`. matplotlib is imported only to draw.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, is_classifier

from ._estimators import connected, isolated, score_name
from ._estimators.inside import network_inside

__all__ = ["TrainingCurveDisplay"]


@final
class TrainingCurveDisplay:
    """The training and validation curves of a network, and its best epoch.

    Use `from_estimator` to make one.

    Parameters
    ----------
    epochs : array-like of shape (n_epochs,)
        Numbers of the epochs.
    losses : array-like of shape (n_epochs,)
        Training loss of each epoch, without the penalty.
    validation_losses : array-like of shape (n_epochs,) or None, default=None
        Validation loss of each epoch, NaN where there is none; None without validation.
    validation_scores : array-like of shape (n_epochs,) or None, default=None
        Validation score of each epoch, higher being better, NaN where there is none; None without scores.
    best_epoch : int or None, default=None
        The epoch that is marked.
    score_name : str, default="score"
        What the scores are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the losses are drawn.
    score_ax_ : matplotlib Axes or None
        Where the scores are drawn, with their own scale on the right; None without scores.
    figure_ : matplotlib Figure
        What holds the axes.
    lines_ : list of matplotlib Line2D
        The curves of training loss, validation loss and validation score, as far as there are any.
    best_line_ : matplotlib Line2D or None
        The mark of the best epoch.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : Scores for growing numbers of rows.
    sklearn.model_selection.ValidationCurveDisplay : Scores for a range of a parameter.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_dl import DLRegressor
    >>> from sklearn_dl.displays import TrainingCurveDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = DLRegressor(early_stopping=True, max_iter=20, random_state=0).fit(X, y)
    >>> display = TrainingCurveDisplay.from_estimator(model)
    >>> [line.get_label() for line in display.lines_]
    ['training loss', 'validation loss']
    """

    def __init__(
        self,
        *,
        epochs: ArrayLike,
        losses: ArrayLike,
        validation_losses: ArrayLike | None = None,
        validation_scores: ArrayLike | None = None,
        best_epoch: int | None = None,
        score_name: str = "score",
    ):
        self.epochs, self.losses = epochs, losses
        self.validation_losses, self.validation_scores = validation_losses, validation_scores
        self.best_epoch, self.score_name = best_epoch, score_name

    @classmethod
    def from_estimator(cls, estimator: BaseEstimator, *, ax: Any = None, line_kw: dict[str, Any] | None = None) -> Any:
        """Draw the curves of a fitted network.

        `best_epoch_` is marked: the epoch of the best validation score, or of the lowest validation loss where there
        are no scores. Without validation none is marked.

        Parameters
        ----------
        estimator : DLClassifier, DLRegressor, or an estimator around one
            Fitted. Of a search it is the best estimator, of a pipeline the last step, and so on through transformed
            targets, calibration, thresholds and what else holds exactly one network.
        ax : matplotlib Axes or None, default=None
            Where to draw; None for a new figure.
        line_kw : dict or None, default=None
            Keywords for each curve, such as ``{"linewidth": 1}``.

        Returns
        -------
        TrainingCurveDisplay
            With what was drawn as attributes.

        Raises
        ------
        ImportError
            Without matplotlib.
        NotFittedError
            Before `fit`.
        TypeError
            Where there is no network inside `estimator`, or a list of them.
        """
        network = network_inside(estimator).network
        display = cls(
            epochs=[record["epoch"] for record in network.history_],
            losses=network.loss_curve_,
            validation_losses=_column(network.history_, "validation_loss"),
            validation_scores=_column(network.history_, "validation_score"),
            best_epoch=network.best_epoch_,
            score_name=score_name(network.scoring, classifies=is_classifier(network)),
        )
        return display.plot(ax, line_kw=line_kw)

    def plot(self, ax: Any = None, *, line_kw: dict[str, Any] | None = None) -> Any:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw; None for a new figure.
        line_kw : dict or None, default=None
            Keywords for each curve, such as ``{"linewidth": 1}``.

        Returns
        -------
        TrainingCurveDisplay
            This one.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError(
                "TrainingCurveDisplay draws with matplotlib, which is not installed: python -m pip install matplotlib."
            ) from error
        keywords = line_kw or {}
        if ax is None:
            _, ax = plt.subplots(layout="constrained")
        self.ax_, self.figure_, self.score_ax_ = ax, ax.figure, None
        self.lines_ = self._curve(ax, self.losses, {"color": "C0", "label": "training loss"} | keywords)
        if self.validation_losses is not None:
            style = {"color": "C1", "label": "validation loss"}
            self.lines_ += self._curve(ax, self.validation_losses, style | keywords)
        if self.validation_scores is not None:
            self.score_ax_ = ax.twinx()
            self.score_ax_.set_ylabel(f"Validation {self.score_name}")
            style = {"color": "C2", "label": f"validation {self.score_name}", "linestyle": "--"}
            self.lines_ += self._curve(self.score_ax_, self.validation_scores, style | keywords)
        self.best_line_ = None
        if self.best_epoch is not None:
            label = f"best epoch: {self.best_epoch}"
            self.best_line_ = ax.axvline(self.best_epoch, color="grey", linestyle=":", label=label)
        ax.set(xlabel="Epoch", ylabel="Loss")
        ax.xaxis.get_major_locator().set_params(integer=True)
        handles = [*self.lines_, *([] if self.best_line_ is None else [self.best_line_])]
        # above the axes, where no curve is
        ax.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
        return self

    def _curve(self, ax: Any, values: ArrayLike, style: dict[str, Any]) -> list[Any]:
        """A line through the epochs that have a value, and a dot where no line would be seen."""
        epochs, y = np.asarray(self.epochs, dtype=float), np.asarray(values, dtype=float)
        epochs, y = connected(epochs[~np.isnan(y)], y[~np.isnan(y)])
        alone = isolated(y).tolist()
        dots = {"marker": "o", "markersize": 4, "markevery": alone} if alone else {}
        lines: list[Any] = ax.plot(epochs, y, **dots | style)
        return lines


def _column(history: list[dict[str, Any]], name: str) -> np.ndarray | None:
    """One value an epoch, NaN where there is none; None where no epoch has one."""
    values = np.array([record.get(name, np.nan) for record in history], dtype=float)
    return None if not any(name in record for record in history) else values
