"""Dropout: units left out at random while training.

Knows nothing about schedules; the random numbers come from the working memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from .base import Layer
from .memory import Memory, Views

__all__ = ["Dropout"]


@final
@dataclass(frozen=True)
class Dropout(Layer):
    """y = x s, where s is 0 with probability `rate` and 1 / (1 - rate) otherwise; y = x outside training.

    Parameters
    ----------
    rate : float in [0, 1)
        Probability that a unit is left out (Srivastava et al. 2014, in the inverted form).
    """

    rate: float
    spares_dx: ClassVar[bool] = True
    thins: ClassVar[bool] = True

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        if not (m.run.training and self.rate):
            m.scale = None
            return x
        y = m.over_x(x)
        m.scale = list(m.thinning(x.shape, 1 - self.rate))
        for rows, s in m.scale:
            np.multiply(x[rows], s, out=y[rows])
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        if m.scale is None:
            return dy
        dx = m.over_dy(dy)
        if m.may_overwrite_x:  # the layer before makes 0 of dx where y is 0
            return np.multiply(dy, dy.dtype.type(1 / (1 - self.rate)), out=dx)
        for rows, s in m.scale:
            np.multiply(dy[rows], s, out=dx[rows])  # dx = s dy
        return dx
