"""The two estimators, and how parameters become a training.

Knows everything below; users meet it as `sklearn_dl.DLClassifier` and `DLRegressor`.
"""

from .base import BaseDL, Call
from .classifier import DLClassifier
from .inside import innermost, network_inside, with_network_replaced
from .params import make_plan
from .registry import resolve_loss, resolve_schedule, resolve_solver
from .regressor import DLRegressor

__all__ = [
    "BaseDL",
    "Call",
    "DLClassifier",
    "DLRegressor",
    "innermost",
    "make_plan",
    "network_inside",
    "resolve_loss",
    "resolve_schedule",
    "resolve_solver",
    "with_network_replaced",
]
