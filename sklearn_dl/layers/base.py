"""The protocol of a layer, and the two ways to compose layers: one after the other, and beside the identity.

Knows nothing about any particular layer, and nothing about training.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, final

import numpy as np

from .memory import Memory, Views

__all__ = ["WHOLE", "Layer", "Part", "Residual", "Sequential", "flat", "learners"]


GRAIN = 64  # shares begin at multiples of it: kernels of matrix products treat remainders apart


@cache
def _shares(n: int, count: int) -> list[slice]:
    """`n` things in shares that begin at multiples of `GRAIN`."""
    bounds = [0, *(min(n, GRAIN * round(n * i / count / GRAIN)) for i in range(1, count)), n]
    return [slice(low, high) for low, high in itertools.pairwise(bounds)]


@dataclass(frozen=True)
class Part:
    """Share `index` of `count` shares of about equal size.

    Parameters
    ----------
    index, count : int
        Which share, 0 to count - 1, of how many.
    """

    index: int
    count: int

    def of(self, n: int) -> slice:
        """The share of `n` things that belongs to this part.

        Parameters
        ----------
        n : int
            How many things there are, such as the rows of a weight matrix.

        Returns
        -------
        slice
            Empty where there are few things and this part gets none.
        """
        return _shares(n, self.count)[self.index]


WHOLE = Part(0, 1)


def flat(a: np.ndarray) -> np.ndarray:
    """(..., d) -> (rows, d): one large product instead of many small ones.

    Parameters
    ----------
    a : ndarray of shape (..., d)
        Contiguous.

    Returns
    -------
    ndarray of shape (rows, d)
        A view.
    """
    return a if a.ndim == 2 else a.reshape(-1, a.shape[-1])


class Layer(ABC):
    """A differentiable map; axis 0 of every array counts rows, the last axis features.

    A layer is a frozen description that owns no array. Its parameters `p`, their gradients `g` and its working
    memory `m` are handed in at each call, so that one network serves many threads at once. Four laws hold, and a
    test holds every layer to them:

    1. `x` and `dy` are read-only, but where ``m.over(x, name)`` gives them back.
    2. A result is valid until the layer's next call with the same memory.
    3. Axis 0 is rows and the last axis is features; there may be axes between (members, tokens).
    4. All memory is handed in: ``m.array(name, shape)`` gives a reused array, ``m.over_x(x)`` one of the shape of the
       input, or the input itself where nobody needs it any more, ``m.thinning(shape, share)`` random
       factors, ``m.run.training`` and ``m.run.weight`` tell of the pass.

    To write a layer, make a frozen dataclass that inherits `Layer` and has `forward` and `backward`; where it has
    parameters, also `param_shapes`, `init` and `gradients`. A parameter named ``weight`` is penalised by `alpha` and
    decayed by `AdamW`; others are not.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from sklearn_dl.layers import Layer
    >>> @dataclass(frozen=True)
    ... class Square(Layer):
    ...     def forward(self, x, p, m):
    ...         m.x = x
    ...         return np.multiply(x, x, out=m.array("y", x.shape))         # y = x²
    ...     def backward(self, dy, p, m):
    ...         dx = np.multiply(m.x, dy, out=m.array("dx", dy.shape))      # dx = 2 x dy
    ...         dx *= 2
    ...         return dx
    """

    # whether whoever gets what `forward`, what `backward` returns may overwrite it, as this layer needs it no more
    spares_y: ClassVar[bool] = False
    spares_dx: ClassVar[bool] = False
    needs_sign: ClassVar[bool] = False  # of y only where it is > 0, and makes dx = 0 elsewhere; of x nothing
    thins: ClassVar[bool] = False  # only multiplies, by factors >= 0

    @property
    def reads_dy(self) -> slice:
        """The columns of `dy` that `gradients` needs; by default all.

        The others are read only where somebody needs the gradient of the layer's own input.
        """
        return slice(None)

    @property
    def children(self) -> tuple[Layer, ...]:
        """The layers inside this one, in the order of ``p[i]`` and ``m[i]``."""
        return ()

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each array that is learnt.

        Returns
        -------
        dict of str to tuple of int
            Empty by default.
        """
        return {}

    def buffer_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each array that is kept but not learnt.

        Returns
        -------
        dict of str to tuple of int
            Empty by default.
        """
        return {}

    def init(self, p: Views, rng: np.random.Generator) -> None:  # noqa: B027 - a layer without parameters needs none
        """Fill parameters and buffers, which come as zeros, in place.

        Parameters
        ----------
        p : Views
            The layer's arrays by name: ``p.weight``.
        rng : numpy.random.Generator
            Decides them.
        """

    def needs_input_gradient(self, child: int, outer: slice | None) -> slice | bool | None:
        """For which columns a child needs the gradient of its input.

        Parameters
        ----------
        child : int
            Which of `children`.
        outer : slice or None
            For which this layer needs that of its own.

        Returns
        -------
        slice, bool or None
            None or False for none; by default True, for all.
        """
        return True

    def may_overwrite(self, child: int) -> tuple[bool, bool]:
        """Whether a child may write into the `x`, and into the `dy`, that it gets.

        Parameters
        ----------
        child : int
            Which of `children`.

        Returns
        -------
        tuple of bool, bool
            By default neither.
        """
        return False, False

    @abstractmethod
    def forward(self, x: Any, p: Views, m: Memory) -> np.ndarray:
        """The output for `x`; keeps in `m` what `backward` and `gradients` need.

        Parameters
        ----------
        x : ndarray of shape (n, ..., n_in)
            The input, read-only; for a network's first layer also a CSR matrix.
        p : Views
            The layer's arrays by name; those of child i are ``p[i]``.
        m : Memory
            Working memory, with what all layers share in ``m.run``; that of child i is ``m[i]``.

        Returns
        -------
        ndarray of shape (n, ..., n_out)
            Valid until the next call.
        """

    @abstractmethod
    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        """The gradient with respect to the input, from that with respect to the output.

        Parameters
        ----------
        dy : ndarray of shape (n, ..., n_out)
            Gradient with respect to the output, read-only.
        p : Views
            The layer's arrays by name.
        m : Memory
            Working memory, as `forward` left it.

        Returns
        -------
        ndarray of shape (n, ..., n_in) or None
            Valid until the next call; may be None where ``m.input_gradient`` is false, and anything finite outside
            ``m.input_columns``.
        """

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        """Write the gradients of one part of the parameters, over all rows, into `g`; after `backward`.

        Parameters
        ----------
        g : Views
            Receives the gradients, by the names of the parameters.
        m : Memory
            Working memory, as `backward` left it.
        part : Part
            Which share to write.
        """
        for child, h, n in zip(self.children, g, m, strict=True):
            child.gradients(h, n, part)


@final
@dataclass(frozen=True)
class Sequential(Layer):
    """y = fₖ(... f₂(f₁(x)))

    Parameters
    ----------
    layers : tuple of Layer
        What is applied, in order.
    """

    layers: tuple[Layer, ...]

    @property
    def children(self) -> tuple[Layer, ...]:
        return self.layers

    def needs_input_gradient(self, child: int, outer: slice | None) -> slice | bool | None:
        if child == 0:
            return outer
        return self.layers[child - 1].reads_dy if outer is None else True

    def may_overwrite(self, child: int) -> tuple[bool, bool]:
        layer, before, after = self.layers[child], self.layers[child - 1 : child], self.layers[child + 1 : child + 2]
        x = any(other.needs_sign if layer.thins else other.spares_y for other in before)
        return x, any(other.spares_dx for other in after)

    def forward(self, x: Any, p: Views, m: Memory) -> np.ndarray:
        for layer, q, n in zip(self.layers, p, m, strict=True):
            x = layer.forward(x, q, n)
        return x

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        d: Any = dy
        for layer, q, n in zip(reversed(self.layers), reversed(p), reversed(m), strict=True):
            d = layer.backward(d, q, n)
        return d


@final
@dataclass(frozen=True)
class Residual(Layer):
    """y = x + f(x)

    Parameters
    ----------
    inner : Layer
        f; its output has the shape of its input.
    """

    inner: Layer

    @property
    def children(self) -> tuple[Layer, ...]:
        return (self.inner,)

    def needs_input_gradient(self, child: int, outer: slice | None) -> slice | bool | None:
        return outer

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        return np.add(x, self.inner.forward(x, p[0], m[0]), out=m.array("y", x.shape))

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        d_inner = self.inner.backward(dy, p[0], m[0])
        if not m.input_gradient or d_inner is None:
            return None
        return np.add(dy, d_inner, out=m.array("dx", dy.shape))  # dx = dy + f'(x)ᵀ dy


def learners(layer: Layer, g: Views, m: Memory) -> Iterator[tuple[Layer, Views, Memory]]:
    """The layers that have gradients to write: those inside others, where these only hand the call on.

    Parameters
    ----------
    layer : Layer
        Where to look.
    g, m : Views, Memory
        Its gradients and its memory.

    Yields
    ------
    tuple of Layer, Views, Memory
        A layer with its own.
    """
    if type(layer).gradients is not Layer.gradients:
        yield layer, g, m
    else:
        for child, h, n in zip(layer.children, g, m, strict=True):
            yield from learners(child, h, n)
