"""Layers that turn each number into several: periodic and piecewise-linear functions of it, learnt with the network.

Knows nothing about where the numbers come from; columns beyond the embedded ones pass through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from ..memory import Memory, Views
from .base import Layer, Part

__all__ = ["PeriodicEmbedding"]


@final
@dataclass(frozen=True)
class PeriodicEmbedding(Layer):
    """y = [x₁ | cos(x₁ f₁ + φ₁) V₁ + c₁ | x₂ | cos(x₂ f₂ + φ₂) V₂ + c₂ | ... | the other columns]

    "PBLD" of Holzmüller, Grinsztajn & Steinwart 2024 (https://arxiv.org/abs/2407.04491, section 3): each of the first
    `n_embedded` columns is followed by `width` linear functions of `n_frequencies` waves of it.

    Parameters
    ----------
    n_in, n_embedded : int
        Number of columns, and how many of them, the first ones, are embedded.
    n_frequencies, width : int
        Waves of each column; columns that are made from them.
    scale : float
        Standard deviation of the initial frequencies f, in radians a unit of x.
    """

    n_in: int
    n_embedded: int
    n_frequencies: int
    width: int
    scale: float

    @property
    def n_out(self) -> int:
        """Number of output columns."""
        return self.n_in + self.n_embedded * self.width

    @property
    def chunks(self) -> tuple[int, ...]:
        """Number of output columns of each input column."""
        return (1 + self.width,) * self.n_embedded + (1,) * (self.n_in - self.n_embedded)

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        d, f, w = self.n_embedded, self.n_frequencies, self.width
        return {"frequency": (d, f), "phase": (d, f), "mix": (d, f, w), "shift": (d, w)}

    def init(self, p: Views, rng: np.random.Generator) -> None:
        p.frequency[...] = rng.normal(0, self.scale, p.frequency.shape)
        p.phase[...] = rng.uniform(-math.pi, math.pi, p.phase.shape)
        bound = 1 / math.sqrt(self.n_frequencies)
        p.mix[...] = rng.uniform(-bound, bound, p.mix.shape)
        p.shift[...] = rng.uniform(-bound, bound, p.shift.shape)

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        n, d, f, w = len(x), self.n_embedded, self.n_frequencies, self.width
        m.x = numbers = x[:, :d]
        m.z = z = m.array("z", (n, d, f))
        np.multiply(numbers[..., None], p.frequency, out=z)
        z += p.phase
        m.waves = np.cos(z, out=m.array("waves", (n, d, f)))
        e = m.array("e", (n, d, w))
        np.matmul(m.waves.swapaxes(0, 1), p.mix, out=e.swapaxes(0, 1))  # cos(z) V, column by column
        y = m.array("y", (n, self.n_out))
        embedded = y[:, : d * (1 + w)].reshape(n, d, 1 + w)
        embedded[..., 0] = numbers
        np.add(e, p.shift, out=embedded[..., 1:])
        y[:, d * (1 + w) :] = x[:, d:]
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        n, d, f, w = len(dy), self.n_embedded, self.n_frequencies, self.width
        d_embedded = dy[:, : d * (1 + w)].reshape(n, d, 1 + w)
        m.de = de = m.array("de", (n, d, w))
        np.copyto(de, d_embedded[..., 1:])
        m.dz = dz = m.array("dz", (n, d, f))
        np.matmul(de.swapaxes(0, 1), p.mix.swapaxes(1, 2), out=dz.swapaxes(0, 1))
        dz *= np.sin(m.z, out=m.z)  # -dz = de Vᵀ sin z
        if not m.input_gradient:
            return None
        dx = m.array("dx", (n, self.n_in))
        dx[:, d:] = dy[:, d * (1 + w) :]
        t = np.multiply(dz, p.frequency, out=m.array("t", (n, d, f)))
        np.subtract(d_embedded[..., 0], t.sum(axis=-1), out=dx[:, :d])  # dx = dy₀ + Σ f dz
        return dx

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        columns = part.of(self.n_embedded)
        x, waves, de, dz = (a[:, columns].swapaxes(0, 1) for a in (m.x, m.waves, m.de, m.dz))
        np.matmul(x[:, None], dz, out=g.frequency[columns][:, None])
        np.negative(g.frequency[columns], out=g.frequency[columns])  # df = Σ x dz
        np.add.reduce(dz, axis=1, out=g.phase[columns])
        np.negative(g.phase[columns], out=g.phase[columns])  # dφ = Σ dz
        np.matmul(waves.swapaxes(1, 2), de, out=g.mix[columns])  # dV = cos(z)ᵀ de
        np.add.reduce(de, axis=1, out=g.shift[columns])  # dc = Σ de
