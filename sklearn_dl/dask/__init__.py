"""The two estimators on Dask: tables of many partitions, and more rows than fit in memory.

Knows the ordinary estimators, which every fit hands out; dask and distributed are imported when they are used.
"""

from .classifier import DLClassifier
from .regressor import DLRegressor

__all__ = ["DLClassifier", "DLRegressor"]
