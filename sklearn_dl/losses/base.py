"""The protocol of a loss: a value, its gradient and a prediction, all in link space.

Knows nothing about networks or solvers; rows on axis 0, outputs on the last axis.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator

__all__ = ["Loss"]


class Loss(BaseEstimator, ABC):
    """What is minimised, as a function of the network's raw output.

    The raw output is in link space: `predict` applies the inverse link (identity, exponential, logistic, softmax).
    Losses are summed over outputs and over rows. A loss is a settings object without state.

    To write a loss, inherit `Loss`, store the settings in `__init__` under their own names, set `task`, and write
    `value_and_gradient` and `predict`.

    Attributes
    ----------
    task : {"regression", "classification"}
        Which of the two estimators may use it.
    out_activation : str
        Name of the inverse link.
    log_link : bool
        Whether the inverse link is the exponential: the target is then scaled by its mean, never shifted.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.losses import Loss
    >>> class LogCosh(Loss):
    ...     task = "regression"
    ...     def value_and_gradient(self, y, raw, weight, out):
    ...         np.subtract(raw, y, out=out)
    ...         value = np.log(np.cosh(out))
    ...         np.tanh(out, out=out)                       # d log cosh r = tanh r
    ...         if weight is not None:
    ...             out *= weight
    ...             value *= weight
    ...         return float(value.sum())
    ...     def predict(self, raw):
    ...         return raw
    >>> from sklearn_dl import DLRegressor
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = DLRegressor(loss=LogCosh(), random_state=0).fit(X, 3 * X[:, 0])
    >>> bool(model.score(X, 3 * X[:, 0]) > 0.9)
    True
    """

    task: ClassVar[str] = "regression"
    out_activation: str = "identity"
    log_link: ClassVar[bool] = False

    def check(self) -> None:
        """Raise ValueError where a setting is out of range."""

    def check_target(self, y: np.ndarray) -> None:
        """Raise ValueError where a target lies outside the loss's domain.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_outputs)
            Targets, in the user's units.
        """

    def n_raw(self, n_outputs: int) -> int:
        """Number of raw outputs that the loss needs.

        Parameters
        ----------
        n_outputs : int
            Number of target columns.

        Returns
        -------
        int
            By default as many.
        """
        return n_outputs

    def for_groups(self, groups: tuple[int, ...]) -> Loss:
        """The loss for a classification target of these column groups.

        Parameters
        ----------
        groups : tuple of int
            One entry a target: 1 for a single logistic output (binary, or one label), k > 2 for a softmax over k.

        Returns
        -------
        Loss
            By default the loss itself.
        """
        return self

    @abstractmethod
    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        """The weighted sum of the losses; its gradient with respect to `raw` goes into `out`.

        Parameters
        ----------
        y : ndarray of shape (n, n_outputs)
            Targets; classes as indicator columns.
        raw : ndarray of shape (n, n_raw)
            The network's output, read-only.
        weight : ndarray of shape (n, 1) or None
            Weight of each row; None for 1.
        out : ndarray of the shape of `raw`
            Receives the gradient of the weighted sum.

        Returns
        -------
        float
            Σ wᵢ lossᵢ over the rows.
        """

    @abstractmethod
    def predict(self, raw: np.ndarray) -> np.ndarray:
        """The prediction: the inverse link of the raw output.

        Parameters
        ----------
        raw : ndarray of shape (n, n_raw)
            The network's output, in double precision.

        Returns
        -------
        ndarray of shape (n, n_outputs) or (n, n_outputs, n_levels)
            In the units that the network sees; for classes, probabilities.
        """

    def pool(self, raw: np.ndarray) -> np.ndarray:
        """The raw output whose prediction is the mean of the members' predictions.

        Parameters
        ----------
        raw : ndarray of shape (n, n_members, n_raw)
            The members' raw outputs.

        Returns
        -------
        ndarray of shape (n, n_raw)
            By default the mean, which is right where the prediction is the raw output itself.
        """
        return raw.mean(axis=1)


def total(per_output: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
    """Σ wᵢ lossᵢ, and the gradient in `out` weighted alike; writes into `per_output`."""
    if weight is not None:
        out *= weight
        per_output *= weight
    return float(per_output.sum())
