"""Numbers among the settings of losses, solvers and schedules: what is not a number lies in no range.

Knows nothing about what the settings mean.
"""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

__all__ = ["number"]


def number(value: Any) -> float:
    """The number, or NaN, which no comparison holds, where `value` is of another type.

    Examples
    --------
    >>> number(2), number("2") > 0
    (2.0, False)
    """
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
