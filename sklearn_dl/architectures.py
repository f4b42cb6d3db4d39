"""How layers make a network: the multilayer perceptron, the residual network, and what stands before and around them.

Knows nothing about names or losses, and of a table only the layout of its encoded columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from ._engine import Network, Workspace
from .encoding.layout import Layout
from .layers import (
    Activation,
    Dense,
    Dropout,
    Identity,
    Layer,
    LinearOffset,
    MemberDense,
    Members,
    NumberEmbedding,
    Parallel,
    Residual,
    Sequential,
    TableInput,
)
from .layers.memory import Views
from .numeric_embeddings import NumericEmbedding

__all__ = ["ARCHITECTURES", "Blueprint", "embeddings_of", "ensemble", "lines_of", "mlp", "outputs_of", "resnet"]

Normalization = Callable[[int], Layer]


def _block(
    n_in: int, n_out: int, gain: float, activation: Activation, dropout: float, normalization: Normalization | None
) -> list[Layer]:
    """Dense, then normalisation, activation and dropout where they are asked for."""
    layers: list[Layer] = [Dense(n_in, n_out, gain)]
    if normalization is not None:
        layers.append(normalization(n_out))
    if not isinstance(activation, Identity):
        layers.append(activation)
    if dropout:
        layers.append(Dropout(dropout))
    return layers


def mlp(
    n_in: int,
    hidden_layer_sizes: tuple[int, ...],
    n_out: int,
    *,
    activations: tuple[Activation, ...],
    dropouts: tuple[float, ...],
    normalization: Normalization | None = None,
) -> Layer:
    """The multilayer perceptron: blocks of Dense, normalisation, activation and dropout, then Dense.

    This is also the signature of a callable given as `architecture`.

    Parameters
    ----------
    n_in : int
        Number of input features.
    hidden_layer_sizes : tuple of int
        Units of each hidden layer.
    n_out : int
        Number of raw outputs.
    activations : tuple of Activation
        One for each hidden layer.
    dropouts : tuple of float
        Dropout rate after each hidden layer.
    normalization : callable or None
        From a width to a layer.

    Returns
    -------
    Layer
        From (n, n_in) to (n, n_out).

    Examples
    --------
    >>> from sklearn_dl.architectures import mlp
    >>> from sklearn_dl.layers import Tanh
    >>> mlp(3, (8,), 1, activations=(Tanh(),), dropouts=(0.0,))
    Sequential(layers=(Dense(n_in=3, n_out=8, gain=1.0), Tanh(), Dense(n_in=8, n_out=1, gain=1.5925)))
    """
    layers: list[Layer] = []
    width, gain = n_in, 1.0
    for n, activation, dropout in zip(hidden_layer_sizes, activations, dropouts, strict=True):
        layers += _block(width, n, gain, activation, dropout, normalization)
        width, gain = n, activation.gain
    return Sequential((*layers, Dense(width, n_out, gain)))


def resnet(
    n_in: int,
    hidden_layer_sizes: tuple[int, ...],
    n_out: int,
    *,
    activations: tuple[Activation, ...],
    dropouts: tuple[float, ...],
    normalization: Normalization | None = None,
) -> Layer:
    """A residual network: Dense into the width of the first hidden layer, x + f(x) for each hidden layer, Dense.

    f is normalisation, Dense, activation, dropout, Dense, as in Gorishniy et al. 2021
    (https://arxiv.org/abs/2106.11959, section 3.2).

    Parameters
    ----------
    n_in : int
        Number of input features.
    hidden_layer_sizes : tuple of int
        Inner width of each block; the first is also the width between the blocks.
    n_out : int
        Number of raw outputs.
    activations : tuple of Activation
        One for each block; the last also comes before the output.
    dropouts : tuple of float
        Dropout rate inside each block.
    normalization : callable or None
        From a width to a layer.

    Returns
    -------
    Layer
        From (n, n_in) to (n, n_out).
    """
    if not hidden_layer_sizes:
        return Sequential((Dense(n_in, n_out),))
    width = hidden_layer_sizes[0]
    layers: list[Layer] = [Dense(n_in, width)]
    for n, activation, dropout in zip(hidden_layer_sizes, activations, dropouts, strict=True):
        inner: list[Layer] = [] if normalization is None else [normalization(width)]
        inner += _block(width, n, 1.0, activation, dropout, None)
        inner.append(Dense(n, width, activation.gain / len(hidden_layer_sizes) ** 0.5))
        layers.append(Residual(Sequential(tuple(inner))))
    if normalization is not None:
        layers.append(normalization(width))
    return Sequential((*layers, activations[-1], Dense(width, n_out, activations[-1].gain)))


def ensemble(layer: Layer, n_members: int, chunks: tuple[int, ...], *, sparse: bool = False) -> Layer:
    """An ensemble inside one network: members that share all layers but the last, of which each has its own.

    Parameters
    ----------
    layer : Layer
        A `Sequential` whose last layer is Dense, such as `mlp` and `resnet` give.
    n_members : int
        Number of members.
    chunks : tuple of int
        Number of input columns of each feature.
    sparse : bool, default=False
        Whether the input is sparse: the members then begin after the first layer, which must be Dense.

    Returns
    -------
    Layer
        From (n, n_in) to (n, n_members, n_out).

    Raises
    ------
    ValueError
        Where the layers are others.
    """
    layers = layer.children if isinstance(layer, Sequential) else (layer,)
    head, begin = layers[-1], 0
    if not isinstance(head, Dense) or (sparse and not isinstance(layers[0], Dense)):
        raise ValueError(
            "n_members > 1 needs an architecture that is a Sequential and ends with Dense (with sparse X, begins with "
            f"it too); got {layer!r}."
        )
    if sparse and len(layers) > 1:
        first = layers[0]
        assert isinstance(first, Dense)
        begin, chunks = 1, (1,) * first.n_out
    elif sparse:
        raise ValueError("n_members > 1 needs a hidden layer where X is sparse; got hidden_layer_sizes=().")
    members = Members(chunks, n_members)
    return Sequential(
        (*layers[:begin], members, *layers[begin:-1], MemberDense(n_members, head.n_in, head.n_out, head.gain))
    )


ARCHITECTURES: dict[str, Callable[..., Layer]] = {"mlp": mlp, "resnet": resnet}


@final
@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """A network as parameters describe it, apart from the table that it is for.

    Parameters
    ----------
    sizes : tuple of int
        Units of each hidden layer.
    activations : tuple of Activation
        One for each hidden layer.
    dropouts : tuple of float
        Dropout rate after each hidden layer.
    normalization : callable or None
        From a width to a layer.
    architecture : callable
        With the signature of `mlp`.
    n_members : int
        Members of an ensemble.
    n_groups : int
        Networks side by side that the members are shared out to; within one, members share all but the last layer.
    numeric_embedding : NumericEmbedding or None
        What each number becomes before the network.
    above_line : bool, default=False
        Whether each network of an ensemble stands above a linear model, of which the training rows tell.
    """

    sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    dropouts: tuple[float, ...]
    normalization: Normalization | None
    architecture: Callable[..., Layer]
    n_members: int
    n_groups: int
    numeric_embedding: NumericEmbedding | None
    above_line: bool = False

    def n_embedded(self, layout: Layout) -> int:
        """How many columns are embedded, the first ones of what the network sees.

        Parameters
        ----------
        layout : Layout
            The encoded columns.

        Returns
        -------
        int
            0 where X is sparse.
        """
        return 0 if self.numeric_embedding is None or layout.sparse else layout.n_numbers

    def layer(self, layout: Layout, n_out: int) -> Layer:
        """The network's layers.

        Parameters
        ----------
        layout : Layout
            The encoded columns.
        n_out : int
            Number of raw outputs.

        Returns
        -------
        Layer
            From encoded rows to (n, n_out), with members to (n, n_members, n_out).

        Raises
        ------
        ValueError
            Where a callable `architecture` gives no such layer, or none that can have members.
        """
        table: tuple[Layer, ...] = ()
        front: tuple[Any, ...] = ()
        n_in, n_numbers = layout.n_numeric, self.n_embedded(layout)
        chunks = layout.chunks if self.n_members > 1 else ()  # of hundreds of thousands of columns they take a while
        if layout.cardinalities:
            embedded = TableInput(n_in, layout.cardinalities, layout.embedding_size)
            table, n_in = (embedded,), embedded.n_out
        n_seen = n_in
        if self.numeric_embedding is not None and n_numbers:
            embedding = self.numeric_embedding.layer(n_in, n_numbers)
            front, n_in = (embedding,), embedding.n_out
            chunks = embedding.chunks[:n_numbers] + chunks[n_numbers:]
        body = self._body(n_in, n_out)
        if self.n_members == 1:
            return Sequential((*table, *front, body)) if table or front else body
        groups = []
        for i in range(self.n_groups):
            n_members = len(range(i, self.n_members, self.n_groups))
            members = ensemble(body, n_members, chunks, sparse=layout.sparse)
            layers: tuple[Layer, ...] = (*front, members)
            if self.above_line and not layout.sparse:
                layers = (LinearOffset(Sequential(layers), n_seen, n_out, has_members=True, unbends=layout.bends),)
            groups.append(Sequential((*table, *layers)) if table or len(layers) > 1 else layers[0])
        return groups[0] if self.n_groups == 1 else Parallel(tuple(groups))

    def _body(self, n_in: int, n_out: int) -> Layer:
        layer = self.architecture(
            n_in,
            self.sizes,
            n_out,
            activations=self.activations,
            dropouts=self.dropouts,
            normalization=self.normalization,
        )
        if not isinstance(layer, Layer):
            raise ValueError(f"architecture must return a Layer; got {layer!r}.")
        if self.architecture not in ARCHITECTURES.values() and _width(layer, n_in) != n_out:
            raise ValueError(f"architecture must return a Layer from (n, {n_in}) to (n, {n_out}); got {layer!r}.")
        return layer


def _width(layer: Layer, n_in: int) -> int | None:
    """Number of outputs of a layer that a user wrote; None where it does not take `n_in` inputs."""
    try:
        with np.errstate(all="ignore"):
            y = Workspace(Network.build(layer, seed=0, dtype=np.float64)).forward(np.zeros((1, n_in)))
    except ValueError:
        return None
    return y.shape[1] if y.ndim == 2 else None


def embeddings_of(network: Network) -> list[Views]:
    """The arrays of the embedding of numbers in each part of a network of a `Blueprint` that has one.

    Parameters
    ----------
    network : Network
        Whose.

    Returns
    -------
    list of Views
        Writable.
    """
    return [p for part in network.parts for layer, p in _inside(part) if isinstance(layer, NumberEmbedding)]


def lines_of(network: Network) -> list[tuple[LinearOffset, Views]]:
    """The layer with the line in each part of a network of a `Blueprint` with `above_line`; none in any other.

    Parameters
    ----------
    network : Network
        Whose.

    Returns
    -------
    list of tuple (LinearOffset, Views)
        With its arrays, writable.
    """
    return [(layer, p) for part in network.parts for layer, p in _inside(part) if isinstance(layer, LinearOffset)]


def outputs_of(network: Network) -> list[np.ndarray]:
    """All that the raw outputs of a network of a `Blueprint` are proportional to: divided by T, so are the outputs.

    Parameters
    ----------
    network : Network
        Whose.

    Returns
    -------
    list of ndarray
        Writable.
    """
    heads, lines = [list(_inside(part))[-1][1] for part in network.parts], lines_of(network)
    return [a for p in heads for a in (p.weight, p.bias)] + [a for _, p in lines for a in (p.slope, p.level)]


def _inside(part: Network) -> Iterator[tuple[Layer, Views]]:
    """A layer, and those that it puts one after the other or above a line; the last one makes the outputs."""
    found = [(part.layer, part.views())]
    while found:
        layer, p = found.pop(0)
        yield layer, p
        if isinstance(layer, (Sequential, LinearOffset)):
            found = [*zip(layer.children, p, strict=True), *found]
