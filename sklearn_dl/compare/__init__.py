"""Does the network beat the straight line, and by how much.

Knows the modules of this package, and only to gather their public names.
"""

from .comparison import Comparison, ComparisonDisplay
from .folds import compare_with_linear

__all__ = ["Comparison", "ComparisonDisplay", "compare_with_linear"]
