"""DLRegressor on Dask.

Knows what numbers as targets need; everything else is in the base.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any, Literal, final

import numpy as np
from numpy.typing import DTypeLike
from sklearn.base import RegressorMixin
from sklearn.model_selection import BaseCrossValidator

from .._estimators import Call
from .._estimators import DLRegressor as Ordinary
from ..encoding import TableEncoder
from ..layers import Activation, Layer
from ..losses import Loss
from ..numeric_embeddings import NumericEmbedding
from ..schedules import Schedule
from ..solvers import LBFGS, Solver
from .base import Distributed
from .partitions import is_lazy

__all__ = ["DLRegressor"]


@final
class DLRegressor(RegressorMixin, Distributed):
    """A neural network for regression, fitted to partitions of a Dask DataFrame or array.

    The parameters are those of `sklearn_dl.DLRegressor`, with the same defaults, and three more. The rows are dealt to
    `n_shards` learners by their position in the table. In a round each of them takes steps on a cell, one of `n_rounds`
    parts of its shard, all from the same weights; then weights and moments are averaged. The bits depend neither on the
    number of workers nor on how the table is cut. What was fitted is an ordinary estimator, `estimator_`.

    Parameters
    ----------
    n_shards : int or "auto", default="auto"
        Learners side by side, which should be as many as threads or more; "auto" is 4 to 64, by the number of rows, and
        1 below 32 768 of them. With several, ``batch_size="auto"`` is that of a table of half a shard's rows.
    n_rounds : int or "auto", default="auto"
        Rounds an epoch; "auto" is 4, or so many that a cell holds 65 536 rows at most.
    momentum : float in [0, 1) or "auto", default="auto"
        Of the averages: a round moves the weights by Δ + μ u, with Δ what the learners have moved on average, and
        u ← μ u + Δ. "auto" is 0.8 where several learners take 12 steps or more a round, else 0.

    Attributes
    ----------
    estimator_ : sklearn_dl.DLRegressor
        What was fitted.

    See Also
    --------
    sklearn_dl.DLRegressor : The parameters that are not described here.
    """

    _ordinary = Ordinary

    def __init__(
        self,
        *,
        hidden_layer_sizes: int | Sequence[int] | Literal["auto"] = "auto",
        activation: str | Activation | Sequence[str | Activation] = "relu",
        loss: str | Loss = "squared_error",
        solver: str | Solver | LBFGS = "auto",
        alpha: float = 0.0,
        learning_rate: str | Schedule = "cosine",
        learning_rate_init: float | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] | None = "auto",
        max_iter: int | Literal["auto"] = "auto",
        shuffle: bool = True,
        clip_norm: float | None = None,
        dropout: float | Sequence[float] | Literal["auto"] = "auto",
        normalization: Literal["batch", "layer"] | None = None,
        architecture: Literal["mlp", "resnet"] | Callable[..., Layer] = "mlp",
        n_members: int | Literal["auto"] = "auto",
        n_folds: int | BaseCrossValidator | Literal["auto"] = "auto",
        numeric_embedding: str | NumericEmbedding | None = "auto",
        encoder: TableEncoder | Literal["auto"] | None = "auto",
        scale_target: bool = True,
        early_stopping: bool | Literal["auto"] = "auto",
        validation_fraction: float = 0.1,
        n_iter_no_change: float = 10,
        tol: float = 1e-4,
        scoring: str | Callable[..., float] | Sequence[Any] | None = "loss",
        target_loss: float | None = None,
        max_time: float | None = None,
        dtype: DTypeLike = "auto",
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = 0,
        n_jobs: int | None = None,
        n_shards: int | Literal["auto"] = "auto",
        n_rounds: int | Literal["auto"] = "auto",
        momentum: float | Literal["auto"] = "auto",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.clip_norm = clip_norm
        self.dropout = dropout
        self.normalization = normalization
        self.architecture = architecture
        self.n_members = n_members
        self.n_folds = n_folds
        self.numeric_embedding = numeric_embedding
        self.encoder = encoder
        self.scale_target = scale_target
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.scoring = scoring
        self.target_loss = target_loss
        self.max_time = max_time
        self.dtype = dtype
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.n_shards = n_shards
        self.n_rounds = n_rounds
        self.momentum = momentum

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        resume_from: str | PathLike[str] | None = None,
    ) -> DLRegressor:
        """Fit the network on the workers of the current Dask client.

        Parameters
        ----------
        X : Dask DataFrame or array of shape (n, n_features)
            The table; the order of its rows decides which learner gets which.
        y : Dask Series, DataFrame or array of shape (n,) or (n, n_outputs)
            Numbers, cut into partitions as X is.
        sample_weight : Dask Series or array of shape (n,) or None, default=None
            Weight of each row, cut likewise.
        X_val, y_val : collections of Dask, tables in memory, or None, default=None
            Validation set, in place of rows that are held out; its rows come to the client, encoded.
        sample_weight_val : collection or None, default=None
            Weights of the validation rows.
        resume_from : path or None, default=None
            A checkpoint of this very fit, from which it goes on.

        Returns
        -------
        self : DLRegressor

        Raises
        ------
        ImportError
            Where dask is not installed.
        ValueError, TypeError
            Where there is no client, or a parameter or the data are not as they must be.
        """
        self._fit(Call(X, y, sample_weight, X_val, y_val, sample_weight_val, resume_from=resume_from))
        return self

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """R², the share of the variance of y that the predictions explain; the mean over several outputs.

        Parameters
        ----------
        X, y : collections of Dask, or a table in memory and its targets
            The rows.
        sample_weight : collection, array-like or None, default=None
            Weight of each row.

        Returns
        -------
        float
        """
        if not is_lazy(X):
            return self.estimator_.score(X, y, sample_weight)
        total, mean, around, missed = 0.0, np.zeros(1), np.zeros(1), np.zeros(1)
        for own, center, spread, error in self._summed(_sums, X, y, sample_weight):
            if own:  # Chan, Golub & LeVeque 1983, eq. 2.1
                far, share = center - mean, own / (total + own)
                around = around + spread + far**2 * total * share
                mean, total, missed = mean + far * share, total + own, missed + error
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.where(around > 0, 1 - missed / around, np.where(missed > 0, 0.0, 1.0))
        return float(scores.mean())


def _sums(i: int, X: Any, y: Any, weight: Any, model: Ordinary) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Of a partition: total weight, mean of y, and sums of squares around it and around the predictions."""
    truth = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    w = np.ones(len(truth)) if weight is None else np.asarray(weight, dtype=np.float64).ravel()
    if not w.sum():
        return 0.0, truth[0], truth[0], truth[0]
    predicted = np.asarray(model.predict(X)).reshape(truth.shape)
    mean = w @ truth / w.sum()
    return float(w.sum()), mean, w @ (truth - mean) ** 2, w @ (truth - predicted) ** 2
