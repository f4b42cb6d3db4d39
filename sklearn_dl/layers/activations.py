"""Element-wise functions, each with its derivative under it.

Knows nothing about parameters: an activation has none, only the gain that suits the weights after it.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, final

import numpy as np
from scipy.special import ndtr

from .._numerics import check_value, interval
from .base import Layer
from .memory import Memory, Views

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


STRETCH = 2**16  # numbers handled at once: what one pass leaves in the cache, the next finds there


class Activation(Layer):
    """y = f(x), element by element.

    A subclass writes f and its derivative over a stretch of numbers. The stretches are cut once and found again as
    long as the arrays are the same, which they are from step to step.

    Attributes
    ----------
    gain : float
        1 / √E[f(z)²], z ~ N(0, 1): see `Dense`.
    keeps : tuple of str
        Names of arrays as long as x that `apply` fills and `derivative` reads.
    scratch : dict of str to dtype or None
        Names of arrays as long as a stretch, to write into, with their types (None: that of x). They begin as zeros.
    """

    gain: ClassVar[float] = 1.0
    keeps: ClassVar[tuple[str, ...]] = ()
    scratch: ClassVar[dict[str, Any]] = {}
    spares_dx: ClassVar[bool] = True

    @abstractmethod
    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        """y <- f(x)

        Parameters
        ----------
        x : ndarray
            Input, read-only.
        y : ndarray of the shape of `x`
            Receives the result.
        k : namespace
            The arrays named in `keeps` and `scratch`.
        """

    @abstractmethod
    def derivative(self, d: np.ndarray, k: Any) -> None:
        """d <- f'(x)

        Parameters
        ----------
        d : ndarray
            Receives the derivative.
        k : namespace
            ``k.x``, ``k.y``, and the arrays named in `keeps` and `scratch`.
        """

    @final
    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        if m.peek("x") is not x:
            m.x, m.y, m.dy = x, m.over_x(x) if self.needs_sign else m.array("y", x.shape), None
            m.stretches = list(self._cut(x, m))
        for k in m.stretches:
            self.apply(k.x, k.y, k)
        return m.y

    @final
    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        if m.dy is not dy:
            m.dy, m.dx = dy, m.over_dy(dy) if self.needs_sign else m.array("dx", dy.shape)
            for k, stretch in zip(m.stretches, _stretches(len(m.stretches), m.x.size), strict=True):
                k.dy, k.dx = _part(dy, stretch), _part(m.dx, stretch)
        for k in m.stretches:
            self._pull_back(k)
        return m.dx

    def _pull_back(self, k: Any) -> None:
        """k.dx <- f'(x) dy; where `needs_sign`, ``k.dx`` and ``k.dy`` may be one array."""
        self.derivative(k.dx, k)
        k.dx *= k.dy

    def _cut(self, x: np.ndarray, m: Memory) -> Iterator[SimpleNamespace]:
        """The arrays in stretches, or whole where `x` is not contiguous."""
        count = -(-x.size // STRETCH) if x.flags.c_contiguous else 1
        kept = {name: m.array(name, x.shape) for name in self.keeps}
        length = min(STRETCH, x.size) if count > 1 else x.size
        scratch = {name: m.array(name, (length,), dtype) for name, dtype in self.scratch.items()}
        for array in scratch.values():
            array.fill(0)
        for stretch in _stretches(count, x.size):
            k = SimpleNamespace(x=_part(x, stretch), y=_part(m.y, stretch))
            for name, array in kept.items():
                setattr(k, name, _part(array, stretch))
            for name, array in scratch.items():
                setattr(k, name, array[: k.x.size].reshape(k.x.shape))
            yield k


def _stretches(count: int, size: int) -> list[slice | None]:
    """Slices of a flat array; None for the whole array in its own shape."""
    if count == 1:
        return [None]
    return [slice(STRETCH * i, min(STRETCH * (i + 1), size)) for i in range(count)]


def _part(a: np.ndarray, stretch: slice | None) -> np.ndarray:
    return a if stretch is None else a.reshape(-1)[stretch]


def _negative_part(k: Any) -> None:
    """e <- eˣ - 1 where x < 0, else 0; eˣ - 1 by `exp`, which NumPy has vectorised and `expm1` it has not."""
    np.minimum(k.x, k.zero, out=k.e)
    np.exp(k.e, out=k.e)
    k.e -= 1


def _logistic(x: np.ndarray, out: np.ndarray) -> None:
    """out <- σ(x) = ½ + ½ tanh ½x; NumPy has a vectorised tanh, and SciPy's expit takes five times as long."""
    np.multiply(x, 0.5, out=out)
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5


@final
@dataclass(frozen=True)
class Identity(Activation):
    """y = x"""

    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        np.copyto(y, x)

    def derivative(self, d: np.ndarray, k: Any) -> None:
        d.fill(1)


@final
@dataclass(frozen=True)
class Logistic(Activation):
    """y = σ(x) = 1 / (1 + e⁻ˣ)"""

    gain: ClassVar[float] = 1.8462

    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        _logistic(x, y)

    def derivative(self, d: np.ndarray, k: Any) -> None:
        np.subtract(1, k.y, out=d)  # σ' = σ (1 - σ)
        d *= k.y


@final
@dataclass(frozen=True)
class Tanh(Activation):
    """y = tanh x"""

    gain: ClassVar[float] = 1.5925

    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        np.tanh(x, out=y)

    def derivative(self, d: np.ndarray, k: Any) -> None:
        np.multiply(k.y, k.y, out=d)  # tanh' = 1 - tanh²
        np.subtract(1, d, out=d)


@final
@dataclass(frozen=True)
class ReLU(Activation):
    """y = max(x, 0); the derivative at 0 is 0."""

    gain: ClassVar[float] = math.sqrt(2)
    scratch: ClassVar[dict[str, Any]] = {"zero": None, "on": np.bool_}
    needs_sign: ClassVar[bool] = True

    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        np.maximum(x, k.zero, out=y)  # with an array of zeros in half the time of the number 0

    def derivative(self, d: np.ndarray, k: Any) -> None:
        np.greater(k.y, k.zero, out=k.on)
        np.copyto(d, k.on)  # 1 where x > 0

    def _pull_back(self, k: Any) -> None:
        np.greater(k.y, k.zero, out=k.on)
        np.multiply(k.dy, k.on, out=k.dx)


@final
@dataclass(frozen=True)
class LeakyReLU(Activation):
    """y = max(x, s x), s = `slope` (Maas et al. 2013).

    Parameters
    ----------
    slope : float in [0, 1), default=0.01
        Slope for x < 0.
    """

    scratch: ClassVar[dict[str, Any]] = {"zero": None, "on": np.bool_}
    slope: float = 0.01

    def __post_init__(self) -> None:
        check_value("LeakyReLU: slope", self.slope, interval(0, 1, "[)"))

    @property
    def gain(self) -> float:  # type: ignore[override]  # of other activations it is one number
        """gain = √(2 / (1 + s²))"""
        return round(math.sqrt(2 / (1 + self.slope**2)), 4)

    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        np.multiply(x, self.slope, out=y)
        np.maximum(x, y, out=y)

    def derivative(self, d: np.ndarray, k: Any) -> None:
        np.greater(k.x, k.zero, out=k.on)
        np.copyto(d, k.on)
        d *= 1 - self.slope  # 1 where x > 0, else s
        d += self.slope


@final
@dataclass(frozen=True)
class ELU(Activation):
    """y = x where x > 0, else eˣ - 1 (Clevert et al. 2016, https://arxiv.org/abs/1511.07289, eq. 15, α = 1)"""

    gain: ClassVar[float] = 1.2452
    keeps: ClassVar[tuple[str, ...]] = ("e",)
    scratch: ClassVar[dict[str, Any]] = {"zero": None}

    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        _negative_part(k)
        np.maximum(x, k.zero, out=y)
        y += k.e

    def derivative(self, d: np.ndarray, k: Any) -> None:
        np.add(k.e, 1, out=d)  # e^min(x, 0)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@final
@dataclass(frozen=True)
class SELU(Activation):
    """y = λ x where x > 0, else λ α (eˣ - 1) (Klambauer et al. 2017, https://arxiv.org/abs/1706.02515, eq. 2)"""

    gain: ClassVar[float] = 1.0
    keeps: ClassVar[tuple[str, ...]] = ("e",)
    scratch: ClassVar[dict[str, Any]] = {"zero": None, "on": np.bool_}

    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        _negative_part(k)
        k.e *= SELU_SCALE * SELU_ALPHA
        np.maximum(x, k.zero, out=y)
        y *= SELU_SCALE
        y += k.e

    def derivative(self, d: np.ndarray, k: Any) -> None:
        np.greater(k.x, k.zero, out=k.on)
        np.copyto(d, k.on)
        d *= SELU_SCALE * (1 - SELU_ALPHA)  # λ where x > 0, else λ α eˣ
        d += k.e
        d += SELU_SCALE * SELU_ALPHA


@final
@dataclass(frozen=True)
class GELU(Activation):
    """y = x Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016, https://arxiv.org/abs/1606.08415)"""

    gain: ClassVar[float] = 1.5335
    keeps: ClassVar[tuple[str, ...]] = ("cdf",)

    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        ndtr(x, out=k.cdf)
        np.multiply(x, k.cdf, out=y)

    def derivative(self, d: np.ndarray, k: Any) -> None:
        np.multiply(k.x, k.x, out=d)  # Φ(x) + x φ(x)
        d *= -0.5
        np.exp(d, out=d)
        d *= k.x
        d *= 1 / math.sqrt(2 * math.pi)
        d += k.cdf


@final
@dataclass(frozen=True)
class SiLU(Activation):
    """y = x σ(x) (Elfwing et al. 2018, https://arxiv.org/abs/1702.03118)"""

    gain: ClassVar[float] = 1.6765
    keeps: ClassVar[tuple[str, ...]] = ("sigma",)

    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        _logistic(x, k.sigma)
        np.multiply(x, k.sigma, out=y)

    def derivative(self, d: np.ndarray, k: Any) -> None:
        np.subtract(1, k.sigma, out=d)  # σ + x σ (1 - σ) = σ + y (1 - σ)
        d *= k.y
        d += k.sigma


@final
@dataclass(frozen=True)
class Mish(Activation):
    """y = x tanh(log(1 + eˣ)) (Misra 2019, https://arxiv.org/abs/1908.08681)"""

    gain: ClassVar[float] = 1.4868
    keeps: ClassVar[tuple[str, ...]] = ("e", "t")
    scratch: ClassVar[dict[str, Any]] = {"s": None}

    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        e, t = k.e, k.t
        np.minimum(x, 20, out=e)  # beyond 20, t is 1 in float64 too
        np.exp(e, out=e)
        np.add(e, 2, out=t)  # t = tanh(log(1 + e)) = n / (n + 2), n = e² + 2 e
        t *= e
        np.add(t, 2, out=y)
        t /= y
        np.multiply(x, t, out=y)

    def derivative(self, d: np.ndarray, k: Any) -> None:
        s = k.s
        np.add(k.e, 1, out=s)
        np.divide(k.e, s, out=s)  # σ = e / (1 + e)
        s *= k.x
        np.multiply(k.t, k.t, out=d)
        np.subtract(1, d, out=d)
        d *= s
        d += k.t  # t + x σ (1 - t²)


@final
@dataclass(frozen=True)
class Softplus(Activation):
    """y = log(1 + eˣ)"""

    gain: ClassVar[float] = 1.0419

    def apply(self, x: np.ndarray, y: np.ndarray, k: Any) -> None:
        np.logaddexp(x, 0, out=y)

    def derivative(self, d: np.ndarray, k: Any) -> None:
        _logistic(k.x, d)  # σ(x)
