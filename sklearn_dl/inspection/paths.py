"""One number of a network, f(z), and its gradient at points of a path, in double or in single precision.

Knows nothing about estimators, tables or targets, nor about the integral: it gets networks and encoded rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, final

import numpy as np

from .._data import Columns
from .._engine import Network, Workspace
from ..layers import Sequential, TableInput

__all__ = ["Chain", "Scalar", "chains"]

BLOCK = 2**24  # bytes of a network's working memory for the points of a block: larger ones leave the cache
FEWEST, MOST = 16, 4096  # points of a block


class Chain(NamedTuple):
    """A network, cut where it begins to be differentiable.

    Attributes
    ----------
    front : Network or None
        The layer that embeds codes, in double precision; None where all inputs are numbers.
    body : Network
        From the embedded rows to the raw output (n, n_raw) or (n, n_members, n_raw).
    """

    front: Network | None
    body: Network


def chains(network: Network) -> list[Chain]:
    """The chains of layers that stand side by side in a network: its parts.

    Parameters
    ----------
    network : Network
        The fitted network; it is copied.

    Returns
    -------
    list of Chain
        Their members are those of the network, one chain after the other.
    """
    found = []
    for part in network.parts:
        layers = part.layer.children
        if isinstance(part.layer, Sequential) and layers and isinstance(layers[0], TableInput):
            found.append(Chain(_part(part, 0, 1), _part(part, 1, len(layers))))
        else:
            found.append(Chain(None, Network(part.layer, part.values.astype(np.float64))))
    return found


@final
class Scalar:
    """f(z) = mean over members of raw(z) · weights: one number of a network, and its gradient.

    z is what the network sees where it is differentiable: the encoded numbers, and behind the layer `TableInput` the
    embedded vectors in place of the codes. Of several chains it is the numbers, which all of them see, and for each
    column of codes its embedding in the first chain, in the second, and so on.

    Parameters
    ----------
    parts : list of Chain
        Whose members are explained together.
    weights : ndarray of shape (n_raw,)
        Weight of each raw output.

    See Also
    --------
    chains : From a network to its chains.
    """

    def __init__(self, parts: Sequence[Chain], weights: np.ndarray):
        self.weights = weights
        self._parts = parts
        self._fronts = [front for front, _ in parts if front is not None]
        self._columns = self._seen() if len(self._fronts) > 1 else [slice(None)] * len(parts)
        self._passes: dict[Any, _Pass] = {}

    def _seen(self) -> list[Any]:
        """The columns of z that each chain sees."""
        layers: list[Any] = [front.layer.children[0] for front in self._fronts]
        n_numeric, widths = layers[0].n_numeric, [layer.width for layer in layers]
        starts, step = n_numeric + np.cumsum([0, *widths[:-1]]), sum(widths)
        codes = step * np.arange(len(layers[0].cardinalities))[:, None]
        return [
            np.concatenate([np.arange(n_numeric), (codes + start + np.arange(width)).ravel()])
            for start, width in zip(starts, widths, strict=True)
        ]

    @property
    def embedding_tables(self) -> list[np.ndarray]:
        """The embedding of each code, shape (n_codes, width), for each column of codes; of all chains side by side."""
        tables = []
        for front in self._fronts:
            layer: Any = front.layer.children[0]
            tables.append(np.split(front.views()[0].table, np.cumsum(layer.cardinalities)[:-1]))
        return [np.hstack(of_a_column) for of_a_column in zip(*tables, strict=True)]

    def embed(self, encoded: np.ndarray | Columns) -> np.ndarray:
        """Encoded rows with their codes embedded.

        Parameters
        ----------
        encoded : ndarray of shape (n, d) or Columns
            float64.

        Returns
        -------
        ndarray of shape (n, d_embedded)
        """
        if isinstance(encoded, np.ndarray):
            return encoded
        codes = np.asarray(encoded.codes).T
        tables = self.embedding_tables
        return np.hstack([encoded.numeric, *(table[c] for table, c in zip(tables, codes, strict=True))])

    def origins(self, of_chain: np.ndarray) -> np.ndarray:
        """Where each column of z comes from.

        Parameters
        ----------
        of_chain : ndarray of int of shape (d_chain,)
            Where each embedded column of one chain comes from.

        Returns
        -------
        ndarray of int of shape (d_embedded,)
        """
        if len(self._fronts) < 2:
            return of_chain
        layers: list[Any] = [front.layer.children[0] for front in self._fronts]
        numbers, codes = np.split(of_chain, [layers[0].n_numeric])
        return np.append(numbers, np.repeat(codes[:: layers[0].width], sum(layer.width for layer in layers)))

    def value(self, z: np.ndarray, dtype: Any = np.float64) -> np.ndarray:
        """f(z) for embedded rows.

        Parameters
        ----------
        z : ndarray of shape (n, d)
            Embedded rows.
        dtype : type, default=np.float64
            Precision of the pass.

        Returns
        -------
        ndarray of shape (n,)
            float64.
        """
        f, run = np.empty(len(z)), self._pass(dtype)
        for rows in run.blocks(z):
            f[rows] = run.forward(z[rows])
        return f

    def slopes(
        self, start: np.ndarray, way: np.ndarray, row: np.ndarray, a: np.ndarray, dtype: Any = np.float64
    ) -> tuple[np.ndarray, np.ndarray]:
        """f(z), and way ⊙ ∇f(z), at the points z = start + a way.

        Parameters
        ----------
        start : ndarray of shape (1, d)
            Where all paths begin.
        way : ndarray of shape (n, d)
            Of each path.
        row : ndarray of int of shape (m,)
            The path of each point.
        a : ndarray of shape (m,)
            Its place on it, from 0 to 1.
        dtype : type, default=np.float64
            Precision of the pass.

        Returns
        -------
        ndarray of shape (m,), ndarray of shape (m, d)
            float64.
        """
        f, slope, run = np.empty(len(a)), way[row], self._pass(dtype)
        for points in run.blocks(slope):
            f[points] = run.forward(start + a[points, None] * slope[points])
            slope[points] *= run.gradient()
        return f, slope

    def times_gradient(self, z: np.ndarray, z0: np.ndarray) -> np.ndarray:
        """(z - z₀) ⊙ ∇f(z), shape (n, d)."""
        out, run = z - z0, self._pass(np.float64)
        for rows in run.blocks(z):
            run.forward(z[rows])
            out[rows] *= run.gradient()
        return out

    def _pass(self, dtype: Any) -> _Pass:
        if dtype not in self._passes:
            bodies = [Network(body.layer, body.values.astype(dtype, copy=False)) for _, body in self._parts]
            self._passes[dtype] = _Pass(bodies, self._columns, self.weights)
        return self._passes[dtype]


@final
class _Pass:
    """f and ∇f in the precision of the bodies, with their working memory."""

    def __init__(self, bodies: list[Network], columns: list[Any], weights: np.ndarray):
        self._dtype = bodies[0].values.dtype
        self._work = [Workspace(body, input_gradient=True) for body in bodies]
        self._columns, self._weights, self._block = columns, weights, 0

    def blocks(self, z: np.ndarray) -> Iterator[slice]:
        """As many points at a time as keep the working memory in the cache."""
        if not self._block and len(z):
            self.forward(z[:1])
            self.gradient()
            size = self._dtype.itemsize * sum(work.memory.size for work in self._work)
            self._block = min(max(BLOCK // max(size, 1), FEWEST), MOST)
        return (slice(start, start + self._block) for start in range(0, len(z), self._block or 1))

    def forward(self, z: np.ndarray) -> np.ndarray:
        """f(z), shape (n,), in double precision."""
        z = z.astype(self._dtype, copy=False)
        self._shape = z.shape
        self._raw = [work.forward(z[:, at]) for work, at in zip(self._work, self._columns, strict=True)]
        members = [raw.reshape(len(z), -1, raw.shape[-1]) for raw in self._raw]
        self._n_members = sum(raw.shape[1] for raw in members)
        total = np.sum([raw.sum(axis=1, dtype=np.float64) for raw in members], axis=0)
        f: np.ndarray = total @ self._weights / self._n_members
        return f

    def gradient(self) -> np.ndarray:
        """∇f where `forward` was called last, shape (n, d); valid until the next call."""
        out = None if len(self._work) == 1 else np.zeros(self._shape)
        for work, raw, at in zip(self._work, self._raw, self._columns, strict=True):
            d_raw = np.empty_like(raw)
            d_raw[...] = self._weights / self._n_members  # df/draw of each member
            gradient = work.backward(d_raw)
            assert gradient is not None
            if out is None:
                return gradient
            out[:, at] += gradient
        assert out is not None
        return out


def _part(network: Network, start: int, stop: int) -> Network:
    """Some layers of a chain, as a network of its own in double precision."""
    layer = Sequential(network.layer.children[start:stop])
    part = Network(layer, np.empty(Network.count(layer)))
    spans = {entry.path: entry.span for entry in network.entries()}
    for entry in part.entries():
        number, _, rest = entry.path.partition(".")
        part.values[entry.span] = network.values[spans[f"{int(number) + start}.{rest}"]]
    return part
