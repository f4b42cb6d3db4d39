"""What the two estimators on Dask share: a fit that leaves an ordinary estimator behind, lazy predictions, scores.

Knows nothing about the difference between classes and numbers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._estimators import BaseDL, Call, CallbackSupportMixin, is_one_of_several
from .._training import End, warn_of
from .engine import connected
from .fitting import fit_on
from .partitions import is_lazy, partitions_of
from .predicting import lazily
from .settings import OWN

__all__ = ["Distributed"]


class Distributed(CallbackSupportMixin, BaseEstimator, ABC):
    """An estimator that is fitted on Dask.

    Attributes
    ----------
    estimator_ : DLClassifier or DLRegressor
        What was fitted: the ordinary estimator, which needs no Dask.
    """

    _ordinary: ClassVar[type[BaseDL]]
    estimator_: BaseDL

    def _fit(self, given: Call) -> None:
        params = self.get_params(deep=False)
        ordinary = self._ordinary(**{name: value for name, value in params.items() if name not in OWN})
        callbacks = vars(self).get("_skl_callbacks", [])
        if callbacks:
            ordinary.set_callbacks(*callbacks)
        with connected() as engine:
            fitted, plan, outcome = fit_on(engine, ordinary, params, given)
        self.estimator_ = fitted
        if outcome.end is End.INTERRUPTED and is_one_of_several():
            raise KeyboardInterrupt
        warn_of(outcome, plan)

    def _predicted(self, X: Any, method: str) -> Any:
        """What a method of the ordinary estimator gives, of a collection lazily."""
        check_is_fitted(self, "estimator_")
        return lazily(self.estimator_, X, method) if is_lazy(X) else getattr(self.estimator_, method)(X)

    def predict(self, X: Any) -> Any:
        """Predict, partition by partition and not before it is asked for.

        Parameters
        ----------
        X : Dask DataFrame or array, or a table in memory, of shape (n, n_features)
            The table.

        Returns
        -------
        Dask Series, DataFrame or array, or ndarray
            As the ordinary estimator's, in the form of X; of a table in memory at once.
        """
        return self._predicted(X, "predict")

    @abstractmethod
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """As the ordinary estimator's."""

    def _summed(self, function: Any, X: Any, y: Any, sample_weight: Any) -> list[Any]:
        """What a function of the estimator, X, y and the weights gives for each partition."""
        check_is_fitted(self, "estimator_")
        with connected() as engine:
            rows = partitions_of(engine, X, y, sample_weight)
            model = engine.submit("model", lambda model: model, self.estimator_)
            return list(engine.result(engine.over("score", function, rows.pieces, model)))

    def __sklearn_is_fitted__(self) -> bool:
        return "estimator_" in vars(self)

    @property
    def fitted_(self) -> Any:
        """The record of what was fitted."""
        return self.estimator_.fitted_

    @property
    def history_(self) -> list[dict[str, Any]]:
        """One record an epoch."""
        return self.estimator_.history_

    @property
    def n_iter_(self) -> int:
        """Epochs."""
        return self.estimator_.n_iter_

    @property
    def n_features_in_(self) -> int:
        """Columns of the table."""
        return int(self.estimator_.n_features_in_)
