"""Layers that turn each number into several: sums of waves and of ramps of it, learnt with the network.

Knows nothing about where the numbers come from; columns beyond the embedded ones pass through.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from .base import Layer, Part
from .memory import Memory, Views

__all__ = ["NumberEmbedding", "Ramps", "Waves"]


@final
@dataclass(frozen=True)
class NumberEmbedding(Layer):
    """y = [x₁ | Σₖ fₖ(x₁) + c₁ | x₂ | Σₖ fₖ(x₂) + c₂ | ... | the other columns]

    Parameters
    ----------
    n_in, n_embedded : int
        Number of columns, and how many of them, the first ones, are embedded.
    width : int
        Columns that are made from each.
    parts : tuple of Layer
        fₖ, from (n, n_embedded) to (n, n_embedded, width), such as `Waves` and `Ramps`.
    """

    n_in: int
    n_embedded: int
    width: int
    parts: tuple[Layer, ...]

    @property
    def n_out(self) -> int:
        """Number of output columns."""
        return self.n_in + self.n_embedded * self.width

    @property
    def chunks(self) -> tuple[int, ...]:
        """Number of output columns of each input column."""
        return (1 + self.width,) * self.n_embedded + (1,) * (self.n_in - self.n_embedded)

    @property
    def children(self) -> tuple[Layer, ...]:
        return self.parts

    def needs_input_gradient(self, child: int, outer: slice | None) -> slice | bool | None:
        return self.needs_numbers(outer)

    def needs_numbers(self, outer: slice | None) -> bool:
        """Whether anybody needs the gradient of the numbers that are embedded.

        Parameters
        ----------
        outer : slice or None
            The columns of the input whose gradient somebody needs.

        Returns
        -------
        bool
        """
        return outer is not None and (outer.start or 0) < self.n_embedded

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"shift": (self.n_embedded, self.width)}

    def init(self, p: Views, rng: np.random.Generator) -> None:
        p.shift[...] = rng.uniform(-0.25, 0.25, p.shift.shape)

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        n, d, w = len(x), self.n_embedded, self.width
        numbers = x[:, :d]
        made = [part.forward(numbers, q, k) for part, q, k in zip(self.parts, p, m, strict=True)]
        e = made[0]
        for other in made[1:]:
            e = np.add(e, other, out=m.array("e", e.shape))  # Σ fₖ(x)
        y = m.array("y", (n, self.n_out))
        embedded = y[:, : d * (1 + w)].reshape(n, d, 1 + w)
        embedded[..., 0] = numbers
        e = np.add(e, p.shift, out=m.array("e", e.shape))
        for j in range(w):  # column by column: long loops
            embedded[..., 1 + j] = e[..., j]
        y[:, d * (1 + w) :] = x[:, d:]
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        n, d, w = len(dy), self.n_embedded, self.width
        d_embedded = dy[:, : d * (1 + w)].reshape(n, d, 1 + w)
        m.de = de = m.array("de", (n, d, w))
        for j in range(w):
            de[..., j] = d_embedded[..., 1 + j]
        d_numbers = [part.backward(de, q, k) for part, q, k in zip(self.parts, p, m, strict=True)]
        if not m.input_gradient:
            return None
        dx = m.array("dx", (n, self.n_in))
        if self.needs_numbers(m.input_columns):
            np.copyto(dx[:, :d], d_embedded[..., 0])
            for d_number in d_numbers:
                dx[:, :d] += d_number  # dx = dy₀ + Σ fₖ' de
        else:
            dx[:, :d] = 0
        dx[:, d:] = dy[:, d * (1 + w) :]
        return dx

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        columns = part.of(self.n_embedded)
        np.add.reduce(m.de[:, columns], axis=0, out=g.shift[columns])  # dc = Σ de
        super().gradients(g, m, part)


@final
@dataclass(frozen=True)
class Waves(Layer):
    """y[:, i] = cos(xᵢ fᵢ + φᵢ) Vᵢ

    With the number itself beside it this is "PBLD" of Holzmüller, Grinsztajn & Steinwart 2024
    (https://arxiv.org/abs/2407.04491, section 3).

    Parameters
    ----------
    n_in : int
        Number of columns.
    n_frequencies, width : int
        Waves of each column; columns that are made from them.
    scale : float
        Standard deviation of the initial frequencies f, in radians a unit of x.
    """

    n_in: int
    n_frequencies: int
    width: int
    scale: float

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        d, f = self.n_in, self.n_frequencies
        return {"frequency": (d, f), "phase": (d, f), "mix": (d, f, self.width)}

    def init(self, p: Views, rng: np.random.Generator) -> None:
        p.frequency[...] = rng.normal(0, self.scale, p.frequency.shape)
        p.phase[...] = rng.uniform(-math.pi, math.pi, p.phase.shape)
        bound = 1 / math.sqrt(self.n_frequencies)
        p.mix[...] = rng.uniform(-bound, bound, p.mix.shape)

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        n, d, f = len(x), self.n_in, self.n_frequencies
        m.x = x
        m.z = z = m.array("z", (n, d, f))
        np.copyto(z, x[..., None])  # a copy and a product: each in longer loops than the product of the two would be
        z *= p.frequency
        z += p.phase
        m.waves = np.cos(z, out=m.array("waves", (n, d, f)))
        y = m.array("y", (n, d, self.width))
        m.run.products.matmul(m.waves.swapaxes(0, 1), p.mix, out=y.swapaxes(0, 1))  # cos(z) V, column by column
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        m.dy = dy
        m.dz = dz = m.array("dz", m.z.shape)
        m.run.products.matmul(dy.swapaxes(0, 1), p.mix.swapaxes(1, 2), out=dz.swapaxes(0, 1))
        dz *= np.sin(m.z, out=m.z)  # -dz = dy Vᵀ sin z
        if not m.input_gradient:
            return None
        t = np.multiply(dz, p.frequency, out=m.array("t", dz.shape))
        return np.negative(t.sum(axis=-1), out=m.array("dx", m.x.shape))  # dx = Σ f dz

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        columns = part.of(self.n_in)
        x, waves, dy, dz = (a[:, columns].swapaxes(0, 1) for a in (m.x, m.waves, m.dy, m.dz))
        m.run.products.matmul(x[:, None], dz, out=g.frequency[columns][:, None])
        np.negative(g.frequency[columns], out=g.frequency[columns])  # df = Σ x dz
        np.add.reduce(dz, axis=1, out=g.phase[columns])
        np.negative(g.phase[columns], out=g.phase[columns])  # dφ = Σ dz
        m.run.products.matmul(waves.swapaxes(1, 2), dy, out=g.mix[columns])  # dV = cos(z)ᵀ dy


@final
@dataclass(frozen=True)
class Ramps(Layer):
    """y[:, i] = t(xᵢ) Vᵢ, where tⱼ rises from -½ at edge eⱼ to ½ at the next edge and is constant elsewhere.

    So y is any function of x that is linear between the edges (Gorishniy, Rubachev & Babenko 2022,
    https://arxiv.org/abs/2203.05556, eq. 1, shifted by ½).

    Parameters
    ----------
    n_in : int
        Number of columns.
    n_bins, width : int
        Intervals of each column; columns that are made from them.
    """

    n_in: int
    n_bins: int
    width: int

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"mix": (self.n_in, self.n_bins, self.width)}

    def buffer_shapes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(("edge", "slope"), (self.n_in, self.n_bins))

    def init(self, p: Views, rng: np.random.Generator) -> None:
        edges = np.linspace(-3, 3, self.n_bins + 1)  # the encoder's numbers lie in ±3; quantiles are better
        p.edge[...], p.slope[...] = edges[:-1], 1 / np.diff(edges)
        bound = 0.5 / math.sqrt(self.n_bins)
        p.mix[...] = rng.uniform(-bound, bound, p.mix.shape)

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        n, d = len(x), self.n_in
        m.x = x
        m.t = t = m.array("t", (n, d, self.n_bins))
        np.copyto(t, x[..., None])
        t -= p.edge
        t *= p.slope
        t -= 0.5
        np.clip(t, -0.5, 0.5, out=t)
        y = m.array("y", (n, d, self.width))
        m.run.products.matmul(t.swapaxes(0, 1), p.mix, out=y.swapaxes(0, 1))  # t V, column by column
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        m.dy = dy
        if not m.input_gradient:
            return None
        dt = m.array("dt", m.t.shape)
        m.run.products.matmul(dy.swapaxes(0, 1), p.mix.swapaxes(1, 2), out=dt.swapaxes(0, 1))  # dt = dy Vᵀ
        dt *= p.slope
        dt *= np.abs(m.t) < 0.5
        return np.add.reduce(dt, axis=-1, out=m.array("dx", m.x.shape))  # dx = Σ t' dt

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        columns = part.of(self.n_in)
        t, dy = (a[:, columns].swapaxes(0, 1) for a in (m.t, m.dy))
        m.run.products.matmul(t.swapaxes(1, 2), dy, out=g.mix[columns])  # dV = tᵀ dy
