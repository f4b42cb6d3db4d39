"""An ensemble inside one network: members that share a body, each with a scaling of the input and a head of its own,
and several such networks side by side.

Knows nothing about how the members' outputs are pooled: that is the loss's business.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from .base import Layer, Part
from .memory import Memory, Views

__all__ = ["MemberDense", "Members", "Parallel"]


@final
@dataclass(frozen=True)
class Members(Layer):
    """y[:, j] = x s rⱼ: a scaled copy of the input for each member j; the factors r are learnt.

    s r begins as random signs, the columns of one feature sharing theirs (TabM-mini, Gorishniy, Kotelnikov & Babenko
    2024, https://arxiv.org/abs/2410.24210, section 3.3). The constant s lets it learn s times as fast as weights, under
    a solver whose steps do not depend on the size of gradients; the scaling layer of Holzmüller, Grinsztajn & Steinwart
    2024 (https://arxiv.org/abs/2407.04491, section 3) has 6 for it.

    Parameters
    ----------
    chunks : tuple of int
        Number of columns of each feature.
    n_members : int
        Number of members, k.
    speed : float, default=6.0
        s.
    """

    chunks: tuple[int, ...]
    n_members: int
    speed: float = 6.0

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"factor": (self.n_members, sum(self.chunks))}

    def init(self, p: Views, rng: np.random.Generator) -> None:
        signs = rng.choice((-1.0, 1.0), (self.n_members, len(self.chunks)))
        p.factor[...] = np.repeat(signs / self.speed, self.chunks, axis=1)

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        m.x = x
        y = m.array("y", (len(x), self.n_members, x.shape[-1]))
        m.scale = np.multiply(p.factor, self.speed, out=m.array("scale", p.factor.shape))
        return np.multiply(x[:, None], m.scale, out=y)

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        m.dy = dy
        if not m.input_gradient:
            return None
        dx, t = m.array("dx", m.x.shape), m.array("t", m.x.shape)
        np.multiply(dy[:, 0], m.scale[0], out=dx)
        for j in range(1, self.n_members):
            dx += np.multiply(dy[:, j], m.scale[j], out=t)  # dx = Σⱼ dyⱼ s rⱼ
        return dx

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        columns = part.of(sum(self.chunks))
        # drⱼ = s Σ dyⱼ x over the rows
        g.factor[:, columns] = self.speed * np.einsum("nkd,nd->kd", m.dy[..., columns], m.x[:, columns])


@final
@dataclass(frozen=True)
class MemberDense(Layer):
    """y[:, j] = x[:, j] Wⱼ + bⱼ: a fully connected layer for each member j.

    Parameters
    ----------
    n_members, n_in, n_out : int
        Number of members, of input and of output features.
    gain : float, default=1.0
        Of the initial weights, as for `Dense`.
    """

    n_members: int
    n_in: int
    n_out: int
    gain: float = 1.0
    spares_y: ClassVar[bool] = True
    spares_dx: ClassVar[bool] = True

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.n_members, self.n_in, self.n_out), "bias": (self.n_members, self.n_out)}

    def init(self, p: Views, rng: np.random.Generator) -> None:
        bound = self.gain * math.sqrt(3 / self.n_in)
        p.weight[...] = rng.uniform(-bound, bound, p.weight.shape)
        bound = 1 / math.sqrt(self.n_in)
        p.bias[...] = rng.uniform(-bound, bound, p.bias.shape)

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        m.x = x
        y = m.array("y", (len(x), self.n_members, self.n_out))
        m.run.products.matmul(x.swapaxes(0, 1), p.weight, out=y.swapaxes(0, 1))  # yⱼ = xⱼ Wⱼ + bⱼ
        y += p.bias
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        m.dy = dy
        if not m.input_gradient:
            return None
        dx = m.array("dx", m.x.shape)
        if self.n_out == 1:  # an outer product, for which BLAS is slow
            return np.multiply(dy, p.weight[..., 0], out=dx)
        weight = p.weight.swapaxes(1, 2)
        m.run.products.matmul(dy.swapaxes(0, 1), weight, out=dx.swapaxes(0, 1))  # dxⱼ = dyⱼ Wⱼᵀ
        return dx

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        members = part.of(self.n_members)
        x, dy = m.x[:, members], m.dy[:, members]
        m.run.products.matmul(x.transpose(1, 2, 0), dy.swapaxes(0, 1), out=g.weight[members])  # dWⱼ = xⱼᵀ dyⱼ
        np.add.reduce(dy, axis=0, out=g.bias[members])  # dbⱼ = Σ dyⱼ


@final
@dataclass(frozen=True)
class Parallel(Layer):
    """y = [f₁(x) | f₂(x) | ...]: networks side by side that share nothing but the input.

    Parameters
    ----------
    layers : tuple of Layer
        fᵢ, from (n, ...) to (n, n_members, n_out) with as many members each as it has; the members are put together.
    """

    layers: tuple[Layer, ...]

    @property
    def children(self) -> tuple[Layer, ...]:
        return self.layers

    def needs_input_gradient(self, child: int, outer: slice | None) -> slice | bool | None:
        return outer

    def forward(self, x: Any, p: Views, m: Memory) -> np.ndarray:
        if m.run.training or m.input_gradient:
            made = [layer.forward(x, q, n) for layer, q, n in zip(self.layers, p, m, strict=True)]
        else:  # one after the other in the same memory: it stays in the cache
            made = [layer.forward(x, q, m[0]).copy() for layer, q in zip(self.layers, p, strict=True)]
        m.stops = list(itertools.accumulate(part.shape[1] for part in made))
        y = m.array("y", (len(made[0]), m.stops[-1], made[0].shape[-1]))
        return np.concatenate(made, axis=1, out=y)

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        parts = np.split(dy, m.stops[:-1], axis=1)
        made = [layer.backward(d, q, n) for layer, d, q, n in zip(self.layers, parts, p, m, strict=True)]
        if not m.input_gradient or made[0] is None:
            return None
        dx = m.array("dx", made[0].shape)
        np.copyto(dx, made[0])
        for d in made[1:]:
            dx += d  # dx = Σ fᵢ'(x)ᵀ dyᵢ
        return dx
