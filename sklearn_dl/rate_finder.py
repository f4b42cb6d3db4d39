"""A learning-rate range test: one step at each of many rising rates, and the loss along the way.

Knows nothing about schedules; a rate that it suggests is a value for `learning_rate_init`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter1d
from sklearn.base import clone

from ._estimators import BaseDL, Call, table_html
from ._numerics import MatrixLike, check_value, integer, one_blas_thread, positive
from ._training import Training, Walk
from .solvers import LBFGS

__all__ = ["RateCurve", "find_learning_rate"]

SMOOTHING = 0.15  # decades of the rate: standard deviation of the Gaussian that smooths the losses
DIVERGED = 4.0  # the test ends where the smoothed loss is so many times its lowest value
NO_LOSS = 1e-3  # a lowest value below this share of the first counts as that


@final
@dataclass(frozen=True, repr=False)
class RateCurve:
    """What a learning-rate range test has seen.

    Parameters
    ----------
    rates : ndarray of shape (n_steps,)
        Learning rate of each step, rising.
    losses : ndarray of shape (n_steps,)
        Training loss of the step's batch, before the step.
    smoothed : ndarray of shape (n_steps,)
        The same, smoothed over neighbouring rates.
    suggestion : float
        A rate for `learning_rate_init`.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float

    def _facts(self) -> list[tuple[str, str]]:
        lowest = self.smoothed.argmin()
        return [
            ("suggestion", f"{self.suggestion:.2g}"),
            ("lowest loss", f"{self.smoothed[lowest]:.4g}, at {self.rates[lowest]:.2g}"),
            ("first loss", f"{self.smoothed[0]:.4g}"),
            ("rates", f"{self.rates[0]:.2g} to {self.rates[-1]:.2g}, in {len(self.rates)} steps"),
        ]

    def __repr__(self) -> str:
        return f"<RateCurve: {', '.join(f'{name} {value}' for name, value in self._facts())}>"

    def _repr_html_(self) -> str:
        return table_html("Learning-rate range test; plot() draws it", ["", "learning_rate_init"], self._facts())

    def plot(self, ax: Any = None) -> Any:
        """Draw the loss over the rate; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where; None for a new figure.

        Returns
        -------
        matplotlib Axes
            What was drawn on.
        """
        if ax is None:
            from matplotlib import pyplot

            ax = pyplot.subplots()[1]
        ax.plot(self.rates, self.losses, ".", color="C0", alpha=0.3, label="each step")
        ax.plot(self.rates, self.smoothed, color="C0", label="smoothed")
        ax.axvline(self.suggestion, color="C1", linestyle="--", label=f"suggestion: {self.suggestion:.2g}")
        ax.set(xscale="log", xlabel="Learning rate", ylabel="Training loss")
        ax.legend()
        return ax


def find_learning_rate(
    estimator: BaseDL,
    X: MatrixLike,
    y: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    low: float = 1e-6,
    high: float = 10.0,
    n_steps: int = 200,
) -> RateCurve:
    """Train a copy of an estimator with a rate that rises from step to step, and see how the loss takes it.

    The learning-rate range test of Smith (2017, https://arxiv.org/abs/1506.01186, section 3.3), with a rate that rises
    exponentially. It ends early where the loss has clearly begun to grow. The suggestion is a tenth of the rate at
    which the smoothed loss is lowest.

    Parameters
    ----------
    estimator : DLRegressor or DLClassifier
        What is to be trained; it is not changed, and need not be fitted.
    X : DataFrame, array-like or sparse matrix of shape (n, n_features)
        The table.
    y : array-like of shape (n,) or (n, n_outputs)
        The target.
    sample_weight : array-like of shape (n,) or None, default=None
        Weight of each row.
    groups : array-like of shape (n,) or None, default=None
        Which rows belong together, as in `fit`.
    low, high : float > 0, default=1e-6 and 10.0
        First and last rate.
    n_steps : int >= 10, default=200
        Steps at most, each with one batch.

    Returns
    -------
    RateCurve
        Rates, losses and the suggestion; ``plot()`` draws them.

    Raises
    ------
    ValueError
        Where an argument is out of range, or the estimator's solver is L-BFGS, which has no learning rate.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn_dl import DLRegressor
    >>> from sklearn_dl.rate_finder import find_learning_rate
    >>> X, y = load_diabetes(return_X_y=True)
    >>> curve = find_learning_rate(DLRegressor(random_state=0), X, y)
    >>> bool(1e-4 < curve.suggestion < 0.1)
    True
    """
    _check(estimator, low, high, n_steps)
    model = clone(estimator).set_params(early_stopping=False, warm_start=False)
    shell, plan, rows, _ = model._prepare(Call(X, y, sample_weight, groups=groups))
    if isinstance(plan.solver, LBFGS):
        raise ValueError(f"find_learning_rate needs a solver with a learning rate; got solver={estimator.solver!r}.")
    rates = np.geomspace(low, high, n_steps)
    with one_blas_thread():
        losses = _losses(Training.of(shell.fitted_, plan, rows), rates)
    if len(losses) < 2:
        raise ValueError(f"the loss is not finite at the first learning rate already: lower low={low!r}.")
    smoothed = _smooth(losses, rates)
    rates = rates[: len(losses)]
    return RateCurve(rates, losses, smoothed, float(rates[smoothed.argmin()] / 10))


def _losses(training: Training, rates: np.ndarray) -> np.ndarray:
    """The mean loss of a batch before each step, up to where it diverges."""
    fitted = training.fitted
    walk = Walk(fitted.network, training.batches(), training.recipe, fitted.state)
    losses: list[float] = []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for loss in walk.losses(rates.tolist()):
            if not np.isfinite(loss):
                break
            losses.append(loss)
            smoothed = _smooth(losses, rates)
            if smoothed[-1] > DIVERGED * max(smoothed.min(), NO_LOSS * smoothed[0]):
                break
    return np.array(losses)


def _smooth(losses: Any, rates: np.ndarray) -> np.ndarray:
    """The mean of the losses at neighbouring rates, by a Gaussian over the rate's logarithm."""
    steps_a_decade = (len(rates) - 1) / np.log10(rates[-1] / rates[0])
    smoothed: np.ndarray = gaussian_filter1d(np.asarray(losses), SMOOTHING * steps_a_decade, mode="nearest")
    return smoothed


def _check(estimator: Any, low: Any, high: Any, n_steps: Any) -> None:
    if not isinstance(estimator, BaseDL):
        raise ValueError(f"find_learning_rate needs a DLRegressor or DLClassifier; got {type(estimator).__name__}.")
    if not (positive().test(low) and positive().test(high) and low < high):
        raise ValueError(f"low and high must be finite numbers with 0 < low < high; got {low!r} and {high!r}.")
    check_value("n_steps", n_steps, integer(10))
