"""compare_with_linear: a network and a linear model, cross-validated on the same folds.

Knows nothing about which linear model it is; folds and scores are scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn import config_context
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import BaseCrossValidator, check_cv, cross_validate
from sklearn.utils.validation import _check_sample_weight, has_fit_parameter

from .._estimators import score_name
from .._numerics import MatrixLike
from .comparison import Comparison
from .linear import linear_for, name_of

__all__ = ["compare_with_linear"]


def compare_with_linear(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike,
    *,
    cv: int | BaseCrossValidator | Iterable[Any] = 5,
    scoring: str | Callable[..., float] | None = None,
    sample_weight: ArrayLike | None = None,
    linear: BaseEstimator | None = None,
    n_jobs: int | None = None,
) -> Comparison:
    """Cross-validate a network and the right linear model on the same folds.

    The linear model sees what the network sees: the same encoder stands before it, with indicator columns for all
    categories, since a linear model has no embeddings. Which one it is goes by the loss:

    ======================== =====================================================
    squared_error, others    Ridge(alpha=1.0)
    absolute_error, quantile QuantileRegressor of the middle level, without penalty
    huber                    HuberRegressor
    poisson, gamma, tweedie  PoissonRegressor, GammaRegressor, TweedieRegressor
    for classes              LogisticRegression, with the network's `class_weight`
    ======================== =====================================================

    Parameters
    ----------
    estimator : DLRegressor or DLClassifier
        The network, or an estimator around one. The other steps of a Pipeline, the transform of a
        `TransformedTargetRegressor`, calibration and thresholds then stand around the linear model too; a search, a
        selector of columns (RFE) or an ensemble does not. It is cloned.
    X : DataFrame, array-like or sparse matrix of shape (n, n_features)
        The table.
    y : array-like of shape (n,) or (n, n_outputs)
        The targets.
    cv : int, splitter or iterable of splits, default=5
        The folds, as for `sklearn.model_selection.cross_validate`; an int does not shuffle. With few rows, repeated
        folds tell more: ``RepeatedKFold(random_state=0)``.
    scoring : str, callable or None, default=None
        A single scorer of scikit-learn; None is the estimator's own, R² or accuracy.
    sample_weight : array-like of shape (n,) or None, default=None
        Weight of each row, in the fits and in the scores.
    linear : estimator or None, default=None
        What to compare with in place of the right linear model: it is taken as it is, preparation included.
    n_jobs : int or None, default=None
        Folds computed at the same time.

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        Where `estimator` does not hold exactly one network or is frozen, with fewer than two folds, or with a score
        that is not finite.

    See Also
    --------
    ComparisonDisplay : Draws it.

    Examples
    --------
    >>> from sklearn.datasets import make_friedman1
    >>> from sklearn_dl import DLRegressor
    >>> from sklearn_dl.compare import compare_with_linear
    >>> X, y = make_friedman1(500, random_state=0)
    >>> found = compare_with_linear(DLRegressor(random_state=0, max_iter=50), X, y)
    >>> bool(found.interval()[0] > 0)
    True
    """
    linear = linear_for(estimator, np.ndim(y) == 2 and np.shape(y)[1] > 1) if linear is None else linear
    splits = list(check_cv(cv, y, classifier=is_classifier(estimator)).split(X, y))
    if len(splits) < 2:
        raise ValueError(f"cv must make at least 2 folds for an interval; got {len(splits)}.")
    weight = None if sample_weight is None else _check_sample_weight(sample_weight, X, ensure_non_negative=True)
    network, line = (_cross_validated(m, X, y, splits, scoring, weight, n_jobs) for m in (estimator, linear))
    for scores in (network["test_score"], line["test_score"]):
        if not np.isfinite(scores).all():
            raise ValueError(f"the scores of all folds must be finite; got {scores}: are some folds too small?")
    return Comparison(
        score_name=score_name(scoring, classifies=is_classifier(estimator)),
        network_scores=network["test_score"],
        linear_scores=line["test_score"],
        network_fit_times=network["fit_time"],
        linear_fit_times=line["fit_time"],
        n_train=np.array([len(train) for train, _ in splits]),
        n_test=np.array([len(test) for _, test in splits]),
        linear_name=name_of(linear),
        linear=linear,
    )


def _cross_validated(
    model: Any, X: Any, y: Any, splits: Any, scoring: Any, weight: np.ndarray | None, n_jobs: int | None
) -> dict[str, np.ndarray]:
    """Scores and times of each fold; weights find their way by scikit-learn's routing of metadata."""
    params, model = None, clone(model)
    with config_context(enable_metadata_routing=weight is not None):
        if weight is not None:
            params = {"sample_weight": weight}
            _ask_for_weights(model)
            if scoring is not None:
                scoring = check_scoring(model, scoring=scoring).set_score_request(sample_weight=True)
        found: dict[str, np.ndarray] = cross_validate(
            model, X, y, cv=splits, scoring=scoring, params=params, n_jobs=n_jobs, error_score="raise"
        )
    return found


def _ask_for_weights(model: Any) -> None:
    """Have the weights routed to every part of a model that can take them."""
    for part in (model, *model.get_params().values()):
        if isinstance(part, BaseEstimator) and hasattr(part, "fit") and has_fit_parameter(part, "sample_weight"):
            part.set_fit_request(sample_weight=True)
        if isinstance(part, BaseEstimator) and hasattr(part, "score") and hasattr(part, "set_score_request"):
            part.set_score_request(sample_weight=True)
