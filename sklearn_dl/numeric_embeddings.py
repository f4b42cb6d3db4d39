"""What becomes of each number before the network: the settings of `numeric_embedding`, and the layers they make.

Knows nothing about tables: the numbers are the first columns of what the network sees.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, final

from sklearn.base import BaseEstimator

from .layers import PeriodicEmbedding
from .ranges import number

__all__ = ["NumericEmbedding", "Periodic"]


class NumericEmbedding(BaseEstimator, ABC):
    """Settings of an embedding of numbers."""

    def check(self) -> None:
        """Raise ValueError where a setting is out of range."""

    @abstractmethod
    def layer(self, n_in: int, n_embedded: int) -> Any:
        """The layer, with `n_out` and `chunks`, for a network's input.

        Parameters
        ----------
        n_in, n_embedded : int
            Number of columns, and how many of them, the first ones, are embedded.
        """


@final
class Periodic(NumericEmbedding):
    """Each number, and learnt linear functions of waves of it: x, cos(x f + φ) V + c.

    (PBLD, Holzmüller, Grinsztajn & Steinwart 2024, https://arxiv.org/abs/2407.04491, section 3.)

    Parameters
    ----------
    n_frequencies : int >= 1, default=16
        Waves of each number.
    width : int >= 1, default=3
        Columns made from them, beside the number itself.
    scale : float > 0, default=2.0
        Standard deviation of the initial frequencies, in radians a unit of the encoded number.
    """

    def __init__(self, n_frequencies: int = 16, width: int = 3, scale: float = 2.0):
        self.n_frequencies = n_frequencies
        self.width = width
        self.scale = scale

    def check(self) -> None:
        for name in ("n_frequencies", "width"):
            value = number(getattr(self, name))
            if not (value >= 1 and value.is_integer()):
                raise ValueError(f"Periodic: {name} must be an int >= 1; got {getattr(self, name)!r}.")
        if not 0 < number(self.scale) < math.inf:
            raise ValueError(f"Periodic: scale must be a finite number > 0; got {self.scale!r}.")

    def layer(self, n_in: int, n_embedded: int) -> Any:
        return PeriodicEmbedding(n_in, n_embedded, int(self.n_frequencies), int(self.width), float(self.scale))
