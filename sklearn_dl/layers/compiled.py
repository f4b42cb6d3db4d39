"""Layers, and groups of layers, as numba compiles them: one pass over memory for each, and the same random numbers.

Knows which layers have such a form; what is not named here stays as it is.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, final

import numpy as np

from .._data import Columns
from .._numerics import Products, loops
from .activations import ReLU
from .base import Layer, Part, Residual, Sequential, flat
from .dense import Dense
from .dropout import Dropout
from .ensemble import MemberDense, Parallel
from .memory import BLOCK_ROWS, Memory, Views
from .number_embeddings import NumberEmbedding, Ramps, Waves
from .offset import LinearOffset
from .table import TableInput

__all__ = ["Done", "EmbeddingPass", "RectifiedDense", "TablePass", "in_one_pass", "running"]

MADE_OF: list[list[type]] = [[Waves], [Ramps], [Waves, Ramps]]  # embeddings that have a pass

NO_MASK, NO_PLACES = np.empty(0, np.uint8), np.empty(0, np.int64)
NO_ROOM = np.empty((0, 0), np.float32)


def running(layer: Layer, products: Products, dtype: np.dtype) -> Layer:
    """The layers that run: a network's, or their compiled form where that is asked for, in single precision.

    Parameters
    ----------
    layer : Layer
        The network's.
    products : Products
        How is computed.
    dtype : numpy.dtype
        Precision of the network.

    Returns
    -------
    Layer
        With the same arrays and the same numbers of layers.
    """
    return in_one_pass(layer) if products.compiled and dtype == np.float32 else layer


def in_one_pass(layer: Layer) -> Layer:
    """The layer with compiled passes, where it or what it contains has such a form.

    What it and each layer inside it learn, and the numbers of layers, stay the same one for one.

    Parameters
    ----------
    layer : Layer
        A network's, of single precision.

    Returns
    -------
    Layer
        Maybe itself.
    """
    if isinstance(layer, Sequential):
        return replace(layer, layers=tuple(_in_groups(layer.layers)))
    if isinstance(layer, Parallel):
        return replace(layer, layers=tuple(map(in_one_pass, layer.layers)))
    if isinstance(layer, (Residual, LinearOffset)):
        return replace(layer, inner=in_one_pass(layer.inner))
    if isinstance(layer, TableInput):
        return TablePass(layer)
    if isinstance(layer, NumberEmbedding) and [type(part) for part in layer.parts] in MADE_OF:
        return EmbeddingPass(layer)
    return layer


def _in_groups(layers: tuple[Layer, ...]) -> Iterator[Layer]:
    """Dense, ReLU and maybe dropout become one where a dense layer follows, which spares the gradient it gives."""
    i = 0
    while i < len(layers):
        first, relu, third, fourth = (*layers[i : i + 4], None, None, None)[:4]
        thins = isinstance(third, Dropout)
        after = fourth if thins else third
        if isinstance(first, Dense) and isinstance(relu, ReLU) and isinstance(after, (Dense, MemberDense)):
            yield RectifiedDense(first, third.rate if isinstance(third, Dropout) else 0.0)
            yield from [Done()] * (1 + thins)
            i += 2 + thins
        else:
            yield in_one_pass(layers[i])
            i += 1


def _n_blocks(a: np.ndarray) -> int:
    return -(-len(a) // BLOCK_ROWS)


def _ready(a: np.ndarray) -> np.ndarray:
    """The array as the loops take it: a copy where it is not contiguous, or of another type."""
    return np.require(a, np.float32, ["C", "A"])


@final
@dataclass(frozen=True)
class RectifiedDense(Layer):
    """y = s max(x W + b, 0), s as of `Dropout`: three layers, of which the other two are `Done`.

    Parameters
    ----------
    dense : Dense
        The first of them.
    rate : float
        That of dropout, the second layer after it; 0 where there is none.
    """

    dense: Dense
    rate: float
    spares_dx: ClassVar[bool] = True

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        return self.dense.param_shapes()

    def forward(self, x: Any, p: Views, m: Memory) -> np.ndarray:
        m.y = y = self.dense.product(x, p, m)
        m.block = BLOCK_ROWS * math.prod(y.shape[1:-1])  # rows of `flat(y)` that share a generator
        mask, places, m.scale = NO_MASK, NO_PLACES, 1.0
        if m.run.training and self.rate:
            mask, found = m.places(y.shape, 1 - self.rate, NO_MASK.dtype, ahead=2)
            places, m.scale = np.array(found, np.int64), 1 / (1 - self.rate)
        loops.rectify(flat(y), p.bias, mask, places, m.block, m.scale)
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        m.db = m.array("db", (_n_blocks(dy), self.dense.n_out))
        loops.rectify_back(flat(dy), flat(m.y), m.block, m.scale, m.db)  # dy is spared by the layer after
        return self.dense.backward(dy, p, m)

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        self.dense.weight_gradient(g, m, part)
        if part.index == 0:
            np.add.reduce(m.db, axis=0, out=g.bias)


@final
@dataclass(frozen=True)
class Done(Layer):
    """y = x: the layer before has done it."""

    spares_dx: ClassVar[bool] = True  # as does the layer after

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        return x

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        return dy


@final
@dataclass(frozen=True)
class TablePass(Layer):
    """`TableInput`.

    Parameters
    ----------
    table : TableInput
        What it does.
    """

    table: TableInput

    @property
    def reads_dy(self) -> slice:
        return self.table.reads_dy

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        return self.table.param_shapes()

    def forward(self, x: Columns, p: Views, m: Memory) -> np.ndarray:
        k = self.table.n_numeric
        m.rows = np.add(x.codes, self.table.starts[:-1], out=m.array("rows", x.codes.shape, np.int64))
        y = m.array("y", (len(m.rows), self.table.n_out))
        y[:, :k] = x.numeric
        loops.look_up(m.rows, p.table, k, y)
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> None:
        m.dy = dy

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        columns, starts = part.of(len(self.table.cardinalities)), self.table.starts
        g.table[starts[columns.start] : starts[columns.stop]] = 0
        loops.look_up_back(m.rows, _ready(m.dy), self.table.n_numeric, columns.start, columns.stop, g.table)


@final
@dataclass(frozen=True)
class EmbeddingPass(Layer):
    """`NumberEmbedding` of waves, of ramps, or of both.

    Parameters
    ----------
    embedding : NumberEmbedding
        What it does.
    """

    embedding: NumberEmbedding

    @property
    def children(self) -> tuple[Layer, ...]:
        return self.embedding.parts

    def param_shapes(self) -> dict[str, tuple[int, ...]]:
        return self.embedding.param_shapes()

    def forward(self, x: np.ndarray, p: Views, m: Memory) -> np.ndarray:
        d, w = self.embedding.n_embedded, self.embedding.width
        m.x, m.parts = _ready(x), [_arrays_of(kind, self.children, p, w, d) for kind in (Waves, Ramps)]
        n_blocks = _n_blocks(x) if m.run.training or m.input_gradient else 1
        room = (n_blocks, d, m.parts[0][0].shape[1], loops.ROWS)
        m.waves = m.array("cos", room), m.array("sin", room)
        y = m.array("y", (len(x), self.embedding.n_out))
        loops.embed(m.x, *m.parts, p.shift, m.waves, y)
        y[:, d * (1 + w) :] = x[:, d:]
        return y

    def backward(self, dy: np.ndarray, p: Views, m: Memory) -> np.ndarray | None:
        d, w = self.embedding.n_embedded, self.embedding.width
        n_learnt = w + sum(math.prod(shape[1:]) for part in self.children for shape in part.param_shapes().values())
        m.sums = m.array("sums", (_n_blocks(dy), d, n_learnt))
        dx = m.array("dx", m.x.shape) if m.input_gradient else NO_ROOM
        needs_numbers = self.embedding.needs_numbers(m.input_columns)
        loops.embed_back(_ready(dy), m.x, *m.parts, m.waves, m.sums, dx if needs_numbers else NO_ROOM)
        if not m.input_gradient:
            return None
        if not needs_numbers:
            dx[:, :d] = 0
        dx[:, d:] = dy[:, d * (1 + w) :]
        return dx

    def gradients(self, g: Views, m: Memory, part: Part) -> None:
        columns, start = part.of(self.embedding.n_embedded), 0
        sums = np.add.reduce(m.sums[:, columns], axis=0)
        in_waves = [(q.frequency, q.phase) for q, made in zip(g, self.children, strict=True) if isinstance(made, Waves)]
        for a in (*itertools.chain(*in_waves), g.shift, *(q.mix for q in g)):  # in the order of `embed_back`
            size = math.prod(a.shape[1:])
            a[columns] = sums[:, start : start + size].reshape(-1, *a.shape[1:])
            start += size


def _arrays_of(
    kind: type[Layer], parts: tuple[Layer, ...], p: Views, width: int, d: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arrays of `Waves` or `Ramps`, with no wave or ramp where an embedding has none."""
    for part, q in zip(parts, p, strict=True):
        if isinstance(part, kind):
            return (q.frequency, q.phase, q.mix) if kind is Waves else (q.edge, q.slope, q.mix)
    return np.empty((d, 0), np.float32), np.empty((d, 0), np.float32), np.empty((d, 0, width), np.float32)
