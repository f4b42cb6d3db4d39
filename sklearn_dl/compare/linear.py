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
from sklearn.pipeline import make_pipeline

from .._estimators import BaseDL, resolve_loss
from .._estimators.inside import innermost, with_network_replaced
from ..encoding.table_encoder import TableEncoder
from ..losses import AbsoluteError, Gamma, Huber, Loss, Quantile, Tweedie

__all__ = ["linear_for", "name_of"]

GLM_ALPHA = 1e-3  # penalty of a mean over rows: what Ridge's 1, a penalty of a sum, is at 1000 rows
MAX_ITER = 1000


def linear_for(estimator: Any, several_outputs: bool) -> Any:
    """The linear counterpart of a network, and of what is around it.

    Pipelines, transformed targets, calibration and thresholds stay around the linear model; searches, selectors of
    columns and ensembles do not.

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
        Where there is no network, a list of them, or a frozen one.
    """
    return with_network_replaced(
        estimator, lambda network: _behind_encoder(network, _linear_model(network, several_outputs))
    )


def name_of(linear: Any) -> str:
    """The class of a linear model, without what is around it."""
    return type(innermost(linear)).__name__


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
            return QuantileRegressor(quantile=loss.link.levels[loss.link.middle], alpha=0.0)
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
