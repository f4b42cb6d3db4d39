"""The linear model that belongs to a network: of the same loss, behind the same preparation.

Knows the losses, and scikit-learn's linear models.
"""

from __future__ import annotations

import sys
from typing import Any

from sklearn.base import clone, is_classifier
from sklearn.linear_model import (
    GammaRegressor,
    HuberRegressor,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline

from .._estimators.base import BaseDL
from .._estimators.registry import resolve_loss
from ..encoding.table_encoder import TableEncoder
from ..losses import AbsoluteError, Gamma, Huber, Loss, Quantile, Tweedie

__all__ = ["linear_for", "name_of"]

GLM_ALPHA = 1e-3  # penalty of a mean over rows: what Ridge's 1, a penalty of a sum, is at 1000 rows
MAX_ITER = 1000


def linear_for(estimator: Any, several_outputs: bool) -> Any:
    """The linear counterpart of a network, of a pipeline around it, or of a search over one.

    Parameters
    ----------
    estimator : estimator
        What stands for the network.
    several_outputs : bool
        Whether y is a matrix.

    Returns
    -------
    estimator
        Not fitted.

    Raises
    ------
    ValueError
        Where there is no network.
    """
    if isinstance(estimator, BaseDL):
        return _behind_encoder(estimator, _linear_model(estimator, several_outputs))
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return clone(estimator).set_params(**{name: linear_for(last, several_outputs)})
    if hasattr(estimator, "estimator"):
        return linear_for(estimator.estimator, several_outputs)
    raise ValueError(
        "estimator must be a DLRegressor, a DLClassifier, a Pipeline that ends with one, or a search over one; "
        f"got {estimator!r}."
    )


def name_of(linear: Any) -> str:
    """The class of a linear model, without what is around it."""
    inner = linear[-1] if isinstance(linear, Pipeline) else getattr(linear, "estimator", None)
    return type(linear).__name__ if inner is None else name_of(inner)


def _behind_encoder(network: BaseDL, model: Any) -> Any:
    if network.encoder is None:
        return model
    encoder = TableEncoder() if isinstance(network.encoder, str) else clone(network.encoder)
    return make_pipeline(encoder.set_params(max_one_hot=sys.maxsize), model)


def _linear_model(network: BaseDL, several_outputs: bool) -> Any:
    if is_classifier(network):
        class_weight = network.class_weight
        model = LogisticRegression(
            class_weight=None if isinstance(class_weight, list) else class_weight, max_iter=MAX_ITER
        )
        return MultiOutputClassifier(model) if several_outputs else model
    model = _regression(resolve_loss(network.loss, network._head.task))
    return MultiOutputRegressor(model) if several_outputs and not isinstance(model, Ridge) else model


def _regression(loss: Loss) -> Any:
    match loss:
        case Quantile():
            levels = loss._level_array()
            return QuantileRegressor(quantile=float(levels[(len(levels) - 1) // 2]), alpha=0.0)
        case AbsoluteError():
            return QuantileRegressor(alpha=0.0)
        case Huber():
            return HuberRegressor(max_iter=MAX_ITER)
        case Gamma():
            return GammaRegressor(alpha=GLM_ALPHA, max_iter=MAX_ITER)
        case Tweedie():
            return TweedieRegressor(power=loss.power, link="log", alpha=GLM_ALPHA, max_iter=MAX_ITER)
        case _ if loss.link.is_log:
            return PoissonRegressor(alpha=GLM_ALPHA, max_iter=MAX_ITER)
        case _:
            return Ridge()
