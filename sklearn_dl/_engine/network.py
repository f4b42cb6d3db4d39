"""What was learnt, as one vector, and the working memory to run it.

Knows only the protocol of a layer; nothing about losses, solvers or tables.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from .._numerics import NUMPY, Products, Purpose, generator
from ..layers import WHOLE, Layer, Parallel, Part
from ..layers.base import learners
from ..layers.compiled import running
from ..layers.memory import Memory, Pass, Streams, Views

__all__ = ["Entry", "Network", "Workspace", "memory_for"]

Hooks = Callable[[int], dict[str, Any]]


class Entry(NamedTuple):
    """Where one array of the network lies in its vector.

    Attributes
    ----------
    path : str
        Numbers of the layers from the outside in, and the array's name: ``"0.weight"``.
    span : slice
        Its stretch of ``Network.values``.
    shape : tuple of int
        Its shape.
    kind : {"weight", "parameter", "buffer"}
        Weights are penalised and decayed, other parameters only learnt, buffers only kept.
    """

    path: str
    span: slice
    shape: tuple[int, ...]
    kind: str


KINDS = ("weight", "parameter", "buffer")  # the order in which they lie in the vector


def _arrays(layer: Layer, path: str = "") -> Iterator[tuple[str, tuple[int, ...], str]]:
    for name, shape in layer.param_shapes().items():
        yield path + name, shape, "weight" if name == "weight" else "parameter"
    for name, shape in layer.buffer_shapes().items():
        yield path + name, shape, "buffer"
    for i, child in enumerate(layer.children):
        yield from _arrays(child, f"{path}{i}.")


class Network:
    """A layer and the values of its arrays: one vector, [weights | other parameters | buffers].

    Views are made on demand and never stored, so a solver's step, clipping, a snapshot and a pickle are one line each.
    Of networks side by side (`Parallel`), the vector is that of the first, then that of the second, ...: each of them
    is a network of its own, `parts`, and is trained as such.

    Parameters
    ----------
    layer : Layer
        The network's shape.
    values : ndarray of shape (n_values,)
        Its arrays, one after the other.
    first : int, default=0
        Number of its first layer, which decides the random numbers of its layers: not 0 for a part of a larger one.

    Attributes
    ----------
    n_weights, n_params : int
        Number of weights, and of all that is learnt. Where there is one part alone, ``values[:n_weights]`` and
        ``values[:n_params]``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_dl.layers import Dense, ReLU, Sequential
    >>> from sklearn_dl._engine.network import Network, Workspace
    >>> network = Network.build(Sequential((Dense(3, 4), ReLU(), Dense(4, 1))), seed=0, dtype=np.float64)
    >>> [(e.path, e.shape) for e in network.entries()]
    [('0.weight', (3, 4)), ('2.weight', (4, 1)), ('0.bias', (4,)), ('2.bias', (1,))]
    >>> Workspace(network).forward(np.ones((2, 3))).shape
    (2, 1)
    """

    def __init__(self, layer: Layer, values: np.ndarray, first: int = 0):
        self.layer = layer
        self.values = values
        self.first = first
        self.idle: list[Workspace] = []  # kept for the next prediction of few rows; never pickled, never copied
        sizes = dict.fromkeys(KINDS, 0)
        for _, shape, kind in _arrays(layer):
            sizes[kind] += math.prod(shape)
        self.n_weights = sizes["weight"]
        self.n_params = self.n_weights + sizes["parameter"]

    @classmethod
    def build(cls, layer: Layer, seed: int, dtype: Any) -> Network:
        """A network with initial values that depend on nothing but the arguments.

        Parameters
        ----------
        layer : Layer
            The network's shape.
        seed : int
            Decides the initial values.
        dtype : numpy.dtype or type
            Precision of the values.

        Returns
        -------
        Network
            Its values are a new vector.
        """
        network = cls(layer, np.zeros(cls.count(layer), dtype))
        rng = generator(seed, Purpose.INIT)

        def visit(layer: Layer, p: Views) -> None:
            layer.init(p, rng)
            for i, child in enumerate(layer.children):
                visit(child, p[i])

        visit(layer, network.views())
        return network

    @staticmethod
    def count(layer: Layer) -> int:
        """How many values a layer's arrays hold.

        Parameters
        ----------
        layer : Layer
            The layer, with all that is inside it.

        Returns
        -------
        int
        """
        return sum(math.prod(shape) for _, shape, _ in _arrays(layer))

    @property
    def params(self) -> np.ndarray:
        """All that is learnt, as a view; of one part alone."""
        return self.values[: self.n_params]

    @property
    def parts(self) -> list[Network]:
        """The networks that are trained apart, on views of `values`; one, which is all, but for those side by side."""
        if not isinstance(self.layer, Parallel):
            return [self]
        parts, start, first = [], 0, self.first + 1
        for layer in self.layer.layers:
            size = self.count(layer)
            parts.append(Network(layer, self.values[start : start + size], first))
            start, first = start + size, first + _n_layers(layer)
        return parts

    def entries(self) -> list[Entry]:
        """Where each array lies, in the order of the vector.

        Returns
        -------
        list of Entry
            One an array.
        """
        arrays = list(_arrays(self.layer))
        if isinstance(self.layer, Parallel):
            arrays.sort(key=lambda a: (int(a[0].partition(".")[0]), KINDS.index(a[2])))
        else:
            arrays.sort(key=lambda a: KINDS.index(a[2]))
        stops = list(itertools.accumulate(math.prod(shape) for _, shape, _ in arrays))
        return [
            Entry(path, slice(stop - math.prod(shape), stop), shape, kind)
            for (path, shape, kind), stop in zip(arrays, stops, strict=True)
        ]

    def views(self, vector: np.ndarray | None = None) -> Views:
        """The arrays by name and layer: ``views()[0].weight``.

        Parameters
        ----------
        vector : ndarray of shape (n_values,) or (n_params,), or None, default=None
            What is viewed; None for `values`. A gradient, of one part, has no buffers, and neither have its views.

        Returns
        -------
        Views
            Writable; what is written lands in the vector.
        """
        source = self.values if vector is None else vector
        arrays = {e.path: source[e.span].reshape(e.shape) for e in self.entries() if e.span.stop <= len(source)}
        return _views(self.layer, "", arrays)

    def __getstate__(self) -> dict[str, Any]:
        return {"layer": self.layer, "values": self.values, "first": self.first}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __copy__(self) -> Network:
        return Network(self.layer, self.values.copy(), self.first)


class Workspace:
    """What one thread needs to run a network: views, gradients, working memory. Never pickled.

    Parameters
    ----------
    network : Network
        What is run; its ``values`` must stay the same array while the workspace is in use.
    training : bool, default=False
        Whether dropout drops and batch normalisation uses the batch; also makes room for gradients.
    seed : int, default=0
        For the random numbers of layers, where `streams` are not given.
    input_gradient : bool, default=False
        Whether `backward` shall give the gradient with respect to the input.
    streams : Streams or None, default=None
        Random numbers that are shared with other workspaces.
    products : Products
        How matrix products are computed; NumPy's by default.

    Attributes
    ----------
    values : ndarray of shape (n_values,)
        The network's, as they lay when the workspace was made.
    grads : ndarray of shape (n_params,)
        The gradient, after `gradients`; only with ``training=True``.
    """

    def __init__(
        self,
        network: Network,
        *,
        training: bool = False,
        seed: int = 0,
        input_gradient: bool = False,
        streams: Streams | None = None,
        products: Products = NUMPY,
    ):
        self.values, self._p = network.values, network.views()
        self._layer = running(network.layer, products, network.values.dtype)
        self._run = Pass(training, streams or Streams(seed), products)
        self.memory = memory_for(network, self._run, input_gradient)
        if training:
            self.grads = np.zeros_like(network.params)
            self._learners = list(learners(self._layer, network.views(self.grads), self.memory))

    def begin_epoch(self, number: int) -> None:
        """Tell the layers which epoch it is: their random numbers depend on it.

        Parameters
        ----------
        number : int
            0, 1, ... over the network's life.
        """
        self._run.streams.begin(number)

    def forward(self, x: Any, weight: np.ndarray | None = None) -> np.ndarray:
        """The network's output.

        Parameters
        ----------
        x : ndarray or CSR array of shape (n, n_in)
            Encoded inputs.
        weight : ndarray of shape (n,) or None, default=None
            Weight of each row, for layers with statistics of the batch.

        Returns
        -------
        ndarray of shape (n, n_out)
            Valid until the next call.
        """
        self._run.weight = weight
        return self._layer.forward(x, self._p, self.memory)

    def backward(self, dy: np.ndarray) -> np.ndarray | None:
        """The gradient with respect to the input.

        Parameters
        ----------
        dy : ndarray of shape (n, n_out)
            Gradient with respect to the output.

        Returns
        -------
        ndarray of shape (n, n_in) or None
            None where it was not asked for.
        """
        return self._layer.backward(dy, self._p, self.memory)

    def gradients(self, part: Part = WHOLE) -> np.ndarray:
        """Fill `grads`, after `backward`.

        Parameters
        ----------
        part : Part
            Which share of the parameters; all of them by default.

        Returns
        -------
        ndarray of shape (n_params,)
            `grads`.
        """
        for layer, g, m in self._learners:
            layer.gradients(g, m, part)
        return self.grads


def memory_for(network: Network, run: Pass, input_gradient: bool, hooks: Hooks | None = None) -> Memory:
    """Working memory for a network, one for each layer.

    Parameters
    ----------
    network : Network
        Whose layers.
    run : Pass
        What they share.
    input_gradient : bool
        Whether the gradient with respect to the network's input is needed.
    hooks : callable or None, default=None
        From the number of a layer to the hooks of its memory, as keywords.

    Returns
    -------
    Memory
    """
    common = (network.values.dtype, run, hooks, itertools.count(network.first))
    layer = running(network.layer, run.products, network.values.dtype)
    return _memory(layer, _columns(input_gradient), (False, False), common)


def _n_layers(layer: Layer) -> int:
    """A layer, and all inside it."""
    return 1 + sum(map(_n_layers, layer.children))


# a function inside another that calls itself is a cycle, with all arrays that it knows: these two stand outside


def _views(layer: Layer, path: str, arrays: dict[str, np.ndarray]) -> Views:
    names = [*layer.param_shapes(), *layer.buffer_shapes()]
    own = {name: arrays[path + name] for name in names if path + name in arrays}
    return Views(own, tuple(_views(child, f"{path}{i}.", arrays) for i, child in enumerate(layer.children)))


def _columns(needed: slice | bool | None) -> slice | None:
    """True is all columns, False is none."""
    return needed if isinstance(needed, slice) else slice(None) if needed else None


def _memory(
    layer: Layer,
    needed: slice | None,
    over: tuple[bool, bool],
    common: tuple[np.dtype, Pass, Hooks | None, Iterator[int]],
) -> Memory:
    dtype, run, hooks, numbers = common
    number = next(numbers)
    children = tuple(
        _memory(child, _columns(layer.needs_input_gradient(i, needed)), layer.may_overwrite(i), common)
        for i, child in enumerate(layer.children)
    )
    return Memory(dtype, run, needed, number, children, over, **({} if hooks is None else hooks(number)))
