"""Fitted networks to scikit-learn's own and back: `to_sklearn` and `from_sklearn`.

Knows only the two functions; predictions stay the same to rounding error.
"""

from .from_mlp import from_sklearn
from .to_mlp import to_sklearn

__all__ = ["from_sklearn", "to_sklearn"]
