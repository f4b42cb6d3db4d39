"""Losses for numbers: squared, absolute, Huber, quantile, and the half deviances of Poisson, gamma and Tweedie.

Knows nothing about the scaling of the target: settings are in the units that the network sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

import numpy as np

from .._numerics import Rule, Rules, above, interval, sequence
from .base import Loss, total
from .links import Levels, Log

__all__ = ["AbsoluteError", "Gamma", "Huber", "Poisson", "Quantile", "SquaredError", "Tweedie"]

SHARE = interval(0, 1, "()")
SHARES = sequence(SHARE, "numbers in (0, 1)")
LEVELS = Rule(lambda v: SHARE.test(v) or (SHARES.test(v) and len(v) > 0), SHARES.allowed)


@final
class SquaredError(Loss):
    """½ (ŷ - y)², summed over outputs."""

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        np.subtract(raw, y, out=out)  # r = ŷ - y
        if weight is None:
            return 0.5 * float(np.vdot(out, out))
        value = 0.5 * float(np.vdot(out, out * weight))  # ½ Σ w r²
        out *= weight
        return value


@final
class AbsoluteError(Loss):
    """`|ŷ - y|`, summed over outputs: the network learns the median."""

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        r = np.subtract(raw, y)
        np.sign(r, out=out)  # d|r| = sign r
        return total(np.abs(r, out=r), weight, out)


@final
class Huber(Loss):
    """`½ r² where |r| ≤ δ, else δ (|r| - ½ δ)`, r = ŷ - y (Huber 1964, eq. 1.1).

    Parameters
    ----------
    delta : float > 0, default=1.0
        δ, in the units that the network sees: standard deviations of the target where it is scaled.
    """

    rules: ClassVar[Rules] = {"delta": above(0)}

    def __init__(self, delta: float = 1.0):
        self.delta = delta

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        r = np.subtract(raw, y)
        np.clip(r, -self.delta, self.delta, out=out)  # c = clip(r, -δ, δ) is the gradient
        per_output = out * (r - 0.5 * out)  # c (r - c/2): both branches
        return total(per_output, weight, out)


@final
class Quantile(Loss):
    """max(q (y - ŷ), (q - 1) (y - ŷ)), summed over levels q (Koenker & Bassett 1978).

    Parameters
    ----------
    levels : float or sequence of floats in (0, 1), default=0.5
        One raw output a target and level; `predict` gives the middle level, `predict_quantiles` all of them. Levels
        come out in increasing order and never cross: they are sorted row by row, which never increases the loss
        (Chernozhukov, Fernández-Val & Galichon 2010, proposition 4).
    """

    rules: ClassVar[Rules] = {"levels": LEVELS}

    def __init__(self, levels: float | Sequence[float] = 0.5):
        self.levels = levels

    def check(self) -> None:
        super().check()
        if (np.diff(self._level_array()) <= 0).any():
            raise ValueError(f"Quantile: levels must increase; got {self.levels!r}.")

    def _level_array(self) -> np.ndarray:
        return np.atleast_1d(np.asarray(self.levels, dtype=float))

    @property
    def link(self) -> Levels:  # type: ignore[override]
        return Levels(tuple(self._level_array().tolist()))

    def n_raw(self, n_outputs: int) -> int:
        return n_outputs * len(self._level_array())

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        q = self._level_array().astype(raw.dtype)
        shape = (*y.shape, len(q))  # outputs × levels, levels fastest
        r = np.subtract(raw.reshape(shape), y[..., None])
        np.subtract(r > 0, q, out=out.reshape(shape))  # 1 - q where ŷ > y, else -q
        per_output = r.reshape(raw.shape) * out
        return total(per_output, weight, out)


class _LogLink(Loss):
    """Losses of a positive mean μ = e^raw."""

    link = Log()

    def check_all_targets(self, y: np.ndarray) -> None:
        if (y.sum(axis=0) <= 0).any():
            name = type(self).__name__.lower()
            raise ValueError(f"loss '{name}' needs at least one target > 0 in each output; y is all zero.")


@final
class Poisson(_LogLink):
    """Half the Poisson deviance without its constant: μ - y log μ, μ = e^raw; targets ≥ 0, not all 0."""

    def check_target(self, y: np.ndarray) -> None:
        if (y < 0).any():
            raise ValueError(f"loss 'poisson' needs targets >= 0; y contains {y.min():g}.")

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        np.exp(raw, out=out)
        per_output = out - y * raw
        out -= y  # μ - y
        return total(per_output, weight, out)


@final
class Gamma(_LogLink):
    """Half the gamma deviance without its constant: log μ + y / μ, μ = e^raw; targets > 0."""

    def check_target(self, y: np.ndarray) -> None:
        if (y <= 0).any():
            raise ValueError(f"loss 'gamma' needs targets > 0; y contains {y.min():g}.")

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        ratio = np.exp(-raw)
        ratio *= y
        np.subtract(1, ratio, out=out)  # 1 - y/μ
        ratio += raw
        return total(ratio, weight, out)


@final
class Tweedie(_LogLink):
    """Half the Tweedie deviance without its constant: μ^(2-p) / (2-p) - y μ^(1-p) / (1-p), μ = e^raw.

    Parameters
    ----------
    power : float in [1, 2], default=1.5
        p: 1 is Poisson, 2 is gamma, between them a Poisson sum of gammas, with targets ≥ 0.
    """

    rules: ClassVar[Rules] = {"power": interval(1, 2, "[]")}

    def __init__(self, power: float = 1.5):
        self.power = power

    def _limit(self) -> Loss | None:
        return Poisson() if self.power == 1 else Gamma() if self.power == 2 else None

    def check_target(self, y: np.ndarray) -> None:
        limit = self._limit()
        if limit is not None:
            limit.check_target(y)
        elif (y < 0).any():
            raise ValueError(f"loss 'tweedie' needs targets >= 0; y contains {y.min():g}.")

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        limit = self._limit()
        if limit is not None:
            return limit.value_and_gradient(y, raw, weight, out)
        p = self.power
        a = np.exp((2 - p) * raw)  # μ^(2-p)
        b = np.exp((1 - p) * raw)  # y μ^(1-p)
        b *= y
        np.subtract(a, b, out=out)
        a /= 2 - p
        b /= 1 - p
        a -= b
        return total(a, weight, out)
