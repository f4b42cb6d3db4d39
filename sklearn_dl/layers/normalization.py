"""Batch and layer normalisation.

Knows nothing about what is normalised: axis 0 is rows, the last axis features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from .base import Layer, Part
from .memory import Memory, Views

__all__ = ["BatchNorm", "LayerNorm"]


def over_rows(a: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Sum over all axes but the last."""
    return np.add.reduce(a, axis=tuple(range(a.ndim - 1)), out=out)


@final
@dataclass(frozen=True)
class BatchNorm(Layer):
    """y = γ (x - μ) / √(v + ε) + β, with the rows' weighted mean μ and variance v of each feature.

    Outside training, running means of μ and v take their place (Ioffe & Szegedy 2015,
    https://arxiv.org/abs/1502.03167, algorithm 1; the variance is not corrected for the number of rows, so that a
    weight of 2 equals the row twice).

    Parameters
    ----------
    width : int
        Number of features.
    momentum : float, default=0.1
        Weight of the newest batch in the running means.
    eps : float, default=1e-5
        Added to the variance.

    Notes
    -----
    ``docs/derivations/normalization.md`` derives the backward pass.
    """

    width: int
    momentum: float = 0.1
    eps: float = 1e-5

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"gain": (self.width,), "bias": (self.width,)}

    def buffer_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"mean": (self.width,), "var": (self.width,)}

    def init(self, p: Views, rng: np.random.Generator) -> None:
        p.gain[...] = p.var[...] = 1

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        xhat, y = m.array("xhat", x.shape), m.array("y", x.shape)
        if m.run.training:
            weight = m.run.weight
            inner = x.size // (len(x) * self.width)  # 1, or the number of members
            if weight is None:
                m.share = 1 / (len(x) * inner)  # wᵢ / Σw
                mean = over_rows(x) * m.share
            else:
                m.share = (weight / (weight.sum() * inner)).reshape(-1, *(1,) * (x.ndim - 1))
                mean = over_rows(np.multiply(x, m.share, out=y))
            np.subtract(x, mean, out=xhat)
            np.square(xhat, out=y)
            y *= m.share
            var = over_rows(y)
            p.mean[...] += self.momentum * (mean - p.mean)
            p.var[...] += self.momentum * (var - p.var)
        else:
            np.subtract(x, p.mean, out=xhat)
            var = p.var
        m.rstd = 1 / np.sqrt(var + self.eps)
        xhat *= m.rstd
        m.xhat = xhat
        np.multiply(xhat, p.gain, out=y)
        y += p.bias
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        dx = np.multiply(dy, m.xhat, out=m.array("dx", dy.shape))
        m.d_gain = over_rows(dx)  # dγ = Σ dy x̂
        m.d_bias = over_rows(dy)  # dβ = Σ dy
        if m.run.training:
            np.multiply(m.xhat, m.d_gain, out=dx)
            dx += m.d_bias
            dx *= m.share
            np.subtract(dy, dx, out=dx)  # dx = γ/√(v+ε) (dy - wᵢ/Σw (Σ dy + x̂ Σ dy x̂))
            dx *= p.gain * m.rstd
        else:
            np.multiply(dy, p.gain * m.rstd, out=dx)
        return dx

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        columns = part.of(self.width)
        g.gain[columns] = m.d_gain[columns]
        g.bias[columns] = m.d_bias[columns]


@final
@dataclass(frozen=True)
class LayerNorm(Layer):
    """y = γ (x - μ) / √(v + ε) + β, with the mean μ and the variance v of each row over its features.

    (Ba, Kiros & Hinton 2016, https://arxiv.org/abs/1607.06450, eq. 4.)

    Parameters
    ----------
    width : int
        Number of features.
    eps : float, default=1e-5
        Added to the variance.

    Notes
    -----
    ``docs/derivations/normalization.md`` derives the backward pass.
    """

    width: int
    eps: float = 1e-5

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"gain": (self.width,), "bias": (self.width,)}

    def init(self, p: Views, rng: np.random.Generator) -> None:
        p.gain[...] = 1

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        xhat, y = m.array("xhat", x.shape), m.array("y", x.shape)
        np.subtract(x, x.mean(axis=-1, keepdims=True), out=xhat)
        np.square(xhat, out=y)
        m.rstd = 1 / np.sqrt(y.mean(axis=-1, keepdims=True) + self.eps)
        xhat *= m.rstd
        m.xhat = xhat
        np.multiply(xhat, p.gain, out=y)
        y += p.bias
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        m.dy = dy
        d_xhat = np.multiply(dy, p.gain, out=m.array("dx", dy.shape))
        t = np.multiply(d_xhat, m.xhat, out=m.array("t", dy.shape))
        np.multiply(m.xhat, t.mean(axis=-1, keepdims=True), out=t)
        t += d_xhat.mean(axis=-1, keepdims=True)
        d_xhat -= t  # dx = (dx̂ - mean(dx̂) - x̂ mean(dx̂ x̂)) / √(v+ε),  dx̂ = γ dy
        d_xhat *= m.rstd
        return d_xhat

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        columns = part.of(self.width)
        dy = m.dy[..., columns]
        over_rows(dy, out=g.bias[columns])  # dβ = Σ dy
        over_rows(dy * m.xhat[..., columns], out=g.gain[columns])  # dγ = Σ dy x̂
