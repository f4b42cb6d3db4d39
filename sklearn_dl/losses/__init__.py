"""The losses, and the protocol for writing more.

Knows nothing about networks, solvers or tables.
"""

from .base import Loss
from .classification import Focal, LogLoss
from .members import MeanOfMembers, pooling
from .regression import AbsoluteError, Gamma, Huber, Poisson, Quantile, SquaredError, Tweedie

__all__ = [
    "AbsoluteError",
    "Focal",
    "Gamma",
    "Huber",
    "LogLoss",
    "Loss",
    "MeanOfMembers",
    "Poisson",
    "Quantile",
    "SquaredError",
    "Tweedie",
    "pooling",
]
