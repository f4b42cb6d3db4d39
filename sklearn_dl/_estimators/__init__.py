"""The two estimators, and how parameters become a training.

Knows everything below; users meet it as `sklearn_dl.DLClassifier` and `DLRegressor`. `inside`, which knows what others
wrap around an estimator, is not among what it hands out: it imports half of scikit-learn.
"""

from .base import BaseDL, Call
from .callbacks import CallbackBridge, CallbackSupportMixin, with_callbacks
from .classifier import DLClassifier
from .curves import connected, isolated
from .html import table_html
from .interrupts import is_one_of_several
from .params import make_plan, plan_for_rows
from .registry import resolve_loss, resolve_schedule, resolve_solver
from .regressor import DLRegressor
from .scoring import score_name
from .settled import settled, shape_of

__all__ = [
    "BaseDL",
    "Call",
    "CallbackBridge",
    "CallbackSupportMixin",
    "DLClassifier",
    "DLRegressor",
    "connected",
    "is_one_of_several",
    "isolated",
    "make_plan",
    "plan_for_rows",
    "resolve_loss",
    "resolve_schedule",
    "resolve_solver",
    "score_name",
    "settled",
    "shape_of",
    "table_html",
    "with_callbacks",
]
