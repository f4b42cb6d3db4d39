"""Links: from a network's raw output to what it predicts, for one network or for all members of an ensemble.

Knows nothing about losses, targets or networks; rows on axis 0, members on axis 1 where there are any, outputs last.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, final

import numpy as np
from scipy.special import expit, logit, logsumexp

from .._numerics import check_value, interval

__all__ = ["Grouped", "Identity", "Levels", "Link", "Log", "Logit", "Softmax", "softmax"]


class Link(ABC):
    """What the raw output means: its inverse is the prediction, and its mean over members that of an ensemble.

    One rule for an ensemble: it predicts the mean of its members' predictions. `predict` computes it, and `pool` gives
    the raw output that means the same, which a loss can judge.

    To write a link, inherit `Link`, set `name`, and write `inverse`, and `pool` where the mean of the raw outputs is
    not the right one.

    Attributes
    ----------
    name : str
        Name of the inverse.
    is_positive : bool
        Whether predictions are positive: the target is then scaled by its mean, never shifted.
    is_log : bool
        Whether the inverse is the exponential.
    levels : tuple of float
        What the numbers of an output are where it has several: levels of quantiles.
    """

    name: ClassVar[str]
    is_positive: ClassVar[bool] = False
    is_log: ClassVar[bool] = False
    levels: tuple[float, ...] = ()

    @abstractmethod
    def inverse(self, raw: np.ndarray) -> np.ndarray:
        """The prediction of one network.

        Parameters
        ----------
        raw : ndarray of shape (n, n_raw)
            Its output.

        Returns
        -------
        ndarray of shape (n, n_outputs) or (n, n_outputs, n_levels)
            In the units that the network sees; for classes, probabilities.
        """

    def pool(self, raw: np.ndarray) -> np.ndarray:
        """The raw output whose inverse is the mean of the members' predictions.

        Parameters
        ----------
        raw : ndarray of shape (n, n_members, n_raw)
            The members' raw outputs.

        Returns
        -------
        ndarray of shape (n, n_raw)
            By default the mean, which is right where the prediction is the raw output itself.
        """
        return raw.mean(axis=1)

    def each(self, raw: np.ndarray) -> np.ndarray:
        """The members' predictions.

        Parameters
        ----------
        raw : ndarray of shape (n, n_members, n_raw)
            The members' raw outputs.

        Returns
        -------
        ndarray of shape (n, n_members, n_outputs) or (n, n_members, n_outputs, n_levels)
            As of one network, members on axis 1.
        """
        predicted = self.inverse(raw.reshape(-1, raw.shape[-1]))
        return predicted.reshape(len(raw), -1, *predicted.shape[1:])

    def predict(self, raw: np.ndarray) -> np.ndarray:
        """The prediction of a network, with members or without.

        Parameters
        ----------
        raw : ndarray of shape (n, n_raw) or (n, n_members, n_raw)
            Its output, in double precision.

        Returns
        -------
        ndarray of shape (n, n_outputs) or (n, n_outputs, n_levels)
            Of an ensemble the mean of the members' predictions.
        """
        return self.inverse(raw) if raw.ndim == 2 else self.each(raw).mean(axis=1)

    def central(self, predicted: np.ndarray) -> np.ndarray:
        """The one number of each output that stands for the prediction.

        Parameters
        ----------
        predicted : ndarray of shape (..., n_outputs) or (..., n_outputs, n_levels)
            What `predict` or `each` gave.

        Returns
        -------
        ndarray of shape (..., n_outputs)
            By default the prediction itself.
        """
        return predicted


@final
@dataclass(frozen=True)
class Identity(Link):
    """ŷ = z"""

    name: ClassVar[str] = "identity"

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        return raw


@final
@dataclass(frozen=True)
class Levels(Link):
    """ŷ = z sorted, output by output: quantiles do not cross.

    Sorting never increases the loss (Chernozhukov, Fernández-Val & Galichon 2010, proposition 4).

    Parameters
    ----------
    levels : tuple of float
        Levels of the quantiles, increasing; raw outputs are outputs × levels, levels fastest.
    """

    levels: tuple[float, ...]
    name: ClassVar[str] = "identity"

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        k = len(self.levels)
        return np.sort(raw.reshape(*raw.shape[:-1], raw.shape[-1] // k, k), axis=-1)

    def pool(self, raw: np.ndarray) -> np.ndarray:
        return self.inverse(raw).mean(axis=1).reshape(len(raw), -1)

    def central(self, predicted: np.ndarray) -> np.ndarray:
        return predicted[..., self.middle]

    @property
    def middle(self) -> int:
        """Position of the level in the middle; of an even number, of the lower of the two."""
        return (len(self.levels) - 1) // 2

    def enclosing(self, coverage: float) -> tuple[int, int]:
        """Positions of the two levels that leave out (1 - coverage) / 2 on either side.

        Parameters
        ----------
        coverage : float in (0, 1)
            Share of the distribution between the two.

        Returns
        -------
        lower, upper : int
            Positions in `levels`.

        Raises
        ------
        ValueError
            Where there are no such levels; it tells which there are.
        """
        check_value("coverage", coverage, interval(0, 1, "()"))
        levels, outside = np.array(self.levels), (1 - coverage) / 2
        found = [int(np.abs(levels - level).argmin()) for level in (outside, 1 - outside)]
        if not np.allclose(levels[found], (outside, 1 - outside), rtol=0, atol=1e-9):
            pairs = [round(1 - 2 * q, 9) for q in levels if q < 0.5 and np.abs(levels - (1 - q)).min() < 1e-9]
            instead = f", or ask for coverage={' or '.join(map(repr, map(float, pairs)))}" if pairs else ""
            raise ValueError(
                f"coverage={coverage!r} needs the levels {outside:.6g} and {1 - outside:.6g}, and the network learnt "
                f"{self.levels}; fit with loss=Quantile(levels=({outside:.6g}, 0.5, {1 - outside:.6g})){instead}."
            )
        return found[0], found[1]


@final
@dataclass(frozen=True)
class Log(Link):
    """ŷ = e^z"""

    name: ClassVar[str] = "exp"
    is_positive: ClassVar[bool] = True
    is_log: ClassVar[bool] = True

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        return np.exp(raw)

    def pool(self, raw: np.ndarray) -> np.ndarray:
        return logsumexp(raw, axis=1) - math.log(raw.shape[1])  # log of the mean of e^z


@final
@dataclass(frozen=True)
class Logit(Link):
    """p = 1 / (1 + e^-z), column by column."""

    name: ClassVar[str] = "logistic"

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        return _uncertain(expit(raw))

    def pool(self, raw: np.ndarray) -> np.ndarray:
        return logit(_uncertain(expit(raw).mean(axis=1)))


@final
@dataclass(frozen=True)
class Softmax(Link):
    """pₖ = e^zₖ / Σⱼ e^zⱼ"""

    name: ClassVar[str] = "softmax"

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        out = np.empty_like(raw)
        softmax(raw, out)
        return out

    def pool(self, raw: np.ndarray) -> np.ndarray:
        p = self.inverse(raw).mean(axis=1)
        return np.log(np.maximum(p, np.finfo(raw.dtype).tiny, out=p), out=p)


@final
@dataclass(frozen=True)
class Grouped(Link):
    """Links side by side, each for some columns.

    Parameters
    ----------
    links : tuple of Link
        One for each group of columns.
    widths : tuple of int
        Columns of each group.
    """

    links: tuple[Link, ...]
    widths: tuple[int, ...]
    name: ClassVar[str] = "grouped"

    @property
    def parts(self) -> list[tuple[slice, Link]]:
        """Each group's columns and its link."""
        stops = np.cumsum(self.widths)
        columns = [slice(int(stop) - width, int(stop)) for width, stop in zip(self.widths, stops, strict=True)]
        return list(zip(columns, self.links, strict=True))

    def inverse(self, raw: np.ndarray) -> np.ndarray:
        out = np.empty_like(raw)
        for columns, link in self.parts:
            out[..., columns] = link.inverse(raw[..., columns])
        return out

    def pool(self, raw: np.ndarray) -> np.ndarray:
        return np.concatenate([link.pool(raw[..., columns]) for columns, link in self.parts], axis=-1)


def softmax(raw: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Softmax over the last axis into `out`; returns Σ eᶻ, z = raw - max raw.

    Parameters
    ----------
    raw : ndarray of shape (..., k)
        Read-only.
    out : ndarray of the shape of `raw`
        Receives the probabilities.

    Returns
    -------
    ndarray of shape (..., 1)
    """
    np.subtract(raw, largest(raw), out=out)
    np.exp(out, out=out)
    norm = summed(out)
    out /= norm
    return norm


def largest(a: np.ndarray) -> np.ndarray:
    """The largest number of each row; over short rows, NumPy's reduction takes ten times as long as over columns."""
    columns = np.ascontiguousarray(a.reshape(-1, a.shape[-1]).T)
    return np.maximum.reduce(columns, axis=0).reshape(*a.shape[:-1], 1)


def summed(a: np.ndarray) -> np.ndarray:
    """The sum of each row, as a product, for the same reason."""
    return np.dot(a, _ones(a.shape[-1], a.dtype))


@lru_cache(maxsize=64)
def _ones(n: int, dtype: np.dtype) -> np.ndarray:
    column = np.ones((n, 1), dtype)
    column.flags.writeable = False
    return column


def _uncertain(p: np.ndarray) -> np.ndarray:
    """Probabilities held within (0, 1): certainty is rounding."""
    info = np.finfo(p.dtype)
    return np.clip(p, info.tiny, 1 - info.epsneg)
