"""The two estimators, and how parameters become a training.

Knows everything below; users meet it as `sklearn_dl.DLClassifier` and `DLRegressor`. `inside`, which knows what others
wrap around an estimator, is not among what it hands out: it imports half of scikit-learn.
"""

from .base import BaseDL, Call
from .classifier import DLClassifier
from .params import make_plan
from .registry import resolve_loss, resolve_schedule, resolve_solver
from .regressor import DLRegressor
from .settled import settled, shape_of

__all__ = [
    "BaseDL",
    "Call",
    "DLClassifier",
    "DLRegressor",
    "make_plan",
    "resolve_loss",
    "resolve_schedule",
    "resolve_solver",
    "settled",
    "shape_of",
]
