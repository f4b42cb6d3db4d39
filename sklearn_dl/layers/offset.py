"""A network above a fixed linear model: it learns what the line leaves.

Knows nothing about where the line comes from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

import numpy as np

from .base import Layer
from .memory import Memory, Views

__all__ = ["LinearOffset"]


FARTHEST = 6.0  # that a bent number is taken to be: beyond, the line is level
BENT = FARTHEST / math.sqrt(1 + (FARTHEST / 3) ** 2)  # what it was bent to


@final
@dataclass(frozen=True)
class LinearOffset(Layer):
    """y = f(x) + z A + c: the offset of a generalised linear model (McCullagh & Nelder 1989, section 3.3).

    A and c are kept, not learnt, and 0 at first: then y = f(x). z is x, or what x was before numbers were held within
    ±3 by x = z / √(1 + (z/3)²), so that a line of the table's numbers is a line here; within ±6.

    Parameters
    ----------
    inner : Layer
        f, from (n, n_in) to (n, n_out), or to (n, n_members, n_out).
    n_in, n_out : int
        Number of input and output features.
    has_members : bool, default=False
        Whether f has members.
    unbends : bool, default=False
        Whether z is what x was before it was bent.
    """

    inner: Layer
    n_in: int
    n_out: int
    has_members: bool = False
    unbends: bool = False

    @property
    def children(self) -> tuple[Layer, ...]:
        return (self.inner,)

    def buffer_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"slope": (self.n_in, self.n_out), "level": (self.n_out,)}

    def needs_input_gradient(self, child: int, outer: slice | None) -> slice | bool | None:
        return outer

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        left = self.inner.forward(x, p[0], m[0])
        m.x, m.slope = x, p.slope if p.slope.any() or p.level.any() else None
        if m.slope is None:
            return left
        line = m.run.products.dot(self.unbent(x), p.slope, out=m.array("line", (len(x), self.n_out)))
        line += p.level
        return np.add(left, line[:, None] if self.has_members else line, out=m.array("y", left.shape))

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        d_inner = self.inner.backward(dy, p[0], m[0])
        if m.slope is None or not m.input_gradient or d_inner is None:
            return d_inner
        d_line = dy.sum(axis=1) if self.has_members else dy
        dx = m.run.products.dot(d_line, p.slope.T, out=m.array("dx", d_inner.shape))
        if self.unbends:
            dx *= (1 - np.square(np.clip(m.x, -BENT, BENT)) / 9) ** -1.5  # dz/dx = (1 - (x/3)²)^(-3/2)
            dx *= np.abs(m.x) < BENT
        dx += d_inner  # dx = f'(x)ᵀ dy + z'(x) A dy
        return dx

    def unbent(self, x: np.ndarray) -> np.ndarray:
        """z = x / √(1 - (x/3)²), within ±6.

        Parameters
        ----------
        x : ndarray of shape (n, d)
            As the layer gets it.

        Returns
        -------
        ndarray of shape (n, d)
            `x` itself where nothing is bent.
        """
        if not self.unbends:
            return x
        z = np.clip(x, -BENT, BENT)
        z /= np.sqrt(1 - np.square(z) / 9)
        return z
