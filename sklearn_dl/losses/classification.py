"""Losses for classes: log-loss and focal loss, for binary, multiclass, multilabel and grouped targets.

Knows nothing about labels: a target is indicator columns, one logistic column or one softmax group a target.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, final

import numpy as np
from scipy.special import expit

from .._numerics import Rules, interval, not_negative
from .base import Loss, total
from .links import Grouped, Link, Logit, Softmax, largest, softmax, summed

__all__ = ["Focal", "LogLoss"]


def softplus(z: np.ndarray) -> np.ndarray:
    """log(1 + eᶻ) without overflow."""
    out = np.abs(z)
    np.negative(out, out=out)
    np.exp(out, out=out)
    np.log1p(out, out=out)
    out += np.maximum(z, 0)
    return out


class _ClassLoss(Loss):
    """A loss over groups of columns; the subclass gives it for logistic columns and for one softmax group."""

    task: ClassVar[str] = "classification"

    @abstractmethod
    def logistic(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        """Value and gradient where each column is a target in [0, 1] with the logistic link."""

    @abstractmethod
    def softmax(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        """Value and gradient where the columns are the indicators of one class, with the softmax link."""

    @property
    def link(self) -> Link:  # type: ignore[override]
        raise AttributeError(f"{type(self).__name__} has a link only for a kind of target: for_groups(...).link.")

    def for_groups(self, groups: tuple[int, ...]) -> Loss:
        if all(width == 1 for width in groups):
            return _Logistic(self)
        if len(groups) == 1:
            return _Softmax(self)
        return _Grouped(self, groups)

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        return self.for_groups((raw.shape[-1],)).value_and_gradient(y, raw, weight, out)


@final
class LogLoss(_ClassLoss):
    """-Σ y log p: the negative log-likelihood of the classes.

    Parameters
    ----------
    label_smoothing : float in [0, 1), default=0.0
        ε: a target is (1 - ε) y + ε / k, with k classes (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567,
        section 7). Better labels, poorer probabilities.
    """

    soft: ClassVar[bool] = True
    rules: ClassVar[Rules] = {"label_smoothing": interval(0, 1, "[)")}

    def __init__(self, label_smoothing: float = 0.0):
        self.label_smoothing = label_smoothing

    def _smoothed(self, y: np.ndarray, n_classes: int) -> np.ndarray:
        epsilon = self.label_smoothing
        return y * (1 - epsilon) + epsilon / n_classes if epsilon else y

    def logistic(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        y = self._smoothed(y, 2)
        per_output = softplus(raw)
        per_output -= y * raw  # log(1 + eᶻ) - y z
        expit(raw, out=out)
        out -= y  # p - y
        return total(per_output, weight, out)

    def softmax(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        y = self._smoothed(y, raw.shape[-1])
        z = raw - largest(raw)
        np.exp(z, out=out)
        norm = summed(out)
        out /= norm
        out -= y  # p - y
        per_row = np.log(norm, out=norm)
        if weight is None and y.shape == z.shape:
            return float(np.add.reduce(per_row, axis=None)) - float(np.vdot(y, z))  # log Σ eᶻ - Σ y z
        z *= y
        per_row -= summed(z)
        return total(per_row, weight, out)


@final
class Focal(_ClassLoss):
    """-(1 - pₜ)^γ log pₜ, with the true class's probability pₜ.

    (Lin et al. 2017, https://arxiv.org/abs/1708.02002, eq. 4.)

    Parameters
    ----------
    gamma : float ≥ 0, default=2.0
        γ: how much less an easy row counts; 0 is the log-loss.
    """

    rules: ClassVar[Rules] = {"gamma": not_negative()}

    def __init__(self, gamma: float = 2.0):
        self.gamma = gamma

    def _value_and_slope(self, log_p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The loss, and pₜ dL/dpₜ = γ (1-pₜ)^(γ-1) pₜ log pₜ - (1-pₜ)^γ, from log pₜ."""
        log_p = np.minimum(log_p, -np.finfo(log_p.dtype).tiny)
        miss = -np.expm1(log_p)  # 1 - pₜ
        weight = miss**self.gamma
        slope = weight * (self.gamma * np.exp(log_p) * log_p / miss - 1)
        return -weight * log_p, slope

    def logistic(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        sign = 2 * y - 1
        value, slope = self._value_and_slope(-softplus(-sign * raw))  # log pₜ = -log(1 + e^(-s z))
        np.multiply(sign, expit(-sign * raw), out=out)  # d log pₜ / dz = s (1 - pₜ)
        out *= slope
        return total(value, weight, out)

    def softmax(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        z = raw - largest(raw)
        norm = softmax(raw, out)
        log_p = summed(z * y) - np.log(norm)
        value, slope = self._value_and_slope(log_p)
        np.subtract(y, out, out=out)  # d log pₜ / dzⱼ = yⱼ - pⱼ
        out *= slope
        return total(value, weight, out)


class _Bound(Loss):
    """A class loss together with the kind of target it is for."""

    task: ClassVar[str] = "classification"

    def __init__(self, inner: _ClassLoss):
        self.inner = inner

    @property
    def unbound(self) -> Loss:
        return self.inner


@final
class _Logistic(_Bound):
    link = Logit()

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        return self.inner.logistic(y, raw, weight, out)


@final
class _Softmax(_Bound):
    link = Softmax()

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        return self.inner.softmax(y, raw, weight, out)


@final
class _Grouped(_Bound):
    """One logistic or softmax loss a group of columns, summed."""

    def __init__(self, inner: _ClassLoss, groups: tuple[int, ...]):
        super().__init__(inner)
        self.groups = groups

    def _losses(self) -> list[Loss]:
        return [self.inner.for_groups((width,)) for width in self.groups]

    @property
    def link(self) -> Grouped:  # type: ignore[override]
        return Grouped(tuple(loss.link for loss in self._losses()), self.groups)

    def value_and_gradient(self, y: np.ndarray, raw: np.ndarray, weight: np.ndarray | None, out: np.ndarray) -> float:
        return sum(
            loss.value_and_gradient(y[..., columns], raw[..., columns], weight, out[..., columns])
            for (columns, _), loss in zip(self.link.parts, self._losses(), strict=True)
        )
