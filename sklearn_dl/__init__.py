"""Neural networks for tables, in NumPy, with scikit-learn's manners: `DLRegressor` and `DLClassifier`.

Knows only the public names.
"""

from ._estimators import DLClassifier, DLRegressor
from ._version import __version__

__all__ = ["DLClassifier", "DLRegressor", "__version__"]
