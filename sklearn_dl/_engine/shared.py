"""Training passes whose rows are shared out between threads, and their gradients by parameters.

Knows nothing about particular layers: whether sharing keeps the bits of the whole pass is tried out, not assumed.
"""

from __future__ import annotations

import operator
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, final

import numpy as np

from .._data import Columns
from .._numerics import NUMPY, Products, Team
from ..layers import Part
from ..layers.base import learners
from ..layers.compiled import running
from ..layers.memory import BLOCK_ROWS, Memory, Pass, Streams
from .network import Network, Workspace, memory_for

__all__ = ["Passes", "SharedWorkspace", "threads_for"]

MIN_WORK = 2**26  # multiplications of one product over a batch: below, threads cost more than they gain
TRIED: dict[Any, bool] = {}  # whether sharing keeps the bits, by network and shape of the batch


def threads_for(granted: int, n_rows: int, n_weights: int) -> int:
    """How many threads are of use for batches of so many rows: a share has 64 rows at least.

    Parameters
    ----------
    granted : int
        How many there may be.
    n_rows, n_weights : int
        Rows of a batch, and weights of the network.

    Returns
    -------
    int
        At least 1.
    """
    return max(1, min(granted, n_rows // BLOCK_ROWS)) if n_rows * n_weights >= MIN_WORK else 1


@final
class SharedWorkspace:
    """A `Workspace` for batches of one size, run by a team.

    Each thread takes some rows through forward and backward. The rows' arrays lie one after the other, so that for
    the gradients, in which each thread takes some of the parameters, the whole batch is there without a copy: no sum
    depends on the number of threads.

    Parameters
    ----------
    network : Network
        What is trained.
    n_rows : int
        Rows of every batch.
    team : Team
        Who works.
    grads : ndarray of shape (n_params,)
        Receives the gradient.
    run : Pass
        Where random numbers come from, and how products are computed.
    """

    def __init__(self, network: Network, n_rows: int, team: Team, grads: np.ndarray, run: Pass):
        self._layer, self._p = running(network.layer, run.products, network.values.dtype), network.views()
        self._team, self.grads = team, grads
        bounds = [BLOCK_ROWS * round(n_rows * i / team.size / BLOCK_ROWS) for i in range(team.size)]
        self._rows = [slice(a, b) for a, b in zip(bounds, [*bounds[1:], n_rows], strict=True)]
        self._runs = [Pass(True, run.streams, run.products) for _ in self._rows]
        for mine, rows in zip(self._runs, self._rows, strict=True):
            mine.first_row = rows.start
        self.memory = memory_for(network, run, False)
        whole, lock = list(_in_order(self.memory)), threading.Lock()
        self._shares = [
            memory_for(network, mine, False, partial(_lender, whole, lock, n_rows, rows))
            for mine, rows in zip(self._runs, self._rows, strict=True)
        ]
        kept = zip(*(_in_order(share) for share in self._shares), strict=True)
        finders = [{"finder": _Joined(parts)} for parts in kept]
        # memories of their own, one a thread: what gradients writes into arrays must not meet
        self._learners = [
            list(learners(self._layer, network.views(grads), memory_for(network, mine, False, finders.__getitem__)))
            for mine in self._runs
        ]
        self._raw: list[Any] = [None] * team.size

    def forward(self, x: Any, weight: np.ndarray | None = None) -> np.ndarray:
        """As `Workspace.forward`."""

        def share(i: int) -> None:
            rows, run = self._rows[i], self._runs[i]
            run.weight = None if weight is None else weight[rows]
            self._raw[i] = self._layer.forward(x[rows], self._p, self._shares[i])

        self._team.run(share)
        raw: np.ndarray = _join(self._raw)
        return raw

    def backward(self, dy: np.ndarray) -> None:
        """As `Workspace.backward`."""

        def share(i: int) -> None:
            self._layer.backward(dy[self._rows[i]], self._p, self._shares[i])

        self._team.run(share)

    def gradients(self) -> np.ndarray:
        """As `Workspace.gradients`."""
        self._team.run(self.share_of_gradients)
        return self.grads

    def share_of_gradients(self, i: int) -> None:
        """What thread i does in `gradients`."""
        for layer, g, m in self._learners[i]:
            layer.gradients(g, m, Part(i, self._team.size))


def _lender(whole: list[Memory], lock: threading.Lock, n_rows: int, rows: slice, layer: int) -> dict[str, Any]:
    """The hook that lends some rows of the arrays of the whole batch to the memory of those rows."""

    def lend(name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray | None:
        if shape[:1] != (rows.stop - rows.start,):
            return None
        with lock:  # the array is made by the first share that asks for it
            return whole[layer].array(name, (n_rows, *shape[1:]), dtype)[rows]

    return {"lender": lend}


class _Joined:
    """Finds what the shares of a layer's rows kept under a name, as one array."""

    def __init__(self, memories: tuple[Memory, ...]):
        self._memories = memories
        self._found: dict[str, tuple[list[Any] | None, Any]] = {}

    def __call__(self, name: str) -> Any:
        kept = [m.peek(name) for m in self._memories]
        parts, joined = self._found.get(name, (None, None))
        if parts is not None and all(map(operator.is_, parts, kept)):
            return joined
        joined = _adjoining(kept)
        if joined is None:
            return np.concatenate(kept)  # a copy: never to be found again, when the parts have changed
        self._found[name] = (kept, joined)
        return joined


def _join(parts: list[Any]) -> Any:
    """The rows of all parts; without a copy where they lie one after the other in one array."""
    joined = _adjoining(parts)
    return np.concatenate(parts) if joined is None else joined


def _adjoining(parts: list[Any]) -> Any:
    """One view of parts that lie one after the other in one array, else None; the first of what are not arrays."""
    first = parts[0]
    if not all(isinstance(a, np.ndarray) and a.ndim for a in parts):
        return first
    ends = [a.__array_interface__["data"][0] + len(a) * a.strides[0] for a in parts]
    starts = [a.__array_interface__["data"][0] for a in parts]
    alike = all(a.strides == first.strides and a.dtype == first.dtype and _root(a) is _root(first) for a in parts)
    if not alike or ends[:-1] != starts[1:]:
        return None
    shape = (sum(map(len, parts)), *first.shape[1:])
    return np.lib.stride_tricks.as_strided(first, shape, first.strides, writeable=first.flags.writeable)


def _root(a: np.ndarray) -> Any:
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


def _in_order(tree: Any) -> Iterator[Any]:
    """A layer, or a memory, and all inside it, in the order of their numbers."""
    yield tree
    for child in tree.children if hasattr(type(tree), "children") else tree:
        yield from _in_order(child)


@final
class Passes:
    """The workspaces of a training: one for whole batches, and shared ones where a team is there and keeps the bits.

    Parameters
    ----------
    network : Network
        What is trained.
    streams : Streams
        Where random numbers come from; who makes them says which epoch it is.
    team : Team or None
        Who shares the work.
    products : Products
        How matrix products are computed; NumPy's by default.

    Attributes
    ----------
    grads : ndarray of shape (n_params,)
        Receives the gradients of all passes.
    """

    def __init__(self, network: Network, streams: Streams, team: Team | None, products: Products = NUMPY):
        self._network, self._streams, self._team, self._products = network, streams, team, products
        self._whole = Workspace(network, training=True, streams=streams, products=products)
        self.grads = self._whole.grads
        self._shared: dict[int, SharedWorkspace | Workspace] = {}

    def of(self, x: Any, weight: np.ndarray | None) -> SharedWorkspace | Workspace:
        """The workspace for a batch of inputs."""
        team, n = self._team, x.shape[0]
        if team is None or n < team.size * BLOCK_ROWS:
            return self._whole
        if n not in self._shared:
            network, grads, run = self._network, self.grads, Pass(True, self._streams, self._products)
            shareable = isinstance(x, (np.ndarray, Columns)) and self._known_to_keep_the_bits(x, weight, team)
            self._shared[n] = SharedWorkspace(network, n, team, grads, run) if shareable else self._whole
        return self._shared[n]

    def _known_to_keep_the_bits(self, x: Any, weight: np.ndarray | None, team: Team) -> bool:
        """As tried out for such batches of such a network before, in this process, or now."""
        layout = x.strides if isinstance(x, np.ndarray) else x.numeric.strides
        way = type(self._products), self._products.compiled
        of_network = (self._network.layer, self._network.values.dtype, *way)
        key = (*of_network, type(x), x.shape, layout, weight is None, team.size)
        try:
            hash(key)
        except TypeError:  # a layer of the user's that has no hash
            return self._keeps_the_bits(x, weight, team)
        if key not in TRIED:
            TRIED[key] = self._keeps_the_bits(x, weight, team)
        return TRIED[key]

    def _keeps_the_bits(self, x: Any, weight: np.ndarray | None, team: Team) -> bool:
        """Whether a pass in shares gives the bits of the whole one: a product's may depend on its number of rows.

        A layer that does not bear sharing fails here, too: one that cannot run on some of the rows, one whose
        buffers, such as running means, depend on them, and one that writes gradients outside of its part, where two
        threads would meet.
        """
        network = self._network
        values, seed, products = network.values.copy(), self._streams.seed, self._products
        whole = Workspace(network, training=True, seed=seed, products=products)
        try:
            raw = whole.forward(x, weight)
            d_raw = np.cos(np.arange(raw.size, dtype=raw.dtype)).reshape(raw.shape)
            whole.backward(d_raw)
            whole.gradients()
            buffers = network.values[network.n_params :].copy()
            network.values[...] = values
            parts = np.full((team.size, network.n_params), np.nan, values.dtype)
            try:
                run, grads = Pass(True, Streams(seed), products), np.empty_like(whole.grads)
                shared = SharedWorkspace(network, x.shape[0], team, grads, run)
                same = np.array_equal(shared.forward(x, weight), raw)
                shared.backward(d_raw)
                for i, part in enumerate(parts):
                    shared.grads.fill(np.nan)
                    shared.share_of_gradients(i)
                    part[...] = shared.grads
            except Exception:  # the whole pass went well
                return False
            same = same and np.array_equal(network.values[network.n_params :], buffers)
        finally:
            network.values[...] = values
        once = (np.isnan(parts).sum(axis=0) >= team.size - 1).all()  # no gradient is written by two threads
        return bool(same and once and np.array_equal(np.nansum(parts, axis=0), whole.grads))
