"""The losses, and the protocol for writing more.

Knows nothing about networks, solvers or tables.
"""

from .base import Loss
from .classification import Focal, LogLoss
from .links import Link
from .members import MeanOfMembers
from .regression import AbsoluteError, Gamma, Huber, Poisson, Quantile, SquaredError, Tweedie

__all__ = [
    "AbsoluteError",
    "Focal",
    "Gamma",
    "Huber",
    "Link",
    "LogLoss",
    "Loss",
    "MeanOfMembers",
    "Poisson",
    "Quantile",
    "SquaredError",
    "Tweedie",
]
