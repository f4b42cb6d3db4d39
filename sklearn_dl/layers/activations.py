"""Element-wise functions, each with its derivative under it.

Knows nothing about parameters: an activation has none, only the gain that suits the weights after it.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
from scipy.special import expit, ndtr

from ..memory import Memory, Views
from .base import Layer

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Activation",
    "Identity",
    "LeakyReLU",
    "Logistic",
    "Mish",
    "ReLU",
    "SiLU",
    "Softplus",
    "Tanh",
]


class Activation(Layer):
    """y = f(x), element by element.

    A subclass writes f into `y` and may keep the derivative, or what gives it, in `m`.
    """

    gain: ClassVar[float] = 1.0  # 1 / √E[f(z)²], z ~ N(0, 1): see Dense

    @abstractmethod
    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        """y <- f(x)

        Parameters
        ----------
        x : ndarray
            Input, read-only.
        y : ndarray of the shape of `x`
            Receives the result; kept as ``m.y``.
        m : Memory
            Takes what `derivative` needs; ``m.x`` is `x`.
        """

    @abstractmethod
    def derivative(self, d: np.ndarray, m: Memory) -> None:
        """d <- f'(x), from what `apply` kept.

        Parameters
        ----------
        d : ndarray
            Receives the derivative.
        m : Memory
            As `apply` left it.
        """

    @final
    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        m.x = x
        m.y = y = m.array("y", x.shape)
        self.apply(x, y, m)
        return y

    @final
    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        dx = m.array("dx", dy.shape)
        self.derivative(dx, m)
        dx *= dy  # dx = f'(x) dy
        return dx


@final
@dataclass(frozen=True)
class Identity(Activation):
    """y = x"""

    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        np.copyto(y, x)

    def derivative(self, d: np.ndarray, m: Memory) -> None:
        d.fill(1)


@final
@dataclass(frozen=True)
class Logistic(Activation):
    """y = σ(x) = 1 / (1 + e⁻ˣ)"""

    gain: ClassVar[float] = 1.8462

    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        expit(x, out=y)

    def derivative(self, d: np.ndarray, m: Memory) -> None:
        np.subtract(1, m.y, out=d)  # σ' = σ (1 - σ)
        d *= m.y


@final
@dataclass(frozen=True)
class Tanh(Activation):
    """y = tanh x"""

    gain: ClassVar[float] = 1.5925

    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        np.tanh(x, out=y)

    def derivative(self, d: np.ndarray, m: Memory) -> None:
        np.multiply(m.y, m.y, out=d)  # tanh' = 1 - tanh²
        np.subtract(1, d, out=d)


@final
@dataclass(frozen=True)
class ReLU(Activation):
    """y = max(x, 0); the derivative at 0 is 0."""

    gain: ClassVar[float] = math.sqrt(2)

    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        np.maximum(x, 0, out=y)

    def derivative(self, d: np.ndarray, m: Memory) -> None:
        np.sign(m.y, out=d)  # 1 where x > 0, in floats: no casting buffer


@final
@dataclass(frozen=True)
class LeakyReLU(Activation):
    """y = max(x, s x), s = `slope` (Maas et al. 2013).

    Parameters
    ----------
    slope : float in [0, 1), default=0.01
        Slope for x < 0.
    """

    gain: ClassVar[float] = 1.4141
    slope: float = 0.01

    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        np.multiply(x, self.slope, out=y)
        np.maximum(x, y, out=y)

    def derivative(self, d: np.ndarray, m: Memory) -> None:
        np.heaviside(m.x, 0, out=d)
        d *= 1 - self.slope  # 1 where x > 0, else s
        d += self.slope


@final
@dataclass(frozen=True)
class ELU(Activation):
    """y = x where x > 0, else eˣ - 1 (Clevert et al. 2016, https://arxiv.org/abs/1511.07289, eq. 15, α = 1)"""

    gain: ClassVar[float] = 1.2452

    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        e = m.array("e", x.shape)
        np.minimum(x, 0, out=e)
        np.expm1(e, out=e)
        np.maximum(x, 0, out=y)
        y += e
        m.e = e

    def derivative(self, d: np.ndarray, m: Memory) -> None:
        np.add(m.e, 1, out=d)  # e^min(x, 0)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@final
@dataclass(frozen=True)
class SELU(Activation):
    """y = λ x where x > 0, else λ α (eˣ - 1) (Klambauer et al. 2017, https://arxiv.org/abs/1706.02515, eq. 2)"""

    gain: ClassVar[float] = 1.0

    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        e = m.array("e", x.shape)
        np.minimum(x, 0, out=e)
        np.expm1(e, out=e)
        e *= SELU_SCALE * SELU_ALPHA
        np.maximum(x, 0, out=y)
        y *= SELU_SCALE
        y += e
        m.e = e

    def derivative(self, d: np.ndarray, m: Memory) -> None:
        np.heaviside(m.x, 0, out=d)
        d *= SELU_SCALE * (1 - SELU_ALPHA)  # λ where x > 0, else λ α eˣ
        d += m.e
        d += SELU_SCALE * SELU_ALPHA


@final
@dataclass(frozen=True)
class GELU(Activation):
    """y = x Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415)"""

    gain: ClassVar[float] = 1.5335

    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        m.cdf = ndtr(x, out=m.array("cdf", x.shape))
        np.multiply(x, m.cdf, out=y)

    def derivative(self, d: np.ndarray, m: Memory) -> None:
        np.multiply(m.x, m.x, out=d)  # Φ(x) + x φ(x)
        d *= -0.5
        np.exp(d, out=d)
        d *= m.x
        d *= 1 / math.sqrt(2 * math.pi)
        d += m.cdf


@final
@dataclass(frozen=True)
class SiLU(Activation):
    """y = x σ(x) (Elfwing et al. 2018, https://arxiv.org/abs/1702.03118)"""

    gain: ClassVar[float] = 1.6765

    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        m.sigma = expit(x, out=m.array("sigma", x.shape))
        np.multiply(x, m.sigma, out=y)

    def derivative(self, d: np.ndarray, m: Memory) -> None:
        np.subtract(1, m.sigma, out=d)  # σ + x σ (1 - σ) = σ + y (1 - σ)
        d *= m.y
        d += m.sigma


@final
@dataclass(frozen=True)
class Mish(Activation):
    """y = x tanh(log(1 + eˣ)) (Misra 2019, https://arxiv.org/abs/1908.08681)"""

    gain: ClassVar[float] = 1.4868

    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        m.e = e = m.array("e", x.shape)
        m.t = t = m.array("t", x.shape)
        np.minimum(x, 20, out=e)  # beyond 20, t is 1 in float64 too
        np.exp(e, out=e)
        np.add(e, 2, out=t)  # t = tanh(log(1 + e)) = n / (n + 2), n = e² + 2 e
        t *= e
        np.add(t, 2, out=y)
        t /= y
        np.multiply(x, t, out=y)

    def derivative(self, d: np.ndarray, m: Memory) -> None:
        s = m.array("s", m.e.shape)
        np.add(m.e, 1, out=s)
        np.divide(m.e, s, out=s)  # σ = e / (1 + e)
        s *= m.x
        np.multiply(m.t, m.t, out=d)
        np.subtract(1, d, out=d)
        d *= s
        d += m.t  # t + x σ (1 - t²)


@final
@dataclass(frozen=True)
class Softplus(Activation):
    """y = log(1 + eˣ)"""

    gain: ClassVar[float] = 1.0419

    def apply(self, x: np.ndarray, y: np.ndarray, m: Memory) -> None:
        np.logaddexp(x, 0, out=y)

    def derivative(self, d: np.ndarray, m: Memory) -> None:
        expit(m.x, out=d)  # σ(x)
