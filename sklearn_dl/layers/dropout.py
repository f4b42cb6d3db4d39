"""Dropout: units left out at random while training.

Knows nothing about schedules; the random numbers come from the working memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

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

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        if not (m.run.training and self.rate):
            m.scale = None
            return x
        y = m.array("y", x.shape)
        m.scale = list(m.thinning(x.shape, 1 - self.rate))
        for rows, s in m.scale:
            np.multiply(x[rows], s, out=y[rows])
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        if m.scale is None:
            return dy
        dx = m.array("dx", dy.shape)
        for rows, s in m.scale:
            np.multiply(dy[rows], s, out=dx[rows])  # dx = s dy
        return dx
