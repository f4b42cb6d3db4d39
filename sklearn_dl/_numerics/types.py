"""The name of what may be passed for a table, as it stands in signatures.

Knows nothing about what becomes of it; `y` and weights are NumPy's own `ArrayLike`.
"""

from __future__ import annotations

from typing import TypeAlias

from numpy.typing import ArrayLike
from scipy.sparse import sparray, spmatrix

__all__ = ["MatrixLike"]

MatrixLike: TypeAlias = ArrayLike | spmatrix | sparray
