"""The protocol of a loss: a value and its gradient in link space, and the link that leads out of it.

Knows nothing about networks or solvers; rows on axis 0, outputs on the last axis.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from .._numerics import Settings
from .links import Identity, Link

__all__ = ["Loss"]


class Loss(Settings, ABC):
    """What is minimised, as a function of the network's raw output.

    The raw output is in link space: `link` says what it means (identity, logarithm, logit, softmax, levels). Losses are
    summed over outputs and over rows. A loss is a settings object without state.

    To write a loss, inherit `Loss`, store the settings in `__init__` under their own names, set `task` and `link`, and
    write `value_and_gradient`. With a link of `sklearn_dl.losses.links` its form in ONNX is there already.

    Attributes
    ----------
    task : {"regression", "classification"}
        Which of the two estimators may use it.
    link : Link
        What the raw output means; the identity by default.
    soft : bool
        Whether a row of probabilities may stand in place of a row of indicators; False by default.

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
    >>> from sklearn_dl import DLRegressor
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = DLRegressor(loss=LogCosh(), random_state=0).fit(X, 3 * X[:, 0])
    >>> bool(model.score(X, 3 * X[:, 0]) > 0.9)
    True
    """

    task: ClassVar[str] = "regression"
    link: Link = Identity()
    soft: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "predict" in vars(cls):
            raise TypeError(f"{cls.__name__} must not define predict, which nobody would ask: set link instead.")

    def check_target(self, y: np.ndarray) -> None:
        """Raise ValueError where a target lies outside the loss's domain.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_outputs)
            Targets, in the user's units.
        """

    def check_all_targets(self, y: np.ndarray) -> None:
        """Raise ValueError where targets, each within the domain, have no prediction that is best for all of them.

        Parameters
        ----------
        y : ndarray of shape (n,) or (n, n_outputs)
            All targets that there are; a chunk of a stream is not asked for.
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

    @property
    def unbound(self) -> Loss:
        """The loss as it was before `for_groups`."""
        return self


def total(per_output: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
    """Σ wᵢ lossᵢ, and the gradient in `out` weighted alike; writes into `per_output`."""
    if weight is not None:
        out *= weight
        per_output *= weight
    return float(per_output.sum())
