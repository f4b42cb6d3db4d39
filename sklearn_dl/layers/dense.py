"""The fully connected layer, whose input may be sparse.

Knows nothing about the activation that follows it, beyond the gain of its initial weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np

from .._numerics import add_outer
from .base import WHOLE, Layer, Part, flat
from .memory import Memory, Views

__all__ = ["Dense"]


@final
@dataclass(frozen=True)
class Dense(Layer):
    """y = x W + b

    Parameters
    ----------
    n_in, n_out : int
        Number of input and output features.
    gain : float, default=1.0
        Initial weights are uniform with variance gain² / n_in, which keeps the second moment of the signal when
        gain² = 1 / E[f(z)²], z ~ N(0, 1), for the activation f before this layer (He et al. 2015,
        https://arxiv.org/abs/1502.01852, eq. 7, for any f). Biases begin uniform in ±1/√n_in.

    Notes
    -----
    ``docs/derivations/dense.md`` derives the backward pass.
    """

    n_in: int
    n_out: int
    gain: float = 1.0
    spares_y: ClassVar[bool] = True
    spares_dx: ClassVar[bool] = True

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.n_in, self.n_out), "bias": (self.n_out,)}

    def init(self, p: Views, rng: np.random.Generator) -> None:
        bound = self.gain * math.sqrt(3 / self.n_in)  # Var U(-a, a) = a²/3
        p.weight[...] = rng.uniform(-bound, bound, p.weight.shape)
        # not 0: where 0 is the optimum, its gradient is rounding, which Adam's ε would blow up to steps
        bound = 1 / math.sqrt(self.n_in)
        p.bias[...] = rng.uniform(-bound, bound, p.bias.shape)

    def forward(self, x: Any, p: Views, m: Memory) -> np.ndarray:
        y = self.product(x, p, m)
        add_outer(m.ones(y.size // self.n_out), p.bias, flat(y))
        return y

    def product(self, x: Any, p: Views, m: Memory) -> np.ndarray:
        """The first half of `forward`: x W.

        Parameters
        ----------
        x, p, m : ndarray or CSR array, Views, Memory
            As for `forward`.

        Returns
        -------
        ndarray of shape (n, ..., n_out)
            Of which nothing is kept: the caller may write into it.
        """
        y = m.array("y", (*x.shape[:-1], self.n_out))
        rows = flat(y)
        m.products = m.run.products.of(len(rows), self.n_in, self.n_out)
        if isinstance(x, np.ndarray):
            x, m.weight = m.products.take(x, "x", m.array), m.products.take(p.weight, "weight", m.array)
            m.products.dot(flat(x), m.weight, out=rows)  # y = x W
        else:
            rows[...], m.weight = x @ p.weight, p.weight
        m.x = x
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        m.dy = dy
        m.taken = m.products.take(dy, "dy", m.array) if isinstance(m.x, np.ndarray) else dy
        if not m.input_gradient:
            return None
        dx = m.array("dx", m.x.shape)
        if self.n_out > 1:
            m.products.dot(flat(m.taken), m.weight.T, out=flat(dx))  # dx = dy Wᵀ
        else:  # NumPy's product of a column and a row takes eight times as long
            dx.fill(0)
            add_outer(dy.reshape(-1), p.weight.reshape(-1), flat(dx))
        return dx

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        self.weight_gradient(g, m, part)
        if part.index == 0:
            dy = flat(m.dy)
            np.dot(m.ones(len(dy)), dy, out=g.bias)  # db = Σ dy

    def weight_gradient(self, g: Views, m: Memory, part: Part) -> None:
        """The first half of `gradients`.

        Parameters
        ----------
        g, m, part : Views, Memory, Part
            As for `gradients`.
        """
        x, dy = m.x, flat(m.taken)
        rows = part.of(self.n_in)
        if isinstance(x, np.ndarray):
            m.products.matmul(flat(x).T[rows], dy, out=g.weight[rows])  # dW = xᵀ dy
        else:
            g.weight[rows] = (x.T if part == WHOLE else x.T[rows]) @ dy
