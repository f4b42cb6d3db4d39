"""What becomes of each number before the network: the settings of `numeric_embedding`, and the layers they make.

Knows nothing about tables: the numbers are the first columns of what the network sees.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, final

import numpy as np

from ._numerics import Rules, Settings, integer, positive
from .layers import NumberEmbedding, Ramps, Waves
from .layers.memory import Views

__all__ = ["Mixed", "NumericEmbedding", "Periodic", "PiecewiseLinear"]

NARROWEST = 1e-6  # in encoded units, of which a column has a handful: a narrower interval is none


class NumericEmbedding(Settings, ABC):
    """Settings of an embedding of numbers."""

    @abstractmethod
    def layer(self, n_in: int, n_embedded: int) -> Any:
        """The layer, with `n_out` and `chunks`, for a network's input.

        Parameters
        ----------
        n_in, n_embedded : int
            Number of columns, and how many of them, the first ones, are embedded.
        """

    def learn(self, p: Views, quantiles: Callable[[np.ndarray], np.ndarray]) -> None:
        """Set buffers of the layer by what the training columns look like; by default nothing.

        Parameters
        ----------
        p : Views
            The layer's arrays.
        quantiles : callable
            From levels in [0, 1] to the quantiles of the embedded columns, shape (n_embedded, n_levels).
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

    rules: ClassVar[Rules] = {
        "n_frequencies": integer(1),
        "width": integer(1),
        "scale": positive(),
    }

    def __init__(self, n_frequencies: int = 16, width: int = 3, scale: float = 2.0):
        self.n_frequencies = n_frequencies
        self.width = width
        self.scale = scale

    def layer(self, n_in: int, n_embedded: int) -> Any:
        waves = Waves(n_embedded, int(self.n_frequencies), int(self.width), float(self.scale))
        return NumberEmbedding(n_in, n_embedded, int(self.width), (waves,))


@final
class PiecewiseLinear(NumericEmbedding):
    """Each number, and learnt functions of it that are linear between quantiles of its column.

    (Gorishniy, Rubachev & Babenko 2022, https://arxiv.org/abs/2203.05556, section 3.2, with the linear layer of
    section 3.4.) Thresholds are easy for it, as they are for trees; smooth functions are easier for `Periodic`.

    Parameters
    ----------
    n_bins : int >= 1, default=48
        Intervals of each column, with as many training rows each; fewer where values are equal.
    width : int >= 1, default=8
        Columns made from them, beside the number itself.
    """

    rules: ClassVar[Rules] = {"n_bins": integer(1), "width": integer(1)}

    def __init__(self, n_bins: int = 48, width: int = 8):
        self.n_bins = n_bins
        self.width = width

    def layer(self, n_in: int, n_embedded: int) -> Any:
        ramps = Ramps(n_embedded, int(self.n_bins), int(self.width))
        return NumberEmbedding(n_in, n_embedded, int(self.width), (ramps,))

    def learn(self, p: Views, quantiles: Callable[[np.ndarray], np.ndarray]) -> None:
        _learn_edges(p[0], quantiles)


@final
class Mixed(NumericEmbedding):
    """Each number, and learnt functions of it that are sums of waves and of pieces: `Periodic` and `PiecewiseLinear`.

    Parameters
    ----------
    n_frequencies : int >= 1, default=16
        Waves of each number.
    n_bins : int >= 1, default=32
        Intervals of each column, with as many training rows each; fewer where values are equal.
    width : int >= 1, default=3
        Columns made from them, beside the number itself.
    scale : float > 0, default=2.0
        Standard deviation of the initial frequencies, in radians a unit of the encoded number.
    """

    rules: ClassVar[Rules] = {
        "n_frequencies": integer(1),
        "n_bins": integer(1),
        "width": integer(1),
        "scale": positive(),
    }

    def __init__(self, n_frequencies: int = 16, n_bins: int = 32, width: int = 3, scale: float = 2.0):
        self.n_frequencies = n_frequencies
        self.n_bins = n_bins
        self.width = width
        self.scale = scale

    def layer(self, n_in: int, n_embedded: int) -> Any:
        waves = Waves(n_embedded, int(self.n_frequencies), int(self.width), float(self.scale))
        ramps = Ramps(n_embedded, int(self.n_bins), int(self.width))
        return NumberEmbedding(n_in, n_embedded, int(self.width), (waves, ramps))

    def learn(self, p: Views, quantiles: Callable[[np.ndarray], np.ndarray]) -> None:
        _learn_edges(p[1], quantiles)


def _learn_edges(p: Views, quantiles: Callable[[np.ndarray], np.ndarray]) -> None:
    """Set the edges of `Ramps`: as many training rows between any two."""
    edges = quantiles(np.linspace(0, 1, p.edge.shape[1] + 1))
    widths = np.diff(edges, axis=1)
    p.edge[...] = edges[:, :-1]
    p.slope[...] = np.divide(1, widths, out=np.zeros_like(widths), where=widths > NARROWEST)
