"""y as an array that keeps what its values are, whatever it came in.

Knows nothing about what they must be.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

__all__ = ["target_array"]


def target_array(y: Any) -> Any:
    """The values of y as an array, of type object where NumPy alone would make one of several types.

    A list of 1 and "a" is text to NumPy, and so is one of "a" and NaN; scikit-learn makes floats of pandas' whole
    numbers and booleans, which lose digits above 2⁵³.

    Parameters
    ----------
    y : array-like, series, DataFrame or sparse matrix
        What was given. Of a sparse matrix the dense form is taken: the network's outputs are dense as well.

    Returns
    -------
    ndarray
        Or `y` itself, where NumPy has no array for it.
    """
    if issparse(y):
        return y.toarray()
    if isinstance(y, np.ndarray):
        return y.astype(object) if y.dtype.kind == "T" else y  # NumPy's own strings, which scikit-learn does not know
    try:
        array = np.asarray(y)
        if isinstance(y, list | tuple) and array.dtype.kind in "biufUS":
            objects = np.array(y, dtype=object)
            if objects.shape == array.shape and len({_sort(kind) for kind in set(map(type, objects.flat))}) > 1:
                return objects
    except (TypeError, ValueError):  # told by scikit-learn
        return y
    return array


def _sort(kind: type) -> str:
    """Text, bytes, booleans or other: what NumPy mixes without a word."""
    for name, kinds in {"text": str, "bytes": bytes, "bool": bool | np.bool_}.items():
        if issubclass(kind, kinds):
            return name
    return "other"
